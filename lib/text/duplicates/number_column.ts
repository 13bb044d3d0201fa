/**
 * A growing column of numbers that are known by their row, in pieces, so that growing copies nothing.
 *
 * @module
 */

/** Rows of a piece. */
const PIECE = 1 << 16;

/** A growing typed array. */
export class NumberColumn {
  readonly #type: Float64ArrayConstructor | Uint32ArrayConstructor;
  readonly #pieces: (Float64Array | Uint32Array)[] = [];
  #length = 0;

  constructor(type: Float64ArrayConstructor | Uint32ArrayConstructor) {
    this.#type = type;
  }

  push(value: number): void {
    const at = this.#length++ % PIECE;
    if (at === 0) this.#pieces.push(new this.#type(PIECE));
    this.#pieces.at(-1)![at] = value;
  }

  /** The value of a row that was pushed. */
  at(row: number): number {
    return this.#pieces[row >>> 16]![row & 0xffff]!;
  }
}
