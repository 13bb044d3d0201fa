/**
 * The patterns of known tokenizers. Each takes time in proportion to the text, whatever that is.
 *
 * @module
 */

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const SPACES = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const CAPITALS = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
const SMALLS = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";

/** GPT-2 and what `ByteLevel` cuts by. */
export const GPT2_PATTERN =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** The family of cl100k, with numbers of at most so many digits. */
function cl100k(digits: string): string {
  return `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`;
}

/** Llama 3. */
export const LLAMA3_PATTERN = cl100k("{1,3}");
/** Qwen 2 and 3. */
export const QWEN_PATTERN = cl100k("");

/** GPT-4o, with what may follow punctuation. */
function o200k(after: string): string {
  const first = `[^\\r\\n\\p{L}\\p{N}]?${CAPITALS}*${SMALLS}+${CONTRACTIONS}?`;
  const second = `[^\\r\\n\\p{L}\\p{N}]?${CAPITALS}+${SMALLS}*${CONTRACTIONS}?`;
  return `${first}|${second}|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n${after}]*|${SPACES}`;
}

/** As Oniguruma reads them. */
export const KNOWN_PATTERNS: ReadonlySet<string> = new Set([
  GPT2_PATTERN,
  LLAMA3_PATTERN,
  QWEN_PATTERN,
  o200k("/"),
  o200k(""),
  // DeepSeek 3, which cuts three times.
  "\\p{N}{1,3}",
  "[一-龥\u3040-ゟ゠-ヿ]+",
  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|" +
  ` ?[\\p{P}\\p{S}]+[\\r\\n]*|${SPACES}`,
]);

/** One character or class, repeated or not: there is nothing to go back to. */
const SIMPLE =
  /^(?:\\[sSdDwW]|\\[pP]\{\^?\w+\}|\[\^?(?:[^[\]\\&]|\\.)+\]|[^\\()[\]{}|*+?.^$])(?:[+*?]|\{\d{1,3}(?:,\d{0,3})?\})?$/u;

/** Whether a pattern surely takes time in proportion to a text. */
export function isLinear(pattern: string): boolean {
  return KNOWN_PATTERNS.has(pattern) || SIMPLE.test(pattern);
}
