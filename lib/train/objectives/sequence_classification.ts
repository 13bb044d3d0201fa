/**
 * Putting each row into one of C classes: cross entropy over them, as transformers' classifiers have it for
 * `single_label_classification`. A row's class is its number in the column `labels`.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { IGNORED_LABEL } from "../../data/tokens/rows.ts";
import * as ops from "../../graph/ops/mod.ts";
import { meanCrossEntropy } from "./cross_entropy.ts";
import type { Objective, Targets } from "./objective.ts";

/** The objective. */
export const SEQUENCE_CLASSIFICATION: Objective = {
  task: "sequence_classification",
  metrics: { accuracy: "more" },
  targets: { labels: "row" },
  check({ rows, columns: { labels, input_ids } }, { model, what }): void {
    if (labels?.per !== "row") {
      throw new UserError({
        what: `cannot ${what}: the rows have no class, and the model is a classifier`,
        remedy: "set label_column in the tokenize stage",
      });
    }
    const { classes = 0 } = model;
    const isWrong = (label: number): boolean =>
      label !== IGNORED_LABEL && (label < 0 || label >= classes);
    const wrong = labels.data.find(isWrong);
    if (wrong !== undefined) {
      throw new UserError({
        what: `cannot ${what}: the data holds the label ${wrong}, the model has ${classes} classes`,
        requirement: `labels from 0 to ${classes - 1}`,
      });
    }
    for (let row = 0; row < rows; row++) {
      if (input_ids.offsets[row + 1]! > input_ids.offsets[row]!) continue;
      throw new UserError({
        what: `cannot ${what}: row ${row} has no token to classify by`,
        remedy: "drop empty texts with filter (drop_empty)",
      });
    }
    if (labels.data.some((label) => label !== IGNORED_LABEL)) return;
    throw new UserError({
      what: `cannot ${what}: no row has a class that counts`,
      requirement: `a label from 0 to ${classes - 1} in some row`,
      remedy: "look at what filter and split left over",
    });
  },
  targetsOf({ columns: { labels } }): Targets {
    const { data } = labels!;
    return {
      feeds: { labels: data },
      rowPredicted: Int32Array.from(data, (label) => label === IGNORED_LABEL ? 0 : 1),
    };
  },
  loss: (logits, { labels }, options) => meanCrossEntropy(logits, { ...options, labels: labels! }),
  evaluation: (logits, { labels }) => ({
    loss: ops.crossEntropy(logits, { labels: labels! }), // [B]
    logits, // [B, C]
  }),
  rowFigures({ logits }, { row, targets, batch }): { correct: number } {
    const classes = logits!.length / batch.batchSize;
    const scores = logits!.subarray(row * classes, (row + 1) * classes);
    const label = targets.feeds.labels![row]!;
    return { correct: label >= 0 && scores.indexOf(Math.max(...scores)) === label ? 1 : 0 };
  },
  figures: ({ loss, counted, correct = 0 }) => ({
    eval_loss: loss / counted,
    eval_accuracy: correct / counted,
    eval_rows: counted,
  }),
};
