/**
 * Adds rows whose text is that of another row, written anew.
 *
 * Every draw is a function of the seed, the split, the row, the copy and the rule, so that neither batches nor other
 * rows have a say in it.
 *
 * @module
 */
import { nearest, UserError } from "../../base/errors.ts";
import { randomStream } from "../../base/random.ts";
import { AUGMENT_RULES, type AugmentRule, changedBy } from "../../text/augment/rules.ts";
import type { Synonyms } from "../../text/augment/wordnet.ts";
import { type Piece, piecesOf, textOf } from "../../text/augment/words.ts";
import { hashText } from "../../text/duplicates/text_hash.ts";
import { rowOf } from "../formats/batch.ts";
import { type Column, requireColumn, type Row } from "../formats/columns.ts";
import { type OpenSink, RowBatches, type RowStream } from "./stream.ts";

/** The rule that has texts written by somebody else: a model. */
export const REWRITING = "back_and_forth";

/** What changes a text, in this order. */
const RULES = [REWRITING, ...AUGMENT_RULES] as const;

/** Name of what changes a text. */
export type RowRule = typeof RULES[number];

/** Writes texts of rows anew, many at once. */
export interface Rewriter {
  /** Whether another number gives another text. */
  readonly isDrawn: boolean;
  /**
   * Writes the texts of some rows.
   *
   * @param rows Each with the number that decides its draws together with the seed.
   * @returns A text a row; undefined where there is none to be had.
   */
  rewrite(
    rows: readonly { readonly row: Row; readonly number: number }[],
    options: { readonly seed: number },
  ): Promise<(string | undefined)[]>;
}

/** How to augment. */
export interface AugmentOptions {
  /** The column with the text. */
  readonly column: string;
  /** Splits whose rows get copies. */
  readonly source: readonly string[];
  /** Share of the words that a rule changes; rules that are absent or have 0 don't apply. */
  readonly rates: Readonly<Partial<Record<AugmentRule, number>>>;
  /** Writes each copy anew before other rules change it. */
  readonly rewriter?: Rewriter;
  /** All rules change each copy, or each copy is changed by one of them, in turn. */
  readonly apply: "all" | "in_turn";
  /** Copies of each row. */
  readonly copies: number;
  /** Whether rows are written beside their copies. */
  readonly keepOriginal: boolean;
  /** Name of the new column that says what changed a row. */
  readonly provenance: string;
  readonly seed: number;
  readonly synonymsOf: Synonyms;
}

/** What came of it. */
export interface Augmented {
  /** Rows of the splits that get copies. */
  readonly rows: number;
  readonly copies: number;
  /** Copies left out since they would be what the row, or another copy of it, is already. */
  readonly equal: number;
  /** Copies that a rule changed, by rule. */
  readonly changed: Readonly<Partial<Record<RowRule, number>>>;
  /** The first rows that were changed, each with its copy. */
  readonly examples: readonly {
    readonly rules: string;
    readonly from: string;
    readonly to: string;
  }[];
}

/** What the provenance says of a row that is as it was. */
export const UNCHANGED = "none";

/** So many examples are told. */
const EXAMPLES = 3;

/** Copies that a rewriter is asked for at once: enough for batches of like length, few enough for progress. */
const CHUNK = 128;

/** Draws for a copy that would be what is there already: a short text has few others. */
const ATTEMPTS = 5;

/** Keeps augmentation apart from other randomness of the same seed. */
const AUGMENT_STREAM = 0x6175676d;

/** A copy of a text. */
interface Copy {
  readonly text: string;
  /** The rules that changed it. */
  readonly rules: readonly RowRule[];
}

/** A row to copy: its number in the split, and what a rewriter wrote for each copy. */
interface Original {
  readonly text: string;
  /** Of the text; cut when the first rule asks for them. */
  pieces?: readonly Piece[];
  readonly row: number;
  readonly rewritten: readonly (string | undefined)[];
}

