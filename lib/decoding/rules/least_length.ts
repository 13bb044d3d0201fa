/**
 * Least lengths: end tokens are held back until a sequence is long enough.
 *
 * @module
 */
import type { LogitsProcessor, Sequence } from "./rule.ts";

/** Least length of prompt and continuation together. */
export function minLength(least: number, eosTokenIds: readonly number[]): LogitsProcessor {
  return heldBack(eosTokenIds, ({ ids }) => ids.length < least);
}

/** Least length of the continuation. */
export function minNewTokens(least: number, eosTokenIds: readonly number[]): LogitsProcessor {
  return heldBack(eosTokenIds, ({ ids, promptLength }) => ids.length - promptLength < least);
}

function heldBack(
  eosTokenIds: readonly number[],
  tooShort: (sequence: Sequence) => boolean,
): LogitsProcessor {
  return (scores, sequence) => {
    if (!tooShort(sequence)) return;
    for (const id of eosTokenIds) if (id < scores.length) scores[id] = -Infinity;
  };
}
