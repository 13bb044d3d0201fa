/**
 * Decides what columns hold over all files of a dataset, before a value of any is converted.
 *
 * @module
 */
import type { Column, ColumnType, TimeUnit } from "./columns.ts";
import type { FoundColumn } from "./row_file.ts";

/** What is known of a column after some files. */
interface Decision {
  type: ColumnType | undefined;
  isWide: boolean;
  /** Whether in any file its cells only look like their type. */
  isText: boolean;
  names: readonly string[] | undefined;
  unit: TimeUnit | undefined;
  utc: boolean | undefined;
}

/**
 * The columns of files that are put below one another, in order of first appearance.
 *
 * A column that some lack, or have nothing but nulls in, is of the type that the others have; where all are
 * null it is `string`. Integers and floats are `float`, and `string` where an integer is past 2^53: no float
 * holds it. Text beside anything flat is `string`, anything beside nested values `json`. Other mixtures,
 * as of numbers and truth values, are `string` where a csv is among the files, and `json` where all say their types.
 *
 * @param found What each file found.
 */
export function decideColumns(found: readonly (readonly FoundColumn[])[]): Column[] {
  const decisions = new Map<string, Decision>();
  for (const columns of found) {
    for (const column of columns) {
      const known = decisions.get(column.name);
      if (known === undefined) decisions.set(column.name, decisionOf(column));
      else add(known, column);
    }
  }
  return [...decisions].map(([name, { type, names, unit, utc }]) => ({
    name,
    type: type ?? "string",
    ...(names !== undefined && type === "int" ? { names } : {}),
    ...(type === "timestamp" && unit !== undefined ? { unit, utc: utc ?? true } : {}),
  }));
}

function decisionOf({ type, isWide, isText, names, unit, utc }: FoundColumn): Decision {
  return { type, isWide: isWide ?? false, isText: isText ?? false, names, unit, utc };
}

function add(known: Decision, column: FoundColumn): void {
  known.isWide ||= column.isWide ?? false;
  known.isText ||= column.isText ?? false;
  known.names ??= column.names;
  if (column.type === undefined) return;
  // Times of different kinds are the same only as texts.
  const isOtherTime = known.type === "timestamp" && column.type === "timestamp" &&
    (known.unit !== column.unit || known.utc !== column.utc);
  if (isOtherTime) known.type = "string";
  known.unit ??= column.unit;
  known.utc ??= column.utc;
  known.type = known.type === undefined ? column.type : widerType(known.type, column.type, known);
}

function widerType(a: ColumnType, b: ColumnType, { isWide, isText }: Decision): ColumnType {
  if (a === "json" || b === "json") return "json";
  if (a === "string" || b === "string") return "string";
  const isBoth = (type: ColumnType): boolean => a === type || b === type;
  if (isBoth("bool") && a !== b) return isText ? "string" : "json";
  if (!isBoth("float")) return a;
  // The integers past 2^53 may be in any of the files, as may the first float.
  return isWide ? "string" : "float";
}
