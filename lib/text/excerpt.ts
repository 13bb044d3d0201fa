/**
 * The beginning of a text, for a line of a log or an error.
 *
 * @module
 */

/**
 * A text on one line, cut where it is long.
 *
 * @param length Most UTF-16 units that are shown. Default 60.
 *
 * @example
 * ```ts
 * import { excerpt } from "./excerpt.ts";
 * if (excerpt("Call me\nIshmael.", 9) !== "Call me I…") throw new Error();
 * ```
 */
export function excerpt(text: string, length = 60): string {
  const line = text.slice(0, 4 * length).replace(/\s+/g, " ").trim();
  return line.length > length ? `${line.slice(0, length).toWellFormed()}…` : line;
}
