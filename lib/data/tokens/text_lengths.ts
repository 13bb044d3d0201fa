/**
 * What tokens.json says of how long the texts of a split are.
 *
 * @module
 */

/** Tokens of texts before anything was cut off, with what stands around them. */
export interface TextLengths {
  readonly min: number;
  readonly median: number;
  readonly mean: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  /** Bins one after the other, equally wide but for the last, in which is what is longer than nearly all. */
  readonly histogram: readonly LengthBin[];
}

/** Texts of at least `from` and less than `to` tokens. */
export interface LengthBin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}
