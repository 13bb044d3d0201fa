/**
 * Reads files of any format into one table.
 *
 * @module
 */
import { unreachable, UserError } from "../../base/errors.ts";
import { type Batch, batchOf, rowOf } from "../formats/batch.ts";
import {
  type Cell,
  type Column,
  refuseColumnName,
  requireColumn,
  type Row,
  type Table,
} from "../formats/columns.ts";
import { decideColumns } from "../formats/decide.ts";
import { readParquet } from "../formats/parquet.ts";
import type { FoundColumn, InputFile, RowFile } from "../formats/row_file.ts";
import { openCsv } from "../formats/text/csv.ts";
import type { Encoding } from "../formats/text/encoding.ts";
import { openJson, openJsonl } from "../formats/text/json.ts";
import { openText, type SplitBy } from "../formats/text/text.ts";

/** Formats of files. */
export const FORMATS = ["parquet", "jsonl", "json", "csv", "txt"] as const;

/** A format of files. */
export type Format = (typeof FORMATS)[number];

/** How to read files. */
export interface ReadOptions {
  readonly format: Format | "auto";
  /** For txt. */
  readonly splitBy: SplitBy;
  /** For txt: the name of the column. In other formats this column is text whatever it looks like. */
  readonly textColumn: string;
  /** For csv; a tab in .tsv files and guessed in others where it is not said. */
  readonly delimiter?: string | undefined;
  /** For csv: the names of the columns of files without a header line. */
  readonly columnNames?: readonly string[] | undefined;
  /** Columns to keep: those listed, or a mapping from names in the files to new ones. */
  readonly columns?: readonly string[] | Readonly<Record<string, string>> | undefined;
  /** At most this many rows, over all files. */
  readonly limit?: number | undefined;
  /** Of text files; UTF-8 where it is not said. */
  readonly encoding?: Encoding | undefined;
  /** Takes sentences on what was guessed. */
  readonly notice?: ((text: string) => void) | undefined;
}

const EXTENSIONS: Readonly<Record<string, Format>> = {
  parquet: "parquet",
  jsonl: "jsonl",
  ndjson: "jsonl",
  json: "json",
  csv: "csv",
  tsv: "csv",
  txt: "txt",
  text: "txt",
  md: "txt",
};

/**
 * The format of a file, by its name.
 *
 * @throws {UserError} Where the name does not tell.
 */
export function formatOf(name: string): Format {
  const extension = /\.([a-z0-9]+)(?:\.gz|\.zst)?$/i.exec(name)?.[1]?.toLowerCase() ?? "";
  const format = Object.hasOwn(EXTENSIONS, extension) ? EXTENSIONS[extension] : undefined;
  if (format !== undefined) return format;
  throw new UserError({
    what: `the name ${name} does not tell the format of the file`,
    requirement: `known are ${Object.keys(EXTENSIONS).map((known) => `.${known}`).join(", ")}`,
    remedy: `say it with \`format\`: ${FORMATS.join(", ")}`,
  });
}

/**
 * Reads files, one below the other. A column that some of them lack is null there.
 *
 * @throws {UserError} Where a file cannot be read, with its name and line, or a column is missing.
 */
export async function readTables(
  files: readonly InputFile[],
  options: ReadOptions,
): Promise<Table> {
  checkOptions(files, options);
  const opened = files.map((file) => openFile(file, options));
  const { limit, notice } = options;
  const found: (readonly FoundColumn[])[] = [];
  for (const file of opened) found.push(await file.find({ limit, notice }));
  const { from, columns } = chooseColumns(decideColumns(found), options.columns);
  const rows: Row[] = [];
  for (const file of opened) {
    const left = (limit ?? Infinity) - rows.length;
    if (left <= 0) break;
    for await (const batch of file.batches(from, { limit: left, notice })) {
      const renamed = {
        length: batch.length,
        columns: new Map(columns.map(({ name }, i) => [name, batch.columns.get(from[i]!.name)!])),
      };
      for (let i = 0; i < batch.length; i++) rows.push(rowOf(renamed, i));
    }
  }
  return { columns, rows };
}

