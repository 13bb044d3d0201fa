/**
 * Trains a tokenizer of any kind, and writes its files.
 *
 * @module
 */
import type { JsonObject } from "../base/json.ts";
import { parseNormalizer } from "./normalizers/parse.ts";
import { parsePreTokenizer } from "./pre_tokenizers/parse.ts";
import { bpeModel, saveTokenizer, type TrainedModel } from "./save.ts";
import type { TrainOptions } from "./training/options.ts";
import { prefixOf, type Recipe, recipeOf } from "./training/recipes.ts";
import { trainBpe } from "./training/train_bpe.ts";
import { trainUnigram } from "./training/train_unigram.ts";
import { trainWordLevel } from "./training/train_word_level.ts";
import { trainWordPiece } from "./training/train_word_piece.ts";
import { type CutWords, WordCounts } from "./training/word_counts.ts";

/** Takes the training texts one after the other; only their words are kept. */
export class TokenizerTrainer {
  readonly #train: TrainOptions;
  readonly #recipe: Recipe;
  readonly #words: WordCounts;

  /** @param train As `trainOptions` checked them. */
  constructor(train: TrainOptions) {
    this.#train = train;
    this.#recipe = recipeOf(train);
    this.#words = new WordCounts(cutter(train, this.#recipe));
  }

  /** Learns from a text as well. Special tokens that stand in it are text like any other. */
  add(text: string): void {
    this.#words.add(text);
  }

  /** Different words that were too rare to be remembered, of texts with very many. */
  get forgotten(): number {
    return this.#words.forgotten;
  }

  /**
   * Makes the vocabulary and writes tokenizer.json and tokenizer_config.json.
   *
   * @param dir An existing folder.
   * @param options `modelMaxLength` in tokens goes into tokenizer_config.json.
   * @returns How many tokens there are.
   * @throws {UserError} where `vocab_size` leaves no room, or a special token is given twice.
   */
  async save(
    dir: string,
    { modelMaxLength }: { readonly modelMaxLength?: number | undefined } = {},
  ): Promise<number> {
    const trained = this.#model();
    await saveTokenizer(dir, trained, { recipe: this.#recipe, modelMaxLength });
    return trained.tokens.length;
  }

  #model(): TrainedModel {
    const [train, words] = [this.#train, this.#words];
    const { specialTokens, unkToken = "<unk>" } = this.#recipe;
    const { vocab_size: vocabSize = 0 } = train;
    const alphabet = { initialAlphabet: train.initial_alphabet };
    const frequency = train.min_frequency === undefined
      ? {}
      : { minFrequency: train.min_frequency };
    switch (train.type) {
      case "bpe":
        return bpeModel(trainBpe(words, { vocabSize, specialTokens, ...frequency }));
      case "wordpiece": {
        const tokens = trainWordPiece(words, {
          vocabSize,
          specialTokens,
          ...frequency,
          ...alphabet,
          limitAlphabet: train.limit_alphabet ?? BERT_ALPHABET,
          continuingSubwordPrefix: prefixOf(train),
        });
        return vocabularyModel(tokens, {
          type: "WordPiece",
          unk_token: unkToken,
          continuing_subword_prefix: prefixOf(train),
          max_input_chars_per_word: 100,
        });
      }
      case "unigram": {
        const { pieces, unkId } = trainUnigram(words, {
          vocabSize,
          specialTokens,
          unkToken,
          ...alphabet,
          limitAlphabet: train.limit_alphabet,
          ...train.max_piece_length === undefined ? {} : { maxPieceLength: train.max_piece_length },
          ...train.n_sub_iterations === undefined ? {} : { nSubIterations: train.n_sub_iterations },
          ...train.shrinking_factor === undefined
            ? {}
            : { shrinkingFactor: train.shrinking_factor },
        });
        return {
          tokens: pieces.map(([token]) => token),
          model: {
            type: "Unigram",
            unk_id: unkId,
            vocab: pieces.map((piece) => [...piece]),
            byte_fallback: false,
          },
        };
      }
      case "word":
      case "char": {
        const tokens = trainWordLevel(words, {
          vocabSize: train.vocab_size,
          specialTokens,
          ...frequency,
          ...alphabet,
        });
        return vocabularyModel(tokens, { type: "WordLevel", unk_token: unkToken });
      }
    }
  }
}

/** Characters of `BertWordPieceTokenizer`. */
const BERT_ALPHABET = 1000;

function vocabularyModel(
  tokens: readonly string[],
  { type, ...rest }: JsonObject & { readonly type: string },
): TrainedModel {
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  return { tokens, model: { type, ...rest, vocab } };
}

/** Makes the words of a text as the tokenizer will. */
function cutter(
  { type }: TrainOptions,
  { normalizer, pre_tokenizer }: Recipe,
): CutWords | undefined {
  // Words of bytes are counted as text and spelled once each.
  if (type === "bpe") return undefined;
  // Code points, without a list of them.
  if (type === "char") return (text) => text.toWellFormed();
  const normal = normalizer === null ? undefined : parseNormalizer(normalizer).normalizer;
  const { preTokenizer } = parsePreTokenizer(pre_tokenizer);
  return (text) => {
    const wellFormed = text.toWellFormed();
    const changed = normal?.normalize(wellFormed) ?? wellFormed;
    return changed === "" ? [] : preTokenizer.cut(changed, true);
  };
}
