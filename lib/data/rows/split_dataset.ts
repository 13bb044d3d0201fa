/**
 * Divides a dataset that may be split already.
 *
 * @module
 */
import { nearest, UserError } from "../../base/errors.ts";
import { type Batch, rowOf } from "../formats/batch.ts";
import { NOWHERE, rearranged } from "./rearrange.ts";
import { type SplitOptions, splitRows } from "./split.ts";
import { SplitKeys, textIdentity } from "./split_keys.ts";
import { Passes, type RowProgress, rowsOf } from "./row_progress.ts";
import type { OpenSink, RowStream } from "./stream.ts";
import { TextIndex } from "./text_index.ts";

/** Shares where none are given. */
const DEFAULT_PARTS = { train: 0.8, validation: 0.1, test: 0.1 };

/**
 * The parts that options name.
 *
 * @param usual Shares by the usual names; those that are undefined are not meant.
 * @param other Shares by other names, instead of the usual ones.
 * @throws {UserError} Where both are given.
 */
export function chooseParts(
  usual: Readonly<Record<string, number | undefined>>,
  other: Readonly<Record<string, number>> | undefined,
): Record<string, number> {
  const given: Record<string, number> = {};
  for (const [name, share] of Object.entries(usual)) if (share !== undefined) given[name] = share;
  if (other === undefined) return Object.keys(given).length === 0 ? DEFAULT_PARTS : given;
  if (Object.keys(given).length > 0) {
    throw new UserError({
      what: `both \`parts\` and ${Object.keys(given).join(", ")} are given`,
      remedy: "name every part in `parts`, or none",
    });
  }
  return { ...other };
}

/** Cross-validation: the rows in equal folds, of which one is for validation and the others to train on. */
export interface Folds {
  /** How many. */
  readonly count: number;
  /** Which is for validation, from 0. */
  readonly fold: number;
  /** The share that is kept apart from all of them, as the part `test`. */
  readonly test: number;
}

/** The parts that folds are made of: the same whichever of them is for validation. */
export function foldShares({ count, test }: Folds): Record<string, number> {
  const folds = Array.from({ length: count }, (_, i) => [foldName(i), (1 - test) / count]);
  return { ...Object.fromEntries(folds), ...(test > 0 ? { test } : {}) };
}

function foldName(index: number): string {
  return `fold ${index}`;
}

/** Folds as the parts that they are this time; parts as they are. */
function foldedParts(
  parts: Readonly<Record<string, Int32Array>>,
  folds: Folds | undefined,
): Readonly<Record<string, Int32Array>> {
  if (folds === undefined) return parts;
  const others = Array.from({ length: folds.count }, (_, i) => i).filter((i) => i !== folds.fold)
    .map((i) => parts[foldName(i)]!);
  const train = new Int32Array(others.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const rows of others) {
    train.set(rows, at);
    at += rows.length;
  }
  return {
    train,
    validation: parts[foldName(folds.fold)]!,
    ...(folds.test > 0 ? { test: parts.test! } : {}),
  };
}

/** How long the passes take beside each other: reading what decides, reading all, writing. */
const WEIGHTS = [1, 1, 1];

/** Where rows go. */
export interface SplitRun {
  readonly open: OpenSink;
  /** For files that are gone at the end. */
  readonly folder: string;
  readonly progress?: RowProgress;
  readonly signal?: AbortSignal;
}

/**
 * Divides rows: once through the columns that decide, once through all.
 *
 * @param options `source`: the splits to divide; the others are carried over. Without it all are
 * put together, in their order.
 * @returns The rows of the parts in the order of the options, then of what was carried over, and sentences
 * about what was put together or dropped.
 * @throws {UserError} Where a split is missing, a name is taken or shares do not fit.
 */
