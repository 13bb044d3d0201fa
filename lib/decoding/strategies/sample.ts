/**
 * Choosing the next token: the highest score, or a draw.
 *
 * A draw is a function of (seed, prompt, sequence, position) alone, so neither the batch a prompt stands
 * in nor its neighbours change what is drawn for it.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { uniformAt } from "../../base/random.ts";

/** What a draw depends on, besides the seed. Whole numbers from 0, below 2^32. */
export interface DrawCounter {
  /** Which prompt of the run. */
  readonly prompt: number;
  /** Which of the prompt's sequences. */
  readonly sequence: number;
  /** Length of the sequence before the token that is drawn. */
  readonly position: number;
}

/**
 * A number in [0, 1) with 53 random bits.
 *
 * @param seed A whole number; its lower 64 bits count.
 *
 * @example
 * ```ts
 * import { uniform } from "./sample.ts";
 * const at = { prompt: 0, sequence: 0, position: 5 };
 * if (uniform(42, at) !== uniform(42, at)) throw new Error();
 * if (uniform(42, at) === uniform(42, { ...at, position: 6 })) throw new Error();
 * ```
 */
export function uniform(seed: number, counter: DrawCounter): number {
  return uniformAt(seed, [counter.position, counter.sequence, counter.prompt]);
}

/**
 * The id of the highest score, the lowest id of several.
 *
 * @param scores float32 [V].
 * @throws {UserError} where no token is possible or a score is not a number.
 */
export function argmax(scores: Float32Array): number {
  let best = 0;
  for (let i = 0; i < scores.length; i++) {
    if (scores[i]! > scores[best]!) best = i;
    // One comparison finds what a diverged model gives: no order relation holds for NaN.
    if (Number.isNaN(scores[i]!)) throw notANumber();
  }
  if (scores[best] === -Infinity) throw nothingLeft();
  return best;
}

/**
 * Draws a token from the softmax of the scores.
 *
 * @param scores float32 [V]; -Infinity has probability 0.
 * @param draw In [0, 1), from {@linkcode uniform}: ids are taken in ascending order of the cumulative probability.
 * @throws {UserError} where no token is possible or a score is not a number.
 */
export function sampleToken(scores: Float32Array, draw: number): number {
  const highest = scores[argmax(scores)]!;
  if (highest === Infinity) throw notANumber();
  let sum = 0;
  for (const score of scores) sum += Math.exp(score - highest);
  let left = draw * sum;
  let last = 0;
  for (let i = 0; i < scores.length; i++) {
    const weight = Math.exp(scores[i]! - highest);
    if (weight === 0) continue;
    if (left < weight) return i;
    left -= weight;
    last = i;
  }
  // Rounding can leave a crumb past the end; it belongs to the last possible token.
  return last;
}

function nothingLeft(): UserError {
  return new UserError({
    what: "generation cannot go on: every token is forbidden",
    remedy: "loosen no_repeat_ngram_size, bad_words_ids, min_length or min_new_tokens",
  });
}

function notANumber(): UserError {
  return new UserError({
    what: "the model's scores for the next token are not numbers",
    remedy: "the training run diverged or the weights are damaged: look at the losses in " +
      "trainer_state.json, and lower learning_rate",
  });
}
