/**
 * Cleaning of texts: HTML, white space, Unicode. Pure functions from text to text.
 *
 * `stripHtml` reads tags as browsers write them, not as a validating parser would: it is for reviews
 * and web text with some markup in it, where a lone `<` is a lone `<`.
 *
 * @module
 */
import { decodeHTML } from "entities/decode";
import { MarkupScanner } from "./markup.ts";

/** A form of Unicode normalization (https://unicode.org/reports/tr15/). */
export type UnicodeForm = "NFC" | "NFD" | "NFKC" | "NFKD";

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
  const parts: string[] = [];
  let done = 0;
  for (const { start, end, tag } of new MarkupScanner(text).markup()) {
    parts.push(text.slice(done, start), tag !== undefined && BLOCKS.has(tag) ? "\n" : "");
    done = end;
  }
  return decodeHTML(parts.join("") + text.slice(done));
}

/** What {@linkcode removeControls} removes. */
export interface ControlOptions {
  /**
   * Characters without width as well: byte order marks, zero-width and soft breaks, marks of writing
   * direction. Joiners stay, which letters and emoji need. Default false.
   */
  readonly invisible?: boolean;
}

/** A command to a terminal, such as one that sets a colour (ECMA-48). */
const TERMINAL_COMMAND = new RegExp(`${String.fromCharCode(0x1b)}\\[[0-9;?]*[ -/]*[@-~]`, "g");

/** C0 without tab and line ends, DEL, and C1 without NEL, which is a line end. */
const CONTROLS = /(?![\t\n\r\u0085])\p{Cc}/gu;

/** Characters of Unicode's category Cf that only steer how text is laid out. */
const INVISIBLE =
  /[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]/g;

/**
 * Removes control characters (C0, DEL, C1) and what colours a terminal. Tabs and line ends stay; vertical
 * tabs and form feeds, which end lines, become line ends.
 *
 * @example
 * ```ts
 * import { removeControls } from "./clean.ts";
 * if (removeControls("\u001b[1mA\u0000b\u001b[0m\tc\fd") !== "Ab\tc\nd") throw new Error();
 * ```
 */
export function removeControls(text: string, options: ControlOptions = {}): string {
  const visible = text.replace(/[\v\f]/g, "\n").replace(TERMINAL_COMMAND, "").replace(
    CONTROLS,
    "",
  );
  return options.invisible ? visible.replace(INVISIBLE, "") : visible;
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
