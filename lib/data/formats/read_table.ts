/**
 * Reads files of any format into one table.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import {
  type Column,
  fillInherited,
  refuseColumnName,
  requireColumn,
  type Row,
  type Table,
  unionColumns,
} from "./columns.ts";
import { readCsv } from "./csv.ts";
import { readJsonl } from "./jsonl.ts";
import { readParquet } from "./parquet/file.ts";
import { readText, type SplitBy } from "./text.ts";
import type { InputFile } from "./text_file.ts";

/** Formats of files. */
export const FORMATS = ["parquet", "jsonl", "csv", "txt"] as const;

/** A format of files. */
export type Format = (typeof FORMATS)[number];

/** How to read files. */
export interface ReadOptions {
  readonly format: Format | "auto";
  /** For txt. */
  readonly splitBy: SplitBy;
  /** For txt: the name of the column. In other formats this column is text whatever it looks like. */
  readonly textColumn: string;
  /** For csv; default a comma, a tab in .tsv files. */
  readonly delimiter?: string | undefined;
  /** For csv: the names of the columns of files without a header line. */
  readonly columnNames?: readonly string[] | undefined;
  /** Columns to keep: those listed, or a mapping from names in the files to new ones. */
  readonly columns?: readonly string[] | Readonly<Record<string, string>> | undefined;
  /** At most this many rows, over all files. */
  readonly limit?: number | undefined;
}

const EXTENSIONS: Readonly<Record<string, Format>> = {
  parquet: "parquet",
  jsonl: "jsonl",
  ndjson: "jsonl",
  json: "jsonl",
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
  const extension = /\.([a-z0-9]+)(?:\.gz)?$/i.exec(name)?.[1]?.toLowerCase() ?? "";
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
  const tables: Table[] = [];
  let left = options.limit ?? Infinity;
  for (const file of files) {
    const table = await readTable(file, { ...options, limit: left });
    for (const { name } of table.columns) refuseColumnName(name, file.name);
    tables.push(table);
    left -= table.rows.length;
    if (left <= 0) break;
  }
  const columns = unionColumns(tables.map((table) => table.columns));
  const rows: Row[] = [];
  for (const table of tables) for (const row of table.rows) rows.push(row);
  fillInherited(columns, rows);
  widen(columns, tables);
  return chooseColumns({ columns, rows }, options.columns);
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

async function readTable(
  file: InputFile,
  options: ReadOptions & { limit: number },
): Promise<Table> {
  const { limit } = options;
  switch (fileFormat(file, options)) {
    case "parquet": {
      const { columns } = options;
      const names = columns === undefined
        ? undefined
        : Array.isArray(columns)
        ? columns
        : Object.keys(columns);
      return await readParquet(file.path, {
        limit,
        name: file.name,
        ...(names && { columns: names }),
      });
    }
    case "jsonl":
      return await readJsonl(file, { limit });
    case "csv":
      return await readCsv(file, {
        limit,
        delimiter: options.delimiter ?? (/\.tsv(?:\.gz)?$/i.test(file.name) ? "\t" : ","),
        stringColumns: [options.textColumn],
        ...(options.columnNames && { columnNames: options.columnNames }),
      });
    case "txt":
      return await readText(file, { limit, splitBy: options.splitBy, column: options.textColumn });
  }
}

/** Where files disagree on a type the wider one counts; a csv's numbers in a text column become texts. */
function widen(columns: Column[], tables: readonly Table[]): void {
  columns.forEach((column, i) => {
    const types = tables.flatMap((table) =>
      table.columns.filter(({ name }) => name === column.name)
    );
    if (column.type !== "json" || types.some(({ type }) => type === "json")) return;
    if (!types.some(({ type }) => type === "string")) return;
    columns[i] = { name: column.name, type: "string" };
    for (const table of tables) {
      for (const row of table.rows) {
        const cell = row[column.name];
        if (cell !== null && cell !== undefined && typeof cell !== "string") {
          row[column.name] = String(cell);
        }
      }
    }
  });
}

function chooseColumns(table: Table, chosen: ReadOptions["columns"]): Table {
  if (chosen === undefined || (table.columns.length === 0 && table.rows.length === 0)) return table;
  const names: Record<string, string> = Array.isArray(chosen)
    ? Object.fromEntries(chosen.map((name: string) => [name, name]))
    : { ...chosen as Record<string, string> };
  const columns = Object.entries(names).map(([from, to]): Column => ({
    ...requireColumn(table.columns, from),
    name: to,
  }));
  for (const { name } of columns) refuseColumnName(name, "`columns`");
  const rows = table.rows.map((row) => {
    const kept: Row = {};
    for (const [from, to] of Object.entries(names)) kept[to] = row[from] ?? null;
    return kept;
  });
  return { columns, rows };
}
