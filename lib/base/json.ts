/**
 * JSON as a type: the values that options, keys, configurations and files hold. And the one way to read
 * JSON that comes from outside.
 *
 * @module
 */

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object: a mapping from names to values. */
export type JsonObject = { readonly [key: string]: Json };

/**
 * How many arrays and objects may lie in each other in JSON from outside. Whoever walks a value calls
 * itself once a level, and some a dozen times: a few thousand levels end in a stack overflow.
 */
export const MAX_JSON_DEPTH = 500;

/** Whether a value is an object, no array and not null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The member of an object that is its own; undefined where it has none. `object["toString"]` is one of every object's. */
export function ownMember<T>(object: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/**
 * Reads JSON that comes from outside: from a file, a server, a stage's process.
 *
 * @param text JSON text.
 * @param reviver As of `JSON.parse`.
 * @returns The value; nothing in it lies deeper than {@linkcode MAX_JSON_DEPTH}.
 * @throws {SyntaxError} Where it is no JSON, or nested more deeply.
 *
 * @example
 * ```ts
 * import { parseJson } from "./json.ts";
 * if (JSON.stringify(parseJson('{"a": [1]}')) !== '{"a":[1]}') throw new Error();
 * let why = "";
 * try {
 *   parseJson("[".repeat(5000) + "]".repeat(5000));
 * } catch (error) {
 *   why = (error as Error).message;
 * }
 * if (!why.includes("more than 500 levels deep")) throw new Error(why);
 * ```
 */
export function parseJson(
  text: string,
  reviver?: (this: unknown, key: string, value: unknown, context?: { source?: string }) => unknown,
): unknown {
  if (isTooDeep(text)) {
    throw new SyntaxError(`it is nested more than ${MAX_JSON_DEPTH} levels deep`);
  }
  return JSON.parse(text, reviver);
}

/** The object that a text holds; undefined where it is no JSON, nested too deeply, or something else. */
export function parseJsonObject(text: string): JsonObject | undefined {
  try {
    const value = parseJson(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether JSON text is nested more deeply than {@linkcode MAX_JSON_DEPTH}: brackets outside of strings count.
 * What is no JSON is the parser's to refuse.
 */
export function isTooDeep(text: string): boolean {
  if (text.length <= 2 * MAX_JSON_DEPTH) return false;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
        i = endOfString(text, i);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > MAX_JSON_DEPTH) return true;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
    }
  }
  return false;
}

/**
 * Whether JSON text has more values than `most`, which take far more memory than their text: commas outside of
 * strings count. What is no JSON is the parser's to refuse.
 */
export function hasMoreValues(text: string, most: number): boolean {
  if (text.length <= most) return false;
  let values = 1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) i = endOfString(text, i);
    else if (code === 0x2c && ++values > most) return true;
  }
  return false;
}

/** Index of the quotation mark that closes the string that begins at `start`, or of the last character. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}
