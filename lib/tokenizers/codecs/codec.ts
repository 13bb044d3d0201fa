/**
 * What encodes and decodes.
 *
 * @module
 */
import type { Encoding, EncodingOptions } from "../encodings/encoding.ts";

/** Options of {@linkcode Codec.encode}. */
export interface EncodeOptions {
  /** Adds what the tokenizer puts around a text ([CLS], `</s>`); default true. GPT-2 puts nothing. */
  readonly addSpecialTokens?: boolean;
}

/** Options of {@linkcode Codec.decode}. */
export interface DecodeOptions {
  /** Leaves special tokens out; default false. */
  readonly skipSpecialTokens?: boolean;
  /**
   * Removes the spaces before punctuation (transformers' `clean_up_tokenization_spaces`). Default as
   * in transformers 5: what tokenizer_config.json says, else false; always false for BPE, whose text
   * it would damage.
   */
  readonly cleanUpTokenizationSpaces?: boolean;
}

/** Text to token ids and back, without the roles of special tokens. */
export interface Codec {
  /** Model type in tokenizer.json: BPE, WordPiece, Unigram, WordLevel. */
  readonly type: string;
  /** Ids of a text; a lone half of a surrogate pair is U+FFFD. Never truncates or pads. */
  encode(text: string, options?: EncodeOptions): number[];
  /**
   * All that the tokens of a text, or of a pair, say: types, offsets, masks; truncated and padded as asked.
   * Takes several times as long as `encode`.
   *
   * @throws {UserError} where the truncation leaves no room, or the tokenizer has no template for pairs.
   */
  encodeWithOffsets(
    text: string | readonly [first: string, second: string],
    options?: EncodingOptions,
  ): Encoding;
  /** The text of ids; bytes that are no UTF-8 become U+FFFD. */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  /** What `encode` puts around a text's own ids. */
  readonly around: { readonly before: readonly number[]; readonly after: readonly number[] };
  /** One more than the highest id: the rows that an embedding needs. */
  readonly vocabSize: number;
  /** The id of a token by its spelling in the vocabulary, `Ġthe` or `<|endoftext|>`. */
  idOf(token: string): number | undefined;
  /** The spelling of an id. */
  tokenOf(id: number): string | undefined;
}
