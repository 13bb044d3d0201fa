/**
 * Cleaning of texts: HTML, white space, Unicode. Pure functions from text to text.
 *
 * `stripHtml` reads tags as browsers write them, not as a validating parser would: it is for reviews
 * and web text with some markup in it, where a lone `<` is a lone `<`.
 *
 * @module
 */
import { decodeHTML } from "entities/decode";

/** A form of Unicode normalization (https://unicode.org/reports/tr15/). */
export type UnicodeForm = "NFC" | "NFD" | "NFKC" | "NFKD";

/** A comment, a doctype, a whole script or style, or a tag with its name. */
const MARKUP =
  /<!--[^]*?-->|<![a-zA-Z][^<>]*>|<\?[^<>]*>|<(script|style)\b[^<>]*>[^]*?<\/\1\s*>|<\/?([a-zA-Z][a-zA-Z0-9:-]*)(?:\s(?:"[^"]*"|'[^']*'|[^'"<>])*|\/)?>/gi;

/** Tags that begin or end a line where a browser shows them. */
const BLOCKS = new Set(
  ("address article aside blockquote br dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 " +
    "header hr li main nav ol p pre section table td th title tr ul").split(" "),
);

/**
 * The text of a piece of HTML: `<br>` and block tags become line ends, other tags vanish, scripts,
 * styles and comments too, entities become characters as in a browser (and Python's html.unescape).
 *
 * @example
 * ```ts
 * import { stripHtml } from "./clean.ts";
 * if (stripHtml("Good &amp; bad<br /><i>very</i> 1 < 2") !== "Good & bad\nvery 1 < 2") throw new Error();
 * ```
 */
export function stripHtml(text: string): string {
  if (!text.includes("<")) return decodeHTML(text);
  return decodeHTML(
    text.replace(
      MARKUP,
      (_, hidden: string | undefined, tag: string | undefined) =>
        hidden === undefined && tag !== undefined && BLOCKS.has(tag.toLowerCase()) ? "\n" : "",
    ),
  );
}

/** Every run of white space (line ends and no-break spaces too) as one space; none at the ends. */
export function normalizeWhitespace(text: string): string {
  return text.replace(/[\s\u0085\u200b]+/g, " ").trim();
}

/**
 * White space within lines as one space, none at their ends, at most one blank line in a row and none
 * at the ends of the text.
 */
export function normalizeLines(text: string): string {
  return text
    .replace(/\r\n?|\u0085|\u2028|\u2029/g, "\n")
    .split("\n").map(normalizeWhitespace).join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .replace(/^\n+|\n+$/g, "");
}

/** The number of characters as a person counts them: code points, not UTF-16 units. */
export function characterCount(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length - 1; i++) {
    const pair = (text.charCodeAt(i) & 0xfc00) === 0xd800 &&
      (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00;
    if (pair) count--, i++;
  }
  return count;
}

/** The number of words: stretches without white space. */
export function wordCount(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}
