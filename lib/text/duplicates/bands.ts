/**
 * Locality-sensitive hashing of MinHash signatures (Leskovec, Rajaraman, Ullman: "Mining of Massive
 * Datasets", 3.4): a signature is cut into bands of a few rows, and texts that agree in a whole band are
 * compared. Texts of similarity s do so with probability 1 - (1 - s^rows)^bands.
 *
 * Others (datasketch) choose bands so that the areas of misses and of needless comparisons are alike, which
 * finds 2 of 5 pairs that are just as similar as the threshold (0.8 of 128: 9 bands of 13 rows). Here what is
 * compared is compared exactly: a needless comparison costs time alone. So bands are chosen to miss hardly
 * any.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";

/** How a signature is cut. */
export interface Bands {
  readonly bands: number;
  /** Rows a band. */
  readonly rows: number;
}

/** The part of pairs right at the threshold that are to be found. */
const RECALL = 0.99;

/**
 * The bands of most rows, so of fewest needless comparisons, that find 99% of the pairs whose similarity is
 * the threshold, and more of those above it.
 *
 * @param options `threshold`: above 0, at most 1; `permutations`: length of a signature.
 * @throws {UserError} Where signatures are too short for so small a threshold.
 *
 * @example
 * ```ts
 * import { bandsFor } from "./bands.ts";
 * const { bands, rows } = bandsFor({ threshold: 0.8, permutations: 128 });
 * if (bands !== 21 || rows !== 6) throw new Error();
 * ```
 */
export function bandsFor(options: { threshold: number; permutations: number }): Bands {
  const { threshold, permutations } = options;
  for (let rows = permutations; rows > 0; rows--) {
    const bands = Math.floor(permutations / rows);
    if (foundRate(threshold, { bands, rows }) >= RECALL) return { bands, rows };
  }
  throw new UserError({
    what: `${permutations} permutations don't find texts of similarity ${threshold}`,
    requirement: `${Math.ceil(Math.log(1 - RECALL) / Math.log1p(-threshold))} are needed`,
    remedy: "raise permutations, or the threshold",
  });
}

/** The part of pairs of a similarity that agree in at least one band. */
export function foundRate(similarity: number, { bands, rows }: Bands): number {
  return 1 - (1 - similarity ** rows) ** bands;
}
