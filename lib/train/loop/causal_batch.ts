/**
 * What a causal model learns from a batch of token rows: the labels of its tokens, shifted by one.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import type { Batch } from "../../data/tokens/batch.ts";
import { IGNORED_LABEL, sameOffsets, type TokenRows } from "../../data/tokens/rows.ts";

/** A batch with its labels. B rows of T tokens. */
export interface CausalBatch extends Batch {
  /** int32 [B, T], not shifted; {@linkcode IGNORED_LABEL} on padding. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** Labels that are predicted: the first of a row has nothing before it. */
  readonly predicted: number;
  /** The same for each of the B rows. */
  readonly rowPredicted: Int32Array<ArrayBuffer>;
}

/**
 * The label of each token, where there is one for each; else the tokens are it.
 *
 * @throws {UserError} where labels are of other lengths than their rows.
 */
export function tokenLabels({ columns: { input_ids: ids, labels } }: TokenRows): Int32Array {
  if (labels?.per !== "token") return ids.data;
  if (sameOffsets(labels.offsets, ids.offsets)) return labels.data;
  throw new UserError({
    what: "the data has labels of other lengths than the rows that they belong to",
    requirement: "a causal language model needs a label for each token",
  });
}

/** Whether any row has a token after its first whose label counts. */
export function hasTargets(rows: TokenRows): boolean {
  const labels = tokenLabels(rows);
  const { offsets } = rows.columns.input_ids;
  for (let row = 0; row < rows.rows; row++) {
    for (let i = offsets[row]! + 1; i < offsets[row + 1]!; i++) {
      if (labels[i] !== IGNORED_LABEL) return true;
    }
  }
  return false;
}

/** Adds the labels. */
export function causalBatch(batch: Batch): CausalBatch {
  const { batchSize, length, rowTokens, columns } = batch;
  const { input_ids: ids, labels: given } = columns;
  const labels = (given?.shape.length === 2 ? given : ids).data.slice();
  const rowPredicted = new Int32Array(batchSize);
  rowTokens.forEach((count, row) => {
    const own = labels.subarray(row * length, (row + 1) * length);
    own.fill(IGNORED_LABEL, count);
    rowPredicted[row] = own.subarray(1).reduce(
      (sum, label) => label === IGNORED_LABEL ? sum : sum + 1,
      0,
    );
  });
  const predicted = rowPredicted.reduce((sum, count) => sum + count, 0);
  return { ...batch, labels, predicted, rowPredicted };
}

/**
 * What a causal model is to predict at each position: the label of the next one.
 *
 * @param batch Its labels, not shifted.
 * @returns int32 [B, T]; {@linkcode IGNORED_LABEL} at the end of each row.
 */
export function nextTokenTargets({ labels, length }: CausalBatch): Int32Array<ArrayBuffer> {
  const targets = new Int32Array(labels.length);
  targets.set(labels.subarray(1));
  for (let end = length - 1; end < targets.length; end += length) targets[end] = IGNORED_LABEL;
  return targets;
}
