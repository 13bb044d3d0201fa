/**
 * Whose turn it is, where rows of several datasets are interleaved: as `datasets.interleave_datasets` has it.
 *
 * Without probabilities each has a turn a round, and what ends does so with a round; with them each turn is drawn,
 * and what ends does so at once.
 *
 * @module
 */
import type { RandomStream } from "../../base/random.ts";

/** When interleaving ends. */
export const STOPPING_STRATEGIES = [
  "first_exhausted",
  "all_exhausted",
  "all_exhausted_without_replacement",
] as const;

/**
 * `first_exhausted`: when one has no rows left; `all_exhausted`: when each was read to its end, those that end before
 * beginning anew; `all_exhausted_without_replacement`: when each was, and no row comes twice.
 */
export type StoppingStrategy = (typeof STOPPING_STRATEGIES)[number];

/** How turns are taken. */
export interface TurnOptions {
  /** One for each; they add up to 1, or what is missing is the last one's. */
  readonly probabilities?: readonly number[] | undefined;
  readonly stopping: StoppingStrategy;
  readonly random: RandomStream;
}

/**
 * The turns, as numbers of datasets.
 *
 * @param lengths Rows of each, from 1.
 *
 * @example
 * ```ts
 * import { randomStream } from "../../base/random.ts";
 * import { turns } from "./turns.ts";
 * const options = { stopping: "first_exhausted", random: randomStream(1) } as const;
 * if ([...turns([2, 5], options)].join() !== "0,1,0,1") throw new Error();
 * ```
 */
export function* turns(
  lengths: readonly number[],
  { probabilities, stopping, random }: TurnOptions,
): Generator<number> {
  const left = [...lengths];
  const isOver = lengths.map(() => false);
  const last = lengths.length - 1;
  const isAtEnd = (): boolean =>
    stopping === "first_exhausted" ? isOver.includes(true) : !isOver.includes(false);
  for (let turn = 0;; turn++) {
    const own = probabilities === undefined
      ? turn % lengths.length
      : drawn(random.nextFloat(), probabilities);
    if (!isOver[own] || stopping !== "all_exhausted_without_replacement") {
      yield own;
      if (--left[own]! === 0) {
        isOver[own] = true;
        left[own] = lengths[own]!;
      }
    }
    if ((probabilities !== undefined || own === last) && isAtEnd()) return;
  }
}

function drawn(at: number, probabilities: readonly number[]): number {
  let sum = 0;
  const found = probabilities.findIndex((share) => at < (sum += share));
  // Rounded sums may end below 1.
  return found < 0 ? probabilities.length - 1 : found;
}

/** How many turns there will be, about: for what tells progress, and what would never end. */
export function expectedTurns(
  lengths: readonly number[],
  { probabilities, stopping }: Omit<TurnOptions, "random">,
): number {
  if (stopping === "all_exhausted_without_replacement") {
    return lengths.reduce((sum, length) => sum + length, 0);
  }
  const rounds = lengths.map((length, i) =>
    probabilities === undefined ? length * lengths.length : length / probabilities[i]!
  );
  return Math.ceil(stopping === "first_exhausted" ? Math.min(...rounds) : Math.max(...rounds));
}
