/**
 * Normalizers that replace, prepend and cut off: `Replace`, `Prepend`, `Strip`, `Nmt`, `ByteLevel`.
 *
 * Source: Hugging Face tokenizers.
 *
 * @module
 */
import type { AlignedText } from "../components/aligned_text.ts";
import { spelledBytes } from "../components/byte_level.ts";
import { leadingSpace, trailingSpace } from "../components/characters.ts";
import { ranges } from "../components/later_unicode.ts";
import type { Pattern } from "../components/pattern.ts";
import type { Settings } from "../components/settings.ts";
import { Rewriter } from "../components/aligned_text.ts";
import type { Normalizer } from "./normalizer.ts";

/** `Replace`: text in place of what a pattern matches. */
export class Replace implements Normalizer {
  readonly #pattern: Pattern;
  readonly #content: string;

  constructor(settings: Settings, pattern: Pattern) {
    this.#pattern = pattern;
    this.#content = settings.text("content");
    // The reference fills in what a group matched where its second engine reads the pattern as well.
    if (pattern.isRegex && this.#content.includes("$")) {
      throw settings.wrong(`has "$" in its content, which is not supported beside a pattern`);
    }
  }

  normalize(text: string): string {
    return this.#pattern.replace(text, this.#content);
  }

  align(text: AlignedText): AlignedText {
    const matches = this.#pattern.matches(text.text);
    if (matches.length === 0) return text;
    return text.replace(matches.map(([from, to]) => ({ from, to, by: this.#content })));
  }
}

/** `Prepend`: something before what is not empty. */
export class Prepend implements Normalizer {
  readonly #prefix: string;

  constructor(settings: Settings) {
    this.#prefix = settings.text("prepend");
  }

  normalize(text: string): string {
    return text === "" ? "" : this.#prefix + text;
  }

  align(text: AlignedText): AlignedText {
    return text.prepend(this.#prefix);
  }
}

/** `Strip`: without white space at its ends. */
export class Strip implements Normalizer {
  readonly #left: boolean;
  readonly #right: boolean;

  constructor(settings: Settings) {
    this.#left = settings.boolean("strip_left", true);
    this.#right = settings.boolean("strip_right", true);
  }

  normalize(text: string): string {
    const [from, to] = this.#range(text);
    return text.slice(from, to);
  }

  align(text: AlignedText): AlignedText {
    const [from, to] = this.#range(text.text);
    if (from === 0 && to === text.text.length) return text;
    const rewriter = new Rewriter(text);
    rewriter.skip(from);
    for (const char of text.text.slice(from, to)) rewriter.push(char, 0);
    return rewriter.finish();
  }

  #range(text: string): [number, number] {
    const from = this.#left ? leadingSpace(text) : 0;
    return [from, text.length - (this.#right ? trailingSpace(text, from) : 0)];
  }
}

/** `Nmt`: without control characters, odd spaces made plain. */
export class Nmt implements Normalizer {
  normalize(text: string): string {
    return text.replace(NMT_REMOVED, "").replace(NMT_SPACES, " ");
  }

  align(text: AlignedText): AlignedText {
    return text.filter((char) => char.replace(NMT_REMOVED, "") !== "")
      .mapCharacters((char) => char.replace(NMT_SPACES, " "));
  }
}

const NMT_REMOVED = new RegExp(`[${ranges("1-8 b e-1f 7f 8f 9f")}]`, "gu");
const NMT_SPACES = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/gu;

/** `ByteLevel` as a normalizer: each byte as the character that spells it. */
export class ByteLevelNormalizer implements Normalizer {
  normalize(text: string): string {
    return spelledBytes(text);
  }

  align(text: AlignedText): AlignedText {
    return text.mapCharacters(spelledBytes);
  }
}
