/**
 * The scores of a classifier as metrics.json holds them.
 *
 * @module
 */
import { bootstrap } from "./bootstrap.ts";
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
  const entry = (value: (scores: ClassificationScores) => number): MetricEntry => ({
    value: value(scores),
    signature: signature({ average: "macro", labels: "present", zero_division: 0 }),
    confidence_interval: bootstrap(pairs, {
      score: (drawn) => value(classificationScores(drawn)),
      seed,
    }),
  });
  return {
    ...(metrics.includes("accuracy") ? { accuracy: accuracyEntry(pairs, { seed }) } : {}),
    ...Object.fromEntries(
      CLASS_SCORES.filter((name) => metrics.includes(name)).map((name) => [name, {
        ...entry(({ macro }) => macro[name]),
        weighted: scores.weighted[name],
        per_class: Object.fromEntries(
          scores.classes.map((score) => [names[score.id] ?? String(score.id), score[name]]),
        ),
      }]),
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
  const accuracy = (drawn: readonly LabelPair[]): number =>
    drawn.filter(({ label, predicted }) => label === predicted).length / drawn.length;
  return {
    value: accuracy(pairs),
    signature: signature({ unit: "row", model }),
    confidence_interval: bootstrap(pairs, { score: accuracy, seed }),
    rows: pairs.length,
  };
}
