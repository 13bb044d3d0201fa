/**
 * The characters that a vocabulary begins with.
 *
 * As `BpeTrainer` of Hugging Face tokenizers: of too many, the rarest go. Which of two that are equally
 * rare is its hash table's luck there; here the one of the higher code point goes.
 *
 * @module
 */
import type { WordCounts } from "./word_counts.ts";

/** What an alphabet may hold. */
export interface AlphabetOptions {
  /** Most characters; default all. */
  readonly limit?: number | undefined;
  /** Characters to have although the texts may not. */
  readonly initial?: readonly string[] | undefined;
}

/** Characters by code point. */
export function alphabetOf(words: WordCounts, options: AlphabetOptions = {}): string[] {
  const counts = new Map<string, number>();
  for (const [word, count] of words.entries()) {
    for (const character of word) counts.set(character, (counts.get(character) ?? 0) + count);
  }
  for (const character of options.initial ?? []) counts.set(character, Infinity);
  const point = (character: string): number => character.codePointAt(0)!;
  return [...counts]
    .sort(([a, m], [b, n]) => m === n ? point(a) - point(b) : n > m ? 1 : -1)
    .slice(0, options.limit)
    .map(([character]) => character)
    .sort((a, b) => point(a) - point(b));
}
