/**
 * BERT's normalizer: drops control characters, spaces out Chinese characters, strips accents,
 * lowercases. And `Lowercase`, its last step alone.
 *
 * Source: `BertNormalizer` of Hugging Face tokenizers, whose tables are of Unicode 8.
 *
 * @module
 */
import type { AlignedText } from "../components/aligned_text.ts";
import { Rewriter } from "../components/aligned_text.ts";
import { CharacterSet, lowerCase, WHITE_SPACE } from "../components/characters.ts";
import { LATER_CONTROLS, LATER_NONSPACING_MARKS } from "../components/later_unicode.ts";
import type { Settings } from "../components/settings.ts";
import type { Normalizer } from "./normalizer.ts";
import { CanonicalForm } from "./unicode.ts";

/** Control, format and private characters, U+0000 and U+FFFD; tab and line ends are white space. */
const REMOVED = `[\\p{Cc}\\p{Cf}\\p{Co}\\p{Cs}\\ufffd]--[\\t\\n\\r${LATER_CONTROLS}]`;

/** The blocks that BERT's own code calls Chinese; the odd start 2B920 is the reference's. */
const CHINESE = "\\u4e00-\\u9fff\\u3400-\\u4dbf\\u{20000}-\\u{2a6df}\\u{2a700}-\\u{2b73f}" +
  "\\u{2b740}-\\u{2b81f}\\u{2b920}-\\u{2ceaf}\\uf900-\\ufaff\\u{2f800}-\\u{2fa1f}";

/** Marks that accents are; two of Unicode 8 have become others since. */
const ACCENTS = `[\\p{Mn}\\u1734\\u{1171e}]--[${LATER_NONSPACING_MARKS}]`;

const IS_REMOVED = new CharacterSet(REMOVED);
const IS_CHINESE = new CharacterSet(CHINESE);
const IS_ACCENT = new CharacterSet(ACCENTS);

const REMOVED_PATTERN = new RegExp(`[${REMOVED}]`, "gv");
const CHINESE_PATTERN = new RegExp(`[${CHINESE}]`, "gv");
const ACCENTS_PATTERN = new RegExp(`[${ACCENTS}]`, "gv");

/** The normalizer of BERT. */
export class BertNormalizer implements Normalizer {
  readonly #cleanText: boolean;
  readonly #spacesChinese: boolean;
  readonly #stripsAccents: boolean;
  readonly #lowercase: Lowercase | undefined;
  readonly #decomposed = new CanonicalForm("NFD");

  constructor(settings: Settings) {
    this.#cleanText = settings.boolean("clean_text", true);
    this.#spacesChinese = settings.boolean("handle_chinese_chars", true);
    this.#lowercase = settings.boolean("lowercase", true) ? new Lowercase() : undefined;
    // null: as `lowercase`.
    this.#stripsAccents = settings.boolean("strip_accents", this.#lowercase !== undefined);
  }

  normalize(text: string): string {
    if (this.#cleanText) {
      text = text.replace(REMOVED_PATTERN, "").replace(/\p{White_Space}/gu, " ");
    }
    if (this.#spacesChinese) text = text.replace(CHINESE_PATTERN, " $& ");
    if (this.#stripsAccents) text = this.#decomposed.normalize(text).replace(ACCENTS_PATTERN, "");
    return this.#lowercase?.normalize(text) ?? text;
  }

  align(text: AlignedText): AlignedText {
    if (this.#cleanText) {
      text = text.filter((char) => !IS_REMOVED.has(char.codePointAt(0)!));
      text = text.mapCharacters((char) => WHITE_SPACE.has(char.codePointAt(0)!) ? " " : char);
    }
    if (this.#spacesChinese) text = spaceChinese(text);
    if (this.#stripsAccents) {
      text = this.#decomposed.align(text).filter((char) => !IS_ACCENT.has(char.codePointAt(0)!));
    }
    return this.#lowercase?.align(text) ?? text;
  }
}

function spaceChinese(text: AlignedText): AlignedText {
  const rewriter = new Rewriter(text);
  for (const char of text.text) {
    const isChinese = IS_CHINESE.has(char.codePointAt(0)!);
    if (isChinese) rewriter.push(" ", 1);
    rewriter.push(char, 0);
    if (isChinese) rewriter.push(" ", 1);
  }
  return rewriter.finish();
}

/** `Lowercase`: letter by letter. */
export class Lowercase implements Normalizer {
  normalize(text: string): string {
    // JavaScript would turn a sigma at the end of a word into its final form.
    return text.replace(/\P{ASCII}/gu, lowerCase).toLowerCase();
  }

  align(text: AlignedText): AlignedText {
    return text.mapCharacters(lowerCase);
  }
}
