/**
 * Files of any format as one table, in batches.
 *
 * @module
 */
import { nearest, unreachable, UserError } from "../../base/errors.ts";
import { ownMember } from "../../base/json.ts";
import type { Batch } from "../formats/batch.ts";
import {
  type Column,
  type ColumnType,
  type FlatType,
  refuseColumnName,
  requireColumn,
} from "../formats/columns.ts";
import { decideColumns } from "../formats/decide.ts";
import { type Format, formatOf } from "../formats/format.ts";
import { parquetFile } from "../formats/parquet/file.ts";
import type { FoundColumn, InputFile, ReadColumn, Reading, RowFile } from "../formats/row_file.ts";
import { TimeForms } from "../formats/timestamps.ts";
import { openCsv } from "../formats/text/csv.ts";
import type { Encoding } from "../formats/text/encoding.ts";
import { openJson, openJsonl } from "../formats/text/json.ts";
import { openText, type SplitBy } from "../formats/text/text.ts";

/** The types that columns are cast to; `["int"]` is a list of int. */
export type CastTypes = Readonly<
  Record<string, Exclude<ColumnType, "list"> | readonly FlatType[]>
>;

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
  /** For json: the member of the outermost object whose array holds the rows. */
  readonly field?: string | undefined;
  /** Columns to keep: those listed, or a mapping from names in the files to new ones. */
  readonly columns?: readonly string[] | Readonly<Record<string, string>> | undefined;
  /** Types that columns are cast to, by their names in the result. */
  readonly types?: CastTypes | undefined;
  /** Of text files; UTF-8 where it is not said. */
  readonly encoding?: Encoding | undefined;
}

/** Opens files of rows. @throws {UserError} Where the name of one tells no format, or an option has no effect. */
export function openFiles(files: readonly InputFile[], options: ReadOptions): RowFile[] {
  checkOptions(files, options);
  return files.map((file) => openFile(file, options));
}

/** How often a file is read: what its columns hold is told by the format, or found out before. */
export function passesOf(file: InputFile, options: Pick<ReadOptions, "format">): 1 | 2 {
  return ["parquet", "txt"].includes(fileFormat(file, options)) ? 1 : 2;
}

/** Which columns of files are read, and what they are called. */
export interface ChosenColumns {
  /** As the files call them, with the types that were decided over all or asked for. */
  readonly from: readonly ReadColumn[];
  /** As they are written. */
  readonly columns: readonly Column[];
}

/**
 * Finds the columns of files over all of them.
 *
 * @throws {UserError} Where a file cannot be read, or a chosen column is in none.
 */
export async function findColumns(
  files: readonly RowFile[],
  { columns: chosen, types = {}, ...reading }: Reading & Pick<ReadOptions, "columns" | "types">,
): Promise<ChosenColumns> {
  const times = new Map(
    Object.entries(types).filter(([, type]) => itemOrOwn(type) === "timestamp")
      .map(([name, type]) => [
        nameInFiles(name, chosen),
        new TimeForms({ isOfLists: typeof type !== "string" }),
      ]),
  );
  const finding = times.size === 0 ? reading : { ...reading, times };
  const found: (readonly FoundColumn[])[] = [];
  for (const file of files) {
    const columns = await file.find(finding);
    for (const { name } of columns) refuseColumnName(name, file.name);
    found.push(columns);
  }
  return castColumns(chooseColumns(decideColumns(found), chosen), { types, times });
}

/** What a column of the result is called in the files. */
function nameInFiles(name: string, chosen: ReadOptions["columns"]): string {
  if (chosen === undefined || Array.isArray(chosen)) return name;
  return Object.entries(chosen).find(([, own]) => own === name)?.[0] ?? name;
}

