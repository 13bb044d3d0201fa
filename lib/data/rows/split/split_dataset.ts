/**
 * Divides a dataset that may be split already.
 *
 * @module
 */
import { nearest, UserError } from "../../../base/errors.ts";
import { NO_PART } from "../../../text/duplicates/near_duplicates.ts";
import { type Batch, rowOf } from "../../formats/batch.ts";
import {
  type Leakage,
  type LeakageOptions,
  refuseLeakage,
  SplitTexts,
  trainFirst,
} from "./leakage.ts";
import { NOWHERE, rearranged } from "../rearrange.ts";
import { type SplitOptions, splitRows } from "./split_rows.ts";
import { SplitKeys, textIdentity } from "./split_keys.ts";
import { Passes, type RowProgress, rowsOf } from "../row_progress.ts";
import type { OpenSink, RowStream } from "../stream.ts";
import { TextIndex } from "../text_index.ts";

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
/** The same of reading the texts to compare them. */
const COMPARING = 3;

/** Where rows go. */
export interface SplitRun {
  readonly open: OpenSink;
  /** For files that are gone at the end. */
  readonly folder: string;
  readonly progress?: RowProgress;
  readonly signal?: AbortSignal;
}

/** How a dataset is divided. */
export interface DivideOptions extends SplitOptions {
  /** The splits to divide, none of them too; the others are carried over. Without it all are put together. */
  readonly source?: readonly string[];
  readonly folds?: Folds;
  /** What to do about texts that are in two parts, or nearly; nothing where absent. */
  readonly leakage?: LeakageOptions;
}

/** What came of it. */
export interface Divided {
  /** Rows of the parts in the order of the options, then of what was carried over. */
  readonly sizes: Record<string, number>;
  /** Sentences about what was put together, dropped or found. */
  readonly notes: string[];
  readonly leakage?: Leakage;
}

/**
 * Divides rows: once through the columns that decide, once through all; and once more through the texts before
 * it, where they are compared.
 *
 * @throws {UserError} Where a split is missing, a name is taken, shares do not fit, or parts leak that must not.
 */
export async function splitStream(
  stream: RowStream,
  options: DivideOptions,
  { open, folder, progress, signal }: SplitRun,
): Promise<Divided> {
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
  const after = [...Object.keys(named), ...carried];
  if (options.leakage !== undefined && after.length < 2) {
    throw new UserError({
      what: `there is nothing to compare for leakage: all rows are in "${after.join()}"`,
      requirement: "leakage is between parts, so there have to be two of them",
      remedy: "name parts to divide into, or leave out leakage",
    });
  }
  using stack = new DisposableStack();
  const { column } = options;
  const compares = options.leakage !== undefined;
  const weights = compares ? [COMPARING, ...WEIGHTS] : WEIGHTS;
  const passes = new Passes(rowsOf(stream), { weights, tell: progress });
  const texts = options.leakage === undefined ? undefined : stack.use(
    await SplitTexts.read({ stream, column, carried, source }, {
      ...{ near: options.leakage.near, folder, signal },
      progress: (done, total) => passes.part(done / total),
    }),
  );
  if (compares) passes.next();
  const prevented = options.leakage?.action === "prevent" ? texts : undefined;
  const { keys, rowOfKey, rows, equal, near, together } = await readKeys(stream, {
    ...{ ...options, source, carried, passes, signal, texts: prevented },
  });
  passes.next();
  if (equal > 0) notes.push(`${equal} rows dropped whose text is in a split that was kept`);
  if (near > 0) notes.push(`${near} rows dropped whose text is nearly in a split that was kept`);
  if (together > 0) notes.push(`${together} rows kept together with others of nearly their text`);
  if (keys.ungrouped > 0) {
    notes.push(`${keys.ungrouped} rows without a "${options.group}" are groups of their own`);
  }
  const divided = source.length === 0
    ? []
    : Object.entries(foldedParts(splitRows(keys, options), options.folds));
  const places = new Uint32Array(rows).fill(NOWHERE);
  const partOf = new Uint16Array(texts === undefined ? 0 : rows).fill(NO_PART);
  const ends: number[] = [];
  let count = 0;
  for (const [part, [, own]] of divided.entries()) {
    own.forEach((key, at) => {
      const row = rowOfKey === undefined ? key : rowOfKey[key]!;
      places[row] = count + at;
      if (texts !== undefined) partOf[row] = part;
    });
    count += own.length;
    ends.push(count);
  }
  if (count < keys.length) notes.push(`${keys.length - count} rows left over`);

  const parts = divided.map(([name]) => name);
  const leakage = await texts?.leakage(partsOfRows(stream, { carried, parts, partOf }));
  if (leakage !== undefined) {
    if (options.leakage?.action === "error") {
      refuseLeakage(leakage, { isDivided: source.length > 0 });
    }
    notes.push(`leakage: ${leakage.report}`);
  }
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
  return { sizes, notes, ...(leakage !== undefined && { leakage }) };
}

