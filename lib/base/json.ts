/**
 * JSON as a type: the values that options, keys, configurations and files hold.
 *
 * @module
 */

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object: a mapping from names to values. */
export type JsonObject = { readonly [key: string]: Json };

/** Whether a value is an object, no array and not null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object that a text holds; undefined where it is no JSON or something else. */
export function parseJsonObject(text: string): JsonObject | undefined {
  try {
    const value: Json = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
