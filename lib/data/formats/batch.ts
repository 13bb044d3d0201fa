/**
 * Some rows of a table by columns: what readers give, stages see and writers take, so that no dataset has
 * to be in memory.
 *
 * @module
 */
import type { Cell, Row } from "./columns.ts";

/** Rows by columns. */
export interface Batch {
  /** Rows. */
  readonly length: number;
  /** A cell a row for each column; a null where a row has none. */
  readonly columns: ReadonlyMap<string, readonly Cell[]>;
}

/** Most rows of a batch, and most characters of its texts: what is handed on is small beside a memory. */
export const BATCH: { readonly rows: number; readonly characters: number } = {
  rows: 8192,
  characters: 1 << 23,
};

/** A row of a batch as an object, with the columns of the batch. */
export function rowOf({ columns }: Batch, index: number): Row {
  const row: Row = {};
  for (const [name, cells] of columns) row[name] = cells[index]!;
  return row;
}

/** A batch of rows with these columns; what a row lacks is null. */
export function batchOf(
  rows: readonly Row[],
  columns: readonly { readonly name: string }[],
): Batch {
  return {
    length: rows.length,
    columns: new Map(columns.map(({ name }) => [
      name,
      rows.map((row) => Object.hasOwn(row, name) ? row[name] ?? null : null),
    ])),
  };
}
