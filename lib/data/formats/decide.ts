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
    for (const { name, type, isWide, isText, isMixed, names } of columns) {
      let known = sayings.get(name);
      if (known === undefined) {
        known = { types: new Set(), isWide: false, isText: false, isNested: false, names };
        sayings.set(name, known);
      }
      if (type !== undefined) known.types.add(type);
      known.isWide ||= isWide ?? false;
      known.isText ||= type !== undefined && (isText ?? false);
      known.isNested ||= type === "json" && !isMixed;
      known.names ??= names;
    }
  }
  return [...sayings].map(([name, known]) => {
    const type = typeOf(known);
    return { name, type, ...(known.names && type === "int" ? { names: known.names } : {}) };
  });
}

/** One type for all; what the first file says counts no more than what the last does. */
function typeOf({ types, isWide, isText, isNested }: Sayings): ColumnType {
  if (types.has("json")) return isText && !isNested ? "string" : "json";
  if (types.has("string") || types.size === 0) return "string";
  if (types.has("bool")) return types.size === 1 ? "bool" : isText ? "string" : "json";
  if (!types.has("float")) return "int";
  return types.has("int") && isWide ? "string" : "float";
}
