/**
 * A `rows` artifact: one parquet file a split and `dataset.json` that says what they hold.
 *
 * ```text
 * train.parquet  test.parquet  (data.parquet where unsplit)
 * dataset.json   {"kind":"rows","columns":[{"name":"text","type":"string"}],
 *                 "splits":{"train":{"file":"train.parquet","rows":800}, ...}}
 * ```
 *
 * The parquet files are plain ones: DuckDB, pandas and `datasets` open them. Stages read and write them in
 * batches ({@linkcode openDataset}, {@linkcode DatasetWriter}); {@linkcode readDataset} holds all of a small
 * one in memory.
 *
 * @module
 */
import { type Json, ownMember, parseJson } from "../../base/json.ts";
import { readJsonObject } from "../../base/json_file.ts";
import { InternalError, nearest, UserError } from "../../base/errors.ts";
import { type Batch, batchOf, rowOf } from "../formats/batch.ts";
import { type Cell, type Column, requireColumn, type Row } from "../formats/columns.ts";
import { parquetFile, parquetInfo } from "../formats/parquet/file.ts";
import { ParquetSink, refuseColumns } from "../formats/parquet/writer.ts";
import type { Reading } from "../formats/row_file.ts";
import { COLUMN_TYPES, columnMistake, infoMistake } from "./dataset_mistakes.ts";
import { refuseSplitName } from "./split_name.ts";
import type { RowSink, RowStream } from "./stream.ts";

export type { Batch } from "../formats/batch.ts";

export {
  type Cell,
  cellText,
  type Column,
  type ColumnType,
  type FlatCell,
  type FlatType,
  type Items,
  requireColumn,
  type Row,
} from "../formats/columns.ts";

/** Rows by split, all with the same columns. A dataset that was never split has the one split `data`. */
export interface Dataset {
  readonly columns: readonly Column[];
  readonly splits: Readonly<Record<string, readonly Row[]>>;
}

/** What `dataset.json` says: a {@linkcode Dataset} without its rows. */
export interface DatasetInfo {
  readonly kind: "rows";
  readonly columns: readonly Column[];
  readonly splits: Readonly<Record<string, { readonly file: string; readonly rows: number }>>;
  /** Rows that each rule of a filter dropped, where the dataset came from one. */
  readonly dropped?: Readonly<Record<string, number>>;
}

/** The name of the only split of a dataset that was never split. */
export const UNSPLIT = "data";

/**
 * Reads `dataset.json` of a `rows` artifact.
 *
 * @param dir The artifact's folder.
 * @throws {UserError} Where the folder holds no readable `dataset.json`.
 */
export async function readDatasetInfo(dir: string): Promise<DatasetInfo> {
  const path = `${dir}/dataset.json`;
  const info = await readJsonObject(path);
  if (info === undefined) {
    throw new UserError({
      what: `cannot read the dataset in ${dir}: there is no dataset.json`,
      requirement: "a dataset is a folder with dataset.json and a parquet file for each split",
    });
  }
  const mistake = infoMistake(info);
  if (mistake !== undefined) {
    throw new UserError({
      what: `${path} does not describe a dataset: ${mistake}`,
      requirement: `it needs "kind": "rows", "columns" with name and type (${
        COLUMN_TYPES.join(", ")
      }; of a list, the type of its items) and "splits" with file and rows`,
      remedy: "make the dataset again by running its stage with --force",
    });
  }
  return info as unknown as DatasetInfo;
}

/** A `rows` artifact that is read in batches. */
export interface DatasetReader extends RowStream {
  readonly info: DatasetInfo;
  /** Rows of all splits. */
  readonly rows: number;
}

/**
 * Opens a `rows` artifact, whatever its size.
 *
 * @param dir The artifact's folder.
 * @throws {UserError} Where the folder holds no readable `dataset.json`.
 *
 * @example
 * ```ts ignore
 * const dataset = await openDataset(inputs.data.path);
 * for await (const batch of dataset.batches("train")) console.log(batch.length);
 * ```
 */
