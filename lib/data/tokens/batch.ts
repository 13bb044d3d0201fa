/**
 * Batches of token rows: in which order rows come, and how ragged rows become rectangles [B, T].
 *
 * Graphs have fixed shapes, so every [B, T] is a session of its own. B never varies: a last batch that
 * is not full gets rows of padding. T is one of at most three lengths, the longest row and a half
 * and a quarter of it; a batch takes the shortest that holds its rows. Packed data has one length.
 * Rows are padded on the right.
 *
 * @module
 */
import { InternalError } from "../../base/errors.ts";
import { permutation, randomStream } from "../../base/random.ts";
import { type PerRowColumn, type PerTokenColumn, rowOf, type TokenRows } from "./rows.ts";

/** A column of a batch. */
export interface BatchColumn {
  /** int32 [B, T] or [B], row by row; the column's `pad` where a row has nothing. */
  readonly data: Int32Array<ArrayBuffer>;
  /** `[B, T]` for a number a token, `[B]` for one a row. */
  readonly shape: readonly number[];
}

/** Rows as rectangles. */
export interface Batch {
  /** B. */
  readonly batchSize: number;
  /** T of `input_ids`. */
  readonly length: number;
  /** How many of the B rows are real. */
  readonly rows: number;
  /** int32 [B]: tokens of each row that are not padding. */
  readonly rowTokens: Int32Array<ArrayBuffer>;
  /** Their sum. */
  readonly tokens: number;
  /** By name, as in the rows; each column with offsets of its own has a T of its own. */
  readonly columns: { readonly input_ids: BatchColumn } & Readonly<Record<string, BatchColumn>>;
}

/** How rows become batches. */
export interface CollateOptions {
  /** B. */
  readonly batchSize: number;
  /** Lengths to choose T from, ascending; see {@linkcode lengthBuckets}. */
  readonly lengths: readonly number[];
}

/**
 * The order in which an epoch takes the rows.
 *
 * @param rows How many rows there are.
 * @param options The run's seed and the epoch from 0.
 * @returns Every row once.
 */
export function epochOrder(
  rows: number,
  options: { readonly seed: number; readonly epoch: number },
): Int32Array<ArrayBuffer> {
  return permutation(rows, randomStream(options.seed, ORDER, options.epoch));
}

/** Keeps this use of a seed apart from others: dropout, initial weights. */
const ORDER = 0x6f72646572;

/**
 * The lengths T that batches of a dataset may have, ascending.
 *
 * @param longest Its longest row, at least 1.
 * @param options `limit`: no length is more (the model's positions; at least `longest`). `packed`: rows
 * are all of one length.
 */
export function lengthBuckets(
  longest: number,
  options: { readonly limit: number; readonly packed: boolean },
): number[] {
  const { limit, packed } = options;
  if (packed) return [longest];
  // Multiples of 8 keep rows of attention scores aligned. Short rows are not worth more sessions.
  const round = (length: number): number => Math.min(limit, Math.ceil(length / 8) * 8);
  const fractions = longest < 64 ? [1] : [1 / 4, 1 / 2, 1];
  return [...new Set(fractions.map((fraction) => round(longest * fraction)))];
}

/**
 * Makes one batch of every column.
 *
 * @param source Where the rows come from.
 * @param options `rows`: which, at most B; and how.
 *
 * @example
 * ```ts
 * import { collate } from "./batch.ts";
 * const offsets = Float64Array.of(0, 2, 3);
 * const batch = collate({
 *   rows: 2,
 *   columns: {
 *     input_ids: { per: "token", data: Int32Array.of(5, 6, 7), offsets, pad: 0 },
 *     labels: { per: "row", data: Int32Array.of(1, 0), pad: -100 },
 *   },
 * }, { rows: [1, 0], batchSize: 3, lengths: [2] });
 * if (String(batch.columns.input_ids.data) !== "7,0,5,6,0,0") throw new Error();
 * if (String(batch.columns.labels?.data) !== "0,1,-100") throw new Error();
 * ```
 */
export function collate(
  source: TokenRows,
  options: CollateOptions & { readonly rows: ArrayLike<number> },
): Batch {
  const { batchSize, rows } = options;
  if (rows.length > batchSize) throw new InternalError(`${rows.length} rows in ${batchSize}`);
  const stacked = ({ data, pad }: PerRowColumn): BatchColumn => {
    const values = new Int32Array(batchSize).fill(pad);
    for (let i = 0; i < rows.length; i++) values[i] = data[rows[i]!]!;
    return { data: values, shape: [batchSize] };
  };
  const { input_ids, ...rest } = source.columns;
  const inputIds = padded(input_ids, options);
  const rowTokens = new Int32Array(batchSize);
  for (let i = 0; i < rows.length; i++) rowTokens[i] = rowOf(input_ids, rows[i]!).length;
  return {
    batchSize,
    length: inputIds.shape[1]!,
    rows: rows.length,
    rowTokens,
    tokens: rowTokens.reduce((sum, count) => sum + count, 0),
    columns: {
      ...Object.fromEntries(
        Object.entries(rest).map(([name, column]) => [
          name,
          column.per === "token" ? padded(column, options) : stacked(column),
        ]),
      ),
      input_ids: inputIds,
    },
  };
}

/** Rows side by side in the shortest rectangle that holds them. */
function padded(
  column: PerTokenColumn,
  { rows, batchSize, lengths }: CollateOptions & { readonly rows: ArrayLike<number> },
): BatchColumn {
  const values = Array.from(rows, (row) => rowOf(column, row));
  const longest = values.reduce((most, { length }) => Math.max(most, length), 0);
  const length = lengths.find((candidate) => candidate >= longest);
  if (length === undefined) throw new InternalError(`a row of ${longest} in [${lengths}]`);
  const data = new Int32Array(batchSize * length).fill(column.pad);
  values.forEach((row, i) => data.set(row, i * length));
  return { data, shape: [batchSize, length] };
}
