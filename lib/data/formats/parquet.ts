/**
 * Parquet in and out, by hyparquet (every encoding and codec) and hyparquet-writer (snappy).
 *
 * What a file may hold and {@linkcode Row} may not is turned into what is nearest: timestamps and
 * dates into ISO 8601 texts, decimals into floats, lists, structs and maps into `json`, int64 into
 * a number where it is safe and a bigint where it is not. Binary columns are an error unless they
 * hold UTF-8. Left out: encrypted files, BSON, INTERVAL.
 *
 * @module
 */
import { parquetMetadataAsync, parquetRead, parquetSchema } from "hyparquet";
import type { AsyncBuffer, FileMetaData, KeyValue, SchemaElement, SchemaTree } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { type ColumnSource, parquetWriteFile } from "hyparquet-writer";
import { nearest, UserError } from "../../base/errors.ts";
import { type Json, ownMember, parseJson } from "../../base/json.ts";
import {
  type Cell,
  checkCell,
  type Column,
  type ColumnType,
  refuseColumnName,
  type Row,
  type Table,
} from "./columns.ts";

/**
 * Reads a parquet file.
 *
 * @param path The file.
 * @param options `columns` reads only these; `limit` at most that many rows from the start;
 * `name` is what messages call the file.
 * @throws {UserError} Where it is no parquet file, is damaged, or a column is missing or binary.
 */
export async function readParquet(
  path: string,
  options: { columns?: readonly string[]; limit?: number; name?: string } = {},
): Promise<Table> {
  const file = openBuffer(path);
  const shown = options.name ?? path;
  try {
    const metadata = await explain(shown, () => parquetMetadataAsync(file));
    const available = parquetSchema(metadata).children;
    const labels = classLabels(metadata.key_value_metadata ?? []);
    const chosen = options.columns?.map((name) => findField(available, name, shown)) ?? available;
    const count = Math.min(Number(metadata.num_rows), options.limit ?? Infinity);
    const rows: Row[] = Array.from({ length: count }, () => ({}));
    const columns: Column[] = [];
    for (const field of chosen) {
      const name = field.element.name;
      refuseColumnName(name, shown);
      const type = typeOf(field);
      const names = type === "int" ? labels.get(name) : undefined;
      columns.push({ name, type, ...(names ? { names } : {}) });
      if (field.element.logical_type?.type === "NULL") {
        for (const row of rows) row[name] = null;
        continue;
      }
      await explain(`${shown}, column "${name}"`, async () => {
        const cells = await readColumn(file, metadata, { name, count });
        for (let i = 0; i < count; i++) rows[i]![name] = toCell(cells[i], type);
      });
    }
    return { columns, rows };
  } finally {
    file.close();
  }
}

/**
 * Writes a parquet file: snappy, UTF-8 strings, int64, double, boolean; `json` as JSON text. The
 * same rows give the same bytes. A lone surrogate in a text becomes U+FFFD.
 *
 * @param path Where; an existing file is replaced.
 * @param columns What to write, in this order.
 * @param options `rows`, and `label` for messages: `split "train"`.
 * @throws {UserError} Where a cell does not fit its column or a row has a key that is no column.
 */
export function writeParquet(
  path: string,
  columns: readonly Column[],
  options: { rows: readonly Row[]; label?: string },
): void {
  const { rows } = options;
  const label = options.label ?? path;
  const names = new Set(columns.map((column) => column.name));
  rows.forEach((row, i) => {
    for (const key in row) {
      if (!names.has(key)) {
        throw new UserError({
          what: `row ${i} of ${label} has "${key}", which is no column`,
          nearest: nearest(key, names),
          requirement: `the columns are ${[...names].join(", ")}`,
        });
      }
    }
  });
  const columnData = columns.map((column): ColumnSource => {
    const data = rows.map((row, i) => {
      const cell = ownMember(row, column.name);
      checkCell(cell, column, () => `row ${i} of ${label}`);
      return toParquet(cell, column.type);
    });
    return { name: column.name, type: PHYSICAL[column.type], data };
  });
  const kvMetadata = featuresMetadata(columns);
  parquetWriteFile({ filename: path, columnData, createdBy: "temper", kvMetadata });
}

const PHYSICAL = {
  string: "STRING",
  int: "INT64",
  float: "DOUBLE",
  bool: "BOOLEAN",
  // Not JSON: pyarrow makes an extension type of it that `datasets` and pandas do not take.
  json: "STRING",
} as const;

function toParquet(cell: Cell | undefined, type: ColumnType): Exclude<Cell, object> | null {
  if (cell === null || cell === undefined) return null;
  if (type === "json") return JSON.stringify(cell, (_, v) => typeof v === "bigint" ? String(v) : v);
  if (type === "int") return BigInt(cell as number | bigint);
  return cell as Exclude<Cell, object>;
}

/** A file as hyparquet wants it. Reading is synchronous, so that concurrent slices cannot mix. */
function openBuffer(path: string): AsyncBuffer & { close(): void } {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (error) {
    throw new UserError({ what: `cannot open ${path}: ${(error as Error).message}`, cause: error });
  }
  const byteLength = file.statSync().size;
  return {
    byteLength,
    slice(start: number, end: number = byteLength): ArrayBuffer {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, byteLength) - start));
      file.seekSync(start, Deno.SeekMode.Start);
      for (let at = 0; at < bytes.length;) {
        const n = file.readSync(bytes.subarray(at));
        if (n === null) break;
        at += n;
      }
      return bytes.buffer;
    },
    close: () => file.close(),
  };
}

