/**
 * What a table's cells may hold, and which column type a bunch of values has.
 *
 * Six types, the ones that text work needs. Dates are ISO texts, lists and objects are `json`. A cell of a
 * `timestamp` is its ISO 8601 text, with as many digits as its unit has, and a `Z` where it is a moment of
 * the world's time and not of some wall's clock.
 *
 * @module
 */
import { nearest, UserError } from "../../base/errors.ts";
import type { Json } from "../../base/json.ts";

/** One value. A bigint only where an `int` is past 2^53. */
export type Cell = Json | bigint;

/** A row by column name. A column that is not there is null. */
export type Row = Record<string, Cell>;

/** Types of columns: `int` is 64 bits, `float` is a double, `json` anything nested. */
export type ColumnType = "string" | "int" | "float" | "bool" | "timestamp" | "json";

/** What a timestamp counts. */
export type TimeUnit = "ms" | "us" | "ns";

/** A column of a dataset. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** What the integers 0, 1, ... of a label column stand for (a ClassLabel of `datasets`). */
  readonly names?: readonly string[];
  /** Of a timestamp. */
  readonly unit?: TimeUnit;
  /** Of a timestamp: whether it counts from 1970 in UTC; else it is naive, a time on a wall. */
  readonly utc?: boolean;
}

/** The type of one value; undefined for null. */
function cellType(cell: Cell | undefined): ColumnType | undefined {
  switch (typeof cell) {
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "bigint":
      return "int";
    case "number":
      return Number.isSafeInteger(cell) ? "int" : "float";
    case "object":
      return cell === null ? undefined : "json";
    default:
      return undefined;
  }
}

/**
 * The columns of rows whose types nobody wrote down, in order of first appearance.
 *
 * A column of ints and floats is `float`; a column of nothing but nulls is `string`; any other
 * mixture is `json`, whose cells stay as they are.
 */
export function inferColumns(rows: Iterable<Row>): Column[] {
  const types = new Map<string, ColumnType | undefined>();
  for (const row of rows) {
    for (const name in row) {
      const type = cellType(row[name]);
      const known = types.get(name);
      if (known === undefined) types.set(name, type);
      else if (type !== undefined && type !== known) types.set(name, mergeTypes(known, type));
    }
  }
  return [...types].map(([name, type]) => ({ name, type: type ?? "string" }));
}

/** The narrowest type that holds values of both. */
function mergeTypes(a: ColumnType, b: ColumnType): ColumnType {
  if (a === b) return a;
  const numeric = (type: ColumnType): boolean => type === "int" || type === "float";
  return numeric(a) && numeric(b) ? "float" : "json";
}

/**
 * Checks that a cell fits its column.
 *
 * @param cell The value; null fits every column.
 * @param column Where it belongs.
 * @param where For the message: `row 3 of split "train"`.
 * @throws {UserError} Where it does not.
 */
export function checkCell(cell: Cell | undefined, column: Column, where: () => string): void {
  if (cell === null || cell === undefined) return;
  const fits = column.type === "json" ||
    ((column.type === "string" || column.type === "timestamp") && typeof cell === "string") ||
    (column.type === "bool" && typeof cell === "boolean") ||
    (column.type === "float" && typeof cell === "number") ||
    (column.type === "int" &&
      (typeof cell === "bigint" ? BigInt.asIntN(64, cell) === cell : Number.isSafeInteger(cell)));
  if (fits) return;
  const shown = typeof cell === "object" ? JSON.stringify(cell) : String(cell);
  throw new UserError({
    what: `column "${column.name}" holds ${typeof cell} ${shown.slice(0, 60)} in ${where()}`,
    requirement: `its type is ${column.type}`,
  });
}

/**
 * The column called `name`.
 *
 * @throws {UserError} Where there is none, with the columns that are there.
 */
export function requireColumn(columns: readonly Column[], name: string): Column {
  const column = columns.find((candidate) => candidate.name === name);
  if (column !== undefined) return column;
  const names = columns.map((candidate) => candidate.name);
  throw new UserError({
    what: `there is no column "${name}"`,
    nearest: nearest(name, names),
    requirement: names.length === 0
      ? "the data has no columns"
      : `the columns are ${names.join(", ")}`,
  });
}

/**
 * Refuses the one name that no row can have: in JavaScript it is not a cell's, but leads to what every object
 * has, and the cell would vanish.
 *
 * @throws {UserError} For `__proto__`.
 */
export function refuseColumnName(name: string, where: string): void {
  if (name !== "__proto__") return;
  throw new UserError({
    what: `${where} has a column "${name}"`,
    requirement: "no column may be called that: in JavaScript it is no cell of a row",
    remedy: "give the column another name in the file",
  });
}

/** A cell as text: what a template, a comparison or a message shows. */
export function cellText(cell: Cell | undefined): string {
  if (cell === null || cell === undefined) return "";
  return typeof cell === "object" ? JSON.stringify(cell) : String(cell);
}
