/**
 * Decides what columns hold over all files of a dataset, before a value of any is converted.
 *
 * @module
 */
import type { Column, ColumnType, FlatType, Items } from "./columns.ts";
import type { FoundColumn, FoundItems } from "./row_file.ts";

/** What values are said to be. */
interface Sayings<Type extends ColumnType> {
  readonly types: Set<Type>;
  isWide: boolean;
  names: readonly string[] | undefined;
  /** Of the timestamps of each file, what they count. */
  readonly times: Map<string, Pick<Items, "unit" | "utc">>;
}

/** What all files say of a column. */
interface ColumnSayings extends Sayings<ColumnType> {
  /** Whether in any file its cells are texts that only look like their type. */
  isText: boolean;
  /** Whether in any file it has nested cells. */
  isNested: boolean;
  /** Of its lists. */
  readonly items: Sayings<FlatType> & { isHuge: boolean };
}

/**
 * The columns of files that are put below one another, in order of first appearance.
 *
 * A column that some lack, or have nothing but nulls in, is of the type that the others have; where all are
 * null it is `string`. Integers and floats are `float`, and `string` where an integer is past 2^53: no float
 * holds it. Text beside anything flat is `string`, anything beside nested values `json`. Other mixtures, as of
 * numbers and truth values or within a file of JSON, are `string` where a csv is among the files, and `json` else.
 *
 * Lists beside lists stay some as long as all items have one type. An empty one fits all; numbers become floats or
 * texts as they do in flat columns; other mixtures are `json`, where each item stays what it is.
 *
 * @param found What each file found.
 */
export function decideColumns(found: readonly (readonly FoundColumn[])[]): Column[] {
  const sayings = new Map<string, ColumnSayings>();
  for (const columns of found) {
    for (const column of columns) {
      let known = sayings.get(column.name);
      if (known === undefined) sayings.set(column.name, known = nothing());
      const { type, isText, isMixed, items } = column;
      hear(known, column);
      known.isText ||= type !== undefined && (isText ?? false);
      known.isNested ||= type === "list" || (type === "json" && !isMixed);
      if (items === undefined) continue;
      hear(known.items, items);
      known.items.isHuge ||= items.isHuge ?? false;
    }
  }
  return [...sayings].map(([name, known]) => {
    const type = typeOf(known);
    if (type !== "list") return { name, ...described(type, known) };
    const items = itemType(known.items);
    if (items === undefined) return { name, type: "json" };
    return { name, type, items: described(items, known.items) };
  });
}

function nothing(): ColumnSayings {
  const sayings = <Type extends ColumnType>(): Sayings<Type> => ({
    types: new Set(),
    isWide: false,
    names: undefined,
    times: new Map(),
  });
  return { ...sayings(), isText: false, isNested: false, items: { ...sayings(), isHuge: false } };
}

function hear<Type extends ColumnType>(
  known: Sayings<Type>,
  { type, isWide, names, unit, utc = true }: Omit<FoundItems, "type"> & {
    readonly type: Type | undefined;
  },
): void {
  if (type !== undefined) known.types.add(type);
  known.isWide ||= isWide ?? false;
  known.names ??= names;
  if (unit !== undefined) known.times.set(`${unit} ${utc}`, { unit, utc });
}

/** A type with what belongs to it. */
function described<Type extends ColumnType>(
  type: Type,
  { names, times }: Sayings<Type>,
): { readonly type: Type } & Omit<Items, "type"> {
  return {
    type,
    ...(names && type === "int" ? { names } : {}),
    ...(type === "timestamp" ? [...times.values()][0] : {}),
  };
}

/** One type for all; what the first file says counts no more than what the last does. */
function typeOf({ types, isWide, isText, isNested, times }: ColumnSayings): ColumnType {
  if (types.has("list")) return types.size === 1 ? "list" : "json";
  if (types.has("json")) return isText && !isNested ? "string" : "json";
  if (types.has("string") || types.size === 0) return "string";
  // Times of different kinds, and times beside other values, are the same only as texts.
  if (types.has("timestamp")) return types.size + times.size === 2 ? "timestamp" : "string";
  if (types.has("bool")) return types.size === 1 ? "bool" : isText ? "string" : "json";
  if (!types.has("float")) return "int";
  return types.has("int") && isWide ? "string" : "float";
}

/**
 * One type for the items of all lists; undefined where only JSON holds them. Numbers beside texts would lose what
 * they are, so lists, unlike flat columns, do not become texts for texts among them.
 */
function itemType(
  { types, isWide, isHuge, times }: ColumnSayings["items"],
): FlatType | undefined {
  const only = (...few: FlatType[]): boolean => [...types].every((type) => few.includes(type));
  if (types.size === 0) return "string";
  if (only("timestamp") && times.size === 1) return "timestamp";
  // Times are texts, of whatever kind.
  if (only("string", "timestamp")) return "string";
  if (only("bool")) return "bool";
  if (!only("int", "float")) return undefined;
  if (isHuge) return "string";
  if (!types.has("float")) return "int";
  return isWide ? "string" : "float";
}
