/**
 * Values of one type as those of another, where somebody asks for it. Nothing is rounded, cut or guessed: what is
 * not exactly a value of the new type is none, and its row cannot be read.
 *
 * ```text
 * string     numbers and truth values as they are written in the file, nested values as JSON
 * int        a whole number however it is written: 7, -007, 7.0, 7e2; 1 and 0 for true and false
 * float      decimals, with an exponent or without; nan, inf, infinity; no integer that a double would round
 * bool       true and false in any case, 1 and 0
 * timestamp  ISO 8601: a date, or a date with a time; see timestamps.ts
 * json       a text is parsed, anything else is itself
 * list       a list, or JSON text of one: each item as above, in the type of the items
 * ```
 *
 * White space around a text counts nothing, but for `string`. A null stays one, and an empty cell of csv is one, in
 * quotes, too, but for `string`.
 *
 * @module
 */
import { type Cell, cellText, type Column, type ColumnType, type FlatCell } from "../columns.ts";
import { parseTime, timestampOf } from "../timestamps.ts";
import {
  ExactNumber,
  type ExactValue,
  jsonText,
  parseExact,
  parseNumbers,
  plain,
} from "./exact_json.ts";

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;
const INT = /^[+-]?\d+(?:\.0*)?$/;
const FLOAT = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const NO_NUMBER = /^[+-]?(?:nan|inf|infinity)$/i;
const BOOL = /^(?:(true|1)|false|0)$/i;

/** Most characters of a number: no type holds one that needs more. */
const MAX_NUMBER = 1000;

/** Digits of the longest integer of 64 bits. */
const MAX_DIGITS = 19;

/** What texts of a type look like, for messages. */
const FORMS: Readonly<Record<ColumnType, string>> = {
  string: "any text",
  int: "whole numbers of at most 64 bits, such as -7, 007, 7.0 or 7e2",
  float: "numbers such as 7, -0.5 or 1e-5, and no integer that a double would round",
  bool: "true, false, 1 and 0",
  timestamp: "ISO 8601 such as 2024-02-29T12:00:00.5 or 2024-02-29 12:00Z, all with a zone or none",
  json: "JSON",
  list: "a list, or JSON text of one",
};

/** What the values of a cast column have to be, for the error where one is not. */
export function castRequirement({ type, unit, utc, items }: Column): string {
  const of = items ?? { type, unit, utc };
  const zone = of.utc ? ", with a zone" : ", without a zone";
  return `it is cast to ${items === undefined ? type : `list of ${items.type}: ${FORMS.list}`}: ${
    FORMS[of.type]
  }${of.unit === undefined ? "" : `; here in ${of.unit}${zone}, as most are`}`;
}

/**
 * The value that a text stands for.
 *
 * @returns Undefined where it is none of the column's type.
 */
export function castText(text: string, column: Column): Cell | undefined {
  switch (column.type) {
    case "string":
      return text;
    case "json":
      try {
        return plain(parseExact(text) as ExactValue);
      } catch {
        return undefined;
      }
    case "timestamp": {
      const time = parseTime(text.trim());
      return time && timestampOf(time, { unit: column.unit!, utc: column.utc! });
    }
    case "bool": {
      const match = BOOL.exec(text.trim());
      return match === null ? undefined : match[1] !== undefined;
    }
    case "int": {
      const value = integerOfText(text.trim());
      return value === undefined ? undefined : integer(value);
    }
    case "float":
      return floatOfText(text.trim());
    case "list":
      return castList(text, column);
  }
}

/** JSON text of a list; numbers are read as they are written there. */
function castList(text: string, column: Column): Cell | undefined {
  try {
    const value = parseNumbers(text, () => true) as ExactValue;
    if (value === null) return null;
    return Array.isArray(value) ? castValue(value, column) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The value of JSON text in another type.
 *
 * @returns Undefined where there is none.
 */
export function castValue(value: ExactValue, column: Column): Cell | undefined {
  if (value instanceof ExactNumber) return castText(value.source, column);
  if (typeof value !== "object" || value === null) return castCell(value, column);
  if (column.type === "string") return jsonText(value);
  if (column.type !== "list") return castCell(plain(value), column);
  return Array.isArray(value)
    ? castItems<ExactValue>(value, { column, cast: castValue })
    : undefined;
}

function castItems<Item>(
  items: readonly Item[],
  { column, cast }: {
    readonly column: Column;
    readonly cast: (item: Item, column: Column) => Cell | undefined;
  },
): Cell | undefined {
  const own = { name: column.name, ...column.items! };
  const cells: FlatCell[] = [];
  for (const item of items) {
    const cell = cast(item, own);
    if (cell === undefined) return undefined;
    cells.push(cell as FlatCell);
  }
  return cells;
}

/**
 * The same value in another type.
 *
 * @returns Undefined where there is none.
 */
export function castCell(cell: Cell, column: Column): Cell | undefined {
  if (cell === null) return null;
  if (typeof cell === "string") return castText(cell, column);
  switch (column.type) {
    case "string":
      return cellText(cell);
    case "json":
      return jsonCell(cell);
    case "list":
      return Array.isArray(cell) ? castItems<Cell>(cell, { column, cast: castCell }) : undefined;
    case "timestamp":
      return undefined; // A number does not say what it counts, nor from when.
    case "bool":
      if (typeof cell === "boolean") return cell;
      return cell === 0 || cell === 1 ? cell === 1 : undefined;
    case "float":
      if (typeof cell === "bigint") return floatOfInteger(cell);
      return typeof cell === "number" ? cell : typeof cell === "boolean" ? Number(cell) : undefined;
    case "int":
      if (typeof cell === "boolean") return Number(cell);
      if (typeof cell === "bigint") return integer(cell);
      return typeof cell === "number" && Number.isInteger(cell) ? integer(BigInt(cell)) : undefined;
  }
}

/** The cell in a column of JSON, which holds no bigint. */
export function jsonCell(cell: Cell): Cell {
  if (typeof cell === "bigint") return String(cell);
  if (!Array.isArray(cell) || !cell.some((item) => typeof item === "bigint")) return cell;
  return cell.map((item) => typeof item === "bigint" ? String(item) : item);
}

/** The whole number that a decimal is, whatever way it is written; undefined where it is none. */
function integerOfText(text: string): bigint | undefined {
  const match = text.length > MAX_NUMBER ? null : DECIMAL.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const digits = (whole + fraction).replace(/^0+(?=\d)/, "");
  if (digits === "0") return 0n;
  const bare = digits.replace(/0+$/, "");
  const zeros = digits.length - bare.length + Number(exponent) - fraction.length;
  if (zeros < 0 || bare.length + zeros > MAX_DIGITS) return undefined;
  return BigInt(`${sign === "-" ? "-" : ""}${bare}${"0".repeat(zeros)}`);
}

function integer(value: bigint): Cell | undefined {
  if (BigInt.asIntN(64, value) !== value) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function floatOfText(text: string): number | undefined {
  if (text.length > MAX_NUMBER) return undefined;
  if (NO_NUMBER.test(text)) {
    const sign = text.startsWith("-") ? -1 : 1;
    return /nan$/i.test(text) ? NaN : sign * Infinity;
  }
  if (!FLOAT.test(text)) return undefined;
  if (INT.test(text)) {
    const value = floatOfInteger(BigInt(text.replace(/^\+|\..*$/g, "")));
    return value === 0 && text.startsWith("-") ? -0 : value;
  }
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** The double that an integer is; undefined where it would be another. */
function floatOfInteger(value: bigint): number | undefined {
  const number = Number(value);
  return Number.isFinite(number) && BigInt(number) === value ? number : undefined;
}
