/**
 * Batches of token rows: in which order rows come, and how ragged rows become rectangles [B, T].
 *
 * Graphs have fixed shapes, so every [B, T] is a session of its own. B never varies: a last batch that
 * is not full gets rows without labels. T is one of at most three lengths, the longest row and a half
 * and a quarter of it; a batch takes the shortest that holds its rows. Packed data has one length.
 * Rows are padded on the right, where a causal model never looks.
 *
 * @module
 */
import { InternalError } from "../../base/errors.ts";
import { permutation, randomStream } from "../../base/random.ts";
import { tokenRow, type TokenSplit } from "./tokens.ts";

/** A label that no loss counts, as in transformers. */
export const IGNORED_LABEL = -100;

/** Rows as a rectangle, B rows of T tokens, row by row. */
export interface Batch {
  readonly batchSize: number;
  readonly length: number;
  /** int32 [B, T]. */
  readonly inputIds: Int32Array<ArrayBuffer>;
  /** int32 [B, T], not shifted; {@linkcode IGNORED_LABEL} on padding. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** How many of the B rows are real. */
  readonly rows: number;
  /** Tokens that are not padding. */
  readonly tokens: number;
  /** Labels that a causal model predicts: the first of a row has nothing before it. */
  readonly predicted: number;
  /** The same for each of the B rows. */
  readonly rowPredicted: Int32Array<ArrayBuffer>;
}

/** How rows become batches. */
export interface CollateOptions {
  /** B. */
  readonly batchSize: number;
  /** Lengths to choose T from, ascending; see {@linkcode lengthBuckets}. */
  readonly lengths: readonly number[];
  /** What padding is filled with; no result depends on it. */
  readonly padTokenId: number;
}

/**
 * The order in which an epoch takes the rows.
 *
 * @param rows How many rows there are.
 * @param options The run's seed and the epoch from 0.
 * @returns Every row once.
 */
export function epochOrder(
  rows: number,
  options: { readonly seed: number; readonly epoch: number },
): Int32Array<ArrayBuffer> {
  return permutation(rows, randomStream(options.seed, ORDER, options.epoch));
}

/** Keeps this use of a seed apart from others: dropout, initial weights. */
const ORDER = 0x6f72646572;

/** Length of the longest row. */
export function longestRow(split: TokenSplit): number {
  let longest = 0;
  for (let row = 0; row < split.rows; row++) {
    longest = Math.max(longest, split.offsets[row + 1]! - split.offsets[row]!);
  }
  return longest;
}

/** The label of each token, where there is one for each: what a causal model learns. Else the tokens are it. */
export function tokenLabels({ labels, inputIds }: TokenSplit): Int32Array<ArrayBuffer> {
  return labels?.length === inputIds.length ? labels : inputIds;
}

/** Whether any row has a token after its first whose label counts. */
export function hasTargets(split: TokenSplit): boolean {
  const labels = tokenLabels(split);
  for (let row = 0; row < split.rows; row++) {
    const end = split.offsets[row + 1]!;
    for (let i = split.offsets[row]! + 1; i < end; i++) {
      if (labels[i] !== IGNORED_LABEL) return true;
    }
  }
  return false;
}

/**
 * The lengths T that batches of a dataset may have, ascending.
 *
 * @param longest Its longest row, at least 1.
 * @param options `limit`: no length is more (the model's positions; at least `longest`). `packed`: rows
 * are all of one length.
 */
export function lengthBuckets(
  longest: number,
  options: { readonly limit: number; readonly packed: boolean },
): number[] {
  const { limit, packed } = options;
  if (packed) return [longest];
  // Multiples of 8 keep rows of attention scores aligned. Short rows are not worth more sessions.
  const round = (length: number): number => Math.min(limit, Math.ceil(length / 8) * 8);
  const fractions = longest < 64 ? [1] : [1 / 4, 1 / 2, 1];
  return [...new Set(fractions.map((fraction) => round(longest * fraction)))];
}

/**
 * Makes one batch.
 *
 * @param split Where the rows come from. Its labels are used where there is one per token.
 * @param options `rows`: which, at most B; and how.
 */
export function collate(
  split: TokenSplit,
  options: CollateOptions & { readonly rows: ArrayLike<number> },
): Batch {
  const { batchSize, lengths, padTokenId, rows } = options;
  let longest = 0;
  for (let i = 0; i < rows.length; i++) {
    longest = Math.max(longest, tokenRow(split, rows[i]!).length);
  }
  const length = lengths.find((candidate) => candidate >= longest);
  if (length === undefined || rows.length > batchSize) {
    throw new InternalError(
      `${rows.length} rows of up to ${longest} in [${batchSize}, ${lengths}]`,
    );
  }
  const inputIds = new Int32Array(batchSize * length).fill(padTokenId);
  const labels = new Int32Array(batchSize * length).fill(IGNORED_LABEL);
  let tokens = 0;
  const rowPredicted = new Int32Array(batchSize);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const ids = tokenRow(split, row);
    const count = ids.length;
    const start = split.offsets[row]!;
    const own = tokenLabels(split).subarray(start, start + count);
    inputIds.set(ids, i * length);
    labels.set(own, i * length);
    tokens += count;
    for (let t = 1; t < count; t++) if (own[t] !== IGNORED_LABEL) rowPredicted[i]!++;
  }
  return {
    batchSize,
    length,
    inputIds,
    labels,
    rows: rows.length,
    tokens,
    predicted: rowPredicted.reduce((sum, count) => sum + count, 0),
    rowPredicted,
  };
}

/**
 * Cuts an order into batches.
 *
 * @param split Where the rows come from.
 * @param options `order`: the rows; default as they lie. The last batch may have fewer rows.
 */
export function* batches(
  split: TokenSplit,
  options: CollateOptions & { readonly order?: Int32Array },
): Generator<Batch> {
  const order = options.order ?? Int32Array.from({ length: split.rows }, (_, row) => row);
  for (let start = 0; start < order.length; start += options.batchSize) {
    const rows = order.subarray(start, start + options.batchSize);
    yield collate(split, { ...options, rows });
  }
}

/**
 * What a causal model is to predict at each position: the label of the next one.
 *
 * @param batch Its labels, not shifted.
 * @returns int32 [B, T]; {@linkcode IGNORED_LABEL} at the end of each row.
 */
export function nextTokenTargets({ labels, length }: Batch): Int32Array<ArrayBuffer> {
  const targets = new Int32Array(labels.length);
  targets.set(labels.subarray(1));
  for (let end = length - 1; end < targets.length; end += length) targets[end] = IGNORED_LABEL;
  return targets;
}
