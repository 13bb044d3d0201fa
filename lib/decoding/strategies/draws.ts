/**
 * The random numbers of generation.
 *
 * Draws come from a counter-based generator, Philox4x32-10 (Salmon et al., "Parallel Random Numbers:
 * As Easy as 1, 2, 3", SC 2011): a draw is a function of (seed, prompt, sequence, position) alone, so
 * neither the batch a prompt stands in nor its neighbours change what is drawn for it.
 *
 * @module
 */

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
  const wide = BigInt.asUintN(64, BigInt(seed));
  const [a, b] = philox(
    [counter.position, counter.sequence, counter.prompt, 0],
    [Number(wide & 0xffffffffn), Number(wide >> 32n)],
  );
  return ((a >>> 5) * 2 ** 26 + (b >>> 6)) / 2 ** 53;
}

/**
 * Philox4x32 with ten rounds.
 *
 * @param counter Four 32-bit words.
 * @param key Two 32-bit words.
 * @returns Four random 32-bit words, unsigned.
 */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [a, b, c, d] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const x = multiply(0xd2511f53, a);
    const y = multiply(0xcd9e8d57, c);
    [a, b, c, d] = [(y.high ^ b ^ k0) >>> 0, y.low, (x.high ^ d ^ k1) >>> 0, x.low];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [a, b, c, d];
}

/** The 64-bit product of two unsigned 32-bit numbers, in halves: a double holds 53 bits only. */
function multiply(a: number, b: number): { readonly high: number; readonly low: number } {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = a1 * b0 + Math.floor((a0 * b0) / 2 ** 16);
  const crossed = a0 * b1 + (middle % 2 ** 16);
  const high = a1 * b1 + Math.floor(middle / 2 ** 16) + Math.floor(crossed / 2 ** 16);
  return { high: high >>> 0, low: Math.imul(a, b) >>> 0 };
}
