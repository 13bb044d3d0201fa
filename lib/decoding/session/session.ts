/**
 * What the generation loop needs of a model: scores for the next token of each row of a batch, where a row is
 * one sequence under way. B rows, V tokens in the vocabulary.
 *
 * @module
 */

/** A language model that can be continued token by token. */
export interface Decoder {
  /** V. */
  readonly vocabSize: number;
  /** Most tokens that the model sees at once. */
  readonly contextLength: number;
  /**
   * Reads the prompts of a batch, a row each.
   *
   * @param prompts B lists of ids, each of at least one; their lengths may differ.
   * @param options `capacity`: no row will grow beyond this many tokens that are read.
   */
  start(
    prompts: readonly (readonly number[])[],
    options: { readonly capacity: number },
  ): Promise<DecodingSession>;
}

/** A batch under way. */
export interface DecodingSession {
  /**
   * Scores after the newest token of a row: float32 [V], the caller's to change until the next
   * {@linkcode advance}.
   */
  logits(row: number): Float32Array;
  /**
   * Reads one token more for each row.
   *
   * @param tokens int32 [B].
   * @param parents int32 [B]: the row so far that each row goes on from; each from itself where absent. B may be
   * another than before: a prompt that is read once forks into its beams.
   */
  advance(tokens: Int32Array<ArrayBuffer>, parents?: Int32Array): Promise<void>;
  /**
   * Forgets the tokens after the first `length` of every row. Scores are there again after the next
   * {@linkcode advance}.
   */
  rewind(length: number): void;
}
