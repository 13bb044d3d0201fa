/**
 * JSON objects in files, such as config.json and tokenizer_config.json: read with an error that names
 * the file, written so that equal content gives equal bytes.
 *
 * @module
 */
import { isJsonObject, type JsonObject, parseJson } from "./json.ts";
import { UserError } from "./errors.ts";

/** Whether the system refused to read a file: it may not be read, or is a folder. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Deno.errors.IsADirectory ||
    error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.PermissionDenied;
}

/**
 * Reads an object from a file.
 *
 * @param path The file.
 * @returns The object, or undefined where there is no such file.
 * @throws {UserError} where the file is no JSON or holds something else than an object.
 *
 * @example
 * ```ts
 * import { readJsonObject } from "./json_file.ts";
 * if (await readJsonObject("/there/is/none.json") !== undefined) throw new Error();
 * ```
 */
export async function readJsonObject(path: string): Promise<JsonObject | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (!isRefusal(error)) throw error;
    throw new UserError({
      what: `cannot read ${path}: ${error.message}`,
      requirement: "it has to be a file that may be read",
      cause: error,
    });
  }
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw new UserError({
      what: `${path} is not JSON: ${cause instanceof Error ? cause.message : cause}`,
      remedy: "fetch or make the file again",
      cause,
    });
  }
  if (!isJsonObject(value)) {
    throw new UserError({
      what: `${path} is not a JSON object`,
      remedy: "fetch or make the file again",
    });
  }
  return value;
}

/**
 * Writes an object with its keys in order.
 *
 * @param path The file; replaced where it exists.
 * @param value What goes into it.
 */
export async function writeJsonObject(path: string, value: object): Promise<void> {
  const sorted = Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1));
  await Deno.writeTextFile(path, JSON.stringify(sorted, null, 2) + "\n");
}
