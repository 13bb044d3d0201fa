/**
 * How far rounding alone may move a number.
 *
 * A float32 result that is a small difference of large terms has few correct digits, whoever computes it, and
 * AdamW divides each gradient by its own size: where the true gradient is zero (the bias of attention's keys
 * moves all scores of a row alike) it makes steps of full length out of rounding noise. How much of this there
 * is depends on the place, so it is measured rather than guessed: the whole replay is repeated with every weight
 * moved by a few units in its last place, up or down at random, and a number is known no better than it moved
 * (stochastic arithmetic after Vignes, "A stochastic arithmetic for reliable scientific computation", 1993).
 *
 * Nothing here knows the architecture, and a wrong rule gains nothing by it: it is as stable as a right one.
 *
 * @module
 */
import type { Replay, Weights } from "./replay.ts";

/** Replays with moved weights; with fewer, some place moves little by chance. */
export const SHAKES = 8;

/**
 * Relative size of the moves: 2 units in the last place, since a replay rounds thousands of results on its way
 * and not only the weights.
 */
const MOVE = 2 ** -22;

/** Numbers in the order of a tensor: how far each moved. */
export type Spread = ReadonlyMap<string, Float32Array>;

/**
 * Weights moved by rounding's size.
 *
 * @param weights The true ones; they are not changed.
 * @param seed Which way each moves.
 */
export function shaken(weights: Weights, seed: number): Weights {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  const coin = (): boolean => {
    // xorshift32 (Marsaglia 2003): enough for signs.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state & 0x10000) !== 0;
  };
  return new Map(
    [...weights].map(([name, values]) => [
      name,
      values.map((value) => value * (coin() ? 1 + MOVE : 1 - MOVE)),
    ]),
  );
}

/** Tensors that a comparison needs spreads of: `logits`, `grad.NAME`, `after.NAME`. */
export function tensorsOf({ logits, gradients, after }: Replay): Map<string, Float32Array> {
  const tensors = new Map([["logits", logits]]);
  for (const [name, values] of gradients) tensors.set(`grad.${name}`, values);
  for (const [name, values] of after) tensors.set(`after.${name}`, values);
  return tensors;
}

/**
 * The farthest that each number moved.
 *
 * @param from Of the true weights.
 * @param moved Of shaken ones.
 */
export function spreadOf(from: Replay, moved: readonly Replay[]): Spread {
  const others = moved.map(tensorsOf);
  return new Map(
    [...tensorsOf(from)].map(([name, values]) => [
      name,
      values.map((value, i) =>
        others.reduce((most, other) => Math.max(most, Math.abs(other.get(name)![i]! - value)), 0)
      ),
    ]),
  );
}
