/**
 * The metrics of an evaluation, in the form that metrics.json holds them: value, signature,
 * confidence interval.
 *
 * @module
 */
import {
  bleuFromStatistics,
  bleuSignature,
  type BleuStatistics,
  corpusBleu,
  sumBleuStatistics,
} from "./bleu.ts";
import { bootstrap, type ConfidenceInterval } from "./bootstrap.ts";
import { perplexity, perplexitySignature, type PerplexityStatistics } from "./perplexity.ts";
import { unigramModel, unigramSignature, unigramStatistics } from "./unigram.ts";
import { meanRouge, type RougeScore, rougeScore, rougeSignature } from "./rouge.ts";

/** One metric of metrics.json. */
export interface MetricEntry {
  readonly value: number;
  /** How it was computed. */
  readonly signature: string;
  readonly confidence_interval?: ConfidenceInterval;
  /** Parts of the value, by name. */
  readonly [part: string]: unknown;
}

/** Metrics by name. */
export type MetricEntries = Readonly<Record<string, MetricEntry>>;

/** The ROUGE types that an evaluation reports. */
const ROUGE_TYPES = ["rouge1", "rouge2", "rougeL"] as const;

/** A prediction and what it should have been. */
export interface TextPair {
  readonly prediction: string;
  readonly reference: string;
}

/** Metrics of a corpus and the scores of each pair. */
export interface TextScores {
  readonly metrics: MetricEntries;
  /** By pair: `bleu` (sentence level, effective order) and the f-measure of each ROUGE type. */
  readonly pairs: readonly Readonly<Record<string, number>>[];
}

/**
 * BLEU and ROUGE of predictions.
 *
 * @param pairs At least one.
 * @param options `metrics`: `bleu`, `rouge` or both; `seed` of the confidence intervals.
 *
 * @example
 * ```ts
 * import { scoreTexts } from "./entries.ts";
 * const { metrics } = scoreTexts([{ prediction: "a cat", reference: "a cat sat" }], {
 *   metrics: ["rouge"],
 *   seed: 1,
 * });
 * if (metrics.rouge1?.value !== 0.8) throw new Error();
 * ```
 */
export function scoreTexts(
  pairs: readonly TextPair[],
  options: { readonly metrics: readonly string[]; readonly seed: number },
): TextScores {
  const metrics: Record<string, MetricEntry> = {};
  const scores: Record<string, number>[] = pairs.map(() => ({}));
  const { seed } = options;
  if (options.metrics.includes("bleu")) {
    const references = pairs.map((pair) => [pair.reference]);
    const bleu = corpusBleu(pairs.map((pair) => pair.prediction), { references });
    const score = (segments: readonly BleuStatistics[]): number =>
      bleuFromStatistics(sumBleuStatistics(segments)).score;
    metrics["bleu"] = {
      value: bleu.score,
      signature: bleuSignature({}),
      confidence_interval: bootstrap(bleu.segments, { score, seed }),
      precisions: bleu.precisions,
      brevity_penalty: bleu.brevityPenalty,
      hypothesis_length: bleu.statistics.hypothesisLength,
      reference_length: bleu.statistics.referenceLength,
    };
    bleu.segments.forEach((segment, i) => {
      scores[i]!["bleu"] = bleuFromStatistics(segment, { effective_order: true }).score;
    });
  }
  if (options.metrics.includes("rouge")) {
    const rouge = pairs.map(({ prediction, reference }) =>
      rougeScore(prediction, { targets: [reference], types: ROUGE_TYPES })
    );
    for (const type of ROUGE_TYPES) {
      const parts = rouge.map((score) => score[type]!);
      const score = (drawn: readonly RougeScore[]): number => meanRouge(drawn).fmeasure;
      const mean = meanRouge(parts);
      metrics[type] = {
        value: mean.fmeasure,
        signature: rougeSignature(type),
        confidence_interval: bootstrap(parts, { score, seed }),
        precision: mean.precision,
        recall: mean.recall,
      };
      parts.forEach((part, i) => {
        scores[i]![type] = part.fmeasure;
      });
    }
  }
  return { metrics, pairs: scores };
}

/**
 * The perplexity of a split as metrics.json holds it.
 *
 * @param rows Statistics by row or window; at least one token in all.
 * @param options The signature's fields and the `seed` of the confidence interval.
 */
export function perplexityEntry(
  rows: readonly PerplexityStatistics[],
  options: { readonly context: number; readonly stride: number | "row"; readonly seed: number },
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

/**
 * The perplexity of a unigram model of the training part on the tokens that a model is asked for.
 *
 * @param windows Held-out tokens, those from `from` on to be predicted.
 * @param options `train`: every token of the training part; `vocabSize`: V; `seed` of the interval.
 */
export function unigramEntry(
  windows: readonly { readonly ids: Int32Array; readonly from: number }[],
  options: {
    readonly train: Iterable<number>;
    readonly vocabSize: number;
    readonly seed: number;
  },
): MetricEntry {
  const model = unigramModel(options.train, options.vocabSize);
  const rows = windows.map(({ ids, from }) => unigramStatistics(model, ids.subarray(from)));
  const { value, confidence_interval, ...parts } = perplexityEntry(rows, {
    context: 1,
    stride: "row",
    seed: options.seed,
  });
  return {
    ...parts,
    value,
    signature: unigramSignature(),
    ...(confidence_interval === undefined ? {} : { confidence_interval }),
  };
}
