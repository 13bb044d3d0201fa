/**
 * BLEU and ROUGE of the texts that a model wrote, over a corpus and of each text.
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
import { bootstrap } from "./bootstrap.ts";
import type { MetricEntries, MetricEntry } from "./entry.ts";
import { meanRouge, type RougeScore, rougeScore, rougeSignature } from "./rouge.ts";

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
 * import { scoreTexts } from "./text_scores.ts";
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
