/**
 * Which of our types a column of a parquet file has, and its values as cells.
 *
 * Timestamps are exact, whatever they count; a decimal is a float where a double prints its digits again,
 * and text where it does not; an unsigned integer past 63 bits is text. Items of lists are as values of a column.
 *
 * @module
 */
import type { ParquetParsers, SchemaElement, SchemaTree } from "hyparquet";
import { UserError } from "../../../base/errors.ts";
import { type Json, parseJson } from "../../../base/json.ts";
import {
  type Cell,
  cellText,
  type Column,
  type ColumnType,
  type FlatCell,
  type FlatType,
  type TimeUnit,
} from "../columns.ts";
import { jsonCell } from "../text/cast.ts";
import { timestampText } from "../timestamps.ts";

/** What values of a file are. */
export interface ParquetType {
  readonly type: ColumnType;
  readonly unit?: TimeUnit;
  readonly utc?: boolean;
  /** Digits after the point of a decimal. */
  readonly scale?: number;
  /** Whether it has values past 63 bits, as an unsigned integer of 64 may. */
  readonly isUnsigned?: boolean;
  /** Whether it can have integers past 2^53. */
  readonly isWide?: boolean;
  /** Whether it holds nulls alone, and says so. */
  readonly isNull?: boolean;
  /** Of a list. */
  readonly items?: ParquetType & { readonly type: FlatType };
  /** Of a list: whether what repeats is the item itself, and nothing around it. */
  readonly isBare?: boolean;
}

/** Bytes of the largest decimal that anybody writes, of 76 digits. */
const MAX_DECIMAL = 32;

/** Digits that every double keeps. */
const FLOAT_DIGITS = 15;

/** The type of a column. */
export function parquetType(field: SchemaTree): ParquetType {
  if (isFlat(field)) return valueType(field.element);
  const leaf = itemOf(field);
  if (leaf === undefined) return { type: "json" };
  const { type, ...rest } = valueType(leaf.element);
  // Of JSON, or lists of lists.
  if (type === "json" || type === "list") return { type: "json" };
  const isBare = leaf.element.repetition_type === "REPEATED";
  return { type: "list", items: { type, ...rest }, ...(isBare ? { isBare } : {}) };
}

/** Whether each value of a column is a row. */
export function isFlat({ element, children }: SchemaTree): boolean {
  return children.length === 0 && element.repetition_type !== "REPEATED";
}

/**
 * The items of a list of flat values, in any of the three ways in which the format has written such; undefined
 * where a column is nested otherwise.
 */
export function itemOf(field: SchemaTree): SchemaTree | undefined {
  const { element, children } = field;
  if (children.length === 0) return element.repetition_type === "REPEATED" ? field : undefined;
  if (element.repetition_type === "REPEATED" || element.converted_type !== "LIST") return undefined;
  const [repeated] = children;
  if (children.length > 1 || repeated?.element.repetition_type !== "REPEATED") return undefined;
  if (repeated.children.length === 0) return repeated;
  // By these names older writers mean a list of structs with one member.
  const { name } = repeated.element;
  if (name === "array" || name === `${element.name}_tuple`) return undefined;
  const [item] = repeated.children;
  return repeated.children.length === 1 && isFlat(item!) ? item : undefined;
}

function valueType(element: SchemaElement): ParquetType {
  const { type, converted_type: converted, logical_type: logical } = element;
  if (logical?.type === "NULL") return { type: "string", isNull: true };
  if (converted === "JSON" || logical?.type === "JSON") return { type: "json" };
  if (converted === "DECIMAL" || logical?.type === "DECIMAL") return decimalType(element);
  if (logical?.type === "FLOAT16") return { type: "float" };
  if (converted === "DATE" || logical?.type === "DATE") return { type: "string" };
  if (logical?.type === "TIMESTAMP") {
    const unit = ({ MILLIS: "ms", MICROS: "us", NANOS: "ns" } as const)[logical.unit];
    return { type: "timestamp", unit, utc: logical.isAdjustedToUTC };
  }
  // The older way to say it has no naive times, and pyarrow writes it beside the newer for UTC alone.
  if (converted === "TIMESTAMP_MILLIS") return { type: "timestamp", unit: "ms", utc: true };
  if (converted === "TIMESTAMP_MICROS") return { type: "timestamp", unit: "us", utc: true };
  // Spark and Impala, who write it, mean times on a wall.
  if (type === "INT96") return { type: "timestamp", unit: "ns", utc: false };
  if (type === "BOOLEAN") return { type: "bool" };
  if (type === "INT32") return { type: "int" };
  if (type === "INT64") {
    const isUnsigned = converted === "UINT_64" ||
      (logical?.type === "INTEGER" && logical.bitWidth === 64 && !logical.isSigned);
    return { type: "int", isWide: true, isUnsigned };
  }
  if (type === "FLOAT" || type === "DOUBLE") return { type: "float" };
  return { type: "string" };
}

