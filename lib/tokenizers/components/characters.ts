/**
 * Sets of characters as Hugging Face tokenizers understands them.
 *
 * White space is Unicode's property White_Space: JavaScript's own `\s` has U+FEFF, which that lacks, and
 * lacks U+0085, which that has.
 *
 * @module
 */
import { LATER_LOWER_CASE, LATER_NUMBERS, LATER_PUNCTUATION } from "./later_unicode.ts";
import { widthAt } from "./aligned_text.ts";

/** A set of code points. Asking is a look into a table that fills itself. */
export class CharacterSet {
  readonly #pattern: RegExp;
  /** 0 not asked yet, 1 outside, 2 inside. */
  readonly #known = new Uint8Array(0x110000);

  /** @param members The inside of a character class, in a regular expression with the flag `v`. */
  constructor(members: string) {
    this.#pattern = new RegExp(`^[${members}]$`, "v");
  }

  has(point: number): boolean {
    const known = this.#known[point]!;
    return known === 0 ? this.#ask(point) : known === 2;
  }

  #ask(point: number): boolean {
    const inside = this.#pattern.test(String.fromCodePoint(point));
    this.#known[point] = inside ? 2 : 1;
    return inside;
  }
}

/** `\s`. */
export const WHITE_SPACE = new CharacterSet("\\p{White_Space}");

/** `\w` of Rust's regular expressions. */
export const WORD = new CharacterSet("\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}");

/** What BERT splits off, by Unicode 8, where two more were punctuation. */
export const PUNCTUATION = new CharacterSet(
  `[\\p{P}!-\\/:-@\\[-\`\\{-~\\u166d\\u{111c9}]--[${LATER_PUNCTUATION}]`,
);

/** Numbers of every kind. */
export const NUMBER = new CharacterSet(`\\p{N}${LATER_NUMBERS}`);

/** How many units of white space a text begins with. */
export function leadingSpace(text: string, from = 0): number {
  let at = from;
  // White space is in the basic plane: a half of a pair is none.
  while (at < text.length && WHITE_SPACE.has(text.charCodeAt(at))) at++;
  return at - from;
}

/** How many units of white space a text ends with, going back to `from` at most. */
export function trailingSpace(text: string, from = 0): number {
  let at = text.length;
  while (at > from && WHITE_SPACE.has(text.charCodeAt(at - 1))) at--;
  return text.length - at;
}

/** A character in lower case: by itself, so that a sigma at the end of a word is as any other. */
export function lowerCase(char: string): string {
  const lower = char.toLowerCase();
  return lower === char ? LATER_LOWER_CASE.get(char) ?? lower : lower;
}

/** The code point at a unit. */
export function pointAt(text: string, at: number): number {
  return widthAt(text, at) === 1 ? text.charCodeAt(at) : text.codePointAt(at)!;
}
