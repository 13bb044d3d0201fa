/**
 * Cleans and chooses the rows of a dataset as they go by.
 *
 * What has to wait for all rows, near duplicates and a random order, is put aside: the first pass keeps
 * some bytes a row, the second writes.
 *
 * @module
 */
import { UserError } from "../../../base/errors.ts";
import { permutation, randomStream } from "../../../base/random.ts";
import { NearDuplicates } from "../../../text/duplicates/near_duplicates.ts";
import { compileTemplate } from "../../../text/template.ts";
import { type Batch, rowOf } from "../../formats/batch.ts";
import {
  type Cell,
  cellText,
  type Column,
  requireColumn,
  type Row,
} from "../../formats/columns.ts";
import { FileBytes } from "../file_bytes.ts";
import { NOWHERE, rearranged } from "../rearrange.ts";
import { Passes, type RowProgress, rowsOf } from "../row_progress.ts";
import { Spill } from "../spill.ts";
import { type OpenSink, RowBatches, type RowStream } from "../stream.ts";
import { TextChanger } from "./change_text.ts";
import { Dropped } from "./dropped.ts";
import { rowTests } from "./row_tests.ts";
import type { FilterRules } from "./rules.ts";

/** What came of filtering. */
export interface Filtered {
  /** Rows dropped, by rule as the stage's options name it; a rule that dropped none is there too. */
  readonly dropped: Readonly<Record<string, number>>;
  /** The beginnings of the first texts that each rule dropped. */
  readonly examples: Readonly<Record<string, readonly string[]>>;
  /** Places of texts that were replaced, by rule. */
  readonly replaced: Readonly<Record<string, number>>;
  /** Rows that went in. */
  readonly read: number;
  /** Rows that the dropping rules looked at: more than went in where texts were cut into passages. */
  readonly tested: number;
  /** Rows that came out. */
  readonly kept: number;
}

/** Where rows go, and who is told. */
export interface FilterRun {
  readonly open: OpenSink;
  /** For files that are gone at the end. */
  readonly folder: string;
  readonly progress?: RowProgress;
  readonly signal?: AbortSignal;
}

/** How long the passes take beside each other: reading and testing, comparing, writing what was put aside. */
const WEIGHTS = { near: [12, 2, 3], held: [3, 0, 2], straight: [1, 0, 0] } as const;

/** Characters of rows that wait in memory for the second pass, of each split. */
const HELD = 1 << 24;

/**
 * Applies rules to rows.
 *
 * @throws {UserError} Where the column is missing or no text, or a condition cannot be evaluated.
 */
export async function filterRows(
  stream: RowStream,
  rules: FilterRules,
  { open, folder, progress, signal }: FilterRun,
): Promise<Filtered> {
  const { columns, complete } = addedColumns(stream.columns, rules.addColumns ?? {});
  checkRules(columns, rules);
  const tests = rowTests(columns, rules);
  const changer = new TextChanger(rules);
  const dropped = new Dropped([
    ...tests.map(({ rule }) => rule).filter((rule) => rule !== "quality"),
    ...(rules.near === undefined ? [] : ["near"]),
  ]);
  const names = Object.keys(stream.splits);
  const total = rowsOf(stream);
  const sink = open(columns, names);
  using stack = new DisposableStack();
  const near = rules.near === undefined ? undefined : new NearDuplicates({
    ...rules.near,
    spill: stack.use(new FileBytes(`${folder}/.shingles`)),
  });
  const most = rules.limit ?? Infinity;
  const held = new Map<string, Spill>();
  const passes = new Passes(total, {
    weights: WEIGHTS[near !== undefined ? "near" : rules.shuffle ? "held" : "straight"],
    tell: progress,
  });
  let tested = 0;
  let kept = 0;
  for (const [index, split] of names.entries()) {
    const spill = near === undefined && rules.shuffle === undefined
      ? undefined
      : stack.use(new Spill(`${folder}/.kept-${index}`, { most: HELD }));
    if (spill !== undefined) held.set(split, spill);
    let passed = 0;
    const rows = new RowBatches(columns, (batch) => {
      const left = Math.max(0, most - passed);
      passed += batch.length;
      if (spill !== undefined) return spill.write(batch);
      if (left > 0) sink.write(split, batch.length <= left ? batch : firstRows(batch, left));
      if (left < batch.length) showLeft(batch.columns.get(rules.column)!.slice(left), dropped);
    });
    for await (const batch of stream.batches(split, { signal })) {
      for (let i = 0; i < batch.length; i++) {
        for (const { row, text } of changed(complete(rowOf(batch, i)), rules.column, changer)) {
          tested++;
          const rule = firstDropping(tests, row, text);
          if (rule !== undefined) dropped.add(rule, text);
          else {
            near?.add(text);
            rows.add(row);
          }
        }
        passes.add(1);
      }
    }
    rows.finish();
    if (spill === undefined) {
      kept += Math.min(passed, most);
      if (rules.limit !== undefined) dropped.addCount("limit", Math.max(0, passed - most));
    }
  }
  passes.next();
  const clusters = near?.clusters({ progress: (done, total) => passes.part(done / total) });
  passes.next();
  let first = 0;
  for (const [split, spill] of held) {
    const index = names.indexOf(split);
    const own = clusters?.subarray(first, first + spill.rows);
    const isKept = (row: number): boolean => own === undefined || own[row] === first + row;
    if (own !== undefined) countNear(spill, { column: rules.column, isKept, dropped });
    const { places, count, left } = placesOf(spill.rows, { isKept, rules, index });
    if (left > 0) showPast(spill, { places, isKept, column: rules.column, dropped });
    for await (const batch of rearranged(spill.batches(), { places, count, folder })) {
      sink.write(split, batch);
      passes.add(batch.length);
    }
    kept += count;
    if (rules.limit !== undefined) dropped.addCount("limit", left);
    first += spill.rows;
    spill[Symbol.dispose]();
  }
  passes.end();
  const { counts, examples } = dropped;
  return { dropped: counts, examples, replaced: changer.replaced, read: total, tested, kept };
}

