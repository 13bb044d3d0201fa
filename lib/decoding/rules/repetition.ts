/**
 * Rules against repetition: a penalty on tokens that occurred (Keskar et al., 2019,
 * https://arxiv.org/abs/1909.05858) and n-grams that must not come back (Paulus et al., 2017,
 * https://arxiv.org/abs/1705.04304).
 *
 * @module
 */
import type { LogitsProcessor } from "./rule.ts";

/**
 * Divides positive scores of tokens that occurred by a penalty, and multiplies negative ones by it.
 *
 * @param penalty Above 0; 1 changes nothing.
 */
export function repetitionPenalty(penalty: number): LogitsProcessor {
  const factor = Math.fround(penalty);
  return (scores, { ids }) => {
    for (const id of new Set(ids)) {
      const score = scores[id];
      if (score !== undefined) scores[id] = score < 0 ? score * factor : score / factor;
    }
  };
}

/**
 * Forbids tokens that would complete an n-gram which the sequence holds already.
 *
 * @param size n, at least 1.
 */
export function noRepeatNgram(size: number): LogitsProcessor {
  return (scores, { ids }) => {
    const start = ids.length + 1 - size;
    if (start < 0) return;
    for (let i = 0; i + size <= ids.length; i++) {
      let same = true;
      for (let j = 0; j < size - 1 && same; j++) same = ids[i + j] === ids[start + j];
      if (same) scores[ids[i + size - 1]!] = -Infinity;
    }
  };
}
