/**
 * Rules that clean and choose the rows of a dataset, always in the same order, with a count of the
 * rows that each one dropped.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import {
  characterCount,
  normalizeLines,
  normalizeWhitespace,
  stripHtml,
  type UnicodeForm,
  wordCount,
} from "../../text/clean.ts";
import { type DedupeMode, textKey } from "../../text/dedupe.ts";
import { cutPassages } from "../../text/passages.ts";
import { compileCondition, compileTemplate } from "../../text/template.ts";
import { permutation, randomStream } from "../../base/random.ts";
import { type Batch, rowOf } from "../formats/batch.ts";
import { type Column, requireColumn, type Row } from "../formats/columns.ts";
import { NOWHERE, rearranged } from "./rearrange.ts";
import { Spill } from "./spill.ts";
import { BatchBuilder, type OpenSink, type RowStream } from "./stream.ts";
import { TextIndex } from "./text_index.ts";

/** Which rules apply; those that are absent do not. They apply in the order of these fields. */
export interface FilterRules {
  /** The column with the text. */
  readonly column: string;
  /** Columns to make from the others: name -> Jinja template. One of the same name is replaced. */
  readonly addColumns?: Readonly<Record<string, string>>;
  readonly stripHtml?: boolean;
  readonly normalizeUnicode?: UnicodeForm;
  /** Cuts every text into passages: a row becomes several, with copies of its other columns. */
  readonly passages?: { readonly minChars: number; readonly maxChars: number };
  /** `true`: every run of white space becomes a space; `"lines"`: line ends stay. */
  readonly normalizeWhitespace?: boolean | "lines";
  readonly lowercase?: boolean;
  /** Drops texts of nothing but white space, and nulls. */
  readonly dropEmpty?: boolean;
  /** Characters (code points). */
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minWords?: number;
  readonly maxWords?: number;
  /** A Jinja condition over the columns. */
  readonly where?: string;
  /** Keeps the first of texts that count as the same, over all splits. */
  readonly dedupe?: DedupeMode;
  /** Random order within each split. */
  readonly shuffle?: { readonly seed: number };
  /** Keeps the first rows of each split. */
  readonly limit?: number;
}

/** What came of filtering. */
export interface Filtered {
  /** Rows dropped, by rule as the stage's options name it; a rule that dropped none is there too. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Rows that went in. */
  readonly read: number;
  /** Rows that came out. */
  readonly kept: number;
}

/** Where rows go, and who is told. */
export interface FilterRun {
  readonly open: OpenSink;
  /** For files that are gone at the end. */
  readonly folder: string;
  /** Called with the number of rows done. */
  readonly progress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Characters of rows that wait for their shuffling in memory. */
const HELD = 1 << 26;

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
  const dropped: Record<string, number> = {};
  for (const { rule } of tests) dropped[rule] = 0;
  const names = Object.keys(stream.splits);
  const total = Object.values(stream.splits).reduce((sum, rows) => sum + rows, 0);
  const sink = open(columns, names);
  let done = 0;
  let kept = 0;
  for (const [index, split] of names.entries()) {
    using spill = new Spill(`${folder}/.kept`, { most: HELD });
    const most = rules.limit ?? Infinity;
    let passed = 0;
    const take = (batch: Batch): void => {
      if (rules.shuffle !== undefined) return spill.write(batch);
      const left = most - passed;
      passed += batch.length;
      if (left > 0) sink.write(split, batch.length <= left ? batch : firstRows(batch, left));
    };
    const builder = new BatchBuilder(columns, take);
    for await (const batch of stream.batches(split, { signal })) {
      for (let i = 0; i < batch.length; i++) {
        for (const changed of transform(complete(rowOf(batch, i)), rules)) {
          const failed = tests.find(({ drops }) => drops(changed));
          if (failed === undefined) builder.add(changed);
          else dropped[failed.rule]! += 1;
        }
        if (++done % 256 === 0) progress?.(done, total);
      }
    }
    builder.finish();
    if (rules.shuffle !== undefined) {
      passed = spill.rows;
      const random = randomStream(rules.shuffle.seed, FILTER_STREAM, index);
      const count = Math.min(passed, most);
      const places = placesOf(permutation(passed, random), count);
      for await (const batch of rearranged(spill.batches(), { places, count, folder })) {
        sink.write(split, batch);
      }
    }
    if (rules.limit !== undefined) {
      dropped.limit = (dropped.limit ?? 0) + Math.max(0, passed - rules.limit);
    }
    kept += Math.min(passed, most);
  }
  progress?.(total, total);
  return { dropped, read: total, kept };
}

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

/** Where each row goes when the rows of an order stand in it; those past the first `count` nowhere. */
function placesOf(order: Int32Array, count: number): Uint32Array {
  const places = new Uint32Array(order.length);
  order.forEach((row, place) => places[row] = place < count ? place : NOWHERE);
  return places;
}

function firstRows({ columns }: Batch, length: number): Batch {
  return {
    length,
    columns: new Map([...columns].map(([name, cells]) => [name, cells.slice(0, length)])),
  };
}

/** Keeps the shuffling of a filter apart from other randomness of the same seed. */
const FILTER_STREAM = 0x66696c74;

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

/** The rows that a row becomes: itself with another text, or one for each passage. */
function transform(row: Row, rules: FilterRules): Row[] {
  const cell = row[rules.column];
  if (typeof cell !== "string") return [row];
  let text = cell;
  if (rules.stripHtml) text = stripHtml(text);
  if (rules.normalizeUnicode !== undefined) text = text.normalize(rules.normalizeUnicode);
  const space = rules.normalizeWhitespace === true
    ? normalizeWhitespace
    : rules.normalizeWhitespace === "lines"
    ? normalizeLines
    : undefined;
  const texts = rules.passages === undefined ? [space?.(text) ?? text] : cutPassages(text, {
    ...rules.passages,
    joiner: rules.normalizeWhitespace === true ? " " : "\n\n",
    ...(space === undefined ? {} : { clean: space }),
  });
  return texts.map((item) => ({
    ...row,
    [rules.column]: rules.lowercase ? item.toLowerCase() : item,
  }));
}

interface RowTest {
  readonly rule: string;
  readonly drops: (row: Row) => boolean;
}

/** The rules that drop rows, in order. */
function rowTests(columns: readonly Column[], rules: FilterRules): RowTest[] {
  const text = (row: Row): string => (row[rules.column] ?? "") as string;
  const tests: RowTest[] = [];
  const add = (rule: string, drops: (row: Row) => boolean): void =>
    void tests.push({ rule, drops });
  const { minLength, maxLength, minWords, maxWords } = rules;
  if (rules.dropEmpty) add("drop_empty", (row) => text(row).trim() === "");
  if (minLength !== undefined) add("min_length", (row) => characterCount(text(row)) < minLength);
  if (maxLength !== undefined) add("max_length", (row) => characterCount(text(row)) > maxLength);
  if (minWords !== undefined) add("min_words", (row) => wordCount(text(row)) < minWords);
  if (maxWords !== undefined) add("max_words", (row) => wordCount(text(row)) > maxWords);
  if (rules.where !== undefined) {
    const holds = compileCondition(rules.where, { columns, option: "where" });
    add("where", (row) => !holds(row));
  }
  const { dedupe } = rules;
  if (dedupe !== undefined) {
    const seen = new TextIndex();
    add("dedupe", (row) => seen.add(textKey(text(row), dedupe), 0) !== undefined);
  }
  return tests;
}
