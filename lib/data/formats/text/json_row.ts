/**
 * Rows of JSON, without a rounded number.
 *
 * `JSON.parse` makes 9007199254740992 of 9007199254740993. Integers past 2^53 are kept by their digits: in a
 * column and in its lists they are bigints, or texts past 64 bits; within what stays JSON, which holds no bigint, texts,
 * as those of parquet are.
 *
 * @module
 */
import { isJsonObject } from "../../../base/json.ts";
import type { Cell, Column, FlatCell, Items } from "../columns.ts";
import type { ReadColumn } from "../row_file.ts";
import type { TimeForms } from "../timestamps.ts";
import type { RowText } from "./bad_row.ts";
import { castValue } from "./cast.ts";
import {
  ExactNumber,
  type ExactValue,
  jsonText,
  parseExact,
  parseNumbers,
  plain,
} from "./exact_json.ts";
import { type FoundTypes, KIND, kindsOfItems } from "./found_types.ts";
import { valueOfText } from "./looks.ts";

/** A row that was parsed. */
export interface JsonRow {
  readonly text: string;
  /** On which it begins, from 1. */
  readonly line: number;
  readonly values: Readonly<Record<string, ExactValue>>;
}

/**
 * Parses a row.
 *
 * @returns The row, or what the text is instead of an object.
 * @throws {SyntaxError} Where it is no JSON, or nested too deeply.
 */
export function parseRow({ text, line }: RowText): JsonRow | string {
  const value = parseExact(text);
  if (isJsonObject(value)) return { text, line, values: value as JsonRow["values"] };
  if (value instanceof ExactNumber) return "a number";
  return value === null ? "null" : Array.isArray(value) ? "an array" : `a ${typeof value}`;
}

/** Adds the kinds of a row's values. */
export function addKinds(found: FoundTypes, { values }: JsonRow): void {
  for (const name in values) found.add(name, kindOf(values[name]!));
}

/** Counts a row's texts in columns that are to be times. */
export function seeTimes(times: ReadonlyMap<string, TimeForms>, { values }: JsonRow): void {
  for (const [name, forms] of times) {
    forms.see(Object.hasOwn(values, name) ? values[name] : null);
  }
}

function kindOf(value: ExactValue): number {
  switch (typeof value) {
    case "string":
      return KIND.string;
    case "number":
      return Number.isSafeInteger(value) ? KIND.int : KIND.float;
    case "boolean":
      return KIND.bool;
    default:
      if (value === null) return 0;
      if (value instanceof ExactNumber) return value.kind;
      return Array.isArray(value) ? kindsOfItems(kindsIn(value)) : KIND.nested;
  }
}

/** The kinds of all items; what is an array itself is nested in any list. */
function kindsIn(items: readonly ExactValue[]): number {
  let kinds = 0;
  for (const item of items) kinds |= Array.isArray(item) ? KIND.nested : kindOf(item);
  return kinds;
}

/**
 * Puts a row's values into the columns' cells.
 *
 * @returns The column that a value does not fit; undefined where all do.
 */
export function fillCells(
  cells: Cell[],
  { row, columns }: { readonly row: JsonRow; readonly columns: readonly ReadColumn[] },
): ReadColumn | undefined {
  let sources: Readonly<Record<string, ExactValue>> | undefined;
  for (let i = 0; i < columns.length; i++) {
    const column = columns[i]!;
    const { name } = column;
    let value: ExactValue = Object.hasOwn(row.values, name) ? row.values[name]! : null;
    if (isByItsText(value, column)) {
      sources ??= parseNumbers(row.text, () => true) as Readonly<Record<string, ExactValue>>;
      value = sources[name]!;
    }
    const cell = column.isCast ? castValue(value, column) : cellOf(value, column);
    if (cell === undefined) return column;
    cells[i] = cell;
  }
  return undefined;
}

/**
 * Whether a number, or one in a list, is read as it stands in the file: 1.50 is another text than 1.5, and a double
 * may be a rounded integer.
 */
function isByItsText(value: ExactValue, { type, items, isCast }: ReadColumn): boolean {
  const own = items?.type ?? type;
  if (own !== "string" && (own !== "int" || !isCast)) return false;
  if (typeof value === "number") return true;
  return type === "list" && Array.isArray(value) && value.some((item) => typeof item === "number");
}

function listOf(value: ExactValue, items: Items): Cell | undefined {
  if (!Array.isArray(value)) return undefined;
  const cells: FlatCell[] = [];
  for (const item of value as readonly ExactValue[]) {
    const isNested = typeof item === "object" && item !== null && !(item instanceof ExactNumber);
    const cell = isNested ? undefined : cellOf(item, items);
    if (cell === undefined) return undefined;
    cells.push(cell as FlatCell);
  }
  return cells;
}

function cellOf(value: ExactValue, { type, items }: Omit<Column, "name">): Cell | undefined {
  if (value === null) return null;
  if (type === "list") return listOf(value, items!);
  if (value instanceof ExactNumber) {
    return type === "bool" ? undefined : valueOfText(value.source, type);
  }
  switch (type) {
    case "json":
      return typeof value === "object" ? plain(value) : value;
    case "string":
      if (typeof value === "string") return value;
      return typeof value === "object" ? jsonText(value) : String(value);
    default:
      if (typeof value === "string") return valueOfText(value, type);
      if (type === "bool") return typeof value === "boolean" ? value : undefined;
      if (type === "timestamp") return undefined;
      if (typeof value !== "number") return undefined;
      return type === "float" || Number.isSafeInteger(value) ? value : undefined;
  }
}

/**
 * Where a text stops being JSON: V8 tells it only sometimes. The shortest beginning that fails for
 * another reason than being too short ends with the wrong character.
 *
 * @returns The index; the text's length where it only ends too soon.
 */
export function errorPosition(text: string): number {
  const isWrong = (length: number): boolean => {
    try {
      JSON.parse(text.slice(0, length));
      return false;
    } catch (error) {
      const { message } = error as Error;
      const position = Number(/position (\d+)/.exec(message)?.[1] ?? -1);
      return !/end of JSON|Unterminated/.test(message) && position < length;
    }
  };
  let [fine, wrong] = [0, text.length + 1];
  while (wrong - fine > 1) {
    const middle = (fine + wrong) >> 1;
    if (isWrong(middle)) wrong = middle;
    else fine = middle;
  }
  return wrong - 1;
}
