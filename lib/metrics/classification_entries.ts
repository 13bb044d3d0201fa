/**
 * The scores of a classifier as metrics.json holds them.
 *
 * @module
 */
import { bootstrap, type ConfidenceInterval } from "./bootstrap.ts";
import {
  type ClassificationScores,
  classificationScores,
  type LabelPair,
} from "./classification.ts";
import type { MetricEntries, MetricEntry } from "./entry.ts";
import { signature } from "./signature.ts";

/** The scores that are one number a class. */
const CLASS_SCORES = ["precision", "recall", "f1"] as const;

/**
 * Accuracy, and precision, recall and F1 as a mean over classes (`value`, that of `average="macro"`), weighted
 * and by class.
 *
 * @param pairs At least one.
 * @param options `metrics`: which of them; others are passed over. `names` of the classes by number; `seed` of
 * the confidence intervals.
 */
export function classificationEntries(
  pairs: readonly LabelPair[],
  options: {
    readonly metrics: readonly string[];
    readonly names: readonly string[];
    readonly seed: number;
  },
): MetricEntries {
  const { metrics, names, seed } = options;
  const scores = classificationScores(pairs);
  return {
    ...(metrics.includes("accuracy") ? { accuracy: accuracyEntry(pairs, { seed }) } : {}),
    ...Object.fromEntries(
      CLASS_SCORES.filter((name) => metrics.includes(name)).map((name): [string, MetricEntry] => [
        name,
        {
          value: scores.macro[name],
          signature: signature({ average: "macro", labels: "present", zero_division: 0 }),
          confidence_interval: interval(pairs, { score: ({ macro }) => macro[name], seed }),
          weighted: scores.weighted[name],
          per_class: Object.fromEntries(
            scores.classes.map((score) => [names[score.id] ?? String(score.id), score[name]]),
          ),
        },
      ]),
    ),
  };
}

/**
 * What always saying the training part's most frequent class would reach: the accuracy that a classifier must
 * beat to have learned anything (scikit-learn's `DummyClassifier`).
 *
 * @param labels Of the rows to classify, at least one.
 * @param options `train`: labels of the training part, at least one; `seed` of the interval.
 */
export function mostFrequentEntry(
  labels: readonly number[],
  options: { readonly train: ArrayLike<number>; readonly seed: number },
): MetricEntry {
  const counts = new Map<number, number>();
  for (const label of Array.from(options.train)) counts.set(label, (counts.get(label) ?? 0) + 1);
  // Of several the first by number, whatever the order of the rows.
  const [[predicted]] = [...counts].sort(([a, rows], [b, others]) => others - rows || a - b) as [
    [number, number],
  ];
  const pairs = labels.map((label) => ({ label, predicted }));
  return accuracyEntry(pairs, { ...options, model: "most_frequent" });
}

function accuracyEntry(
  pairs: readonly LabelPair[],
  { seed, model }: { readonly seed: number; readonly model?: string },
): MetricEntry {
  return {
    value: classificationScores(pairs).accuracy,
    signature: signature({ unit: "row", model }),
    confidence_interval: interval(pairs, { score: ({ accuracy }) => accuracy, seed }),
    rows: pairs.length,
  };
}

/** Rows that are alike are counted, for a corpus is scored a thousand times. */
function interval(
  pairs: readonly LabelPair[],
  { score, seed }: {
    readonly score: (scores: ClassificationScores) => number;
    readonly seed: number;
  },
): ConfidenceInterval {
  const kinds = new Map<string, number>();
  const kindOf = pairs.map(({ label, predicted }) => {
    const key = `${label} ${predicted}`;
    const kind = kinds.get(key) ?? kinds.size;
    kinds.set(key, kind);
    return kind;
  });
  const distinct = [...kinds.values()].map((kind) => pairs[kindOf.indexOf(kind)]!);
  return bootstrap(kindOf, {
    score(drawn: readonly number[]): number {
      const counts = new Int32Array(distinct.length);
      for (const kind of drawn) counts[kind]!++;
      const counted = distinct.map((pair, kind) => ({ ...pair, rows: counts[kind]! }));
      return score(classificationScores(counted.filter(({ rows }) => rows > 0)));
    },
    seed,
  });
}
