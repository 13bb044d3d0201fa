/**
 * The patterns of known tokenizers, whose words are found without a regular expression.
 *
 * @module
 */

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const SPACES = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

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
