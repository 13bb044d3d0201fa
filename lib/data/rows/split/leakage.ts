/**
 * Leakage between the parts of a dataset: rows of one part whose text, or nearly the same, is in another, so that
 * a model is tested on what it was trained on (Lee et al., "Deduplicating Training Data Makes Language Models
 * Better", 2022, found it in 1 to 14% of the usual test sets).
 *
 * Equal is what is equal white space aside; near is what MinHash proposes and the exact Jaccard similarity
 * confirms. Beside what {@linkcode NearDuplicates} keeps, 13 bytes a row are in memory, and 20 for each different
 * text of the splits that are carried over.
 *
 * @module
 */
import { UserError } from "../../../base/errors.ts";
import {
  type NearDuplicateOptions,
  NearDuplicates,
  NO_PART,
} from "../../../text/duplicates/near_duplicates.ts";
import { excerpt } from "../../../text/excerpt.ts";
import { cellText } from "../../formats/columns.ts";
import { FileBytes } from "../file_bytes.ts";
import { textIdentity } from "./split_keys.ts";
import type { RowStream } from "../stream.ts";
import { TextIndex } from "../text_index.ts";

/** What is done about leakage. */
export interface LeakageOptions {
  /** Count it, refuse it, or keep together what is nearly the same, and count what is left. */
  readonly action: "report" | "error" | "prevent";
  /** What is nearly the same. */
  readonly near?: Omit<NearDuplicateOptions, "spill" | "keep">;
}

/** The part that comes before all others: what is in it must not be in them. */
const TRAIN = "train";

/** So many examples are told. */
const EXAMPLES = 3;

/** Rows of a part whose text is in another. */
interface Leak {
  readonly part: string;
  readonly of: string;
  exact: number;
  near: number;
}

/** A row, and one that is like it in a part before its own. */
interface Pair {
  readonly row: number;
  readonly other: number;
  readonly isEqual: boolean;
}

/** What was found. */
export interface Leakage {
  /** Rows, each counted once. */
  readonly rows: number;
  /** A sentence without its full stop. */
  readonly report: string;
  /** The first pairs, each with its places in the input. */
  readonly examples: readonly string[];
}

/** What is compared. */
export interface ComparedSplits {
  readonly stream: RowStream;
  readonly column: string;
  /** Splits that stay as they are. */
  readonly carried: readonly string[];
  /** Splits that are divided. */
  readonly source: readonly string[];
}

/** Parts with that to train on first, which the others are held against. */
export function trainFirst(parts: readonly string[]): string[] {
  return [...parts.filter((name) => name === TRAIN), ...parts.filter((name) => name !== TRAIN)];
}

/** The texts of all splits, compared with each other. Rows are numbered through: those of carried splits first. */
export class SplitTexts implements Disposable {
  readonly #given: ComparedSplits;
  readonly #spill: FileBytes;
  readonly #near: NearDuplicates;
  readonly #splits: readonly string[];
  /** Of each row of a carried split, the first row with its text. */
  readonly #equal: Uint32Array;
  /** 1 for rows without a text: they are no copies of each other. */
  readonly #empty: Uint8Array;
  /** Rows of the splits that are carried over. */
  readonly carried: number;

  private constructor(given: ComparedSplits, { near, spill }: {
    readonly near: NearDuplicates;
    readonly spill: FileBytes;
  }) {
    this.#given = given;
    this.#splits = [...trainFirst(given.carried), ...given.source];
    const rowsOf = (splits: readonly string[]): number =>
      splits.reduce((sum, name) => sum + given.stream.splits[name]!, 0);
    this.carried = rowsOf(given.carried);
    this.#equal = new Uint32Array(this.carried);
    this.#empty = new Uint8Array(rowsOf(this.#splits));
    this.#spill = spill;
    this.#near = near;
  }

  /**
   * Reads all texts, once.
   *
   * @param options `folder` for a file that is gone at the end; `progress` gets the number of rows done.
   * @throws {UserError} Where `near` is out of its range.
   */
  static async read(given: ComparedSplits, options: {
    readonly near: LeakageOptions["near"];
    readonly folder: string;
    readonly progress?: ((done: number, total: number) => void) | undefined;
    readonly signal: AbortSignal | undefined;
  }): Promise<SplitTexts> {
    const spill = new FileBytes(`${options.folder}/.shingles`);
    try {
      const near = new NearDuplicates({ ...options.near, spill });
      const texts = new SplitTexts(given, { near, spill });
      await texts.#read(options);
      return texts;
    } catch (error) {
      spill[Symbol.dispose]();
      throw error;
    }
  }

