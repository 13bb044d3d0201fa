/**
 * What encodes and decodes: the face that our own byte-level BPE and `@huggingface/tokenizers` share.
 *
 * @module
 */

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
  /** Model type in tokenizer.json: BPE, WordPiece, Unigram. */
  readonly type: string;
  /**
   * Whether it matches patterns that came with it, or runs on a package: then nobody knows how long a call
   * takes, and where the file is somebody else's it is to be watched (`../watched.ts`).
   */
  readonly isUnbounded: boolean;
  /** Ids of a text. Never truncates or pads. */
  encode(text: string, options?: EncodeOptions): number[];
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
