/**
 * What a table's cells may hold, and which column type a bunch of values has.
 *
 * Seven types, the ones that text work needs: five flat ones, lists of one of those, and `json` for whatever else
 * is nested. Dates are ISO texts. A cell of a `timestamp` is its ISO 8601 text, with as many digits as its unit has,
 * and a `Z` where it is a moment of the world's time and not of some wall's clock.
 *
 * @module
 */
import { nearest, UserError } from "../../base/errors.ts";
import type { Json } from "../../base/json.ts";

/** A value of a flat column, or an item of a list. A bigint only where an `int` is past 2^53. */
export type FlatCell = string | number | boolean | bigint | null;

/** One value. In `json` an integer past 2^53 is a text: bigints are in flat columns and in lists alone. */
export type Cell = Json | FlatCell | readonly FlatCell[];

/** A row by column name. A column that is not there is null. */
export type Row = Record<string, Cell>;

/** Types of columns whose cells are one value, and of the items of lists: `int` is 64 bits, `float` is a double. */
export type FlatType = "string" | "int" | "float" | "bool" | "timestamp";

/** Types of columns: those, a `list` of one of them, and `json`, which is anything nested. */
export type ColumnType = FlatType | "list" | "json";

/** What a timestamp counts. */
export type TimeUnit = "ms" | "us" | "ns";

/** What values are. */
interface Values<Type extends ColumnType> {
  readonly type: Type;
  /** What the integers 0, 1, ... of a label column stand for (a ClassLabel of `datasets`). */
  readonly names?: readonly string[];
  /** Of a timestamp. */
  readonly unit?: TimeUnit;
  /** Of a timestamp: whether it counts from 1970 in UTC; else it is naive, a time on a wall. */
  readonly utc?: boolean;
}

/** What the items of a column of lists are; any of them may be null. */
export type Items = Values<FlatType>;

/** A column of a dataset. */
export interface Column extends Values<ColumnType> {
  readonly name: string;
  /** Of a list, and of nothing else. */
  readonly items?: Items;
}

/** The type of one value; undefined for null. */
function cellType(cell: Cell | undefined): Exclude<ColumnType, "timestamp"> | undefined {
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
      if (cell === null) return undefined;
      return Array.isArray(cell) && !cell.some(isNested) ? "list" : "json";
    default:
      return undefined;
  }
}

function isNested(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/**
 * The columns of rows whose types nobody wrote down, in order of first appearance.
 *
 * A column of ints and floats is `float`; a column of nothing but nulls is `string`; any other
 * mixture is `json`, whose cells stay as they are. The items of lists are merged alike; an empty one fits all.
 */
export function inferColumns(rows: Iterable<Row>): Column[] {
  const seen = new Map<string, { types: Set<ColumnType>; items: Set<ColumnType> }>();
  for (const row of rows) {
    for (const name in row) {
      let known = seen.get(name);
      if (known === undefined) {
        seen.set(name, known = { types: new Set<ColumnType>(), items: new Set<ColumnType>() });
      }
      const cell = row[name];
      const type = cellType(cell);
      if (type === undefined) continue;
      known.types.add(type);
      if (type !== "list") continue;
      for (const item of cell as readonly FlatCell[]) {
        const own = cellType(item);
        if (own !== undefined) known.items.add(own);
      }
    }
  }
  return [...seen].map(([name, { types, items }]) => {
    const type = mergedType(types);
    if (type !== "list") return { name, type };
    const own = mergedType(items);
    return own === "json" ? { name, type: own } : { name, type, items: { type: own as FlatType } };
  });
}

/** The narrowest type that holds values of all. */
function mergedType(types: ReadonlySet<ColumnType>): ColumnType {
  if (types.size === 0) return "string";
  if (types.size === 1) return [...types][0]!;
  return [...types].every((type) => type === "int" || type === "float") ? "float" : "json";
}

/** The type of a column in words: `list of int`, `timestamp in us with a zone`. */
export function typeWords({ type, unit, utc, items }: Omit<Column, "name">): string {
  if (items !== undefined) return `list of ${typeWords(items)}`;
  return unit === undefined ? type : `${type} in ${unit} ${utc ? "with" : "without"} a zone`;
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
  const { type, items } = column;
  if (!fits(cell, type)) throw unfit(cell, column, where());
  if (items === undefined || type !== "list") return;
  const own = cell as readonly (FlatCell | undefined)[];
  for (let i = 0; i < own.length; i++) {
    const item = own[i];
    if (item === null || item === undefined || fits(item, items.type)) continue;
    throw unfit(item, column, `item ${i} in ${where()}`);
  }
}

function fits(cell: Cell, type: ColumnType): boolean {
  switch (type) {
    case "json":
      return true;
    case "string":
    case "timestamp":
      return typeof cell === "string";
    case "bool":
      return typeof cell === "boolean";
    case "float":
      return typeof cell === "number";
    case "int":
      return typeof cell === "bigint"
        ? BigInt.asIntN(64, cell) === cell
        : Number.isSafeInteger(cell);
    case "list":
      return Array.isArray(cell);
  }
}

function unfit(cell: Cell, column: Column, where: string): UserError {
  return new UserError({
    what: `column "${column.name}" holds ${typeof cell} ${cellText(cell).slice(0, 60)} in ${where}`,
    requirement: `its type is ${typeWords(column)}`,
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

/**
 * A cell as text: what a template, a comparison or a message shows. Lists are JSON, but that integers past 2^53
 * stand there by their digits and what JSON has no number for by its name, so that different lists differ.
 */
export function cellText(cell: Cell | undefined): string {
  if (cell === null || cell === undefined) return "";
  if (typeof cell !== "object") return String(cell);
  if (!Array.isArray(cell) || !cell.some(isBeyondJson)) return jsonOf(cell);
  const texts = cell.map((item) => isBeyondJson(item) ? String(item) : jsonOf(item));
  return `[${texts.join(",")}]`;
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    // What a stage's author gives may hold a bigint where none belongs, and that is to be told.
    return JSON.stringify(value, (_, inner) => typeof inner === "bigint" ? String(inner) : inner);
  }
}

function isBeyondJson(item: unknown): boolean {
  return typeof item === "bigint" || (typeof item === "number" && !Number.isFinite(item));
}

/** What an item of a list takes beside its characters, in characters, about. */
const ITEM = 8;

/** Characters that a cell takes in memory, about; a flat one that is no text takes none worth counting. */
export function cellCharacters(cell: Cell | undefined): number {
  if (typeof cell === "string") return cell.length;
  return typeof cell === "object" && cell !== null ? nestedCharacters(cell) : 0;
}

function nestedCharacters(value: object): number {
  let sum = ITEM;
  for (const item of Array.isArray(value) ? value : Object.entries(value).flat()) {
    sum += ITEM + cellCharacters(item as Cell);
  }
  return sum;
}