async function readColumn(
  file: AsyncBuffer,
  metadata: FileMetaData,
  { name, count }: { name: string; count: number },
): Promise<unknown[]> {
  const cells: unknown[] = new Array(count);
  let filled = 0;
  if (count === 0) return cells;
  await parquetRead({
    file,
    metadata,
    columns: [name],
    rowEnd: count,
    compressors,
    // Bytes that are no declared text arrive as bytes, so that binary data is found out.
    utf8: false,
    geoparquet: false,
    parsers: {
      dateFromDays: (days: number | undefined) =>
        days === undefined ? undefined : new Date(days * 86_400_000).toISOString().slice(0, 10),
      stringFromBytes: (bytes: Uint8Array | undefined) => bytes && decodeUtf8(bytes),
      jsonFromBytes: (bytes: Uint8Array | undefined) => bytes && parseJson(decodeUtf8(bytes)),
    },
    onChunk({ columnData, rowStart, rowEnd }): void {
      // A chunk may go past the rows that were asked for.
      for (let i = rowStart; i < Math.min(rowEnd, count); i++, filled++) {
        cells[i] = columnData[i - rowStart];
      }
    },
  });
  if (filled < count) throw new Error(`it has ${filled} values for ${count} rows`);
  return cells;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new UserError({
      what: "it holds binary data, not UTF-8 text",
      remedy: "leave the column out: name those to keep with `columns`",
    });
  }
}

/** hyparquet's plain errors as ours, with the file's name. */
async function explain<T>(where: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof UserError) {
      throw new UserError({ ...error.parts, what: `cannot read ${where}: ${error.parts.what}` });
    }
    throw new UserError({
      what: `cannot read ${where} as parquet: ${(error as Error).message}`,
      remedy: "the file may be cut short or of another format; see the option `format`",
      cause: error,
    });
  }
}

function findField(fields: readonly SchemaTree[], name: string, path: string): SchemaTree {
  const field = fields.find(({ element }) => element.name === name);
  if (field !== undefined) return field;
  const names = fields.map(({ element }) => element.name);
  throw new UserError({
    what: `${path} has no column "${name}"`,
    nearest: nearest(name, names),
    requirement: `its columns are ${names.join(", ")}`,
  });
}

function typeOf({ element, children }: SchemaTree): ColumnType {
  if (children.length > 0 || element.repetition_type === "REPEATED") return "json";
  const { type, converted_type: converted, logical_type: logical }: SchemaElement = element;
  if (converted === "JSON" || logical?.type === "JSON") return "json";
  if (converted === "DECIMAL" || logical?.type === "DECIMAL" || logical?.type === "FLOAT16") {
    return "float";
  }
  if (converted === "DATE" || converted?.startsWith("TIMESTAMP") || logical?.type === "DATE") {
    return "string";
  }
  if (logical?.type === "TIMESTAMP" || type === "INT96") return "string";
  if (type === "BOOLEAN") return "bool";
  if (type === "INT32" || type === "INT64") return "int";
  if (type === "FLOAT" || type === "DOUBLE") return "float";
  return "string";
}

function toCell(value: unknown, type: ColumnType): Cell {
  if (value === null || value === undefined) return null;
  switch (type) {
    case "json":
      return toJson(value);
    case "int":
      return typeof value === "bigint" ? safeInteger(value) : value as number;
    case "float":
      return Number(value);
    case "bool":
      return Boolean(value);
    case "string":
      if (value instanceof Uint8Array) return decodeUtf8(value);
      return value instanceof Date ? value.toISOString() : String(value);
  }
}

function safeInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Nested values as JSON has them; an integer that no number can hold becomes text. */
function toJson(value: unknown): Json {
  if (value === null || value === undefined) return null;
  if (typeof value === "bigint") {
    const integer = safeInteger(value);
    return typeof integer === "bigint" ? String(integer) : integer;
  }
  if (typeof value !== "object") return value as Json;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return decodeUtf8(value);
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    return Array.from(value as ArrayLike<unknown>, toJson);
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toJson(inner)]));
}

/** Label names as `datasets` keeps them in a file: {"info": {"features": {"label": {"names": ...}}}}. */
function classLabels(metadata: readonly KeyValue[]): Map<string, readonly string[]> {
  const labels = new Map<string, readonly string[]>();
  const entry = metadata.find(({ key }) => key === "huggingface")?.value;
  if (entry === undefined) return labels;
  let features: unknown;
  try {
    features = (parseJson(entry) as { info?: { features?: unknown } } | null)?.info?.features;
  } catch {
    // Names are an extra: a file whose note about them cannot be parsed is still a good file.
    return labels;
  }
  for (const [name, feature] of Object.entries(features ?? {})) {
    const names: unknown = feature?.names;
    if (Array.isArray(names)) labels.set(name, names.map(String));
  }
  return labels;
}

/** The note that makes `datasets` show a ClassLabel; nothing where no column has names. */
function featuresMetadata(columns: readonly Column[]): KeyValue[] {
  if (!columns.some((column) => column.names)) return [];
  const dtypes = { string: "string", int: "int64", float: "float64", bool: "bool", json: "string" };
  const features = Object.fromEntries(columns.map(({ name, type, names }) => [
    name,
    names ? { names, _type: "ClassLabel" } : { dtype: dtypes[type], _type: "Value" },
  ]));
  return [{ key: "huggingface", value: JSON.stringify({ info: { features } }) }];
}
