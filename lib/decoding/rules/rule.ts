/**
 * What a rule of generation is: it changes a row's next-token scores before a token is chosen. V tokens in the
 * vocabulary.
 *
 * Rows hold no padding, so a batch changes nothing (transformers counts left padding as tokens in
 * no_repeat_ngram_size).
 *
 * @module
 */

/** A sequence under way. */
export interface Sequence {
  /** Prompt and continuation so far. */
  readonly ids: readonly number[];
  /** How many of the ids are the prompt. */
  readonly promptLength: number;
}

/** Changes scores, float32 [V], in place; -Infinity forbids a token. */
export type LogitsProcessor = (scores: Float32Array, sequence: Sequence) => void;
