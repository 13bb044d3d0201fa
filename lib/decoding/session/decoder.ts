/**
 * What the generation loop needs of a model: scores for the next token of each sequence of a batch.
 * B sequences, V tokens in the vocabulary.
 *
 * @module
 */

/** A causal language model that can be continued token by token. */
export interface Decoder {
  /** V. */
  readonly vocabSize: number;
  /** Most tokens that the model sees at once. */
  readonly contextLength: number;
  /**
   * Reads the prompts of a batch.
   *
   * @param prompts B lists of ids, each of at least one, their lengths may differ.
   * @param options `capacity`: no sequence will grow beyond this many tokens that are read.
   */
  start(
    prompts: readonly (readonly number[])[],
    options: { readonly capacity: number },
  ): Promise<DecodingBatch>;
}

/** A batch under way. */
export interface DecodingBatch {
  /**
   * Scores after the newest token of sequence `index`: float32 [V], the caller's to change until the
   * next {@linkcode advance}.
   */
  logits(index: number): Float32Array;
  /** Reads one token more for each sequence (int32 [B]). */
  advance(tokens: Int32Array<ArrayBuffer>): Promise<void>;
}