export async function openDataset(dir: string): Promise<DatasetReader> {
  const info = await readDatasetInfo(dir);
  const splits = Object.entries(info.splits).map(([name, { rows }]) => [name, rows] as const);
  return {
    info,
    columns: info.columns,
    splits: Object.fromEntries(splits),
    bytes: await bytesOf(Object.values(info.splits).map(({ file }) => `${dir}/${file}`)),
    rows: splits.reduce((sum, [, rows]) => sum + rows, 0),
    batches: (split, { columns, ...reading } = {}) =>
      splitBatches({ dir, info, split }, chosenColumns(info.columns, columns), reading),
  };
}

/** Of those files that are there: what is missing is told when it is read. */
async function bytesOf(paths: readonly string[]): Promise<number> {
  const stats = await Promise.all(paths.map((path) => Deno.stat(path).catch(() => undefined)));
  return stats.reduce((sum, stat) => sum + (stat?.size ?? 0), 0);
}

function chosenColumns(
  columns: readonly Column[],
  names: readonly string[] | undefined,
): readonly Column[] {
  if (names === undefined) return columns;
  const byName = new Map(columns.toReversed().map((column) => [column.name, column] as const));
  return names.map((name) => byName.get(name) ?? requireColumn(columns, name));
}

async function* splitBatches(
  { dir, info, split }: {
    readonly dir: string;
    readonly info: DatasetInfo;
    readonly split: string;
  },
  columns: readonly Column[],
  reading: Reading,
): AsyncGenerator<Batch> {
  const entry = ownMember(info.splits, split);
  if (entry === undefined) {
    throw new UserError({
      what: `there is no split "${split}" in ${dir}`,
      nearest: nearest(split, Object.keys(info.splits)),
      requirement: `it has ${Object.keys(info.splits).join(", ")}`,
    });
  }
  const path = `${dir}/${entry.file}`;
  const file = { path, name: path };
  const { rows } = await parquetInfo(file);
  if (rows !== entry.rows) {
    throw new UserError({
      what: `${path} holds ${rows} rows where dataset.json says ${entry.rows}`,
      requirement: "the folder is damaged",
      remedy: "make it again by running its stage with --force",
    });
  }
  // Json is kept as text in parquet.
  const stored = columns.map((column) =>
    column.type === "json" ? { ...column, type: "string" as const } : column
  );
  for await (const batch of parquetFile(file).batches(stored, reading)) {
    yield decodeJsonColumns(batch, columns, path);
  }
}

/**
 * Reads a `rows` artifact.
 *
 * @param dir The artifact's folder.
 * @param options `splits` reads only these; `columns` only these columns, in this order.
 * @returns Every row in memory; cells have the types that {@linkcode Column} says.
 * @throws {UserError} Where files are missing or damaged, or a split or column is not there.
 *
 * @example
 * ```ts
 * import { readDataset, writeDataset } from "./dataset.ts";
 * const dir = await Deno.makeTempDir();
 * const rows = [{ text: "Call me Ishmael.", label: 1 }];
 * await writeDataset(dir, {
 *   columns: [{ name: "text", type: "string" }, { name: "label", type: "int" }],
 *   splits: { data: rows },
 * });
 * const back = await readDataset(dir);
 * if (back.splits.data?.[0]?.text !== "Call me Ishmael.") throw new Error();
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export async function readDataset(
  dir: string,
  options: { splits?: readonly string[]; columns?: readonly string[] } = {},
): Promise<Dataset> {
  const dataset = await openDataset(dir);
  const { info } = dataset;
  const columns = chosenColumns(info.columns, options.columns);
  const splits: [string, Row[]][] = [];
  for (const split of options.splits ?? Object.keys(info.splits)) {
    const rows: Row[] = [];
    const names = columns.map(({ name }) => name);
    for await (const batch of dataset.batches(split, { columns: names })) {
      for (let i = 0; i < batch.length; i++) rows.push(rowOf(batch, i));
    }
    splits.push([split, rows]);
  }
  return { columns, splits: Object.fromEntries(splits) };
}

/** Writes a `rows` artifact batch by batch; the same rows give the same bytes, however they come. */
export class DatasetWriter implements RowSink {
  readonly #dir: string;
  readonly #columns: readonly Column[];
  readonly #sinks = new Map<string, ParquetSink>();