/**
 * Augments rows.
 *
 * @throws {UserError} Where a split or the column is missing, the column holds no texts, or there is a column of the
 *   provenance's name.
 */
export async function augmentRows(
  stream: RowStream,
  options: AugmentOptions,
  { open, progress, signal }: {
    readonly open: OpenSink;
    readonly progress?: (done: number, total: number) => void;
    readonly signal?: AbortSignal;
  },
): Promise<Augmented> {
  const { column, source, provenance } = options;
  const splits = Object.keys(stream.splits);
  checkColumns(stream.columns, options);
  for (const name of source) checkSplit(name, splits);
  const columns: Column[] = [...stream.columns, { name: provenance, type: "string" }];
  const sink = open(columns, splits);
  const total = Object.values(stream.splits).reduce((sum, rows) => sum + rows, 0);
  const changed: Partial<Record<RowRule, number>> = {};
  const examples: { rules: string; from: string; to: string }[] = [];
  let [done, rows, copies, equal] = [0, 0, 0, 0];
  for (const split of splits) {
    if (!source.includes(split)) {
      for await (const batch of stream.batches(split, { signal })) {
        const marks = new Array<string>(batch.length).fill(UNCHANGED);
        sink.write(split, {
          length: batch.length,
          columns: new Map(batch.columns).set(provenance, marks),
        });
        progress?.(done += batch.length, total);
      }
      continue;
    }
    const augmented = new RowBatches(columns, (batch) => sink.write(split, batch));
    const copier = new Copier(split, options);
    const rowsAtOnce = Math.max(1, Math.floor(CHUNK / options.copies));
    let first = 0;
    for await (const batch of stream.batches(split, { signal })) {
      for (let from = 0; from < batch.length; from += rowsAtOnce) {
        const length = Math.min(rowsAtOnce, batch.length - from);
        const own = Array.from({ length }, (_, i) => rowOf(batch, from + i));
        const rewritten = await copier.rewritten(own, first);
        for (const [i, row] of own.entries()) {
          const text = row[column];
          const made = typeof text === "string"
            ? copier.copiesOf({ text, row: first + i, rewritten: rewritten[i]! })
            : [];
          copies += made.length;
          if (typeof text === "string") equal += copier.wanted - made.length;
          // A row without a copy stays in any case: its label would be lost with it.
          if (options.keepOriginal || made.length === 0) {
            augmented.add({ ...row, [provenance]: UNCHANGED });
          }
          for (const { text: copy, rules } of made) {
            augmented.add({ ...row, [column]: copy, [provenance]: rules.join("+") });
            for (const rule of rules) changed[rule] = (changed[rule] ?? 0) + 1;
            if (examples.length < EXAMPLES) {
              examples.push({ rules: rules.join("+"), from: String(text), to: copy });
            }
          }
        }
        first += length;
        progress?.(done += length, total);
      }
    }
    rows += first;
    augmented.finish();
  }
  progress?.(total, total);
  return { rows, copies, equal, changed, examples };
}

/** Makes the copies of texts of one split. */
class Copier {
  readonly #options: AugmentOptions;
  readonly #rules: readonly RowRule[];
  /** Stands for the split among the keys of a random stream. */
  readonly #split: number;

