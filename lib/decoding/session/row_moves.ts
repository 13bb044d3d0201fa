/**
 * Reordering rows where they lie, as beams do after every step: each row takes the content of its parent.
 *
 * @module
 */

/** Copies one row over another. */
export interface RowMove {
  readonly from: number;
  readonly to: number;
}

/**
 * The copies that give every row the content of its parent, in an order in which none is overwritten before it
 * was read. Rows that are their own parents are left alone. Rows that want each other's content in a circle need
 * one spare place; its number is that of the rows.
 *
 * @param parents By row: whose content it takes.
 *
 * @example
 * ```ts
 * import { rowMoves } from "./row_moves.ts";
 * const moves = rowMoves([1, 0, 2]).map(({ from, to }) => `${from}>${to}`);
 * if (moves.join(" ") !== "0>3 1>0 3>1") throw new Error(moves.join(" "));
 * ```
 */
export function rowMoves(parents: ArrayLike<number>): RowMove[] {
  const spare = parents.length;
  const sources = Array.from(parents);
  const pending = new Set([...sources.keys()].filter((row) => sources[row] !== row));
  const readers = new Int32Array(spare + 1);
  for (const row of pending) readers[sources[row]!]!++;
  const free = [...pending].filter((row) => readers[row] === 0);
  const moves: RowMove[] = [];
  while (pending.size > 0) {
    const to = free.pop();
    if (to === undefined) {
      // What is left are circles, each row read by one other.
      const [held] = pending as Iterable<number> as [number];
      moves.push({ from: held, to: spare });
      sources[sources.findIndex((from, row) => from === held && pending.has(row))] = spare;
      free.push(held);
      continue;
    }
    const from = sources[to]!;
    moves.push({ from, to });
    pending.delete(to);
    readers[from]!--;
    if (readers[from] === 0 && pending.has(from)) free.push(from);
  }
  return moves;
}
