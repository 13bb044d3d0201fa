/**
 * Rules that cut a distribution by the probabilities themselves: min-p (Nguyen et al., 2024,
 * https://arxiv.org/abs/2407.01082), locally typical sampling (Meister et al., 2022,
 * https://arxiv.org/abs/2202.00666), epsilon and eta cutoffs (Hewitt et al., 2022,
 * https://arxiv.org/abs/2210.15191), as transformers computes them.
 *
 * `tokensToKeep`: as in `truncation.ts`.
 *
 * @module
 */
import type { LogitsProcessor } from "./rule.ts";
import { kthHighest } from "./truncation.ts";

/** Removes tokens less likely than this share of the likeliest one's probability. */
export function minP(share: number, tokensToKeep: number): LogitsProcessor {
  return cutBelow(
    tokensToKeep,
    (probabilities) => share * probabilities.reduce((most, each) => Math.max(most, each), 0),
  );
}

/** Removes tokens less likely than this. */
export function epsilonCutoff(epsilon: number, tokensToKeep: number): LogitsProcessor {
  return cutBelow(tokensToKeep, () => epsilon);
}

/** Removes tokens less likely than this, or than less still where the distribution is flat. */
export function etaCutoff(epsilon: number, tokensToKeep: number): LogitsProcessor {
  return cutBelow(
    tokensToKeep,
    (probabilities) => Math.min(epsilon, Math.sqrt(epsilon) * Math.exp(-entropy(probabilities))),
  );
}

/**
 * Keeps the tokens whose information is closest to what is expected, the fewest whose probabilities add up to a
 * mass; of tokens equally close all.
 *
 * @param mass Above 0, below 1.
 */
export function typicalP(mass: number, tokensToKeep: number): LogitsProcessor {
  return (scores) => {
    const probabilities = softmax(scores);
    const expected = entropy(probabilities);
    const distances = probabilities.map((p) => Math.abs(-Math.log(p) - expected));
    const order = [...distances.keys()].sort((a, b) => distances[a]! - distances[b]!);
    let sum = 0;
    const last = order.find((id) => (sum += probabilities[id]!) >= mass) ?? order.at(-1)!;
    order.forEach((id, rank) => {
      if (rank >= tokensToKeep && distances[id]! > distances[last]!) scores[id] = -Infinity;
    });
  };
}

/** Removes tokens below a threshold of probability, but for the likeliest ones. */
function cutBelow(
  tokensToKeep: number,
  thresholdOf: (probabilities: Float32Array) => number,
): LogitsProcessor {
  return (scores) => {
    const probabilities = softmax(scores);
    const threshold = Math.fround(thresholdOf(probabilities));
    const kept = kthHighest(scores, Math.min(tokensToKeep, scores.length));
    for (let i = 0; i < scores.length; i++) {
      if (probabilities[i]! < threshold && scores[i]! < kept) scores[i] = -Infinity;
    }
  };
}

function softmax(scores: Float32Array): Float32Array {
  const highest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
  const weights = Float64Array.from(scores, (score) => Math.exp(score - highest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return Float32Array.from(weights, (weight) => weight / sum);
}

/** In nats. */
function entropy(probabilities: Float32Array): number {
  return probabilities.reduce((sum, p) => p > 0 ? sum - p * Math.log(p) : sum, 0);
}
