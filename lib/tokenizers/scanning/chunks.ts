/**
 * Chunks of a raw text that have the same tokens alone as where they stand: what normalizer and
 * pre-tokenizer do with a chunk depends on nothing beside it. Then a chunk that was seen before needs
 * neither of them.
 *
 * @module
 */
import { CharacterSet, pointAt } from "../components/characters.ts";
import { widthAt } from "../components/aligned_text.ts";

/** A way to cut. What is between two chunks has no tokens. */
export interface Chunking {
  /** The start of the first chunk at a unit or after it; the text's length where there is none. */
  start(text: string, from: number): number;
  /** The end of the chunk that starts at a unit. */
  end(text: string, from: number): number;
}

/** Kinds of ASCII characters. */
const SPACE = 1;
const MARK = 2;

/** Spaces, line ends and tabs; punctuation. */
const ASCII = Uint8Array.from({ length: 128 }, (_, unit) => {
  const char = String.fromCharCode(unit);
  if (/[ \t\n\r]/.test(char)) return SPACE;
  return /[!-/:-@[-`{-~]/.test(char) ? MARK : 0;
});

function asciiKind(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit < 128 ? ASCII[unit]! : 0;
}

/**
 * Words and marks of ASCII: for `BertPreTokenizer` behind what looks at characters one by one, for it
 * splits at these whatever stands beside them.
 */
export const BERT_CHUNKS: Chunking = {
  start: (text, from) => {
    while (from < text.length && asciiKind(text, from) === SPACE) from++;
    return from;
  },
  end: (text, from) => {
    if (asciiKind(text, from) === MARK) return from + 1;
    let at = from + 1;
    while (at < text.length && asciiKind(text, at) === 0) at++;
    return at;
  },
};

/**
 * Characters that make no grapheme with a space, compose with nothing before them and are no white space
 * in any normal form.
 */
const FIRM = new CharacterSet(
  "!-~[[\\p{L}\\p{N}]&&[[\\p{Script=Latin}\\p{Script=Greek}\\p{Script=Cyrillic}\\p{Script=Armenian}" +
    "\\p{Script=Hebrew}\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\u0620-\\u06d3]--[\\u037a]]]",
);

/** Characters that begin a grapheme and compose with nothing before them. */
const BASE = new CharacterSet(
  "!-~[[\\p{L}\\p{N}]--[\\p{Grapheme_Extend}\\u0e33\\u0eb3\\u1160-\\u11ff\\ud7b0-\\ud7ff]]",
);

/** Characters that what follows is one grapheme with, and white space. */
const OPEN = new CharacterSet(
  "\\p{White_Space}\\p{C}\\u0d4e\\u{111c2}\\u{111c3}\\u{113d1}\\u{1193f}\\u{11941}\\u{11a3a}" +
    "\\u{11a84}-\\u{11a89}\\u{11d46}\\u{11f02}",
);

/**
 * What is between spaces and line ends where no grapheme reaches over them: for pre-tokenizers that drop
 * white space behind normalizers that look at graphemes or at several spaces.
 */
export const WHITESPACE_CHUNKS: Chunking = {
  start: (text, from) => from > 0 ? blanksEnd(text, from) : from,
  end: (text, from) => {
    for (let at = from; at < text.length;) {
      if (!isBlank(text, at)) {
        at++;
        continue;
      }
      const end = blanksEnd(text, at);
      const isOpen = at === from || OPEN.has(pointAt(text, before(text, at)));
      if (!isOpen && (end === text.length || BASE.has(pointAt(text, end)))) return at;
      at = end;
    }
    return text.length;
  },
};

/**
 * What is between single spaces: for pre-tokenizers that make a mark of each.
 *
 * @param keepsSpace Whether a chunk begins with the space before it.
 */
export function spaceChunks(keepsSpace: boolean): Chunking {
  return {
    // A chunk ends only before a space that something firm follows.
    start: (text, from) =>
      !keepsSpace && from > 0 && text.charCodeAt(from) === BLANK ? from + 1 : from,
    end: (text, from) => {
      let at = keepsSpace && from > 0 ? from + 1 : from;
      for (;; at++) {
        at = text.indexOf(" ", at);
        if (at === -1) return text.length;
        if (at > from && FIRM.has(pointAt(text, before(text, at))) && isFirmAt(text, at + 1)) {
          return at;
        }
      }
    },
  };
}

const BLANK = 0x20;
const NEWLINE = 0x0a;

function isBlank(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit === BLANK || unit === NEWLINE;
}

function blanksEnd(text: string, from: number): number {
  while (from < text.length && isBlank(text, from)) from++;
  return from;
}

function isFirmAt(text: string, at: number): boolean {
  return at < text.length && FIRM.has(pointAt(text, at));
}

/** Where the character before a unit begins. */
function before(text: string, at: number): number {
  return at > 1 && widthAt(text, at - 2) === 2 ? at - 2 : at - 1;
}
