/**
 * Choosing the next token: the highest score, or a draw. V tokens in the vocabulary.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";

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
 * @param draw In [0, 1), from `uniform` of draws.ts: ids are taken in ascending order of the cumulative probability.
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

/** No token may follow. */
export function nothingLeft(): UserError {
  return new UserError({
    what: "generation cannot go on: every token is forbidden",
    remedy: "loosen no_repeat_ngram_size, bad_words_ids, min_length or min_new_tokens",
  });
}

/** A model that gives no numbers. */
export function notANumber(): UserError {
  return new UserError({
    what: "the model's scores for the next token are not numbers",
    remedy: "the training run diverged or the weights are damaged: look at the losses in " +
      "trainer_state.json, and lower learning_rate",
  });
}
