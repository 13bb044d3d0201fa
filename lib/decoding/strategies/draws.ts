/**
 * The random numbers of generation.
 *
 * A draw is a function of (seed, prompt, sequence, position) alone, so neither the batch a prompt stands
 * in nor its neighbours change what is drawn for it.
 *
 * @module
 */
import { uniformAt } from "../../base/random.ts";

/** What a draw depends on, besides the seed. Whole numbers from 0, below 2^32. */
export interface DrawCounter {
  /** Which prompt of the run. */
  readonly prompt: number;
  /** Which of the prompt's sequences; in a beam search, which draw of the step. */
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
 * import { uniform } from "./draws.ts";
 * const at = { prompt: 0, sequence: 0, position: 5 };
 * if (uniform(42, at) !== uniform(42, at)) throw new Error();
 * if (uniform(42, at) === uniform(42, { ...at, position: 6 })) throw new Error();
 * ```
 */
export function uniform(seed: number, counter: DrawCounter): number {
  return uniformAt(seed, [counter.position, counter.sequence, counter.prompt]);
}
