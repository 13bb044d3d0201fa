/**
 * Token rows in memory: named columns of numbers, ragged where a row has one for each of its tokens.
 *
 * `input_ids` is always there. Every other column says for itself what it is: a number a token, with the
 * offsets of `input_ids` or its own (the target of a translation is as long as it is), or one a row.
 * Nothing is told by its length. B batch, T tokens.
 *
 * @module
 */
import { InternalError } from "../../base/errors.ts";

/** A label that no loss counts, as in transformers. */
export const IGNORED_LABEL = -100;

/** A number for each token of each row: row i is `data[offsets[i] .. offsets[i + 1]]`. */
export interface PerTokenColumn {
  readonly per: "token";
  /** int32 [N]: the rows one after the other. */
  readonly data: Int32Array<ArrayBuffer>;
  /** [rows + 1]: where each row starts, and N. Whole numbers. */
  readonly offsets: Float64Array;
  /** What fills a row up to the length of its batch. */
  readonly pad: number;
}

/** A number a row. */
export interface PerRowColumn {
  readonly per: "row";
  /** int32 [rows]. */
  readonly data: Int32Array<ArrayBuffer>;
  /** The value of the rows that fill up a batch. */
  readonly pad: number;
}

/** A column of token rows. */
export type TokenColumn = PerTokenColumn | PerRowColumn;

/** Rows of token ids with whatever else is known of each token or row. */
export interface TokenRows {
  readonly rows: number;
  readonly columns: { readonly input_ids: PerTokenColumn } & Readonly<Record<string, TokenColumn>>;
}

/** The ids of row `index`, a view. */
export function tokenRow({ columns: { input_ids: ids } }: TokenRows, index: number): Int32Array {
  return rowOf(ids, index);
}

/** What a column has for the tokens of row `index`, a view. */
export function rowOf({ data, offsets }: PerTokenColumn, index: number): Int32Array {
  const start = offsets[index];
  const end = offsets[index + 1];
  if (start === undefined || end === undefined) {
    throw new InternalError(`row ${index} of ${offsets.length - 1} rows`);
  }
  return data.subarray(start, end);
}

/** Tokens of the longest row, 0 where there is none. */
export function longestRow({ rows, columns: { input_ids: { offsets } } }: TokenRows): number {
  let longest = 0;
  for (let row = 0; row < rows; row++) {
    longest = Math.max(longest, offsets[row + 1]! - offsets[row]!);
  }
  return longest;
}

/** Whether two columns cut their data alike. */
export function sameOffsets(a: Float64Array, b: Float64Array): boolean {
  return a === b || (a.length === b.length && a.every((offset, i) => offset === b[i]));
}

/** What is wrong with rows, as the end of a sentence that begins with their name; undefined where nothing is. */
export function rowsProblem({ rows, columns }: TokenRows): string | undefined {
  for (const [name, column] of Object.entries(columns)) {
    if (column.per === "row") {
      if (column.data.length === rows) continue;
      return `has ${column.data.length} ${name} where ${rows} are needed`;
    }
    const problem = offsetsProblem(column, rows);
    if (problem !== undefined) return `has ${name} with ${problem}`;
  }
  return undefined;
}

function offsetsProblem({ data, offsets }: PerTokenColumn, rows: number): string | undefined {
  if (offsets.length !== rows + 1) return `${offsets.length} offsets for ${rows} rows`;
  if (offsets[0] !== 0) return "offsets that do not start at 0";
  for (let row = 0; row < rows; row++) {
    if (offsets[row + 1]! < offsets[row]!) return `offsets that fall after row ${row}`;
  }
  if (offsets[rows] === data.length) return undefined;
  return `${data.length} values but offsets that end at ${offsets[rows]}`;
}
