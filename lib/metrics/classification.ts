/**
 * How well rows are put into classes, as scikit-learn 1.x computes it with `zero_division=0`: accuracy,
 * precision, recall and F1 (`precision_recall_fscore_support`), the confusion matrix. Means are over the
 * classes that occur as a label or as a prediction, which is scikit-learn's default. Left out: several labels
 * a row, `average="micro"` (it is the accuracy).
 *
 * @module
 */
import { InternalError } from "../base/errors.ts";

/** A row: the class it is of and the one it was put into. */
export interface LabelPair {
  readonly label: number;
  readonly predicted: number;
  /** How many rows it stands for, more than 0; default 1. */
  readonly rows?: number;
}

/** Each 0 to 1; 0 where nothing was there to divide by. */
export interface ClassScore {
  /** Of what was put into the class, how much is of it. */
  readonly precision: number;
  /** Of what is of the class, how much was put into it. */
  readonly recall: number;
  /** The harmonic mean of both. */
  readonly f1: number;
}

/** Scores of a corpus. */
export interface ClassificationScores {
  /** Rows whose class was met, 0 to 1. */
  readonly accuracy: number;
  /** Mean over the classes, each counting the same. */
  readonly macro: ClassScore;
  /** Mean over the classes, each counting by the rows that are of it. */
  readonly weighted: ClassScore;
  /** The classes that occur, ascending; `support`: rows that are of it. */
  readonly classes: readonly (ClassScore & { readonly id: number; readonly support: number })[];
}

/**
 * Scores rows.
 *
 * @param pairs At least one; classes count from 0.
 *
 * @example
 * ```ts
 * import { classificationScores } from "./classification.ts";
 * const pairs = [[0, 0], [0, 1], [1, 1]].map(([label = 0, predicted = 0]) => ({ label, predicted }));
 * const { accuracy, macro } = classificationScores(pairs);
 * if (accuracy !== 2 / 3 || macro.precision !== 0.75 || macro.recall !== 0.75) throw new Error();
 * ```
 */
export function classificationScores(pairs: readonly LabelPair[]): ClassificationScores {
  if (pairs.length === 0) throw new InternalError("scores of no rows");
  const count = 1 + pairs.reduce((most, pair) => Math.max(most, pair.label, pair.predicted), 0);
  const [support, given, met] = [0, 0, 0].map(() => new Float64Array(count)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  let total = 0;
  for (const { label, predicted, rows = 1 } of pairs) {
    support[label]! += rows;
    given[predicted]! += rows;
    if (label === predicted) met[label]! += rows;
    total += rows;
  }
  const classes = Array.from(support, (rows, id) => ({
    id,
    support: rows,
    precision: ratio(met[id]!, given[id]!),
    recall: ratio(met[id]!, rows),
    f1: ratio(2 * met[id]!, rows + given[id]!),
  })).filter(({ id }) => support[id]! + given[id]! > 0);
  const mean = (weight: (rows: number) => number): ClassScore => {
    const over = (part: keyof ClassScore): number =>
      classes.reduce((sum, score) => sum + weight(score.support) * score[part], 0);
    return { precision: over("precision"), recall: over("recall"), f1: over("f1") };
  };
  return {
    accuracy: met.reduce((sum, rows) => sum + rows, 0) / total,
    macro: mean(() => 1 / classes.length),
    weighted: mean((rows) => rows / total),
    classes,
  };
}

/**
 * How often a row of each class was put into each class.
 *
 * @returns The classes that occur, ascending, and for each as a label (a row of `counts`) how many rows were
 * put into each (its columns).
 */
export function confusionMatrix(
  pairs: readonly LabelPair[],
): { readonly classes: readonly number[]; readonly counts: readonly (readonly number[])[] } {
  const classes = [...new Set(pairs.flatMap(({ label, predicted }) => [label, predicted]))]
    .sort((a, b) => a - b);
  const place = new Map(classes.map((id, index) => [id, index]));
  const counts = classes.map(() => new Array<number>(classes.length).fill(0));
  for (const { label, predicted } of pairs) counts[place.get(label)!]![place.get(predicted)!]!++;
  return { classes, counts };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
