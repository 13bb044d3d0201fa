/**
 * Logits processors: rules that change a sequence's next-token scores because of the tokens it holds
 * already. They apply to greedy decoding and to sampling, before the warpers, in the order of
 * transformers: repetition penalty (Keskar et al., 2019, https://arxiv.org/abs/1909.05858),
 * no-repeat n-grams (Paulus et al., 2017, https://arxiv.org/abs/1705.04304), bad words, least length.
 *
 * Sequences hold no padding here: rows of a batch are looked at by themselves, so a batch changes
 * nothing (transformers counts left padding as tokens in no_repeat_ngram_size).
 *
 * @module
 */

/** What the processors need to know; neutral values switch a rule off. */
export interface ProcessorSettings {
  /** Scores of tokens that occurred are divided (positive) or multiplied (negative) by this. 1 is neutral. */
  readonly repetitionPenalty: number;
  /** No n-gram of this size occurs twice. 0 is neutral. */
  readonly noRepeatNgramSize: number;
  /** Sequences of ids that must not be completed. */
  readonly badWordsIds: readonly (readonly number[])[];
  /** Ids that end a sequence: held back until it is long enough. */
  readonly eosTokenIds: readonly number[];
  /** Least length of prompt and continuation together. */
  readonly minLength: number;
  /** Least length of the continuation. */
  readonly minNewTokens: number;
}

/**
 * Applies every rule to one sequence's scores.
 *
 * @param scores float32 [V], changed in place.
 * @param options `ids`: prompt and continuation so far; `promptLength`: how many of them are the prompt.
 */
export function processLogits(
  scores: Float32Array,
  options: ProcessorSettings & { readonly ids: readonly number[]; readonly promptLength: number },
): void {
  const { ids } = options;
  if (options.repetitionPenalty !== 1) penalizeRepetition(scores, options);
  if (options.noRepeatNgramSize > 0) {
    for (const id of repeatingTokens(ids, options.noRepeatNgramSize)) scores[id] = -Infinity;
  }
  for (const word of options.badWordsIds) {
    const last = word.at(-1)!;
    // An end token cannot be forbidden by itself, or nothing would ever end.
    if (word.length === 1 && options.eosTokenIds.includes(last)) continue;
    if (endsWith(ids, word.slice(0, -1))) scores[last] = -Infinity;
  }
  const least = Math.max(options.minLength, options.promptLength + options.minNewTokens);
  if (ids.length < least) {
    for (const id of options.eosTokenIds) if (id < scores.length) scores[id] = -Infinity;
  }
}

function penalizeRepetition(
  scores: Float32Array,
  options: { readonly repetitionPenalty: number; readonly ids: readonly number[] },
): void {
  const penalty = Math.fround(options.repetitionPenalty);
  for (const id of new Set(options.ids)) {
    const score = scores[id];
    if (score !== undefined) scores[id] = score < 0 ? score * penalty : score / penalty;
  }
}

/** Tokens that would complete an n-gram which the sequence holds already. */
function repeatingTokens(ids: readonly number[], size: number): number[] {
  const tokens: number[] = [];
  const start = ids.length + 1 - size;
  if (start < 0) return tokens;
  for (let i = 0; i + size <= ids.length; i++) {
    let same = true;
    for (let j = 0; j < size - 1 && same; j++) same = ids[i + j] === ids[start + j];
    if (same) tokens.push(ids[i + size - 1]!);
  }
  return tokens;
}

function endsWith(ids: readonly number[], tail: readonly number[]): boolean {
  const offset = ids.length - tail.length;
  return offset >= 0 && tail.every((id, i) => ids[offset + i] === id);
}
