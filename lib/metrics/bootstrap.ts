/**
 * Confidence intervals by the bootstrap (Koehn, "Statistical Significance Tests for Machine
 * Translation Evaluation", EMNLP 2004, https://aclanthology.org/W04-3250): segments are drawn with
 * replacement, their sufficient statistics scored again, and the middle 95% of the scores is the
 * interval. The percentiles are those of sacrebleu. Left out: tests of two systems against each other.
 *
 * @module
 */
import { InternalError } from "../base/errors.ts";
import { randomStream } from "../base/random.ts";

/** The middle 95% of the scores of resampled corpora. */
export interface ConfidenceInterval {
  readonly low: number;
  readonly high: number;
  /** Mean of the resampled scores. */
  readonly mean: number;
  readonly level: 0.95;
  /** How many corpora were drawn. */
  readonly samples: number;
}

/**
 * Estimates how far a corpus score would move with other segments from the same source.
 *
 * @param segments Sufficient statistics, one entry per segment.
 * @param options `score`: statistics of a corpus -> its score; `seed`: same seed, same interval;
 *   `samples`: how many corpora to draw, default 1000.
 *
 * @example
 * ```ts
 * import { bootstrap } from "./bootstrap.ts";
 * const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
 * const { low, high } = bootstrap([1, 2, 3, 4, 5], { score: mean, seed: 7 });
 * if (!(low < 3 && 3 < high)) throw new Error(`${low} ${high}`);
 * ```
 */
export function bootstrap<S>(
  segments: readonly S[],
  options: {
    readonly score: (segments: readonly S[]) => number;
    readonly seed: number;
    readonly samples?: number;
  },
): ConfidenceInterval {
  if (segments.length === 0) throw new InternalError("bootstrap of no segments");
  const samples = options.samples ?? 1000;
  const random = randomStream(options.seed);
  const drawn = new Array<S>(segments.length);
  const scores = new Float64Array(samples);
  for (let sample = 0; sample < samples; sample++) {
    for (let i = 0; i < drawn.length; i++) {
      drawn[i] = segments[random.nextBelow(segments.length)]!;
    }
    scores[sample] = options.score(drawn);
  }
  const mean = scores.reduce((sum, score) => sum + score, 0) / samples;
  scores.sort();
  const cut = Math.floor(samples / 40);
  return { low: scores[cut]!, high: scores[samples - cut - 1]!, mean, level: 0.95, samples };
}
