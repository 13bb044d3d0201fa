/**
 * Several datasets as one: one below the other, or their rows in turn.
 *
 * Split by split. Of each dataset one batch is in memory, and its rows stay in their order.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { randomStream } from "../../base/random.ts";
import { BatchBuilder } from "../formats/batch_builder.ts";
import type { Batch } from "../formats/batch.ts";
import { type Cell, cellCharacters, type Column, typeWords } from "../formats/columns.ts";
import { UNSPLIT } from "./dataset.ts";
import type { OpenSink, RowSink, RowStream } from "./stream.ts";
import { expectedTurns, type StoppingStrategy, type TurnOptions, turns } from "./turns.ts";

/** A dataset among those that are mixed. */
export interface MixedInput {
  /** What messages call it: the stage that made it. */
  readonly name: string;
  readonly stream: RowStream;
}

/** How to mix. */
export type MixOptions =
  | { readonly method: "concatenate" }
  | {
    readonly method: "interleave";
    readonly probabilities?: readonly number[] | undefined;
    readonly stopping: StoppingStrategy;
    readonly seed: number;
  };

/** Where rows go, and who hears of it. */
export interface MixRun {
  readonly open: OpenSink;
  readonly signal?: AbortSignal;
  readonly progress?: (done: number, total: number) => void;
}

/** Rows of each split that each dataset gave. */
export type MixedRows = Readonly<Record<string, readonly MixedShare[]>>;

/** What a dataset gave to a split. */
export interface MixedShare {
  readonly name: string;
  readonly rows: number;
  /** How often it was read: 0.5 where half of it was. */
  readonly times: number;
}

/** Most rows of a split: row numbers of other stages have 32 bits. */
const MAX_ROWS = 2 ** 32 - 1;

/**
 * Mixes datasets.
 *
 * @param inputs At least one; `probabilities` go by their order.
 * @throws {UserError} Where columns do not fit, one is split and another is not, one has no rows to take turns
 *   with, or the turns would not end.
 */
export async function mixRows(
  inputs: readonly MixedInput[],
  options: MixOptions,
  { open, signal, progress }: MixRun,
): Promise<MixedRows> {
  const columns = commonColumns(inputs);
  const splits = commonSplits(inputs);
  const plans = splits.map((split) => {
    const own = inputs.flatMap((input, i) => {
      const rows = input.stream.splits[split];
      return rows === undefined ? [] : [{ ...input, rows, share: shareOf(options, i) }];
    });
    return { split, own, ...planOf(split, { own, options }) };
  });
  const total = plans.reduce((sum, { expected }) => sum + expected, 0);
  const sink = open(columns, splits);
  let done = 0;
  const mixed: [string, MixedShare[]][] = [];
  for (const { split, own, order } of plans) {
    const cursors = own.map(({ stream }) => new Cursor(stream, { split, columns, signal }));
    const writer = new RowWriter(sink, { split, columns });
    try {
      for (const turn of order()) {
        const cursor = cursors[turn]!;
        if (cursor.isDry) {
          await cursor.fill();
          signal?.throwIfAborted();
          progress?.(done, Math.max(total, done));
        }
        writer.add(cursor.take());
        done++;
      }
    } finally {
      for (const cursor of cursors) await cursor.close();
    }
    writer.finish();
    mixed.push([
      split,
      own.map(({ name, rows }, i) => {
        const { taken } = cursors[i]!;
        return { name, rows: taken, times: rows === 0 ? 0 : taken / rows };
      }),
    ]);
  }
  return Object.fromEntries(mixed);
}

function shareOf(options: MixOptions, index: number): number | undefined {
  return options.method === "interleave" ? options.probabilities?.[index] : undefined;
}

/** The turns of a split, and about how many they are. */
function planOf(
  split: string,
  { own, options }: {
    readonly own: readonly (MixedInput & { rows: number; share: number | undefined })[];
    readonly options: MixOptions;
  },
): { readonly order: () => Iterable<number>; readonly expected: number } {
  const lengths = own.map(({ rows }) => rows);
  // Alone it has all turns, and may have no rows.
  if (options.method === "concatenate" || own.length === 1) {
    const expected = lengths.reduce((sum, length) => sum + length, 0);
    return { order: () => oneByOne(lengths), expected };
  }
  const empty = own.find(({ rows }) => rows === 0);
  if (empty !== undefined) {
    throw new UserError({
      what: `the split "${split}" of ${empty.name} has no rows to take turns with`,
      requirement: "datasets are interleaved row by row",
      remedy: "leave it out, or set method: concatenate",
    });
  }
  // Where one lacks the split, the others have its turns.
  const sum = own.reduce((all, { share = 0 }) => all + share, 0);
  const probabilities = options.probabilities && own.map(({ share }) => share! / sum);
  const { stopping, seed } = options;
  const letters = [...split].map((letter) => letter.codePointAt(0)!);
  const turning = (): TurnOptions => ({
    probabilities,
    stopping,
    random: randomStream(seed, ...letters),
  });
  const expected = expectedTurns(lengths, { probabilities, stopping });
  if (expected > MAX_ROWS) {
    throw new UserError({
      what: `the split "${split}" would have about ${expected.toExponential(1)} rows`,
      requirement: `at most ${MAX_ROWS}: with all_exhausted, the least likely is read to its end`,
      remedy: "raise the smallest of the probabilities, or choose another stopping_strategy",
    });
  }
  return { order: () => turns(lengths, turning()), expected };
}

