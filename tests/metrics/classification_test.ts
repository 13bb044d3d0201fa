/** Scores of classifiers: the values are scikit-learn's (1.9.1, zero_division=0). */
import assert from "node:assert/strict";
import {
  classificationScores,
  type ClassScore,
  confusionMatrix,
  type LabelPair,
} from "../../lib/metrics/classification.ts";
import {
  classificationEntries,
  mostFrequentEntry,
} from "../../lib/metrics/classification_entries.ts";
import { METRICS_VERSION } from "../../lib/metrics/signature.ts";
import { close } from "./fixtures/mod.ts";

/** Digits to pairs. */
function pairsOf(labels: string, predicted: string): LabelPair[] {
  return Array.from(labels, (label, i) => ({ label: +label, predicted: +predicted[i]! }));
}

interface Case {
  readonly labels: string;
  readonly predicted: string;
  readonly accuracy: number;
  /** Precision, recall, F1. */
  readonly macro: number[];
  readonly weighted: number[];
  /** By class: its number, precision, recall, F1, support. */
  readonly classes: number[][];
  readonly matrix: number[][];
}

const CASES: Case[] = [
  {
    labels: "012012",
    predicted: "021001",
    accuracy: 1 / 3,
    macro: [2 / 9, 1 / 3, 4 / 15],
    weighted: [2 / 9, 1 / 3, 4 / 15],
    classes: [[0, 2 / 3, 1, 0.8, 2], [1, 0, 0, 0, 2], [2, 0, 0, 0, 2]],
    matrix: [[2, 0, 0], [1, 0, 1], [0, 2, 0]],
  },
  {
    labels: "000",
    predicted: "000",
    accuracy: 1,
    macro: [1, 1, 1],
    weighted: [1, 1, 1],
    classes: [[0, 1, 1, 1, 3]],
    matrix: [[3]],
  },
  {
    labels: "001",
    predicted: "222",
    accuracy: 0,
    macro: [0, 0, 0],
    weighted: [0, 0, 0],
    classes: [[0, 0, 0, 0, 2], [1, 0, 0, 0, 1], [2, 0, 0, 0, 0]],
    matrix: [[0, 0, 2], [0, 0, 1], [0, 0, 0]],
  },
  {
    // Class 2 occurs nowhere and does not count.
    labels: "3113310",
    predicted: "3313111",
    accuracy: 0.5714285714285714,
    macro: [0.38888888888888884, 0.4444444444444444, 0.41269841269841273],
    weighted: [0.5, 0.5714285714285714, 0.5306122448979592],
    classes: [[0, 0, 0, 0, 1], [1, 0.5, 2 / 3, 0.5714285714285714, 3], [3, 2 / 3, 2 / 3, 2 / 3, 3]],
    matrix: [[0, 1, 0], [0, 2, 1], [0, 1, 2]],
  },
  {
    labels: "1123003211333111300102023333312001312323",
    predicted: "1123001201233313000102022323313002332302",
    accuracy: 0.675,
    macro: [0.6877705627705627, 0.7077922077922079, 0.678097959831706],
    weighted: [0.7020021645021645, 0.675, 0.6700801778201159],
    classes: [
      [0, 0.7272727272727273, 1, 0.8421052631578947, 8],
      [1, 0.8571428571428571, 0.5454545454545454, 2 / 3, 11],
      [2, 0.5, 0.7142857142857143, 0.5882352941176471, 7],
      [3, 2 / 3, 0.5714285714285714, 0.6153846153846154, 14],
    ],
    matrix: [[8, 0, 0, 0], [1, 6, 1, 3], [1, 0, 5, 1], [1, 1, 4, 8]],
  },
  {
    labels: "101111101101001111110001111101011111000101010100110100101100",
    predicted: "110101101101000111100011011100111011000001100100110000101100",
    accuracy: 0.7666666666666667,
    macro: [0.7666666666666666, 0.7777777777777778, 0.7643097643097643],
    weighted: [0.7866666666666667, 0.7666666666666667, 0.769023569023569],
    classes: [[0, 2 / 3, 5 / 6, 0.7407407407407407, 24], [
      1,
      0.8666666666666667,
      0.7222222222222222,
      0.7878787878787878,
      36,
    ]],
    matrix: [[20, 4], [10, 26]],
  },
];

Deno.test("classificationScores() and confusionMatrix() give what scikit-learn gives", () => {
  for (const expected of CASES) {
    const pairs = pairsOf(expected.labels, expected.predicted);
    const scores = classificationScores(pairs);
    const same = (actual: ClassScore, [precision, recall, f1]: number[]) => {
      close(actual.precision, precision!, 1e-15);
      close(actual.recall, recall!, 1e-15);
      close(actual.f1, f1!, 1e-15);
    };
    close(scores.accuracy, expected.accuracy, 1e-15);
    same(scores.macro, expected.macro);
    same(scores.weighted, expected.weighted);
    assert.deepEqual(
      scores.classes.map(({ id, support }) => [id, support]),
      expected.classes.map(([id, , , , support]) => [id, support]),
    );
    scores.classes.forEach((score, i) => same(score, expected.classes[i]!.slice(1)));
    const { classes, counts } = confusionMatrix(pairs);
    assert.deepEqual(classes, expected.classes.map(([id]) => id));
    assert.deepEqual(counts, expected.matrix);
  }
  assert.throws(() => classificationScores([]), /scores of no rows/);
});

Deno.test("classificationEntries() gives value, signature and interval of each metric asked for", () => {
  const { labels, predicted } = CASES[4]!;
  const pairs = pairsOf(labels, predicted);
  const options = { names: ["a", "b", "c", "d"], seed: 3 };
  const metrics = ["accuracy", "precision", "recall", "f1"];
  const entries = classificationEntries(pairs, { ...options, metrics });
  assert.deepEqual(Object.keys(entries), metrics);
  for (const { value, confidence_interval } of Object.values(entries)) {
    assert(confidence_interval!.low < value && value < confidence_interval!.high);
  }
  assert.equal(entries.accuracy!.signature, `unit:row|version:${METRICS_VERSION}`);
  assert.equal(entries.accuracy!.rows, 40);
  const { f1 } = entries;
  close(f1!.value, CASES[4]!.macro[2]!);
  close(f1!.weighted as number, CASES[4]!.weighted[2]!);
  assert.deepEqual(Object.keys(f1!.per_class as object), ["a", "b", "c", "d"]);
  close((f1!.per_class as Record<string, number>).d!, 0.6153846153846154);
  assert.equal(
    f1!.signature,
    `average:macro|labels:present|zero_division:0|version:${METRICS_VERSION}`,
  );
  const recall = classificationEntries(pairs, { ...options, metrics: ["recall"] });
  assert.deepEqual(Object.keys(recall), ["recall"]);
  assert.deepEqual(recall.recall, entries.recall);
});

Deno.test("mostFrequentEntry() is the accuracy of the training part's most frequent class", () => {
  const entry = mostFrequentEntry([0, 1, 1, 2], { train: [2, 2, 1, 1, 0], seed: 1 });
  assert.equal(entry.value, 0.5);
  assert.equal(entry.signature, `unit:row|model:most_frequent|version:${METRICS_VERSION}`);
  assert.equal(mostFrequentEntry([0, 1, 1, 2], { train: [0, 2, 2], seed: 1 }).value, 0.25);
});
