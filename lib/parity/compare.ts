/**
 * Comparing what was computed with what the reference says, number by number.
 *
 * The error of a number is its distance from the reference's, relative to the reference's: a change of 1% shows
 * at a small number as it does at a large one, which an error relative to a tensor's largest would hide. Where
 * rounding alone moves the number by more than the tolerance of its size (see `rounding.ts`), the distance is
 * held against that instead; the comparison counts the places where that leaves less than two digits.
 *
 * @module
 */
import { InternalError } from "../base/errors.ts";

/**
 * How many spreads of a number two float32 computations of it may lie apart. Measured over traces of 26 thousand
 * to 650 thousand parameters on three engines: at most 6.7.
 */
const SPREADS = 15;

/** What a comparison found. */
export interface Comparison {
  /** Largest relative error; Infinity where a number is none. At most `tolerance` where it holds. */
  readonly error: number;
  /** Where it is. */
  readonly index: number;
  readonly holds: boolean;
  /** How many numbers were compared. */
  readonly count: number;
  /** How many of them rounding alone may move by 1% of their size, so that an error of 1% would not show. */
  readonly undetermined: number;
}

/**
 * Compares arrays of one length.
 *
 * @param actual Ours.
 * @param options `expected`: the reference's; `spread`: how far rounding moves each; `tolerance`: the largest
 * relative error.
 */
export function compare(
  actual: ArrayLike<number>,
  options: {
    readonly expected: ArrayLike<number>;
    readonly spread: ArrayLike<number>;
    readonly tolerance: number;
  },
): Comparison {
  const { expected, spread, tolerance } = options;
  const count = expected.length;
  if (actual.length !== count || spread.length !== count) {
    throw new InternalError(`comparing ${actual.length}, ${count} and ${spread.length} numbers`);
  }
  let [error, index, undetermined] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    const size = Math.abs(expected[i]!);
    const reach = SPREADS * spread[i]!;
    // Ours may lie that far to one side, and what is wrong by 1% has to lie farther still.
    if (2 * reach > 0.01 * size) undetermined++;
    const distance = Math.abs(actual[i]! - expected[i]!);
    const relative = distance === 0 ? 0 : distance / Math.max(size, reach / tolerance);
    // A NaN compares as false with everything, and must not pass for that.
    if (relative <= error) continue;
    error = Number.isNaN(relative) ? Infinity : relative;
    index = i;
    if (error === Infinity) break;
  }
  return { error, index, holds: error <= tolerance, count, undetermined };
}