function* oneByOne(lengths: readonly number[]): Generator<number> {
  for (const [i, length] of lengths.entries()) for (let row = 0; row < length; row++) yield i;
}

/** The columns of all, in order of first appearance; a dataset that lacks one has nulls there. */
function commonColumns(inputs: readonly MixedInput[]): Column[] {
  const columns = new Map<string, Column & { readonly of: string }>();
  for (const { name: of, stream } of inputs) {
    for (const column of stream.columns) {
      const known = columns.get(column.name);
      if (known === undefined) {
        columns.set(column.name, { ...column, of });
        continue;
      }
      const [one, other] = [typeWords(known), typeWords(column)];
      if (one !== other) {
        throw new UserError({
          what: `column "${column.name}" is ${one} in ${known.of} and ${other} in ${of}`,
          requirement: "a column of one dataset has one type",
          remedy: `cast it where it is read: types: { ${column.name}: ... } of download`,
        });
      }
      const [classes, own] = [classesOf(known), classesOf(column)];
      if (classes === undefined && own !== undefined) {
        columns.set(column.name, { ...column, of: known.of });
      } else if (own !== undefined && own.join("\n") !== classes!.join("\n")) {
        throw new UserError({
          what: `the classes of column "${column.name}" are ${classes!.join(", ")} in ` +
            `${known.of} and ${own.join(", ")} in ${of}`,
          requirement: "the same number would mean two things",
          remedy:
            "give one of the columns another name with `columns` of download, or leave it out",
        });
      }
    }
  }
  return [...columns.values()].map(({ of: _, ...column }) => column);
}

/** What the integers of a column, or of its lists, stand for. */
function classesOf({ names, items }: Column): readonly string[] | undefined {
  return names ?? items?.names;
}

/** The splits of all, in order of first appearance. */
function commonSplits(inputs: readonly MixedInput[]): string[] {
  const splits = [...new Set(inputs.flatMap(({ stream }) => Object.keys(stream.splits)))];
  const isUnsplit = ({ stream }: MixedInput): boolean => Object.hasOwn(stream.splits, UNSPLIT);
  const whole = inputs.find(isUnsplit);
  const split = inputs.find((input) => !isUnsplit(input));
  if (whole === undefined || split === undefined) return splits;
  throw new UserError({
    what: `${whole.name} was never split, and ${split.name} has the splits ${
      Object.keys(split.stream.splits).join(", ")
    }`,
    requirement: "rows are mixed split by split",
    remedy: `split ${whole.name} first, or say its split in download: from: { train: ... }`,
  });
}

/** The rows of a split one by one, and from the beginning again after the last. */
class Cursor {
  readonly #open: () => AsyncIterator<Batch>;
  readonly #names: readonly string[];
  #batches: AsyncIterator<Batch> | undefined;
  #cells: readonly (readonly Cell[] | undefined)[] = [];
  #length = 0;
  #at = 0;
  /** Rows that were taken. */
  taken = 0;

  constructor(
    stream: RowStream,
    { split, columns, signal }: {
      readonly split: string;
      readonly columns: readonly Column[];
      readonly signal: AbortSignal | undefined;
    },
  ) {
    this.#names = columns.map(({ name }) => name);
    this.#open = () => stream.batches(split, { signal })[Symbol.asyncIterator]();
  }

  /** Whether it has to be filled. */
  get isDry(): boolean {
    return this.#at >= this.#length;
  }

  async fill(): Promise<void> {
    while (this.isDry) {
      this.#batches ??= this.#open();
      const { done, value } = await this.#batches.next();
      if (done === true) {
        this.#batches = undefined;
        continue;
      }
      this.#cells = this.#names.map((name) => value.columns.get(name));
      [this.#at, this.#length] = [0, value.length];
    }
  }

  take(): Cell[] {
    const at = this.#at++;
    this.taken++;
    return this.#cells.map((cells) => cells?.[at] ?? null);
  }

  async close(): Promise<void> {
    await this.#batches?.return?.();
  }
}

/** Puts rows of cells together into batches. */
class RowWriter {
  readonly #sink: RowSink;
  readonly #split: string;
  readonly #builder: BatchBuilder;

  constructor(
    sink: RowSink,
    { split, columns }: { readonly split: string; readonly columns: readonly Column[] },
  ) {
    this.#sink = sink;
    this.#split = split;
    this.#builder = new BatchBuilder(columns);
  }

  add(cells: readonly Cell[]): void {
    let characters = 0;
    for (const cell of cells) characters += cellCharacters(cell);
    this.#builder.add(cells, characters);
    if (this.#builder.isFull) this.finish();
  }

  finish(): void {
    if (!this.#builder.isEmpty) this.#sink.write(this.#split, this.#builder.take());
  }
}
