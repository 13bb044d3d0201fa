/**
 * Perplexity: the exponential of the mean negative log-likelihood per predicted token (Jelinek et
 * al., "Perplexity - a measure of the difficulty of speech recognition tasks", JASA 62, 1977). Its
 * sufficient statistics are a sum and a count, so parts of a corpus add up exactly.
 *
 * Perplexities compare only between models with the same tokenizer.
 *
 * @module
 */
import { InternalError } from "../base/errors.ts";
import { bootstrap } from "./bootstrap.ts";
import type { MetricEntry } from "./entry.ts";
import { signature } from "./signature.ts";

/** What a text adds to the corpus. */
export interface PerplexityStatistics {
  /** Negative log-likelihood summed over the predicted tokens, in nats. */
  readonly negativeLogLikelihood: number;
  /** How many tokens were predicted; the first one of a context is not. */
  readonly tokens: number;
}

/**
 * Perplexity of one or more texts.
 *
 * @returns At least 1 for a probability model; Infinity where a token was impossible.
 *
 * @example
 * ```ts
 * import { perplexity } from "./perplexity.ts";
 * const value = perplexity([{ negativeLogLikelihood: 4 * Math.log(8), tokens: 4 }]);
 * if (Math.abs(value - 8) > 1e-12) throw new Error(String(value));
 * ```
 */
export function perplexity(parts: readonly PerplexityStatistics[]): number {
  let total = 0;
  let tokens = 0;
  for (const part of parts) {
    total += part.negativeLogLikelihood;
    tokens += part.tokens;
  }
  if (tokens === 0) throw new InternalError("perplexity of no tokens");
  return Math.exp(total / tokens);
}

/**
 * How a perplexity was computed.
 *
 * @param options `context`: the most tokens a prediction sees, the model's window; `stride`: how far
 *   overlapping windows move over the joined texts, or "row" where each row is scored by itself;
 *   `isMarked`: whether the tokens that the template marks are scored alone.
 */
export function perplexitySignature(
  options: {
    readonly context: number;
    readonly stride: number | "row";
    readonly isMarked?: boolean;
  },
): string {
  const { context, stride, isMarked = false } = options;
  return signature({ unit: "token", context, stride, ...isMarked ? { of: "marked" } : {} });
}

/**
 * The perplexity of a split as metrics.json holds it.
 *
 * @param rows Statistics by row or window; at least one token in all.
 * @param options The signature's fields and the `seed` of the confidence interval.
 */
export function perplexityEntry(
  rows: readonly PerplexityStatistics[],
  options: Parameters<typeof perplexitySignature>[0] & { readonly seed: number },
): MetricEntry {
  const scored = rows.filter((row) => row.tokens > 0);
  return {
    value: perplexity(scored),
    signature: perplexitySignature(options),
    confidence_interval: bootstrap(scored, { score: perplexity, seed: options.seed }),
    negative_log_likelihood: scored.reduce((sum, row) => sum + row.negativeLogLikelihood, 0),
    tokens: scored.reduce((sum, row) => sum + row.tokens, 0),
  };
}