export async function splitStream(
  stream: RowStream,
  options: SplitOptions & { readonly source?: readonly string[]; readonly folds?: Folds },
  { open, folder, progress, signal }: SplitRun,
): Promise<{ sizes: Record<string, number>; notes: string[] }> {
  const names = Object.keys(stream.splits);
  const source = options.source ?? names;
  const named = options.folds === undefined ? options.parts : {
    ...{ train: 1, validation: 1 },
    ...(options.folds.test > 0 ? { test: 1 } : {}),
  };
  checkSource(names, { parts: named, source });
  const notes: string[] = [];
  if (options.source === undefined && names.length > 1) {
    notes.push(`the splits ${names.join(", ")} of the input were put together`);
  }
  const carried = names.filter((name) => !source.includes(name));
  const passes = new Passes(rowsOf(stream), { weights: WEIGHTS, tell: progress });
  const reading = { ...options, source, carried, passes, signal };
  const { keys, rowOfKey, rows } = await readKeys(stream, reading);
  passes.next();
  if (keys.length < rows) {
    notes.push(`${rows - keys.length} rows dropped whose text is in a split that was kept`);
  }
  if (keys.ungrouped > 0) {
    notes.push(`${keys.ungrouped} rows without a "${options.group}" are groups of their own`);
  }
  const divided = Object.entries(foldedParts(splitRows(keys, options), options.folds));
  const places = new Uint32Array(rows).fill(NOWHERE);
  const ends: number[] = [];
  let count = 0;
  for (const [, own] of divided) {
    own.forEach((key, at) => places[rowOfKey === undefined ? key : rowOfKey[key]!] = count + at);
    count += own.length;
    ends.push(count);
  }
  if (count < keys.length) notes.push(`${keys.length - count} rows left over`);

  const parts = divided.map(([name]) => name);
  const sink = open(stream.columns, [...parts, ...carried]);
  const all = counted(allOf(stream, source, signal), passes);
  let at = 0;
  let isWriting = false;
  for await (const batch of rearranged(all, { places, count, folder, ends })) {
    // The first comes when the last was read.
    if (!isWriting) passes.next();
    isWriting = true;
    sink.write(parts[ends.findIndex((end) => at < end)]!, batch);
    at += batch.length;
    passes.add(batch.length);
  }
  for (const name of carried) {
    for await (const batch of stream.batches(name, { signal })) {
      sink.write(name, batch);
      passes.add(batch.length);
    }
  }
  passes.end();
  const sizes: Record<string, number> = {};
  for (const [name, own] of divided) sizes[name] = own.length;
  for (const name of carried) sizes[name] = stream.splits[name]!;
  return { sizes, notes };
}

function checkSource(
  names: readonly string[],
  { source, parts }: { source: readonly string[]; parts: SplitOptions["parts"] },
): void {
  for (const name of source) {
    if (names.includes(name)) continue;
    throw new UserError({
      what: `there is no split "${name}" to divide`,
      nearest: nearest(name, names),
      requirement: `the input has ${names.join(", ")}`,
    });
  }
  for (const name of names) {
    if (source.includes(name) || !Object.hasOwn(parts, name)) continue;
    throw new UserError({
      what: `the split "${name}" is carried over and a part of that name is asked for`,
      remedy: `add it to \`source\`, or call the part otherwise`,
    });
  }
}

/** Keys of the rows to divide; of each the row, where some were left out whose text is carried over. */
async function readKeys(
  stream: RowStream,
  { source, carried, passes, signal, ...options }: SplitOptions & {
    readonly source: readonly string[];
    readonly carried: readonly string[];
    readonly passes: Passes;
    readonly signal: AbortSignal | undefined;
  },
): Promise<{ keys: SplitKeys; rowOfKey: Uint32Array | undefined; rows: number }> {
  const { column, stratify, group, time } = options;
  const known = new TextIndex();
  for (const name of carried) {
    for await (const batch of stream.batches(name, { columns: [column], signal })) {
      for (const cell of batch.columns.get(column)!) {
        known.add(textIdentity({ [column]: cell }, column), 0);
      }
      passes.add(batch.length);
    }
  }
  const names = [...new Set([column, stratify, group, time])].filter((each) => each !== undefined);
  const keys = new SplitKeys(options);
  const rows = source.reduce((sum, name) => sum + stream.splits[name]!, 0);
  const rowOfKey = carried.length === 0 ? undefined : new Uint32Array(rows);
  let row = 0;
  for await (const batch of counted(allOf(stream, source, signal, names), passes)) {
    for (let i = 0; i < batch.length; i++, row++) {
      const cells = rowOf(batch, i);
      const text = textIdentity(cells, column);
      if (text !== "" && known.has(text)) continue;
      if (rowOfKey !== undefined) rowOfKey[keys.length] = row;
      keys.add(cells);
    }
  }
  return { keys, rowOfKey, rows };
}

/** The same batches, of which the rows are counted. */
async function* counted(batches: AsyncIterable<Batch>, passes: Passes): AsyncGenerator<Batch> {
  for await (const batch of batches) {
    yield batch;
    passes.add(batch.length);
  }
}

/** The rows of several splits, one after the other. */
async function* allOf(
  stream: RowStream,
  splits: readonly string[],
  signal: AbortSignal | undefined,
  columns?: readonly string[],
): AsyncGenerator<Batch> {
  for (const name of splits) yield* stream.batches(name, { signal, ...(columns && { columns }) });
}