function decimalType({ precision = 0, scale = 0 }: SchemaElement): ParquetType {
  if (scale === 0 && precision <= 18) {
    return { type: "int", scale, isWide: precision > FLOAT_DIGITS };
  }
  return { type: precision <= FLOAT_DIGITS ? "float" : "string", scale };
}

/** The element of a column with what hyparquet would round taken out. */
export function exactElement(element: SchemaElement): SchemaElement {
  const { converted_type: converted, logical_type: logical, ...rest } = element;
  return converted === "DECIMAL" || logical?.type === "DECIMAL" ? rest : element;
}

/** The element of a list, said in the way that hyparquet knows; some writers have the newer one alone. */
export function asList(element: SchemaElement): SchemaElement {
  const { logical_type: logical, converted_type: converted, num_children: children = 0 } = element;
  return logical?.type === "LIST" && converted === undefined && children > 0
    ? { ...element, converted_type: "LIST" }
    : element;
}

/** What hyparquet calls for values that JavaScript has not. */
export function exactParsers({ utc = true }: ParquetType): Partial<ParquetParsers> {
  const time = (unit: TimeUnit) => (count: bigint | undefined): string | undefined =>
    count === undefined ? undefined : timestampText(BigInt(count), { unit, utc });
  return {
    timestampFromMilliseconds: time("ms"),
    timestampFromMicroseconds: time("us"),
    timestampFromNanoseconds: time("ns"),
    dateFromDays: (days: number | undefined) =>
      days === undefined ? undefined : new Date(days * 86_400_000).toISOString().slice(0, 10),
    stringFromBytes: (bytes: Uint8Array | undefined) => bytes && decodeUtf8(bytes),
    jsonFromBytes: (bytes: Uint8Array | undefined) => bytes && parseJson(decodeUtf8(bytes)),
  } as unknown as Partial<ParquetParsers>;
}

/** A value that hyparquet gives as a cell of the file's own type. */
export function parquetCell(value: unknown, own: ParquetType): Cell {
  const { type, scale, items, isBare } = own;
  if (items !== undefined) return listCell(value, { items, isBare });
  if (value === null || value === undefined) return null;
  if (scale !== undefined) return decimalCell(value, { type, scale });
  switch (type) {
    case "json":
    case "list":
      return toJson(value);
    case "int":
      return typeof value === "bigint" ? safeInteger(value) : value as number;
    case "float":
      return Number(value);
    case "bool":
      return Boolean(value);
    case "timestamp":
    case "string":
      return value instanceof Uint8Array ? decodeUtf8(value) : String(value);
  }
}

function listCell(
  value: unknown,
  { items, isBare = false }: {
    readonly items: ParquetType;
    readonly isBare: boolean | undefined;
  },
): readonly FlatCell[] | null {
  // Where nothing is around the items, hyparquet has null for an empty list, and undefined for none.
  if (value === undefined || (value === null && !isBare)) return null;
  const list: unknown = value ?? [];
  if (!Array.isArray(list)) throw new Error("a list of which nothing repeats");
  // It is nobody else's, and a list may be long: a second one would take as much memory again.
  for (let i = 0; i < list.length; i++) list[i] = items.isNull ? null : parquetCell(list[i], items);
  return list as readonly FlatCell[];
}

/** The same in the type that was decided over all files. */
export function widened(cell: Cell, { type, items }: Omit<Column, "name">): Cell {
  if (cell === null) return null;
  switch (type) {
    case "string":
    case "timestamp":
      return typeof cell === "string" ? cell : cellText(cell);
    case "float":
      return Number(cell);
    case "json":
      return jsonCell(cell);
    case "list":
      return (cell as readonly FlatCell[]).map((item) => widened(item, items!) as FlatCell);
    default:
      return cell;
  }
}

function decimalCell(value: unknown, { type, scale }: { type: ColumnType; scale: number }): Cell {
  const digits = value instanceof Uint8Array ? signedInteger(value) : BigInt(value as bigint);
  if (scale === 0) return type === "int" ? safeInteger(digits) : String(digits);
  const text = String(digits < 0n ? -digits : digits).padStart(scale + 1, "0");
  const written = `${digits < 0n ? "-" : ""}${text.slice(0, -scale)}.${text.slice(-scale)}`;
  return type === "float" ? Number(written) : written;
}

/** Two's complement, the highest byte first. */
function signedInteger(bytes: Uint8Array): bigint {
  if (bytes.length > MAX_DECIMAL) throw new Error(`it holds a decimal of ${bytes.length} bytes`);
  let value = 0n;
  for (const byte of bytes) value = value << 8n | BigInt(byte);
  return BigInt.asIntN(bytes.length * 8, value);
}

function safeInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
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
