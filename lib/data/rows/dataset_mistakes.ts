/**
 * What can be wrong with a `dataset.json`, which anybody may have written.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import type { ColumnType, FlatType } from "../formats/columns.ts";
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

function columnMistake(column: Json): string | undefined {
  const name = isJsonObject(column) ? column.name : undefined;
  if (!isJsonObject(column) || typeof name !== "string") return "a column has no name";
  if (name === "__proto__") return `no column may be called "${name}"`;
  const { type, names, items } = column;
  if (!isOneOf(COLUMN_TYPES, type)) return `the column "${name}" has no type that there is`;
  if (!areNames(names)) return `the names of column "${name}" are no list of texts`;
  if (type !== "list") return undefined;
  if (!isJsonObject(items) || !isOneOf(FLAT_TYPES, items.type)) {
    return `the items of column "${name}" have no type that they may have`;
  }
  return areNames(items.names)
    ? undefined
    : `the names of the items of column "${name}" are no list of texts`;
}

function isOneOf(types: readonly string[], type: Json | undefined): boolean {
  return typeof type === "string" && types.includes(type);
}

function areNames(names: Json | undefined): boolean {
  return names === undefined ||
    (Array.isArray(names) && names.every((label) => typeof label === "string"));
}
