/**
 * Reading the store's own JSON: a file that holds something else is as good as none.
 *
 * @module
 */

/** An object of unknown content. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The object that a text holds; undefined where it is no JSON or something else. */
export function parseJsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a value is an object, no array and not null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
