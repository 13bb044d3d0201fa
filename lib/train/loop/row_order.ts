/**
 * The order in which an epoch takes the rows: random, or with rows of like length side by side, by the
 * rule of transformers' `LengthGroupedSampler`.
 *
 * @module
 */
import { epochOrder } from "../../data/tokens/batch.ts";
import { tokenRow, type TokenRows } from "../../data/tokens/rows.ts";
import type { TrainingArguments } from "../arguments/arguments.ts";

/** A mega-batch has at most so many batches, and an epoch at least 4 mega-batches. */
const MEGABATCH = 50;

/**
 * The order of an epoch.
 *
 * @param split The rows.
 * @param options The run's settings and the epoch from 0.
 */
export function rowOrder(
  split: TokenRows,
  options: { readonly args: TrainingArguments; readonly epoch: number },
): Int32Array<ArrayBuffer> {
  const { args, epoch } = options;
  const order = epochOrder(split.rows, { seed: args.data_seed ?? args.seed, epoch });
  if (!args.group_by_length) return order;
  const lengths = Int32Array.from(
    { length: split.rows },
    (_, row) => tokenRow(split, row).length,
  );
  const batchSize = args.per_device_train_batch_size * args.gradient_accumulation_steps;
  return groupByLength(order, { lengths, batchSize });
}

/**
 * Sorts stretches of a random order by length, longest first, and puts the longest row of all first, so
 * that memory which does not suffice shows at once.
 *
 * @param order Every row once.
 * @param options Lengths by row, and the rows of a step.
 */
export function groupByLength(
  order: Int32Array<ArrayBuffer>,
  options: { readonly lengths: ArrayLike<number>; readonly batchSize: number },
): Int32Array<ArrayBuffer> {
  const { lengths, batchSize } = options;
  const size = batchSize *
    Math.max(1, Math.min(MEGABATCH, Math.floor(order.length / (4 * batchSize))));
  const grouped = new Int32Array(order.length);
  let longest = 0;
  for (let start = 0; start < order.length; start += size) {
    const rows = [...order.subarray(start, start + size)]
      .sort((a, b) => lengths[b]! - lengths[a]!);
    grouped.set(rows, start);
    if (lengths[rows[0]!]! > lengths[grouped[longest]!]!) longest = start;
  }
  const [first = 0, other = 0] = [grouped[0], grouped[longest]];
  if (order.length > 0) {
    grouped[0] = other;
    grouped[longest] = first;
  }
  return grouped;
}
