/**
 * Texts as Python has them: by code points, with its white space and its ends of lines.
 *
 * @module
 */

import { spendSearch } from "./steps.ts";

/**
 * White space of Python, as a class of a regular expression has it: JavaScript's `\s` has four separators
 * and NEL less, and the byte order mark.
 */
export const SPACES =
  "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

const SURROGATE = /[\ud800-\udfff]/;

/** How many code points a text has. */
export function lengthOf(text: string): number {
  if (!SURROGATE.test(text)) return text.length;
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** The code points of a text, or the text itself where each is one unit: both have a length and places. */
export function characters(text: string): string | readonly string[] {
  return SURROGATE.test(text) ? Array.from(text) : text;
}

/** The place among code points of a place among units. */
export function placeOf(text: string, unit: number): number {
  return unit < 0 ? unit : lengthOf(text.slice(0, unit));
}

/** The place among units of a place among code points. */
export function unitOf(text: string, place: number): number {
  if (!SURROGATE.test(text)) return place;
  let unit = 0;
  for (let i = 0; i < place && unit < text.length; i++) {
    unit += text.codePointAt(unit)! > 0xffff ? 2 : 1;
  }
  return unit;
}

/** Code points from one place up to another. */
export function part(text: string, start: number, stop?: number): string {
  if (!SURROGATE.test(text)) return text.slice(start, stop);
  return text.slice(unitOf(text, start), stop === undefined ? undefined : unitOf(text, stop));
}

/** The order of two texts, by code points: JavaScript has U+FFFD behind U+1F40B. */
export function compareTexts(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let i = 0;
  while (i < most && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  if (i === most) return a.length - b.length;
  // A low surrogate that differs stands behind a high one that does not.
  const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
  const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;
  return isHigh(x) === isHigh(y) ? x - y : isHigh(x) ? 1 : -1;
}

/** Whether a unit is white space. */
export function isSpace(unit: number): boolean {
  if (unit < 0x80) return (unit >= 9 && unit <= 13) || (unit >= 0x1c && unit <= 0x20);
  return unit === 0x85 || unit === 0xa0 || unit === 0x1680 || (unit >= 0x2000 && unit <= 0x200a) ||
    unit === 0x2028 || unit === 0x2029 || unit === 0x202f || unit === 0x205f || unit === 0x3000;
}

/** Which end of a text. */
export type Side = "both" | "left" | "right";

/**
 * A text without white space, or without these characters, at its ends.
 *
 * @param options `characters`: those to take away; undefined for white space.
 */
export function stripped(
  text: string,
  options: { side?: Side; characters?: string | undefined } = {},
): string {
  const { side = "both", characters: set } = options;
  if (set !== undefined) return strippedOf(text, side, set);
  let [start, end] = [0, text.length];
  if (side !== "right") { while (start < end && isSpace(text.charCodeAt(start))) start++; }
  if (side !== "left") { while (end > start && isSpace(text.charCodeAt(end - 1))) end--; }
  return text.slice(start, end);
}

function strippedOf(text: string, side: Side, set: string): string {
  const those = new Set(set);
  const all = Array.from(text);
  let [start, end] = [0, all.length];
  if (side !== "right") { while (start < end && those.has(all[start]!)) start++; }
  if (side !== "left") { while (end > start && those.has(all[end - 1]!)) end--; }
  return all.slice(start, end).join("");
}

/** The words between white space; `most` cuts at most, from the left or the right, and the rest as it is. */
export function words(text: string, most: number, fromRight = false): string[] {
  const found: string[] = [];
  let [start, end] = [0, text.length];
  const skip = (): void => {
    if (fromRight) { while (end > start && isSpace(text.charCodeAt(end - 1))) end--; }
    else while (start < end && isSpace(text.charCodeAt(start))) start++;
  };
  for (skip(); start < end; skip()) {
    if (found.length === most) {
      found.push(text.slice(start, end));
      break;
    }
    let at = fromRight ? end : start;
    if (fromRight) { while (at > start && !isSpace(text.charCodeAt(at - 1))) at--; }
    else while (at < end && !isSpace(text.charCodeAt(at))) at++;
    found.push(fromRight ? text.slice(at, end) : text.slice(start, at));
    if (fromRight) end = at;
    else start = at;
  }
  return fromRight ? found.reverse() : found;
}

/** The pieces between separators; `most` cuts at most. */
export function pieces(
  text: string,
  options: { separator: string; most: number; fromRight?: boolean },
): string[] {
  const { separator, most, fromRight = false } = options;
  spendSearch(text, separator);
  if (most < 0) return splitFrom(text, separator, fromRight);
  const found: string[] = [];
  let rest = text;
  while (found.length < most) {
    const at = fromRight ? rest.lastIndexOf(separator) : rest.indexOf(separator);
    if (at < 0) break;
    const behind = rest.slice(at + separator.length);
    found.push(fromRight ? behind : rest.slice(0, at));
    rest = fromRight ? rest.slice(0, at) : behind;
  }
  found.push(rest);
  return fromRight ? found.reverse() : found;
}

/** Separators that overlap (`aaa` by `aa`) are found from the side that is asked for. */
function splitFrom(text: string, separator: string, fromRight: boolean): string[] {
  return fromRight
    ? pieces(text, { separator, most: Number.MAX_SAFE_INTEGER, fromRight })
    : text.split(separator);
}

const LINE_END = "\\n\\v\\f\\r\\x1c-\\x1e\\x85\\u2028\\u2029";
const LINES = new RegExp(`[^${LINE_END}]*(?:\\r\\n|[${LINE_END}])|[^${LINE_END}]+$`, "g");
const END_OF_LINE = new RegExp(`(?:\\r\\n|[${LINE_END}])$`);

/** Lines as `str.splitlines` has them. */
export function lines(text: string, keepEnds = false): string[] {
  const found = text.match(LINES) ?? [];
  return keepEnds ? found : found.map((line) => line.replace(END_OF_LINE, ""));
}

/** One character as it begins a word, which Unicode has a third case for: ǆ is ǅ there, and ﬁ is Fi. */
function titled(character: string): string {
  // Georgian has large letters, and begins no word with them.
  if (/[\p{Lt}\u10d0-\u10ff]/u.test(character)) return character;
  if (/[\u01c4-\u01cc\u01f1-\u01f3]/.test(character)) {
    const code = character.charCodeAt(0);
    const base = code >= 0x1f1 ? 0x1f1 : 0x1c4 + 3 * Math.floor((code - 0x1c4) / 3);
    return String.fromCharCode(base + 1);
  }
  const upper = character.toUpperCase();
  const [first = "", ...rest] = upper;
  if (rest.length === 0) return upper;
  // An iota below a Greek letter stays there.
  if (/[\u1f80-\u1fff]/.test(character) && rest.at(-1) === "Ι") {
    const withIota = `${upper.slice(0, -1)}\u0345`;
    return rest.length === 1 ? withIota.normalize("NFC") : withIota;
  }
  return /\p{Cased}/u.test(first) ? first + rest.join("").toLowerCase() : upper;
}

/** `str.title`: every letter behind what is none is large. */
export function titleCase(text: string): string {
  return text.replaceAll(/\p{Cased}+/gu, capitalized);
}

/** `str.capitalize`. */
export function capitalized(text: string): string {
  const [first = ""] = text;
  // The whole, so that a sigma at its end knows what stands before it.
  return titled(first) + text.toLowerCase().slice(first.toLowerCase().length);
}

/** `str.casefold`. */
export function folded(text: string): string {
  return Array.from(text, (character) => {
    if (character === "ı") return character;
    const upper = character.toUpperCase();
    // Cherokee is folded to its large letters, which are the older ones.
    return /^\p{Script=Cherokee}$/u.test(character) ? upper : upper.toLowerCase();
  }).join("");
}

/** `str.swapcase`. */
export function swapped(text: string): string {
  return text.replaceAll(/\p{Uppercase}|\p{Lowercase}/gu, (character, at: number) => {
    if (!/\p{Uppercase}/u.test(character)) return character.toUpperCase();
    if (character !== "Σ") return character.toLowerCase();
    // It has another form at the end of a word.
    const isLast = !/^\p{Case_Ignorable}*\p{Cased}/u.test(text.slice(at + 1));
    return isLast ? text.slice(0, at + 1).toLowerCase().at(-1)! : "σ";
  });
}

/** Whether a text is written in one case, with a letter that has any. */
export function isInCase(text: string, test: "lower" | "upper"): boolean {
  const other = test === "lower" ? /[\p{Uppercase}\p{Lt}]/u : /[\p{Lowercase}\p{Lt}]/u;
  return (test === "lower" ? /\p{Lowercase}/u : /\p{Uppercase}/u).test(text) && !other.test(text);
}

/** Digits of any script as those of ASCII. */
export function asciiDigits(text: string): string {
  return text.replaceAll(/(?![0-9])\p{Nd}/gu, (digit) => {
    // Digits of a script stand in a row, from 0 to 9.
    const code = digit.codePointAt(0)!;
    let zero = code;
    while (/^\p{Nd}$/u.test(String.fromCodePoint(zero - 1)) && code - zero < 49) zero--;
    return String((code - zero) % 10);
  });
}