/** Columns with the types that are asked for. */
function castColumns(
  { from, columns }: ChosenColumns,
  { types, times }: {
    readonly types: CastTypes;
    readonly times: ReadonlyMap<string, TimeForms>;
  },
): ChosenColumns {
  const names = columns.map(({ name }) => name);
  for (const name of Object.keys(types)) {
    if (names.length === 0 || names.includes(name)) continue;
    throw new UserError({
      what: `\`types\` casts the column "${name}", and there is none`,
      nearest: nearest(name, names),
      requirement: `the columns are ${names.join(", ")}`,
      ...(from.some((column) => column.name === name)
        ? { remedy: "columns are called there as `columns` renames them" }
        : {}),
    });
  }
  const cast = (column: Column, at: number): Column => {
    const type = ownMember(types, columns[at]!.name);
    if (type === undefined) return column;
    const { name, names, items } = column;
    const of = itemOrOwn(type);
    const labels = typeof type === "string" ? names : items?.names;
    const more = {
      ...(of === "int" && labels !== undefined ? { names: labels } : {}),
      ...(of === "timestamp" ? times.get(from[at]!.name)!.form : {}),
    };
    return typeof type === "string"
      ? { name, type, ...more }
      : { name, type: "list", items: { type: type[0]!, ...more } };
  };
  return {
    from: from.map((column, at) => {
      const isCast = ownMember(types, columns[at]!.name) !== undefined;
      return isCast ? { ...cast(column, at), isCast } : column;
    }),
    columns: columns.map(cast),
  };
}

/** A type, or that of the items of lists. */
function itemOrOwn(type: CastTypes[string]): ColumnType {
  return typeof type === "string" ? type : type[0]!;
}

/** The rows of files, one below the other; a column that one lacks is null there. */
export async function* readFiles(
  files: readonly RowFile[],
  { from, columns }: ChosenColumns,
  { limit = Infinity, ...reading }: Reading,
): AsyncGenerator<Batch> {
  let left = limit;
  for (const file of files) {
    if (left <= 0) return;
    for await (const batch of file.batches(from, { ...reading, limit: left })) {
      left -= batch.length;
      const renamed = columns.map(({ name }, i) =>
        [name, batch.columns.get(from[i]!.name)!] as const
      );
      yield { length: batch.length, columns: new Map(renamed) };
    }
  }
}

/** Options for a format that no file has would have no effect. */
function checkOptions(files: readonly InputFile[], options: ReadOptions): void {
  const formats = new Set(files.map((file) => fileFormat(file, options)));
  const meant = {
    delimiter: options.delimiter !== undefined && "csv",
    column_names: options.columnNames !== undefined && "csv",
    field: options.field !== undefined && "json",
    split_by: options.splitBy !== "line" && "txt",
  } as const;
  for (const [name, format] of Object.entries(meant)) {
    if (format === false || formats.has(format)) continue;
    throw new UserError({
      what: `\`${name}\` is for ${format}, and the files are ${[...formats].join(" and ")}`,
      remedy: `leave it out, or say what the files are with \`format: ${format}\``,
    });
  }
  if (options.encoding !== undefined && files.length > 0 && [...formats].join() === "parquet") {
    throw new UserError({
      what: "`encoding` is for text files, and the files are parquet",
      requirement: "texts in parquet are UTF-8",
      remedy: "leave it out",
    });
  }
}

function fileFormat(file: InputFile, options: Pick<ReadOptions, "format">): Format {
  return options.format === "auto" ? formatOf(file.name) : options.format;
}

/** Opens a file of rows. */
function openFile(file: InputFile, options: ReadOptions): RowFile {
  const { encoding, columnNames } = options;
  const format = fileFormat(file, options);
  switch (format) {
    case "parquet":
      return parquetFile(file);
    case "jsonl":
      return openJsonl(file, { encoding });
    case "json":
      return openJson(file, { encoding, field: options.field });
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

/** The columns that are wanted, by their names in the files and with those that they get. */
function chooseColumns(
  columns: readonly Column[],
  chosen: ReadOptions["columns"],
): ChosenColumns {
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
