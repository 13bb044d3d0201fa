/**
 * Predicting each next token: cross entropy over the vocabulary, as transformers' `GPT2LMHeadModel` has it. Labels
 * are the tokens themselves unless the rows have others; they are shifted by one on the host, since WebGPU cannot
 * slice integers and logits are too large to copy.
 *
 * Rows are padded on the right, where a causal model never looks.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import {
  IGNORED_LABEL,
  type PerTokenColumn,
  sameOffsets,
  type TokenRows,
} from "../../data/tokens/rows.ts";
import type { Tensor } from "../../graph/ir/tensor.ts";
import * as ops from "../../graph/ops/mod.ts";
import { meanCrossEntropy } from "./cross_entropy.ts";
import type { Objective, Targets } from "./objective.ts";

/** The objective. */
export const CAUSAL_LM: Objective = {
  task: "causal_lm",
  metrics: { perplexity: "less" },
  targets: { targets: "token" },
  check(rows, { model, what }): void {
    const { data: labels, offsets } = labelsOf(rows);
    if (!sameOffsets(offsets, rows.columns.input_ids.offsets)) {
      throw new UserError({
        what: `cannot ${what}: the data has labels of other lengths than the rows they belong to`,
        requirement: "a causal language model needs a label for each token",
      });
    }
    for (const label of labels) {
      if (label < model.vocabSize && (label >= 0 || label === IGNORED_LABEL)) continue;
      throw new UserError({
        what: `cannot ${what}: the data holds the label ${label}, ` +
          `the model's vocabulary has ${model.vocabSize} (vocab_size)`,
        requirement: `token ids, and ${IGNORED_LABEL} where a label does not count`,
      });
    }
    if (hasTargets(rows)) return;
    throw new UserError({
      what: `cannot ${what}: no row has a second token to predict`,
      requirement: "a row of at least two tokens, with a label that counts",
      remedy: "look at what filter and split left over",
    });
  },
  targetsOf(batch): Targets {
    const { batchSize, length, rowTokens } = batch;
    const targets = new Int32Array(batchSize * length).fill(IGNORED_LABEL);
    const rowPredicted = new Int32Array(batchSize);
    const { labels: given, input_ids: ids } = batch.columns;
    const { data: labels } = given?.shape.length === 2 ? given : ids;
    for (let row = 0; row < batchSize; row++) {
      const [start, end] = [row * length, row * length + rowTokens[row]!];
      for (let place = start; place + 1 < end; place++) {
        const label = labels[place + 1]!;
        targets[place] = label;
        if (label !== IGNORED_LABEL) rowPredicted[row]!++;
      }
    }
    return { feeds: { targets }, rowPredicted };
  },
  loss: (logits, { targets }, options) =>
    meanCrossEntropy(flat(logits), { ...options, labels: flat(targets!) }),
  evaluation(logits, { targets }): { loss: Tensor } {
    const losses = ops.crossEntropy(flat(logits), { labels: flat(targets!) }); // [B T]
    return { loss: ops.reduceSum(ops.reshape(losses, targets!.shape), { axes: [1] }) };
  },
  figures({ loss: sum, counted }): Record<string, number> {
    const loss = sum / counted;
    return { eval_loss: loss, eval_perplexity: Math.exp(loss), eval_tokens: counted };
  },
};

/** The label of each token: the tokens themselves where the rows have no others. */
function labelsOf({ columns }: TokenRows): PerTokenColumn {
  const { labels } = columns;
  return labels?.per === "token" ? labels : columns.input_ids;
}

/** Whether any row has a token after its first whose label counts. */
function hasTargets(rows: TokenRows): boolean {
  const { data, offsets } = labelsOf(rows);
  for (let row = 0; row < rows.rows; row++) {
    for (let i = offsets[row]! + 1; i < offsets[row + 1]!; i++) {
      if (data[i] !== IGNORED_LABEL) return true;
    }
  }
  return false;
}

/** [B, T, ...] -> [B T, ...]. */
function flat(tensor: Tensor): Tensor {
  return ops.reshape(tensor, [-1, ...tensor.shape.slice(2)]);
}