  /**
   * @param dir An existing folder.
   * @param options `splits`: all of them, in their order, those without rows as well.
   * @throws {UserError} Where columns or splits have names that none can have, or columns types that there are not.
   */
  constructor(
    dir: string,
    { columns, splits }: {
      readonly columns: readonly Column[];
      readonly splits: readonly string[];
    },
  ) {
    refuseColumns(columns);
    const mistake = columns.map(columnMistake).find((each) => each !== undefined);
    if (mistake !== undefined) {
      throw new UserError({
        what: `cannot write a dataset: ${mistake}`,
        requirement: `the types are ${
          COLUMN_TYPES.join(", ")
        }; a list has items of one of the others but json`,
      });
    }
    this.#dir = dir;
    this.#columns = columns;
    for (const split of splits) {
      refuseSplitName(split);
      const label = `split "${split}"`;
      this.#sinks.set(split, new ParquetSink(`${dir}/${split}.parquet`, { columns, label }));
    }
  }

  /** Rows of a split that were written. */
  rows(split: string): number {
    return this.#sinks.get(split)?.rows ?? 0;
  }

  /** @throws {UserError} Where a cell does not fit its column's type, naming split, row and column. */
  write(split: string, batch: Batch): void {
    const sink = this.#sinks.get(split);
    if (sink === undefined) throw new InternalError(`the split "${split}" was not announced`);
    sink.write(batch);
  }

  /** Ends the files, and says in `dataset.json` what they hold. */
  async finish({ dropped }: { dropped?: Readonly<Record<string, number>> } = {}): Promise<void> {
    const splits: Record<string, { file: string; rows: number }> = {};
    for (const [split, sink] of this.#sinks) {
      sink.finish();
      splits[split] = { file: `${split}.parquet`, rows: sink.rows };
    }
    const info: DatasetInfo = {
      kind: "rows",
      columns: this.#columns,
      splits,
      ...(dropped === undefined ? {} : { dropped }),
    };
    await Deno.writeTextFile(`${this.#dir}/dataset.json`, JSON.stringify(info, null, 2) + "\n");
  }
}

/** Rows that are handed on at once. */
const ROWS_A_BATCH = 4096;

/**
 * Writes a `rows` artifact. The same dataset gives the same bytes.
 *
 * @param dir An existing folder.
 * @param dataset Every key of a row has to be a column; a missing key or null is a null.
 * @throws {UserError} Where a cell does not fit its column's type, naming split, row and column.
 */
export async function writeDataset(
  dir: string,
  dataset: Dataset,
  options: { dropped?: Readonly<Record<string, number>> } = {},
): Promise<void> {
  const { columns, splits } = dataset;
  const names = new Set(columns.map((column) => column.name));
  for (const [split, rows] of Object.entries(splits)) {
    rows.forEach((row, i) => {
      for (const key in row) if (!names.has(key)) refuseMember(key, names, { split, row: i });
    });
  }
  const writer = new DatasetWriter(dir, { columns, splits: Object.keys(splits) });
  for (const [split, rows] of Object.entries(splits)) {
    for (let from = 0; from < rows.length; from += ROWS_A_BATCH) {
      writer.write(split, batchOf(rows.slice(from, from + ROWS_A_BATCH), columns));
    }
  }
  await writer.finish(options);
}

function refuseMember(
  key: string,
  names: ReadonlySet<string>,
  { split, row }: { readonly split: string; readonly row: number },
): never {
  throw new UserError({
    what: `row ${row} of split "${split}" has "${key}", which is no column`,
    nearest: nearest(key, names),
    requirement: `the columns are ${[...names].join(", ")}`,
  });
}

/** Json cells are kept as text in parquet; here they become values again. */
function decodeJsonColumns(batch: Batch, columns: readonly Column[], path: string): Batch {
  if (columns.every(({ type }) => type !== "json")) return batch;
  const decoded = new Map(batch.columns);
  for (const { name, type } of columns) {
    if (type !== "json") continue;
    decoded.set(name, batch.columns.get(name)!.map((cell) => decodedCell(cell, { name, path })));
  }
  return { length: batch.length, columns: decoded };
}

function decodedCell(
  cell: Cell,
  { name, path }: { readonly name: string; readonly path: string },
): Cell {
  if (typeof cell !== "string") return cell;
  try {
    return parseJson(cell) as Json;
  } catch (cause) {
    throw new UserError({
      what: `${path} has a cell in the column "${name}" that is not JSON: ${
        (cause as Error).message
      }`,
      requirement: "dataset.json says that its type is json",
      remedy: "make the dataset again by running its stage with --force",
      cause,
    });
  }
}