  constructor(split: string, options: AugmentOptions) {
    this.#options = options;
    this.#rules = RULES.filter((rule) =>
      rule === REWRITING ? options.rewriter !== undefined : (options.rates[rule] ?? 0) > 0
    );
    const hash = new Uint32Array(4);
    hashText(hash, split);
    this.#split = hash[0]!;
  }

  /** Copies that are tried of a text. */
  get wanted(): number {
    return this.#rules.length === 0 ? 0 : this.#options.copies;
  }

  /**
   * What the rewriter writes for each copy of some rows; nothing for copies that other rules change.
   *
   * @param first The number of the first row in the split.
   */
  async rewritten(rows: readonly Row[], first: number): Promise<(string | undefined)[][]> {
    const { rewriter, column, copies, seed } = this.#options;
    const texts = rows.map((): (string | undefined)[] => []);
    if (rewriter === undefined) return texts;
    const wanted: { readonly row: Row; readonly number: number; readonly i: number }[] = [];
    for (const [i, row] of rows.entries()) {
      if (typeof row[column] !== "string" || row[column].trim() === "") continue;
      for (let copy = 0; copy < copies; copy++) {
        if (!this.#rulesOf(first + i, copy).includes(REWRITING)) continue;
        wanted.push({ row, number: (first + i) * copies + copy, i });
        // The next one would be the same.
        if (!rewriter.isDrawn) break;
      }
    }
    const streamSeed = randomStream(seed, AUGMENT_STREAM, this.#split).nextUint32();
    const written = await rewriter.rewrite(wanted, { seed: streamSeed });
    for (const [at, { number, i }] of wanted.entries()) {
      if (rewriter.isDrawn) texts[i]![number % copies] = written[at];
      else texts[i] = new Array<string | undefined>(copies).fill(written[at]);
    }
    return texts;
  }

  /** The copies of a text, each other than it and than those before. */
  copiesOf(original: Original): Copy[] {
    const copies: Copy[] = [];
    const seen = new Set([original.text]);
    for (let copy = 0; copy < this.wanted; copy++) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const made = this.#copyOf(original, { copy, attempt });
        if (seen.has(made.text)) continue;
        seen.add(made.text);
        copies.push(made);
        break;
      }
    }
    return copies;
  }

  /** The rules that change a copy. */
  #rulesOf(row: number, copy: number): readonly RowRule[] {
    const { apply, copies } = this.#options;
    if (apply === "all") return this.#rules;
    return [this.#rules[(row * copies + copy) % this.#rules.length]!];
  }

  #copyOf(
    original: Original,
    { copy, attempt }: { readonly copy: number; readonly attempt: number },
  ): Copy {
    const { rates, seed, synonymsOf } = this.#options;
    const { row, rewritten } = original;
    const changed: RowRule[] = [];
    let { text } = original;
    let pieces: readonly Piece[] | undefined;
    for (const rule of this.#rulesOf(row, copy)) {
      const before = text;
      if (rule === REWRITING) text = rewritten[copy] ?? text;
      else {
        const at = AUGMENT_RULES.indexOf(rule);
        const random = randomStream(seed, AUGMENT_STREAM, this.#split, row, copy, at, attempt);
        pieces ??= text === original.text ? original.pieces ??= piecesOf(text) : piecesOf(text);
        pieces = changedBy(rule, pieces, { rate: rates[rule]!, random, synonymsOf });
        text = textOf(pieces);
      }
      if (text !== before) changed.push(rule);
    }
    return { text, rules: changed };
  }
}

function checkColumns(
  columns: readonly Column[],
  { column, provenance }: Pick<AugmentOptions, "column" | "provenance">,
): void {
  const { type } = requireColumn(columns, column);
  if (type !== "string") {
    throw new UserError({
      what: `the column "${column}" is ${type}`,
      requirement: "what is written anew has to be texts: a column of type string",
      remedy: "name the column of the text with `column`",
    });
  }
  if (columns.some(({ name }) => name === provenance)) {
    throw new UserError({
      what: `the rows have a column "${provenance}" already`,
      requirement: "a new column says by which rules a row was changed",
      remedy: "name it otherwise with `provenance`",
    });
  }
}

function checkSplit(name: string, splits: readonly string[]): void {
  if (splits.includes(name)) return;
  throw new UserError({
    what: `there is no split "${name}" to augment`,
    nearest: nearest(name, splits),
    requirement: `the input has ${splits.join(", ")}`,
    remedy:
      "divide the rows with the split stage before: copies of what is divided afterwards would be " +
      "in several parts; or name splits with `source`",
  });
}
