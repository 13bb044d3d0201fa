/**
 * The words of byte-level tokenizers, found by hand where a regular expression would look at most
 * characters several times. Held to the patterns that they stand for in tests.
 *
 * @module
 */
import { widthAt } from "../components/aligned_text.ts";
import { GPT2_PATTERN, LLAMA3_PATTERN, QWEN_PATTERN } from "../components/known_patterns.ts";
import { kindAt, LETTER, NUMBER, OTHER, runEnd, SPACE } from "./kinds.ts";

/** The end of the word that begins at a unit. Every text is words without gaps. */
export type WordEnd = (text: string, from: number) => number;

const QUOTE = 0x27;
const BLANK = 0x20;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const LONG_S = 0x17f;

/** How the words of a pattern are found; undefined for a pattern without such a way. */
export function wordEndOf(pattern: string): WordEnd | undefined {
  if (pattern === GPT2_PATTERN) return gpt2WordEnd;
  if (pattern === LLAMA3_PATTERN) return cl100kWordEnd(3);
  return pattern === QWEN_PATTERN ? cl100kWordEnd(1) : undefined;
}

/** GPT-2's words. */
export function gpt2WordEnd(text: string, from: number): number {
  const unit = text.charCodeAt(from);
  if (unit === QUOTE) {
    const end = contractionEnd(text, from, false);
    if (end !== from) return end;
  }
  const start = unit === BLANK ? from + 1 : from;
  const kind = kindAt(text, start);
  if (kind !== SPACE && kind !== 0) return runEnd(text, start, { kind });
  return spacesEnd(text, from);
}

/** The words of Llama 3 and Qwen, which differ in how many digits are one. */
function cl100kWordEnd(digits: number): WordEnd {
  return (text, from) => {
    const unit = text.charCodeAt(from);
    if (unit === QUOTE) {
      const end = contractionEnd(text, from, true);
      if (end !== from) return end;
    }
    const kind = kindAt(text, from);
    if (kind === LETTER) return runEnd(text, from, { kind });
    if (kind === NUMBER) return runEnd(text, from, { kind, most: digits });
    const next = from + widthAt(text, from);
    const isLineEnd = unit === NEWLINE || unit === RETURN;
    if (!isLineEnd && kindAt(text, next) === LETTER) return runEnd(text, next, { kind: LETTER });
    const start = unit === BLANK ? next : from;
    if (kindAt(text, start) === OTHER) {
      let end = runEnd(text, start, { kind: OTHER });
      while (isNewline(text, end)) end++;
      return end;
    }
    return linesEnd(text, from) ?? spacesEnd(text, from);
  };
}

/** `\s+(?!\S)|\s+`: white space, without its last where something follows it. */
function spacesEnd(text: string, from: number): number {
  const end = runEnd(text, from, { kind: SPACE });
  // White space is in the basic plane.
  return end === text.length || end === from + 1 ? end : end - 1;
}

/** `\s*[\r\n]+`: white space up to its last line's end. */
function linesEnd(text: string, from: number): number | undefined {
  let end = runEnd(text, from, { kind: SPACE });
  while (end > from && !isNewline(text, end - 1)) end--;
  return end === from ? undefined : end;
}

function isNewline(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit === NEWLINE || unit === RETURN;
}

/** `'s|'t|'re|'ve|'m|'ll|'d`; with the case ignored ſ is an s, too. */
function contractionEnd(text: string, from: number, ignoresCase: boolean): number {
  const lower = (at: number): number => {
    const unit = text.charCodeAt(at);
    if (!ignoresCase) return unit;
    if (unit === LONG_S) return 0x73;
    return unit >= 0x41 && unit <= 0x5a ? unit + 32 : unit;
  };
  switch (lower(from + 1)) {
    case 0x73: // s
    case 0x74: // t
    case 0x6d: // m
    case 0x64: // d
      return from + 2;
    case 0x72: // re
    case 0x76: // ve
      return lower(from + 2) === 0x65 ? from + 3 : from;
    case 0x6c: // ll
      return lower(from + 2) === 0x6c ? from + 3 : from;
    default:
      return from;
  }
}
