/**
 * Joins rows with what a second dataset says of them, such as labels from another file.
 *
 * The second dataset is held in memory by its columns, the first goes by in batches.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { sha256Hex } from "../../base/hash.ts";
import type { Batch } from "../formats/batch.ts";
import { type Cell, cellText, type Column, requireColumn } from "../formats/columns.ts";
import { Passes, type RowProgress, rowsOf } from "./row_progress.ts";
import type { OpenSink, RowStream } from "./stream.ts";
import { TextIndex } from "./text_index.ts";

/** How rows find what is said of them. */
export type JoinKey =
  /** Columns of the first, and what they are called in the second; all of them have to be equal as texts. */
  | { readonly on: readonly (readonly [own: string, theirs: string])[] }
  /** A column of the second that holds the SHA-256, in hex, of the UTF-8 text of a column of the first. */
  | { readonly hash: string; readonly column: string };

/** How to annotate. */
export interface AnnotateOptions {
  readonly key: JoinKey;
  /** Columns to take over: name in the second dataset -> name in the result. Default all but the key. */
  readonly columns?: Readonly<Record<string, string>> | undefined;
  /** What becomes of rows of which nothing is said: the new columns are null, or they go. */
  readonly unmatched: "keep" | "drop";
}

/** What came of it. */
export interface Annotated {
  /** Rows of which something is said. */
  readonly matched: number;
  /** Rows of which nothing is said, and the keys of the first. */
  readonly unmatched: { readonly rows: number; readonly keys: readonly string[] };
  /** What is said of no row, and the keys of the first. */
  readonly unused: { readonly rows: number; readonly keys: readonly string[] };
  /** Keys that something is said of. */
  readonly annotations: number;
}

/** So many keys stand in a report. */
const SHOWN = 3;

/** Stands between the columns of a key; a text with the first of its characters has another one behind that. */
const BETWEEN = "\u0000\u0000";
const NUL = "\u0000\u0001";

/** What is said, by key. */
class Notes {
  readonly #index = new TextIndex();
  readonly #keys: string[] = [];
  readonly #cells: Cell[][];
  /** Those that a row was found for. */
  #used = new Uint8Array(0);

  constructor(readonly columns: readonly (Column & { readonly from: string })[]) {
    this.#cells = columns.map(() => []);
  }

