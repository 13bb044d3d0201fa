/**
 * Decides what columns hold over all files of a dataset, before a value of any is converted.
 *
 * @module
 */
import type { Column, ColumnType } from "./columns.ts";
import type { FoundColumn } from "./row_file.ts";

/** What all files say of a column. */
interface Sayings {
  readonly types: Set<ColumnType>;
  isWide: boolean;
  /** Whether in any file its cells are texts that only look like their type. */
  isText: boolean;
  /** Whether in any file it has nested cells. */
  isNested: boolean;
  names: readonly string[] | undefined;
  /** Of the timestamps of each file, what they count. */
  readonly times: Map<string, Pick<Column, "unit" | "utc">>;
}

/**
 * The columns of files that are put below one another, in order of first appearance.
 *
 * A column that some lack, or have nothing but nulls in, is of the type that the others have; where all are
 * null it is `string`. Integers and floats are `float`, and `string` where an integer is past 2^53: no float
 * holds it. Text beside anything flat is `string`, anything beside nested values `json`. Other mixtures, as of
 * numbers and truth values or within a file of JSON, are `string` where a csv is among the files, and `json` else.
 *
 * @param found What each file found.
 */
export function decideColumns(found: readonly (readonly FoundColumn[])[]): Column[] {
  const sayings = new Map<string, Sayings>();
  for (const columns of found) {
    for (const { name, type, isWide, isText, isMixed, names, unit, utc = true } of columns) {
      let known = sayings.get(name);
      if (known === undefined) {
        const nothing = { isWide: false, isText: false, isNested: false };
        known = { types: new Set(), ...nothing, names, times: new Map() };
        sayings.set(name, known);
      }
      if (type !== undefined) known.types.add(type);
      known.isWide ||= isWide ?? false;
      known.isText ||= type !== undefined && (isText ?? false);
      known.isNested ||= type === "json" && !isMixed;
      known.names ??= names;
      if (unit !== undefined) known.times.set(`${unit} ${utc}`, { unit, utc });
    }
  }
  return [...sayings].map(([name, known]) => {
    const type = typeOf(known);
    return {
      name,
      type,
      ...(known.names && type === "int" ? { names: known.names } : {}),
      ...(type === "timestamp" ? [...known.times.values()][0] : {}),
    };
  });
}

/** One type for all; what the first file says counts no more than what the last does. */
function typeOf({ types, isWide, isText, isNested, times }: Sayings): ColumnType {
  if (types.has("json")) return isText && !isNested ? "string" : "json";
  if (types.has("string") || types.size === 0) return "string";
  // Times of different kinds, and times beside other values, are the same only as texts.
  if (types.has("timestamp")) return types.size + times.size === 2 ? "timestamp" : "string";
  if (types.has("bool")) return types.size === 1 ? "bool" : isText ? "string" : "json";
  if (!types.has("float")) return "int";
  return types.has("int") && isWide ? "string" : "float";
}
