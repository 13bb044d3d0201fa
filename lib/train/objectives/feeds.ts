/**
 * From rows to what a program is fed with: the inputs that the model reads and the targets of its objective.
 * B batch, T tokens.
 *
 * @module
 */
import { InternalError } from "../../base/errors.ts";
import { type Batch, collate, type CollateOptions } from "../../data/tokens/batch.ts";
import type { TokenRows } from "../../data/tokens/rows.ts";
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

/** Makes a batch of the given rows. */
export function fedBatch(
  model: OpenModel,
  source: TokenRows,
  options: CollateOptions & { readonly rows: ArrayLike<number> },
): FedBatch {
  const objective = objectiveOf(model.task);
  const { input_ids: ids } = source.columns;
  const { pad_token_id: pad } = model.config;
  // A decoder that classifies finds the end of a row by the padding that its config names.
  const padded = { ...ids, pad: typeof pad === "number" ? pad : ids.pad };
  const columns = { ...source.columns, input_ids: padded };
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