  /** @throws {UserError} Where something else was said of the same key. */
  add(key: string, cells: readonly Cell[]): void {
    const known = this.#index.add(key, this.#keys.length);
    if (known === undefined) {
      this.#keys.push(key);
      cells.forEach((cell, i) => this.#cells[i]!.push(cell));
      return;
    }
    const differing = cells.findIndex((cell, i) =>
      cellText(cell) !== cellText(this.#cells[i]![known])
    );
    if (differing < 0) return;
    throw new UserError({
      what: `two rows of the annotations have the key ${shown(key)} and say different things: "${
        this.columns[differing]!.from
      }" is "${cellText(this.#cells[differing]![known])}" and "${cellText(cells[differing])}"`,
      requirement: "a key has one answer",
      remedy: "join by more columns, or drop all but one of such rows with the filter stage",
    });
  }

  /** The number of what is said of a key; undefined where nothing is. */
  find(key: string): number | undefined {
    const found = this.#index.find(key);
    if (found === undefined) return undefined;
    if (this.#used.length < this.#keys.length) this.#used = new Uint8Array(this.#keys.length);
    this.#used[found] = 1;
    return found;
  }

  get length(): number {
    return this.#keys.length;
  }

  cell(column: number, note: number | undefined): Cell {
    return note === undefined ? null : this.#cells[column]![note]!;
  }

  unused(): Annotated["unused"] {
    const keys = this.#keys.filter((_, i) => this.#used[i] !== 1);
    return { rows: keys.length, keys: keys.slice(0, SHOWN).map(shown) };
  }
}

/**
 * Annotates rows.
 *
 * @param stream The rows.
 * @param notes What is said of them, of all splits.
 * @throws {UserError} Where a column is missing or in both, or two annotations of a key differ.
 */
export async function annotateRows(
  { stream, notes }: { readonly stream: RowStream; readonly notes: RowStream },
  options: AnnotateOptions,
  { open, progress, signal }: {
    readonly open: OpenSink;
    /** Of the rows of both. */
    readonly progress?: RowProgress;
    readonly signal?: AbortSignal;
  },
): Promise<Annotated> {
  const passes = new Passes(rowsOf(stream, notes), { weights: [1], tell: progress });
  const taken = takenColumns({ stream, notes }, options);
  const known = await readNotes(notes, { taken, key: options.key, passes, signal });
  const { key } = options;
  const names = "on" in key ? key.on.map(([own]) => own) : [key.column];
  for (const name of names) requireColumn(stream.columns, name);
  const columns = [...stream.columns, ...taken.map(({ from: _, ...column }) => column)];
  const sink = open(columns, Object.keys(stream.splits));
  let matched = 0;
  let unmatched = 0;
  const keys: string[] = [];
  for (const split of Object.keys(stream.splits)) {
    for await (const batch of stream.batches(split, { signal })) {
      const found = keysOf(batch, names).map((each): number | undefined => {
        const text = each === undefined || "on" in key ? each : sha256Hex(each);
        const note = text === undefined ? undefined : known.find(text);
        if (note === undefined && keys.length < SHOWN) keys.push(shown(each ?? ""));
        return note;
      });
      const own = found.filter((note) => note !== undefined).length;
      matched += own;
      unmatched += batch.length - own;
      const kept = options.unmatched === "keep"
        ? batch
        : rowsWhere(batch, (i) => found[i] !== undefined);
      const said = options.unmatched === "keep"
        ? found
        : found.filter((note) => note !== undefined);
      const all = new Map(kept.columns);
      taken.forEach(({ name }, i) => all.set(name, said.map((note) => known.cell(i, note))));
      sink.write(split, { length: kept.length, columns: all });
      passes.add(batch.length);
    }
  }
  passes.end();
  return {
    matched,
    unmatched: { rows: unmatched, keys },
    unused: known.unused(),
    annotations: known.length,
  };
}

/** The columns of the second dataset that are the key. */
function keysOfNotes(key: JoinKey): string[] {
  return "on" in key ? key.on.map(([, theirs]) => theirs) : [key.hash];
}

/** The columns that are taken over, with the names that they have in the second dataset. */
function takenColumns(
  { stream, notes }: { readonly stream: RowStream; readonly notes: RowStream },
  { key, columns }: AnnotateOptions,
): (Column & { readonly from: string })[] {
  const keys = keysOfNotes(key);
  for (const name of keys) requireColumn(notes.columns, name);
  const chosen = columns === undefined
    ? notes.columns.filter(({ name }) => !keys.includes(name)).map(({ name }) =>
      [name, name] as const
    )
    : Object.entries(columns);
  if (chosen.length === 0) {
    throw new UserError({
      what: `the annotations have no column beside the key (${keys.join(", ")})`,
      requirement: "something has to be said of the rows",
    });
  }
  const names = new Set(stream.columns.map(({ name }) => name));
  return chosen.map(([from, name]) => {
    if (names.has(name)) {
      throw new UserError({
        what: `the rows have a column "${name}" already`,
        remedy: `take it over by another name: columns: { ${from}: other_name }`,
      });
    }
    names.add(name);
    return { ...requireColumn(notes.columns, from), from, name };
  });
}

async function readNotes(
  notes: RowStream,
  { taken, key, passes, signal }: {
    readonly taken: readonly (Column & { readonly from: string })[];
    readonly key: JoinKey;
    readonly passes: Passes;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Notes> {
  const known = new Notes(taken);
  const names = keysOfNotes(key);
  const columns = [...new Set([...names, ...taken.map(({ from }) => from)])];
  for (const split of Object.keys(notes.splits)) {
    for await (const batch of notes.batches(split, { columns, signal })) {
      const cells = taken.map(({ from }) => batch.columns.get(from)!);
      keysOf(batch, names).forEach((each, i) => {
        if (each === undefined) return;
        const text = "on" in key ? each : each.toLowerCase();
        known.add(text, cells.map((column) => column[i]!));
      });
      passes.add(batch.length);
    }
  }
  return known;
}

/** The key of each row; undefined where a column of it is null. */
function keysOf(batch: Batch, names: readonly string[]): (string | undefined)[] {
  const cells = names.map((name) => batch.columns.get(name)!);
  return Array.from({ length: batch.length }, (_, i) => {
    const own = cells.map((column) => column[i]!);
    return own.some((cell) => cell === null) ? undefined : own.map(keyText).join(BETWEEN);
  });
}

/** A cell as a part of a key, of which no other cells make the same. */
function keyText(cell: Cell): string {
  return cellText(cell).replaceAll("\u0000", NUL);
}

function rowsWhere({ length, columns }: Batch, holds: (row: number) => boolean): Batch {
  const rows = Array.from({ length }, (_, i) => i).filter(holds);
  return {
    length: rows.length,
    columns: new Map([...columns].map(([name, cells]) => [name, rows.map((i) => cells[i]!)])),
  };
}

function shown(key: string): string {
  const text = key.split(BETWEEN).join(", ");
  return `"${text.length > 60 ? `${text.slice(0, 60)}…` : text}"`;
}