/** The rows that a row becomes: itself with another text, or one for each passage. */
function changed(
  row: Row,
  column: string,
  changer: TextChanger,
): { readonly row: Row; readonly text: string }[] {
  const cell = row[column];
  if (typeof cell !== "string") return [{ row, text: "" }];
  return changer.change(cell).map((text) => ({
    row: text === cell ? row : { ...row, [column]: text },
    text,
  }));
}

function firstDropping(
  tests: ReturnType<typeof rowTests>,
  row: Row,
  text: string,
): string | undefined {
  for (const { drops } of tests) {
    const rule = drops(row, text);
    if (rule !== undefined) return rule;
  }
  return undefined;
}

/** Counts the rows of which another is kept. */
function countNear(
  spill: Spill,
  { column, isKept, dropped }: {
    readonly column: string;
    readonly isKept: (row: number) => boolean;
    readonly dropped: Dropped;
  },
): void {
  let row = 0;
  for (const batch of spill.batches()) {
    const texts = batch.columns.get(column)!;
    for (const text of texts) if (!isKept(row++)) dropped.add("near", cellText(text));
  }
}

/** Shows the first of the texts that a limit leaves out. */
function showLeft(texts: readonly Cell[], dropped: Dropped): void {
  for (const text of texts) {
    if (dropped.isShown("limit")) return;
    dropped.addExample("limit", cellText(text));
  }
}

/** The same among rows that were put aside: those that are kept and have no place. */
function showPast(
  spill: Spill,
  { places, isKept, column, dropped }: {
    readonly places: Uint32Array;
    readonly isKept: (row: number) => boolean;
    readonly column: string;
    readonly dropped: Dropped;
  },
): void {
  let row = 0;
  for (const batch of spill.batches()) {
    const first = row;
    row += batch.length;
    const texts = batch.columns.get(column)!;
    showLeft(texts.filter((_, i) => isKept(first + i) && places[first + i] === NOWHERE), dropped);
    if (dropped.isShown("limit")) return;
  }
}

/** Where the rows that were put aside go; `left` are those past the limit. */
function placesOf(
  rows: number,
  { isKept, rules: { shuffle, limit = Infinity }, index }: {
    readonly isKept: (row: number) => boolean;
    readonly rules: FilterRules;
    readonly index: number;
  },
): { places: Uint32Array; count: number; left: number } {
  const places = new Uint32Array(rows).fill(NOWHERE);
  let all = 0;
  for (let row = 0; row < rows; row++) if (isKept(row)) places[row] = all++;
  if (shuffle !== undefined) {
    const order = permutation(all, randomStream(shuffle.seed, FILTER_STREAM, index));
    const placeOf = new Uint32Array(all);
    order.forEach((at, place) => placeOf[at] = place);
    for (let row = 0; row < rows; row++) {
      if (places[row] !== NOWHERE) places[row] = placeOf[places[row]!]!;
    }
  }
  const count = Math.min(all, limit);
  for (let row = 0; row < rows; row++) if (places[row]! >= count) places[row] = NOWHERE;
  return { places, count, left: all - count };
}

/** Keeps the shuffling of a filter apart from other randomness of the same seed. */
const FILTER_STREAM = 0x66696c74;

function checkRules(columns: readonly Column[], { column, passages }: FilterRules): void {
  const { type } = requireColumn(columns, column);
  if (type !== "string") {
    throw new UserError({
      what: `the column "${column}" is ${type}`,
      requirement: "the rules for texts need a column of type string",
      remedy: "name the column of the text with `column`",
    });
  }
  if (passages !== undefined && passages.minChars > passages.maxChars) {
    throw new UserError({
      what: `passages of at least ${passages.minChars} and at most ${passages.maxChars} characters`,
      requirement: "passages.min_chars must not be more than passages.max_chars",
    });
  }
}

function firstRows({ columns }: Batch, length: number): Batch {
  return {
    length,
    columns: new Map([...columns].map(([name, cells]) => [name, cells.slice(0, length)])),
  };
}

/**
 * The columns with those that templates make, which are texts, and how a row gets them. Every template
 * sees the row as it was read: their order has no meaning.
 */
function addedColumns(
  columns: readonly Column[],
  templates: Readonly<Record<string, string>>,
): { columns: readonly Column[]; complete: (row: Row) => Row } {
  const added = Object.entries(templates).map(([name, template]) => ({
    name,
    type: "string" as const,
    render: compileTemplate(template, { columns, option: `add_columns.${name}` }),
  }));
  if (added.length === 0) return { columns, complete: (row) => row };
  const all = new Map(columns.map((column) => [column.name, column]));
  for (const { name, type } of added) all.set(name, { name, type });
  return {
    columns: [...all.values()],
    complete: (row) => ({
      ...row,
      ...Object.fromEntries(added.map(({ name, render }) => [name, render(row)])),
    }),
  };
}
