/**
 * Trains a byte-level BPE tokenizer.
 *
 * Gives the same merges in the same order as `BpeTrainer` of Hugging Face tokenizers with
 * `initial_alphabet=ByteLevel.alphabet()`: ids are the special tokens, then the 256 bytes by their
 * character, then merges.
 *
 * @module
 */
import { BYTE_TO_CHAR } from "../components/byte_level.ts";
import { learnMerges } from "./learn_merges.ts";
import { checkSpecialTokens, checkVocabSize, Vocabulary } from "./vocabulary.ts";
import { WordCounts } from "./word_counts.ts";

/** Options of {@linkcode trainBpe}, named as in Hugging Face tokenizers. */
export interface TrainBpeOptions {
  /** Tokens to end with, special tokens and bytes included; fewer where the text has no more pairs. */
  readonly vocabSize: number;
  /** Pairs that occur less often are not merged; default 2. */
  readonly minFrequency?: number;
  /** Get the first ids; default none. */
  readonly specialTokens?: readonly string[];
  /** Called now and then with the tokens made so far. */
  readonly progress?: (tokens: number) => void;
}

/** A trained vocabulary. */
export interface TrainedBpe {
  /** Tokens by id, spelled with the byte characters. */
  readonly tokens: readonly string[];
  /** By rank. */
  readonly merges: readonly (readonly [string, string])[];
  readonly specialTokens: readonly string[];
}

/**
 * Trains byte-level BPE.
 *
 * @param texts The training texts, or their words where they are too many for the memory. Special tokens that stand in them are text like any other.
 * @throws {UserError} where `vocabSize` leaves no room for the bytes and the special tokens, or a
 * special token is empty or given twice.
 */
export function trainBpe(
  texts: Iterable<string> | WordCounts,
  options: TrainBpeOptions,
): TrainedBpe {
  const { vocabSize, minFrequency = 2, specialTokens = [], progress } = options;
  checkSpecialTokens(specialTokens);
  checkVocabSize(vocabSize, {
    least: new Set([...specialTokens, ...BYTE_TO_CHAR]).size,
    parts: `256 bytes and ${specialTokens.length} special tokens`,
  });
  const vocabulary = new Vocabulary([...specialTokens, ...[...BYTE_TO_CHAR].sort()]);
  const encoder = new TextEncoder();
  const byteIds = BYTE_TO_CHAR.map((char) => vocabulary.idOf(char)!);
  const words: number[][] = [];
  const counts: number[] = [];
  for (
    const [word, count] of (texts instanceof WordCounts ? texts : WordCounts.of(texts)).entries()
  ) {
    words.push(Array.from(encoder.encode(word), (byte) => byteIds[byte]!));
    counts.push(count);
  }
  const merges = learnMerges({ words, counts, vocabulary, vocabSize, minFrequency, progress });
  return { tokens: vocabulary.tokens, merges, specialTokens };
}
