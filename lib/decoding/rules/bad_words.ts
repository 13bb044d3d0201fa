/**
 * Words that must not occur.
 *
 * @module
 */
import type { LogitsProcessor } from "./rule.ts";

/**
 * Forbids the token that would complete a word.
 *
 * @param words Each a list of ids, not empty.
 * @param eosTokenIds An end token cannot be forbidden by itself, or nothing would ever end.
 */
export function badWords(
  words: readonly (readonly number[])[],
  eosTokenIds: readonly number[],
): LogitsProcessor {
  const forbidden = words.filter((word) => word.length > 1 || !eosTokenIds.includes(word[0]!));
  return (scores, { ids }) => {
    for (const word of forbidden) {
      const offset = ids.length - (word.length - 1);
      const written = offset >= 0 && word.slice(0, -1).every((id, i) => ids[offset + i] === id);
      if (written) scores[word.at(-1)!] = -Infinity;
    }
  };
}
