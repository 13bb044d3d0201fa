/**
 * Warpers reshape a next-token distribution before a token is drawn from it: temperature, top-k
 * (Fan et al., 2018, https://arxiv.org/abs/1805.04833) and top-p (Holtzman et al., 2019,
 * https://arxiv.org/abs/1904.09751). They follow the warpers of transformers in semantics, order of
 * application and float32 arithmetic. Left out: min_p, typical_p, epsilon, eta, top_h.
 *
 * @module
 */

/**
 * Divides the scores by a temperature: below 1 the likely tokens gain, above 1 the unlikely ones.
 *
 * @param scores float32 [V], changed in place.
 * @param temperature Above 0.
 */
export function warpTemperature(scores: Float32Array, temperature: number): void {
  const divisor = Math.fround(temperature);
  for (let i = 0; i < scores.length; i++) scores[i] = scores[i]! / divisor;
}

/**
 * Removes (to -Infinity) all scores below the k-th highest. Scores equal to it all stay, so more
 * than k can be left.
 *
 * @param scores float32 [V], changed in place.
 * @param topK At least 1; V or more changes nothing.
 */
export function warpTopK(scores: Float32Array, topK: number): void {
  if (topK >= scores.length) return;
  const threshold = kthHighest(scores, topK);
  for (let i = 0; i < scores.length; i++) {
    if (scores[i]! < threshold) scores[i] = -Infinity;
  }
}

/**
 * Removes (to -Infinity) the least likely tokens whose probabilities add up to at most `1 - topP`.
 * The most likely token always stays. Of equal scores the ones with lower ids go first, as in a
 * stable ascending sort; the reference leaves open which of them goes (torch.sort is not stable).
 *
 * @param scores float32 [V], changed in place.
 * @param topP 0 to 1; 1 changes nothing.
 */
export function warpTopP(scores: Float32Array, topP: number): void {
  if (topP >= 1) return;
  const sorted = scores.filter((score) => score !== -Infinity).sort();
  const highest = sorted.at(-1);
  if (highest === undefined) return;
  const limit = Math.fround(1 - topP);
  let sum = 0;
  for (const score of sorted) sum += Math.exp(score - highest);
  let cumulative = 0;
  let removed = 0;
  while (removed < sorted.length - 1) {
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
}

/** The warpers of a sampling run; undefined ones don't apply. */
export interface WarperSettings {
  readonly temperature: number;
  /** 0 keeps all. */
  readonly topK: number;
  readonly topP: number;
}

/**
 * Applies temperature, then top-k, then top-p.
 *
 * @param scores float32 [V], changed in place.
 *
 * @example
 * ```ts
 * import { warp } from "./warpers.ts";
 * const scores = Float32Array.of(3, 1, 2, 0);
 * warp(scores, { temperature: 0.5, topK: 3, topP: 0.9 });
 * if (scores.join() !== "6,-Infinity,4,-Infinity") throw new Error(scores.join());
 * ```
 */
export function warp(scores: Float32Array, settings: WarperSettings): void {
  if (settings.temperature !== 1) warpTemperature(scores, settings.temperature);
  if (settings.topK > 0) warpTopK(scores, settings.topK);
  warpTopP(scores, settings.topP);
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
