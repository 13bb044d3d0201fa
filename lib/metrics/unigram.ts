/**
 * A unigram model: each token has its frequency in the training part, whatever stands before it.
 * Its perplexity is what a model must beat to have learned anything of order. Add-one smoothing
 * (Laplace) over the whole vocabulary gives unseen tokens a probability.
 *
 * @module
 */
import { InternalError } from "../base/errors.ts";
import type { MetricEntry } from "./entry.ts";
import { perplexityEntry, type PerplexityStatistics } from "./perplexity.ts";
import { signature } from "./signature.ts";

/** Token frequencies of a training part. */
export interface UnigramModel {
  /** Occurrences by token id, length = vocabulary size. */
  readonly counts: Float64Array;
  /** Sum of the counts. */
  readonly total: number;
}

/**
 * Counts tokens.
 *
 * @param ids Token ids of the training part, each below `vocabSize`.
 * @param vocabSize V, how many tokens share the added counts.
 */
export function unigramModel(ids: Iterable<number>, vocabSize: number): UnigramModel {
  const counts = new Float64Array(vocabSize);
  let total = 0;
  for (const id of ids) {
    if (!(id >= 0 && id < vocabSize)) {
      throw new InternalError(`token id ${id} in a vocabulary of ${vocabSize}`);
    }
    counts[id]!++;
    total++;
  }
  return { counts, total };
}

/**
 * What the model makes of other tokens: sum of `-log((count + 1) / (total + V))`.
 *
 * @example
 * ```ts
 * import { perplexity } from "./perplexity.ts";
 * import { unigramModel, unigramStatistics } from "./unigram.ts";
 * const model = unigramModel([0, 0, 1], 2); // probabilities 3/5 and 2/5
 * const value = perplexity([unigramStatistics(model, [0, 1])]);
 * if (Math.abs(value - 5 / Math.sqrt(6)) > 1e-12) throw new Error(String(value));
 * ```
 */
export function unigramStatistics(
  model: UnigramModel,
  ids: Iterable<number>,
): PerplexityStatistics {
  const denominator = Math.log(model.total + model.counts.length);
  let sum = 0;
  let tokens = 0;
  for (const id of ids) {
    const count = model.counts[id];
    if (count === undefined) {
      throw new InternalError(`token id ${id} in a vocabulary of ${model.counts.length}`);
    }
    sum += denominator - Math.log(count + 1);
    tokens++;
  }
  return { negativeLogLikelihood: sum, tokens };
}

/** How a unigram perplexity was computed. */
function unigramSignature(): string {
  return signature({ unit: "token", model: "unigram", smooth: "add-one" });
}

/**
 * The perplexity of a unigram model of the training part on the tokens that a model is asked for.
 *
 * @param windows Held-out tokens, those from `from` on to be predicted, or of them those whose label is no less than 0.
 * @param options `train`: every token of the training part; `vocabSize`: V; `seed` of the interval.
 */
export function unigramEntry(
  windows: readonly {
    readonly ids: Int32Array;
    readonly from: number;
    readonly labels?: Int32Array;
  }[],
  options: {
    readonly train: Iterable<number>;
    readonly vocabSize: number;
    readonly seed: number;
  },
): MetricEntry {
  const model = unigramModel(options.train, options.vocabSize);
  const rows = windows.map(({ ids, from, labels }) =>
    unigramStatistics(model, (labels ?? ids).subarray(from).filter((id) => id >= 0))
  );
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