/** Options for a format that no file has would have no effect. */
function checkOptions(files: readonly InputFile[], options: ReadOptions): void {
  const formats = new Set(files.map((file) => fileFormat(file, options)));
  const meant = {
    delimiter: options.delimiter !== undefined && "csv",
    column_names: options.columnNames !== undefined && "csv",
    split_by: options.splitBy !== "line" && "txt",
  } as const;
  for (const [name, format] of Object.entries(meant)) {
    if (format === false || formats.has(format)) continue;
    throw new UserError({
      what: `\`${name}\` is for ${format}, and the files are ${[...formats].join(" and ")}`,
      remedy: `leave it out, or say what the files are with \`format: ${format}\``,
    });
  }
}

function fileFormat(file: InputFile, options: ReadOptions): Format {
  return options.format === "auto" ? formatOf(file.name) : options.format;
}

/** Opens a file of rows. */
function openFile(file: InputFile, options: ReadOptions): RowFile {
  const { encoding, columnNames } = options;
  const format = fileFormat(file, options);
  switch (format) {
    case "parquet":
      return new ParquetTable(file, wantedNames(options.columns));
    case "jsonl":
      return openJsonl(file, { encoding });
    case "json":
      return openJson(file, { encoding });
    case "csv": {
      const stringColumns = [options.textColumn];
      return openCsv(file, { delimiter: options.delimiter, columnNames, stringColumns, encoding });
    }
    case "txt":
      return openText(file, { splitBy: options.splitBy, column: options.textColumn, encoding });
    default:
      return unreachable(format);
  }
}

function wantedNames(columns: ReadOptions["columns"]): readonly string[] | undefined {
  if (columns === undefined) return undefined;
  return Array.isArray(columns) ? columns : Object.keys(columns);
}

/** A parquet file that is read as a whole. */
class ParquetTable implements RowFile {
  readonly name: string;
  readonly #file: InputFile;
  readonly #names: readonly string[] | undefined;
  #table: Table | undefined;

  constructor(file: InputFile, names: readonly string[] | undefined) {
    this.name = file.name;
    this.#file = file;
    this.#names = names;
  }

  async find({ limit }: { readonly limit?: number | undefined }): Promise<FoundColumn[]> {
    this.#table = await readParquet(this.#file.path, {
      name: this.name,
      ...(limit === undefined ? {} : { limit }),
      ...(this.#names && { columns: this.#names }),
    });
    const { columns, rows } = this.#table;
    return columns.map((column) => {
      refuseColumnName(column.name, this.name);
      const { name } = column;
      const isWide = column.type === "int" && rows.some((row) => typeof row[name] === "bigint");
      return { ...column, isWide };
    });
  }

  async *batches(
    columns: readonly Column[],
    reading: { readonly limit?: number | undefined },
  ): AsyncGenerator<Batch> {
    if (this.#table === undefined) await this.find(reading);
    const rows = this.#table!.rows.slice(0, reading.limit);
    const batch = batchOf(rows, columns);
    const asText = (cell: Cell): Cell =>
      cell === null || typeof cell === "string" ? cell : String(cell);
    const cells = columns.map(({ name, type }): [string, readonly Cell[]] => {
      const own = batch.columns.get(name)!;
      return [name, type === "string" ? own.map(asText) : own];
    });
    yield { length: batch.length, columns: new Map(cells) };
  }
}

/** The columns that are wanted, by their names in the files and with those that they get. */
function chooseColumns(
  columns: readonly Column[],
  chosen: ReadOptions["columns"],
): { readonly from: Column[]; readonly columns: Column[] } {
  if (chosen === undefined || columns.length === 0) {
    return { from: [...columns], columns: [...columns] };
  }
  const names: [string, string][] = Array.isArray(chosen)
    ? chosen.map((name: string) => [name, name])
    : Object.entries(chosen);
  const from = names.map(([name]) => requireColumn(columns, name));
  for (const [, name] of names) refuseColumnName(name, "`columns`");
  return { from, columns: names.map(([, name], i) => ({ ...from[i]!, name })) };
}
