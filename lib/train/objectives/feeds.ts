/**
 * From rows to what a program is fed with: the inputs that the model reads and the targets of its objective.
 * B batch, T tokens.
 *
 * @module
 */
import { InternalError } from "../../base/errors.ts";
import {
  type Batch,
  collate,
  type CollateOptions,
  lengthBuckets,
} from "../../data/tokens/batch.ts";
import { longestRow, tokenRow, type TokenRows } from "../../data/tokens/rows.ts";
import type { OpenModel } from "../../models/open.ts";
import { type HostTensor, int32 } from "../../runtime/session/session.ts";
import type { Targets } from "./objective.ts";
import { objectiveOf } from "./registry.ts";

/** A batch that is ready to be run. */
export interface FedBatch {
  readonly batch: Batch;
  readonly targets: Targets;
  /** How many predictions of the batch count. */
  readonly predicted: number;
  /** Every feed but the parameters and what a step adds. */
  readonly feeds: Readonly<Record<string, HostTensor>>;
}

/**
 * The lengths T that batches of rows may have, ascending: a few, to which rows are padded; those of the rows
 * themselves for a decoder that classifies and knows no padding.
 *
 * @param packed Whether rows are all of one length.
 */
export function batchLengths(
  model: OpenModel,
  rows: TokenRows,
  packed: boolean,
): number[] {
  const { maxPositions: limit = Infinity } = model;
  if (!needsSingleRows(model)) {
    return lengthBuckets(Math.max(1, longestRow(rows)), { limit, packed });
  }
  const lengths = Array.from({ length: rows.rows }, (_, row) => tokenRow(rows, row).length);
  return [...new Set(lengths)].sort((a, b) => a - b);
}

/** Makes a batch of the given rows. */
export function fedBatch(
  model: OpenModel,
  source: TokenRows,
  options: CollateOptions & { readonly rows: ArrayLike<number> },
): FedBatch {
  const objective = objectiveOf(model.task);
  const { input_ids: ids } = source.columns;
  const pad = needsPadding(model) ? paddingOf(model) : undefined;
  const columns = { ...source.columns, input_ids: { ...ids, pad: pad ?? ids.pad } };
  const batch = collate({ ...source, columns }, options);
  const targets = objective.targetsOf(batch);
  const shapes = { token: [batch.batchSize, batch.length], row: [batch.batchSize] };
  return {
    batch,
    targets,
    predicted: targets.rowPredicted.reduce((sum, count) => sum + count, 0),
    feeds: {
      ...Object.fromEntries(model.fields.map((name) => [name, modelInput(name, batch)])),
      ...Object.fromEntries(
        Object.entries(targets.feeds).map(([name, data]) =>
          [name, int32(data, shapes[objective.targets[name]!])] as const
        ),
      ),
    },
  };
}

/** Whether rows can only be read one at a time: the model looks for padding, and knows no token for it. */
export function needsSingleRows(model: OpenModel): boolean {
  return needsPadding(model) && paddingOf(model) === undefined;
}

/** Whether the end of a row is found by the padding that the config names: in a decoder that classifies. */
function needsPadding({ task, fields }: OpenModel): boolean {
  return task === "sequence_classification" && !fields.includes("attention_mask");
}

function paddingOf({ config: { pad_token_id: pad } }: OpenModel): number | undefined {
  return typeof pad === "number" ? pad : undefined;
}

function modelInput(name: string, batch: Batch): HostTensor {
  const { batchSize, length, rowTokens, columns } = batch;
  if (name === "attention_mask") {
    const mask = new Int32Array(batchSize * length);
    rowTokens.forEach((count, row) => mask.fill(1, row * length, row * length + count));
    return int32(mask, [batchSize, length]);
  }
  const column = columns[name];
  if (column === undefined) throw new InternalError(`the rows have no ${name}`);
  return int32(column.data, column.shape);
}
