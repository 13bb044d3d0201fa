/**
 * Trains WordPiece's vocabulary: BPE's merges, of which the tokens are kept, where a token that does not
 * begin a word begins with `##`.
 *
 * Gives the vocabulary of `WordPieceTrainer` of Hugging Face tokenizers, but for the order in which the
 * reference comes to know the characters within words (its hash table's): here they come as words do.
 * Where pairs are equally frequent, the last merges may be others for that.
 *
 * @module
 */
import { alphabetOf } from "./alphabet.ts";
import { learnMerges } from "./learn_merges.ts";
import { checkSpecialTokens, checkVocabSize, Vocabulary } from "./vocabulary.ts";
import type { WordCounts } from "./word_counts.ts";

/** Options of {@linkcode trainWordPiece}, named as in Hugging Face tokenizers. */
export interface TrainWordPieceOptions {
  /** Tokens to end with, special tokens and characters included; fewer where the text has no more pairs. */
  readonly vocabSize: number;
  /** Pairs that occur less often are not merged; default 2. */
  readonly minFrequency?: number;
  /** Get the first ids; default none. */
  readonly specialTokens?: readonly string[];
  /** Most characters to keep, the most frequent ones; default all. The others are left out of words. */
  readonly limitAlphabet?: number | undefined;
  /** Characters to keep in any case. */
  readonly initialAlphabet?: readonly string[] | undefined;
  /** What a token within a word begins with; default `##`. */
  readonly continuingSubwordPrefix?: string;
}

/**
 * Trains WordPiece.
 *
 * @param words Of the normalized texts.
 * @returns Tokens by id.
 * @throws {UserError} where `vocabSize` leaves no room for the characters and the special tokens, or a
 * special token is empty or given twice.
 */
export function trainWordPiece(words: WordCounts, options: TrainWordPieceOptions): string[] {
  const { vocabSize, minFrequency = 2, specialTokens = [] } = options;
  const { limitAlphabet, initialAlphabet, continuingSubwordPrefix: prefix = "##" } = options;
  checkSpecialTokens(specialTokens);
  const alphabet = alphabetOf(words, { limit: limitAlphabet, initial: initialAlphabet });
  const vocabulary = new Vocabulary([...specialTokens, ...alphabet]);
  const spelt = spell(words, {
    alphabet: new Set([...alphabet, ...specialTokens]),
    prefix,
    vocabulary,
  });
  checkVocabSize(vocabSize, {
    least: vocabulary.tokens.length,
    parts:
      `${specialTokens.length} special tokens and the characters at the beginning of words and ` +
      "within them",
    remedy: "raise vocab_size, or lower limit_alphabet, which drops the rarest characters",
  });
  learnMerges({ ...spelt, vocabulary, vocabSize, minFrequency, prefix });
  return vocabulary.tokens;
}

/** Words as ids of characters, of which those within words are added to the vocabulary with the prefix. */
function spell(
  words: WordCounts,
  { alphabet, prefix, vocabulary }: {
    readonly alphabet: ReadonlySet<string>;
    readonly prefix: string;
    readonly vocabulary: Vocabulary;
  },
): { words: number[][]; counts: number[] } {
  const spelt: number[][] = [];
  const counts: number[] = [];
  for (const [word, count] of words.entries()) {
    const ids: number[] = [];
    let isFirst = true;
    for (const character of word) {
      if (alphabet.has(character)) {
        ids.push(vocabulary.add(isFirst ? character : prefix + character));
      }
      // A character that is left out at the beginning leaves the next one within the word, as in the reference.
      isFirst = false;
    }
    spelt.push(ids);
    counts.push(count);
  }
  return { words: spelt, counts };
}
