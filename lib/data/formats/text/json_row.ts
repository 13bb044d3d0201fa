/**
 * Rows of JSON, without a rounded number.
 *
 * `JSON.parse` makes 9007199254740992 of 9007199254740993. Integers past 2^53 are kept by their digits: in a
 * column they are bigints, or texts past 64 bits; within lists and objects, which hold no bigint, texts, as those of
 * parquet are.
 *
 * @module
 */
import { isJsonObject, type Json, parseJson } from "../../../base/json.ts";
import type { Cell, Column, ColumnType } from "../columns.ts";
import type { RowText } from "./bad_row.ts";
import { type FoundTypes, KIND } from "./found_types.ts";
import { kindOfInteger, valueOfText } from "./looks.ts";

/** A number that JavaScript's would not be exactly, by its text. */
class ExactNumber {
  constructor(readonly source: string) {}

  get kind(): number {
    return INTEGER.test(this.source) ? kindOfInteger(this.source) : KIND.huge;
  }
}

/** A value of a row before it is a cell. */
type RowValue = Json | ExactNumber;

/** A row that was parsed. */
export interface JsonRow {
  readonly text: string;
  /** On which it begins, from 1. */
  readonly line: number;
  readonly values: Readonly<Record<string, RowValue>>;
}

const INTEGER = /^-?\d+$/;

/** What a number may be in that JavaScript's does not hold, wherever it is in the text. */
const INEXACT = /[^.\d]\d{16}|[eE]\+?\d{3}/;

/**
 * Parses a row.
 *
 * @returns The row, or what the text is instead of an object.
 * @throws {SyntaxError} Where it is no JSON, or nested too deeply.
 */
export function parseRow({ text, line }: RowText): JsonRow | string {
  const value = INEXACT.test(text) ? parseNumbers(text, isInexact) : parseJson(text);
  if (isJsonObject(value)) return { text, line, values: value as JsonRow["values"] };
  if (value instanceof ExactNumber) return "a number";
  return value === null ? "null" : Array.isArray(value) ? "an array" : `a ${typeof value}`;
}

/** Adds the kinds of a row's values. */
export function addKinds(found: FoundTypes, { values }: JsonRow): void {
  for (const name in values) found.add(name, kindOf(values[name]!));
}

function kindOf(value: RowValue): number {
  switch (typeof value) {
    case "string":
      return KIND.string;
    case "number":
      return Number.isSafeInteger(value) ? KIND.int : KIND.float;
    case "boolean":
      return KIND.bool;
    default:
      return value === null ? 0 : value instanceof ExactNumber ? value.kind : KIND.nested;
  }
}

/**
 * Puts a row's values into the columns' cells.
 *
 * @returns The column that a value does not fit; undefined where all do.
 */
export function fillCells(
  cells: Cell[],
  { row, columns }: { readonly row: JsonRow; readonly columns: readonly Column[] },
): Column | undefined {
  let sources: Readonly<Record<string, RowValue>> | undefined;
  for (let i = 0; i < columns.length; i++) {
    const { name, type } = columns[i]!;
    let value: RowValue = Object.hasOwn(row.values, name) ? row.values[name]! : null;
    if (type === "string" && typeof value === "number") {
      // As it stands in the file: 1.50 is another text than 1.5.
      sources ??= parseNumbers(row.text, () => true) as Readonly<Record<string, RowValue>>;
      value = sources[name]!;
    }
    const cell = cellOf(value, type);
    if (cell === undefined) return columns[i];
    cells[i] = cell;
  }
  return undefined;
}

function cellOf(value: RowValue, type: ColumnType): Cell | undefined {
  if (value === null) return null;
  if (value instanceof ExactNumber) {
    return type === "bool" ? undefined : valueOfText(value.source, type);
  }
  switch (type) {
    case "json":
      return typeof value === "object" ? plain(value) : value;
    case "string":
      if (typeof value === "string") return value;
      return typeof value === "object" ? JSON.stringify(plain(value)) : String(value);
    default:
      if (typeof value === "string") return valueOfText(value, type);
      if (type === "bool") return typeof value === "boolean" ? value : undefined;
      if (type === "timestamp") return undefined;
      if (typeof value !== "number") return undefined;
      return type === "float" || Number.isSafeInteger(value) ? value : undefined;
  }
}

/** A nested value with texts for the numbers that are kept by their digits. */
function plain(value: RowValue): Json {
  if (value instanceof ExactNumber) return value.source;
  if (Array.isArray(value)) {
    return value.some((item) => typeof item === "object") ? value.map(plain) : value;
  }
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

/** Parses JSON, and keeps the numbers that are asked for by their texts. */
function parseNumbers(
  text: string,
  isKept: (value: number, source: string) => boolean,
): unknown {
  return parseJson(text, (_key, value, context) => {
    const source = context?.source;
    return typeof value === "number" && source !== undefined && isKept(value, source)
      ? new ExactNumber(source)
      : value;
  });
}

function isInexact(value: number, source: string): boolean {
  return !Number.isFinite(value) || (!Number.isSafeInteger(value) && INTEGER.test(source));
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
