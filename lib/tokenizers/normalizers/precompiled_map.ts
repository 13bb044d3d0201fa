/**
 * SentencePiece's precompiled normalizer (T5, XLNet, mBART): a trie from byte sequences to their
 * replacements, looked up per grapheme, then per character.
 *
 * Source: `spm_precompiled` of Hugging Face tokenizers; the trie is a Darts double array
 * (github.com/s-yata/darts-clone).
 *
 * @module
 */
import { LATER_GRAPHEME_EXTEND } from "../components/later_unicode.ts";

/** Characters that make a grapheme with no other of them: most of a text in most scripts. */
const SINGLE = " -~[[\\p{L}\\p{N}]&&[\\p{Script=Latin}\\p{Script=Greek}\\p{Script=Cyrillic}" +
  "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}]]";

/** Those before more of them: such parts of a text need not go through the slow segmenter. */
const SINGLES = new RegExp(`((?:[${SINGLE}](?=[${SINGLE}]|$))+)`, "v");
const ASCII = /^[ -~]*$/;
const LATER = new RegExp(`[${LATER_GRAPHEME_EXTEND}]`, "gu");

/** A part of a text, and what stands in its place. */
export interface Replacement {
  readonly from: string;
  readonly to: string | undefined;
}

/** A table of replacements from a tokenizer.json. */
export class PrecompiledCharsMap {
  readonly #trie: Uint32Array;
  /** Replacements, each ended by a zero byte. */
  readonly #texts: Uint8Array;
  readonly #graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder();
  readonly #cache = new Map<string, string | undefined>();
  /** Whether nothing printable of ASCII is replaced. */
  readonly #keepsAscii: boolean;

  /**
   * @param base64 `precompiled_charsmap`: trie size in bytes (uint32, little endian), trie, texts.
   * @throws {RangeError} where the table is cut off.
   */
  constructor(base64: string) {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    const size = bytes.length < 4 ? 0 : view.getUint32(0, true);
    if (size === 0 || 4 + size > bytes.length) throw new RangeError("the charsmap is cut off");
    this.#trie = Uint32Array.from({ length: size >> 2 }, (_, i) => view.getUint32(4 + 4 * i, true));
    this.#texts = bytes.subarray(4 + size);
    this.#keepsAscii = Array.from({ length: 0x5f }, (_, i) => String.fromCharCode(0x20 + i))
      .every((char) => this.#replacement(char, 4) === undefined);
  }

  /** Normalizes a text. */
  normalize(text: string): string {
    if (ASCII.test(text)) return this.#keepsAscii ? text : this.#normalizeSingles(text);
    return text.split(SINGLES).map((part, i) =>
      i % 2 === 0 ? this.#normalizeGraphemes(part) : this.#normalizeSingles(part)
    ).join("");
  }

  #normalizeSingles(text: string): string {
    let out = "";
    for (const char of text) out += this.#replacement(char, 4) ?? char;
    return out;
  }

  #normalizeGraphemes(text: string): string {
    let out = "";
    for (const { from, to } of this.#graphemeReplacements(text)) out += to ?? from;
    return out;
  }

  /** The parts of a text in order, each with what replaces it; undefined where nothing does. */
  *replacements(text: string): Iterable<Replacement> {
    for (const [i, part] of text.split(SINGLES).entries()) {
      if (i % 2 === 0) yield* this.#graphemeReplacements(part);
      else for (const char of part) yield { from: char, to: this.#replacement(char, 4) };
    }
  }

  *#graphemeReplacements(text: string): Iterable<Replacement> {
    if (text === "") return;
    const known = text.replace(LATER, "\u0301");
    for (const { index, segment: { length } } of this.#graphemes.segment(known)) {
      const segment = text.slice(index, index + length);
      // Longer graphemes are never in the table as a whole; the reference does not look.
      const whole = this.#replacement(segment, 5);
      if (whole !== undefined) yield { from: segment, to: whole };
      else for (const char of segment) yield { from: char, to: this.#replacement(char, 4) };
    }
  }

  #replacement(text: string, maxBytes: number): string | undefined {
    // UTF-8 is never shorter than UTF-16.
    if (text.length > maxBytes) return undefined;
    if (this.#cache.has(text)) return this.#cache.get(text);
    const bytes = this.#encoder.encode(text);
    const found = bytes.length > maxBytes ? undefined : this.#lookUp(bytes);
    this.#cache.set(text, found);
    return found;
  }

  /** The replacement of the shortest prefix in the trie, or undefined. */
  #lookUp(bytes: Uint8Array): string | undefined {
    const trie = this.#trie;
    const offset = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6);
    let node = offset(trie[0]!);
    for (const byte of bytes) {
      if (byte === 0) return undefined;
      node ^= byte;
      const unit = trie[node];
      if (unit === undefined || (unit & 0x800000ff) !== byte) return undefined;
      node ^= offset(unit);
      if ((unit & 0x100) !== 0) return this.#textAt(trie[node]! & 0x7fffffff);
    }
    return undefined;
  }

  #textAt(start: number): string {
    const end = this.#texts.indexOf(0, start);
    return this.#decoder.decode(this.#texts.subarray(start, end < 0 ? undefined : end));
  }
}
