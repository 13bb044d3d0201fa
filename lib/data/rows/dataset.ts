/**
 * A `rows` artifact: one parquet file a split and `dataset.json` that says what they hold.
 *
 * ```text
 * train.parquet  test.parquet  (data.parquet where unsplit)
 * dataset.json   {"kind":"rows","columns":[{"name":"text","type":"string"}],
 *                 "splits":{"train":{"file":"train.parquet","rows":800}, ...}}
 * ```
 *
 * The parquet files are plain ones: DuckDB, pandas and `datasets` open them. The whole dataset is
 * held in memory; what is larger than that belongs into several pipelines.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject, ownMember, parseJson } from "../../base/json.ts";
import { readJsonObject } from "../../base/json_file.ts";
import { nearest, UserError } from "../../base/errors.ts";
import { type Column, type ColumnType, requireColumn, type Row } from "../formats/columns.ts";
import { refuseSplitName, splitsMistake } from "./split_name.ts";
import { readParquet, writeParquet } from "../formats/parquet.ts";

export {
  type Cell,
  cellText,
  type Column,
  type ColumnType,
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

const COLUMN_TYPES: readonly ColumnType[] = ["string", "int", "float", "bool", "json"];

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
      }) and "splits" with file and rows`,
      remedy: "make the dataset again by running its stage with --force",
    });
  }
  return info as unknown as DatasetInfo;
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
  const info = await readDatasetInfo(dir);
  const wanted = options.splits ?? Object.keys(info.splits);
  const columns = options.columns === undefined
    ? info.columns
    : options.columns.map((name) => requireColumn(info.columns, name));
  const splits: [string, Row[]][] = [];
  for (const split of wanted) {
    const entry = ownMember(info.splits, split);
    if (entry === undefined) {
      throw new UserError({
        what: `there is no split "${split}" in ${dir}`,
        nearest: nearest(split, Object.keys(info.splits)),
        requirement: `it has ${Object.keys(info.splits).join(", ")}`,
      });
    }
    const path = `${dir}/${entry.file}`;
    const { rows } = await readParquet(path, { columns: columns.map((column) => column.name) });
    if (rows.length !== entry.rows) {
      throw new UserError({
        what: `${path} holds ${rows.length} rows where dataset.json says ${entry.rows}`,
        requirement: "the folder is damaged",
        remedy: "make it again by running its stage with --force",
      });
    }
    decodeJsonColumns(rows, columns, path);
    splits.push([split, rows]);
  }
  return { columns, splits: Object.fromEntries(splits) };
}

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
  if (dataset.columns.length === 0) {
    throw new UserError({ what: "cannot write a dataset without columns" });
  }
  const names = new Set<string>();
  for (const { name } of dataset.columns) {
    if (names.has(name) || name === "" || name === "__proto__") {
      throw new UserError({
        what: names.has(name)
          ? `two columns are called "${name}"`
          : `no column may be called "${name}"`,
      });
    }
    names.add(name);
  }
  const splits: Record<string, { file: string; rows: number }> = {};
  for (const [split, rows] of Object.entries(dataset.splits)) {
    refuseSplitName(split);
    const file = `${split}.parquet`;
    writeParquet(`${dir}/${file}`, dataset.columns, { rows, label: `split "${split}"` });
    splits[split] = { file, rows: rows.length };
  }
  const info: DatasetInfo = {
    kind: "rows",
    columns: dataset.columns,
    splits,
    ...(options.dropped === undefined ? {} : { dropped: options.dropped }),
  };
  await Deno.writeTextFile(`${dir}/dataset.json`, JSON.stringify(info, null, 2) + "\n");
}

/** Json cells are kept as text in parquet; here they become values again. */
function decodeJsonColumns(rows: Row[], columns: readonly Column[], path: string): void {
  for (const { name, type } of columns) {
    if (type !== "json") continue;
    for (const row of rows) {
      const cell = row[name];
      if (typeof cell !== "string") continue;
      try {
        row[name] = parseJson(cell) as Json;
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
  }
}

/** What is wrong with a dataset.json, in a few words; undefined where nothing is. */
function infoMistake({ kind, columns, splits }: JsonObject): string | undefined {
  if (kind !== "rows") return 'its "kind" is not "rows"';
  if (!Array.isArray(columns)) return 'its "columns" are no list';
  for (const column of columns) {
    const name = isJsonObject(column) ? column.name : undefined;
    if (!isJsonObject(column) || typeof name !== "string") return "a column has no name";
    if (name === "__proto__") return `no column may be called "${name}"`;
    if (!COLUMN_TYPES.includes(column.type as ColumnType)) {
      return `the column "${name}" has no type that there is`;
    }
    const { names } = column;
    const labelled = Array.isArray(names) && names.every((label) => typeof label === "string");
    if (names !== undefined && !labelled) {
      return `the names of column "${name}" are no list of texts`;
    }
  }
  return isJsonObject(splits) ? splitsMistake(splits, ["rows"]) : 'its "splits" are no object';
}
