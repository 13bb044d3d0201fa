/**
 * What can be wrong with a `dataset.json`, which anybody may have written.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import type { ColumnType, FlatType, TimeUnit } from "../formats/columns.ts";
import { splitsMistake } from "./split_name.ts";

const FLAT_TYPES: readonly FlatType[] = ["string", "int", "float", "bool", "timestamp"];

/** The types that a column may have. */
export const COLUMN_TYPES: readonly ColumnType[] = [...FLAT_TYPES, "list", "json"];

/** What is wrong with a dataset.json, in a few words; undefined where nothing is. */
export function infoMistake({ kind, columns, splits }: JsonObject): string | undefined {
  if (kind !== "rows") return 'its "kind" is not "rows"';
  if (!Array.isArray(columns)) return 'its "columns" are no list';
  for (const column of columns) {
    const mistake = columnMistake(column);
    if (mistake !== undefined) return mistake;
  }
  return isJsonObject(splits) ? splitsMistake(splits, ["rows"]) : 'its "splits" are no object';
}

/** What is wrong with one of its columns, or with one that somebody is about to write. */
export function columnMistake(column: unknown): string | undefined {
  const name = isJsonObject(column) ? column.name : undefined;
  if (!isJsonObject(column) || typeof name !== "string") return "a column has no name";
  if (name === "__proto__") return `no column may be called "${name}"`;
  const { type, items } = column;
  if (!isOneOf(COLUMN_TYPES, type)) return `the column "${name}" has no type that there is`;
  if (type !== "list") {
    return items === undefined
      ? valuesMistake(column, `column "${name}"`)
      : `the column "${name}" has items, and is no list`;
  }
  if (!isJsonObject(items) || !isOneOf(FLAT_TYPES, items.type)) {
    return `the items of column "${name}" have no type that they may have`;
  }
  return valuesMistake(items, `the items of column "${name}"`);
}

const UNITS: readonly TimeUnit[] = ["ms", "us", "ns"];

function valuesMistake({ names, unit, utc }: JsonObject, of: string): string | undefined {
  if (!areNames(names)) return `the names of ${of} are no list of texts`;
  if (unit !== undefined && !isOneOf(UNITS, unit)) return `the unit of ${of} is none that there is`;
  return utc === undefined || typeof utc === "boolean" ? undefined : `utc of ${of} is no boolean`;
}

function isOneOf(types: readonly string[], type: Json | undefined): boolean {
  return typeof type === "string" && types.includes(type);
}

function areNames(names: Json | undefined): boolean {
  return names === undefined ||
    (Array.isArray(names) && names.every((label) => typeof label === "string"));
}