/** Of each row, numbered as by {@linkcode SplitTexts}, the part where it ended up. */
function partsOfRows(
  stream: RowStream,
  { carried, parts, partOf }: {
    readonly carried: readonly string[];
    readonly parts: readonly string[];
    readonly partOf: Uint16Array;
  },
): { parts: string[]; partOf: Uint16Array } {
  const kept = trainFirst(carried);
  const first = kept.reduce((sum, name) => sum + stream.splits[name]!, 0);
  const all = new Uint16Array(first + partOf.length);
  let row = 0;
  for (const [i, name] of kept.entries()) {
    all.fill(parts.length + i, row, row += stream.splits[name]!);
  }
  all.set(partOf, first);
  return { parts: [...parts, ...kept], partOf: all };
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

/** What decides where rows go, and how many go nowhere. */
interface ReadKeys {
  readonly keys: SplitKeys;
  /** Of each key the row, where some rows were left out. */
  readonly rowOfKey: Uint32Array | undefined;
  readonly rows: number;
  /** Rows left out whose text is carried over, and those that are nearly one of these. */
  readonly equal: number;
  readonly near: number;
  /** Rows that are in one unit with another for being nearly the same. */
  readonly together: number;
}

/** Keys of the rows to divide, without those whose text is carried over. */
async function readKeys(
  stream: RowStream,
  { source, carried, passes, signal, texts, ...options }: SplitOptions & {
    readonly source: readonly string[];
    readonly carried: readonly string[];
    readonly passes: Passes;
    readonly signal: AbortSignal | undefined;
    /** Where what is nearly the same has to stay together. */
    readonly texts: SplitTexts | undefined;
  },
): Promise<ReadKeys> {
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
  const clusters = texts?.clusters();
  const before = texts?.carried ?? 0;
  // Of each cluster, by its first row, one more than its first key.
  const keyOf = new Uint32Array(clusters?.length ?? 0);
  let [row, equal, near, together] = [0, 0, 0, 0];
  for await (const batch of counted(allOf(stream, source, signal, names), passes)) {
    for (let i = 0; i < batch.length; i++, row++) {
      const cells = rowOf(batch, i);
      const text = textIdentity(cells, column);
      if (text !== "" && known.has(text)) {
        equal++;
        continue;
      }
      const cluster = clusters?.[before + row];
      // The rows that are carried over come first, so a cluster with any of them is called by one.
      if (cluster !== undefined && cluster < before) {
        near++;
        continue;
      }
      if (rowOfKey !== undefined) rowOfKey[keys.length] = row;
      const key = keys.add(cells);
      if (cluster === undefined) continue;
      if (keyOf[cluster] === 0) keyOf[cluster] = key + 1;
      else if (keys.join(keyOf[cluster]! - 1, key)) together++;
    }
  }
  return { keys, rowOfKey, rows, equal, near, together };
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
