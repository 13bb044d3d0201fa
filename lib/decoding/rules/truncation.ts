/**
 * Rules that leave only the likelier tokens to draw from: top-k (Fan et al., 2018,
 * https://arxiv.org/abs/1805.04833) and top-p (Holtzman et al., 2019, https://arxiv.org/abs/1904.09751), in
 * transformers' semantics and float32 arithmetic.
 *
 * `tokensToKeep`: how many likeliest tokens stay whatever the rule says. A beam search keeps one more than there
 * are end tokens, so that every beam can go on.
 *
 * @module
 */
import type { LogitsProcessor } from "./rule.ts";

/**
 * Removes all scores below the k-th highest. Scores equal to it all stay, so more than k can be left.
 *
 * @param k At least 1; V or more changes nothing.
 */
export function topK(k: number, tokensToKeep: number): LogitsProcessor {
  const kept = Math.max(k, tokensToKeep);
  return (scores) => {
    if (kept >= scores.length) return;
    const threshold = kthHighest(scores, kept);
    for (let i = 0; i < scores.length; i++) {
      if (scores[i]! < threshold) scores[i] = -Infinity;
    }
  };
}

/**
 * Removes the least likely tokens whose probabilities add up to at most `1 - p`. Of equal scores the ones with
 * lower ids go first, as in a stable ascending sort; the reference leaves open which of them goes (torch.sort is
 * not stable).
 *
 * @param p 0 to 1; 1 changes nothing.
 *
 * @example
 * ```ts
 * import { topP } from "./truncation.ts";
 * const scores = Float32Array.of(6, 2, 4, 0);
 * topP(0.9, 1)(scores, { ids: [], promptLength: 0 });
 * if (scores.join() !== "6,-Infinity,4,-Infinity") throw new Error(scores.join());
 * ```
 */
export function topP(p: number, tokensToKeep: number): LogitsProcessor {
  const limit = Math.fround(1 - p);
  return (scores) => {
    const sorted = scores.filter((score) => score !== -Infinity).sort();
    const highest = sorted.at(-1);
    if (highest === undefined) return;
    let sum = 0;
    for (const score of sorted) sum += Math.exp(score - highest);
    let cumulative = 0;
    let removed = 0;
    while (removed < sorted.length - tokensToKeep) {
      cumulative += Math.fround(Math.exp(sorted[removed]! - highest) / sum);
      if (!(Math.fround(cumulative) <= limit)) break;
      removed++;
    }
    const threshold = sorted[removed]!;
    let ties = removed - sorted.indexOf(threshold);
    for (let i = 0; i < scores.length; i++) {
      const score = scores[i]!;
      if (score < threshold || (score === threshold && ties-- > 0)) scores[i] = -Infinity;
    }
  };
}

/** Keeps the k highest in a heap with the lowest of them on top: V log k at worst, far less as a rule. */
function kthHighest(scores: Float32Array, k: number): number {
  const heap = scores.slice(0, k).sort();
  for (let i = k; i < scores.length; i++) {
    const score = scores[i]!;
    if (!(score > heap[0]!)) continue;
    let hole = 0;
    while (true) {
      let child = 2 * hole + 1;
      if (child >= k) break;
      if (child + 1 < k && heap[child + 1]! < heap[child]!) child++;
      if (heap[child]! >= score) break;
      heap[hole] = heap[child]!;
      hole = child;
    }
    heap[hole] = score;
  }
  return heap[0]!;
}
