/**
 * Rows in disjoint sets, joined one pair after the other (union-find; Tarjan 1975), 4 bytes a row.
 *
 * @module
 */

/** Sets of rows, each named by its first. */
export class DisjointRows {
  /** Of each row, an earlier one of its set; the first has itself. */
  readonly #parents: Uint32Array;

  /** Every row alone. */
  constructor(rows: number) {
    this.#parents = new Uint32Array(rows);
    for (let row = 0; row < rows; row++) this.#parents[row] = row;
  }

  /** Whether two rows are in one set. */
  areJoined(a: number, b: number): boolean {
    return this.#first(a) === this.#first(b);
  }

  /** Makes the sets of two rows one. */
  join(a: number, b: number): void {
    const [first, second] = [this.#first(a), this.#first(b)];
    if (first < second) this.#parents[second] = first;
    else this.#parents[first] = second;
  }

  /**
   * The row that stands for each row's set.
   *
   * @param rank Makes it the first of the highest rank instead of the first.
   */
  representatives(rank?: (row: number) => number): Uint32Array {
    const rows = this.#parents.length;
    const firsts = new Uint32Array(rows);
    for (let row = 0; row < rows; row++) firsts[row] = this.#first(row);
    if (rank === undefined) return firsts;
    const best = firsts.slice();
    for (let row = 0; row < rows; row++) {
      const first = firsts[row]!;
      if (rank(row) > rank(best[first]!)) best[first] = row;
    }
    return firsts.map((first) => best[first]!);
  }

  #first(row: number): number {
    const parents = this.#parents;
    while (parents[row] !== row) {
      const above = parents[parents[row]!]!;
      parents[row] = above;
      row = above;
    }
    return row;
  }
}
