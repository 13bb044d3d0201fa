/**
 * BERT's normalizer: drops control characters, spaces out Chinese characters, strips accents,
 * lowercases.
 *
 * Source: `BertNormalizer` of Hugging Face tokenizers. Stands in for the one of
 * `@huggingface/tokenizers` 0.2.0, which works on UTF-16 units and so misses characters past U+FFFF,
 * and which lowercases a final sigma differently.
 *
 * @module
 */

/** The `normalizer` entry of a tokenizer.json of type `BertNormalizer`. */
export interface BertNormalizerConfig {
  readonly cleanText: boolean;
  readonly handleChineseChars: boolean;
  /** null: as `lowercase`. */
  readonly stripAccents: boolean | null;
  readonly lowercase: boolean;
}

/** Normalizes a text. */
export function bertNormalize(text: string, config: BertNormalizerConfig): string {
  if (config.cleanText) {
    text = text.replace(REMOVED, "").replace(/\p{White_Space}/gu, " ");
  }
  if (config.handleChineseChars) text = text.replace(CHINESE, " $& ");
  if (config.stripAccents ?? config.lowercase) {
    text = text.normalize("NFD").replace(/\p{Mn}/gu, "");
  }
  // Letter by letter: JavaScript would turn a sigma at the end of a word into its final form.
  return config.lowercase ? text.replace(/\P{ASCII}/gu, lower).toLowerCase() : text;
}

function lower(char: string): string {
  return char.toLowerCase();
}

/** Control, format and private characters, U+0000 and U+FFFD; tab and line ends are white space. */
const REMOVED = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\uFFFD]/gu;

/** The blocks that BERT's own code calls Chinese; the odd start 2B920 is the reference's. */
const CHINESE =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu;
