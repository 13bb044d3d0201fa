/**
 * Trains a vocabulary of whole words, or of characters: the most frequent ones.
 *
 * Gives the same ids as `WordLevelTrainer` of Hugging Face tokenizers: special tokens, then words by
 * count, of equal count by their code points.
 *
 * @module
 */
import { checkSpecialTokens, checkVocabSize, Vocabulary } from "./vocabulary.ts";
import type { WordCounts } from "./word_counts.ts";

/** Options of {@linkcode trainWordLevel}, named as in Hugging Face tokenizers. */
export interface TrainWordLevelOptions {
  /** Most tokens, special tokens included; default as many as there are. */
  readonly vocabSize?: number | undefined;
  /** Words that occur less often are left out; default 1. */
  readonly minFrequency?: number;
  /** Get the first ids; default none. */
  readonly specialTokens?: readonly string[];
  /** Words to have although the texts may not, right behind the special tokens. */
  readonly initialAlphabet?: readonly string[] | undefined;
}

/**
 * Trains a vocabulary of words.
 *
 * @returns Tokens by id.
 * @throws {UserError} where `vocabSize` leaves no room for a word, or a special token is empty or given twice.
 */
export function trainWordLevel(words: WordCounts, options: TrainWordLevelOptions = {}): string[] {
  const { vocabSize, minFrequency = 1, specialTokens = [], initialAlphabet = [] } = options;
  checkSpecialTokens(specialTokens);
  const vocabulary = new Vocabulary([...specialTokens, ...initialAlphabet]);
  if (vocabSize !== undefined) {
    checkVocabSize(vocabSize, {
      least: vocabulary.tokens.length + 1,
      parts: `${specialTokens.length} special tokens` +
        (initialAlphabet.length === 0 ? "" : ", the initial_alphabet") + " and a token of the text",
    });
  }
  const ordered = [...words.entries()]
    .filter(([, count]) => count >= minFrequency)
    .sort(([a, m], [b, n]) => m === n ? byCodePoints(a, b) : n - m);
  for (const [word] of ordered) {
    if (vocabulary.tokens.length === vocabSize) break;
    vocabulary.add(word);
  }
  return vocabulary.tokens;
}

/** JavaScript compares UTF-16 units, by which a surrogate comes before U+E000. */
function byCodePoints(a: string, b: string): number {
  const [left, right] = [a[Symbol.iterator](), b[Symbol.iterator]()];
  for (;;) {
    const [x, y] = [left.next().value, right.next().value];
    if (x === undefined || y === undefined) {
      return (x === undefined ? 0 : 1) - (y === undefined ? 0 : 1);
    }
    if (x !== y) return x.codePointAt(0)! - y.codePointAt(0)!;
  }
}
