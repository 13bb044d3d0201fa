/**
 * The two halves of GPT-2's byte-level pre-tokenizer: the pattern that cuts text into words, and the
 * table that spells each byte as one printable character, so that a vocabulary is readable text.
 *
 * Source: openai/gpt-2 `encoder.py`, and `ByteLevel` of Hugging Face tokenizers for what it leaves
 * open (what counts as white space).
 *
 * @module
 */

/**
 * GPT-2's pattern. White space is Unicode's property White_Space, as in Hugging Face tokenizers:
 * JavaScript's own `\s` has U+FEFF, which it lacks, and lacks U+0085, which it has.
 */
const PATTERN =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** Byte -> the character that spells it: printable Latin-1 is itself, the rest follows from U+0100 on. */
export const BYTE_TO_CHAR: readonly string[] = byteToChar();

/** The inverse of {@linkcode BYTE_TO_CHAR}, by character. */
const CHAR_TO_BYTE: ReadonlyMap<string, number> = new Map(
  BYTE_TO_CHAR.map((char, byte) => [char, byte]),
);

/**
 * Cuts text into the words that BPE never merges across. Nothing is lost: they join to the text.
 *
 * @example
 * ```ts
 * import { splitWords } from "./byte_level.ts";
 * const words = splitWords("It's  a 42nd day");
 * if (words.join("|") !== "It|'s| | a| 42|nd| day") throw new Error(words.join("|"));
 * ```
 */
export function splitWords(text: string): string[] {
  return text.match(PATTERN) ?? [];
}

/**
 * The bytes of tokens spelled with {@linkcode BYTE_TO_CHAR}. A token with a character that spells no
 * byte stands for its own UTF-8, as in Hugging Face tokenizers.
 */
export function tokenBytes(token: string): Uint8Array {
  const bytes: number[] = [];
  for (const char of token) {
    const byte = CHAR_TO_BYTE.get(char);
    if (byte === undefined) return new TextEncoder().encode(token);
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

/** A text with each byte of its UTF-8 as the character that spells it. */
export function spelledBytes(text: string): string {
  if (PLAIN.test(text)) return text;
  let out = "";
  for (const byte of UTF8.encode(text)) out += BYTE_TO_CHAR[byte]!;
  return out;
}

/** Characters that spell themselves. */
const PLAIN = /^[!-~]*$/;
const UTF8 = new TextEncoder();

function byteToChar(): string[] {
  const printable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100;
  return Array.from(
    { length: 256 },
    (_, byte) => String.fromCharCode(printable(byte) ? byte : next++),
  );
}
