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
import { type DedupeMode, SeenTexts } from "../../text/dedupe.ts";
import { cutPassages } from "../../text/passages.ts";
import { compileCondition, compileTemplate } from "../../text/template.ts";
import { type Column, requireColumn, type Row } from "../formats/columns.ts";
import type { Dataset } from "./dataset.ts";
import { permutation, randomStream } from "../../base/random.ts";

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

/** A dataset after filtering. */
export interface Filtered {
  readonly dataset: Dataset;
  /** Rows dropped, by rule as the stage's options name it; a rule that dropped none is there too. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Rows that went in. */
  readonly read: number;
  /** Rows that came out. */
  readonly kept: number;
}

/**
 * Applies rules to a dataset.
 *
 * @param options `progress` is called with the number of rows done.
 * @throws {UserError} Where the column is missing or no text, or a condition cannot be evaluated.
 */
export function filterDataset(
  dataset: Dataset,
  rules: FilterRules,
  options: { progress?: (done: number, total: number) => void } = {},
): Filtered {
  const { columns, complete } = addedColumns(dataset.columns, rules.addColumns ?? {});
  const { type } = requireColumn(columns, rules.column);
  if (type !== "string") {
    throw new UserError({
      what: `the column "${rules.column}" is ${type}`,
      requirement: "the rules for texts need a column of type string",
      remedy: "name the column of the text with `column`",
    });
  }
  const { passages } = rules;
  if (passages !== undefined && passages.minChars > passages.maxChars) {
    throw new UserError({
      what: `passages of at least ${passages.minChars} and at most ${passages.maxChars} characters`,
      requirement: "passages.min_chars must not be more than passages.max_chars",
    });
  }
  const tests = rowTests(columns, rules);
  const dropped: Record<string, number> = {};
  for (const { rule } of tests) dropped[rule] = 0;
  const total = Object.values(dataset.splits).reduce((sum, rows) => sum + rows.length, 0);
  let done = 0;
  let kept = 0;
  const splits: Record<string, Row[]> = {};
  Object.entries(dataset.splits).forEach(([split, rows], index) => {
    let result: Row[] = [];
    for (const row of rows) {
      for (const changed of transform(complete(row), rules)) {
        const failed = tests.find(({ drops }) => drops(changed));
        if (failed === undefined) result.push(changed);
        else dropped[failed.rule]! += 1;
      }
      if (++done % 256 === 0) options.progress?.(done, total);
    }
    if (rules.shuffle !== undefined) {
      const order = permutation(
        result.length,
        randomStream(rules.shuffle.seed, FILTER_STREAM, index),
      );
      const unshuffled = result;
      result = Array.from(order, (i) => unshuffled[i]!);
    }
    if (rules.limit !== undefined) {
      dropped.limit = (dropped.limit ?? 0) + Math.max(0, result.length - rules.limit);
      result = result.slice(0, rules.limit);
    }
    splits[split] = result;
    kept += result.length;
  });
  options.progress?.(total, total);
  return { dataset: { columns, splits }, dropped, read: total, kept };
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
  const names = columns.map((column) => column.name);
  const added = Object.entries(templates).map(([name, template]) => ({
    name,
    type: "string" as const,
    render: compileTemplate(template, { columns: names, option: `add_columns.${name}` }),
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
    const names = columns.map((column) => column.name);
    const holds = compileCondition(rules.where, { columns: names, option: "where" });
    add("where", (row) => !holds(row));
  }
  if (rules.dedupe !== undefined) {
    const seen = new SeenTexts(rules.dedupe);
    add("dedupe", (row) => seen.add(text(row)));
  }
  return tests;
}