  async #read({ progress, signal }: {
    readonly progress?: ((done: number, total: number) => void) | undefined;
    readonly signal: AbortSignal | undefined;
  }): Promise<void> {
    const { stream, column } = this.#given;
    const known = new TextIndex();
    let row = 0;
    for (const split of this.#splits) {
      for await (const batch of stream.batches(split, { columns: [column], signal })) {
        for (const cell of batch.columns.get(column)!) {
          const text = textIdentity({ [column]: cell }, column);
          if (text === "") this.#empty[row] = 1;
          if (row < this.carried) this.#equal[row] = known.add(text, row) ?? row;
          this.#near.add(cellText(cell));
          if (++row % 256 === 0) progress?.(row, this.#empty.length);
        }
      }
    }
    progress?.(row, this.#empty.length);
  }

  /**
   * The first row that each row is nearly the same as, also through others; itself where there is none. So one of
   * a carried split wherever the cluster has any.
   */
  clusters(): Uint32Array {
    return this.#near.clusters().map((first, row) => this.#empty[row] === 1 ? row : first);
  }

  /**
   * Counts what is in two parts.
   *
   * @param parts Their names; `partOf` the part of each row by its index, {@linkcode NO_PART} for none.
   */
  async leakage(
    { parts, partOf }: { readonly parts: readonly string[]; readonly partOf: Uint16Array },
  ): Promise<Leakage> {
    const ranked = trainFirst(parts);
    const rankOf = partOf.map((part, row) =>
      part === NO_PART || this.#empty[row] === 1 ? NO_PART : ranked.indexOf(parts[part]!)
    );
    const near = this.#near.across(rankOf);
    const leaks = new Map<number, Leak>();
    // Of each two parts the first, and more where there are few parts.
    const firsts: Pair[] = [];
    const more: Pair[] = [];
    let rows = 0;
    for (const [row, rank] of rankOf.entries()) {
      if (rank === NO_PART) continue;
      const equal = row < this.carried ? this.#equal[row]! : row;
      // What is nearly in the part to train on counts for more than what is exactly in a later one.
      const isEqual = rankOf[equal]! < rank && rankOf[equal]! <= rankOf[near[row]!]!;
      const other = isEqual ? equal : near[row]!;
      if (other === row) continue;
      rows++;
      const of = rankOf[other]!;
      const key = rank * ranked.length + of;
      let leak = leaks.get(key);
      if (leak === undefined) {
        leaks.set(key, leak = { part: ranked[rank]!, of: ranked[of]!, exact: 0, near: 0 });
        firsts.push({ row, other, isEqual });
      } else if (more.length < EXAMPLES) more.push({ row, other, isEqual });
      leak[isEqual ? "exact" : "near"]++;
    }
    const shown = [...firsts, ...more].slice(0, EXAMPLES);
    const texts = await this.#textsOf(new Set(shown.flatMap(({ row, other }) => [row, other])));
    return {
      rows,
      report: rows === 0
        ? `no text is in two of ${ranked.join(", ")}, nor nearly`
        : [...leaks].sort(([a], [b]) => a - b).map(([, leak]) => leakWords(leak)).join(", "),
      examples: shown.map(({ row, other, isEqual }) =>
        `${texts.get(row)} in ${ranked[rankOf[row]!]} is ${isEqual ? "the same as" : "nearly"} ${
          texts.get(other)
        } in ${ranked[rankOf[other]!]}`
      ),
    };
  }

  /** Of some rows the beginning of the text, and its place in the input. */
  async #textsOf(rows: ReadonlySet<number>): Promise<Map<number, string>> {
    const { stream, column } = this.#given;
    const texts = new Map<number, string>();
    let first = 0;
    for (const split of this.#splits) {
      const end = first + stream.splits[split]!;
      const wanted = [...rows].filter((row) => row >= first && row < end);
      let left = wanted.length;
      let at = first;
      const batches = stream.batches(split, { columns: [column] });
      for await (const batch of left === 0 ? [] : batches) {
        for (const row of wanted) {
          if (row < at || row >= at + batch.length) continue;
          const cell = batch.columns.get(column)![row - at]!;
          const shown = JSON.stringify(excerpt(cellText(cell)));
          texts.set(row, `${shown} (row ${row - first} of ${split})`);
          left--;
        }
        if (left === 0) break;
        at += batch.length;
      }
      first = end;
    }
    return texts;
  }

  [Symbol.dispose](): void {
    this.#spill[Symbol.dispose]();
  }
}

/**
 * Refuses leakage.
 *
 * @param options `isDivided`: whether any rows are dealt out, so that it can be done otherwise.
 * @throws {UserError} Where there is any, with its first pairs.
 */
export function refuseLeakage(
  { rows, report, examples }: Leakage,
  { isDivided }: { readonly isDivided: boolean },
): void {
  if (rows === 0) return;
  throw new UserError({
    what: `parts leak into each other: ${report}; for instance ${examples.join("; ")}`,
    requirement: "leakage: error lets no text, nor nearly the same one, be in two parts",
    remedy: isDivided
      ? "set leakage: prevent, which keeps them in one part"
      : "take them out of one split: source: [train], train: 1, shuffle: false, leakage: prevent",
  });
}

function leakWords({ part, of, exact, near }: Leak): string {
  const rows = exact + near;
  const how = near === 0 ? "exactly" : exact === 0 ? "nearly" : `${exact} exactly, ${near} nearly`;
  return `${rows} ${rows === 1 ? "row" : "rows"} of ${part} ${
    rows === 1 ? "is" : "are"
  } in ${of} (${how})`;
}
