/**
 * What decides where the rows of a dataset go when it is divided, read row by row.
 *
 * @module
 */
import { UserError } from "../../../base/errors.ts";
import { normalizeWhitespace } from "../../../text/clean.ts";
import { type Cell, cellText, type Row } from "../../formats/columns.ts";
import { TextIndex } from "../text_index.ts";

/** The columns that decide. */
export interface SplitColumns {
  /** The column whose equal values stay together. */
  readonly column: string;
  /** A column whose values are to be as frequent in each part as in all rows. */
  readonly stratify?: string;
  /** A column whose equal values stay together as well. */
  readonly group?: string;
  /** A column with the time of a row. */
  readonly time?: string;
}

/** What decides where rows go: 12 bytes a row, and 20 for each different text and group. */
export class SplitKeys {
  readonly #options: SplitColumns;
  readonly #first = new TextIndex();
  readonly #strata = new Map<string, number>();
  /** Row -> an earlier row of its unit; itself where there is none. */
  #parent = new Uint32Array(1 << 10);
  /** Row -> its stratum. */
  #stratum = new Uint32Array(1 << 10);
  /** Row -> its time, in nanoseconds or in whatever its column counts. */
  #times = new Float64Array(0);
  /** Rows. */
  length = 0;
  /** Rows without a group: each is one by itself. */
  ungrouped = 0;

  constructor(options: SplitColumns) {
    this.#options = options;
  }

  /**
   * Takes the next row, of which the columns of the options are looked at.
   *
   * @returns Its number, from 0.
   */
  add(row: Row): number {
    const { column, stratify, group, time } = this.#options;
    const i = this.length++;
    if (i >= this.#parent.length) {
      this.#parent = grown(this.#parent);
      this.#stratum = grown(this.#stratum);
    }
    this.#parent[i] = i;
    const text = textIdentity(row, column);
    // Rows without a text are no copies of each other.
    if (text !== "") this.#joinEqual(`text ${text}`, i);
    if (group !== undefined) {
      const cell = row[group];
      if (cell === null || cell === undefined) this.ungrouped++;
      else this.#joinEqual(`group ${cellText(cell)}`, i);
    }
    if (time !== undefined) {
      if (i >= this.#times.length) this.#times = grownTimes(this.#times);
      this.#times[i] = timeOf(row[time], { column: time, row: i });
    }
    const stratum = stratify === undefined ? "" : cellText(row[stratify]);
    let known = this.#strata.get(stratum);
    if (known === undefined) this.#strata.set(stratum, known = this.#strata.size);
    this.#stratum[i] = known;
    return i;
  }

  /**
   * Makes two rows that were added part of one unit.
   *
   * @returns Whether they were of two before.
   */
  join(a: number, b: number): boolean {
    // The earlier row is the root, so that units keep their order.
    const [first, second] = [this.#find(a), this.#find(b)];
    this.#parent[Math.max(first, second)] = Math.min(first, second);
    return first !== second;
  }

  /** The units, in order of first appearance: of which unit each row is, and of each its rows and stratum. */
  units(): Units {
    const unitOf = new Uint32Array(this.length);
    let count = 0;
    // The first row of a unit is its root, so roots come before the others.
    for (let i = 0; i < this.length; i++) {
      const root = this.#find(i);
      unitOf[i] = root === i ? count++ : unitOf[root]!;
    }
    const sizes = new Uint32Array(count);
    const strata = new Uint32Array(count);
    for (let i = this.length - 1; i >= 0; i--) {
      sizes[unitOf[i]!]! += 1;
      strata[unitOf[i]!] = this.#stratum[i]!;
    }
    return { count, unitOf, sizes, strata, names: [...this.#strata.keys()] };
  }

  /** The rows by their time, the earliest first; those of one time as they come. */
  byTime(): Uint32Array {
    const order = Uint32Array.from({ length: this.length }, (_, i) => i);
    const times = this.#times;
    return order.sort((a, b) => times[a]! - times[b]! || a - b);
  }

  #find(i: number): number {
    const parent = this.#parent;
    while (parent[i] !== i) {
      parent[i] = parent[parent[i]!]!;
      i = parent[i]!;
    }
    return i;
  }

  #joinEqual(key: string, i: number): void {
    const first = this.#first.add(key, i);
    if (first !== undefined) this.join(first, i);
  }
}

function grown(numbers: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(numbers.length * 2);
  larger.set(numbers);
  return larger;
}

/** Rows that stay together, and the strata they count for. */
export interface Units {
  readonly count: number;
  readonly unitOf: Uint32Array;
  readonly sizes: Uint32Array;
  readonly strata: Uint32Array;
  /** Of the strata. */
  readonly names: readonly string[];
}

function grownTimes(times: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(Math.max(1 << 10, times.length * 2));
  larger.set(times);
  return larger;
}

/**
 * A time as a number that grows with it.
 *
 * @throws {UserError} Where a cell is no time.
 */
function timeOf(
  cell: Cell | undefined,
  { column, row }: { readonly column: string; readonly row: number },
): number {
  const time = typeof cell === "string" ? Date.parse(cell) : Number(cell ?? NaN);
  if (!Number.isNaN(time) && typeof cell !== "boolean" && typeof cell !== "object") return time;
  throw new UserError({
    what: `row ${row} has "${
      cellText(cell).slice(0, 60)
    }" in the column "${column}", which is no time`,
    requirement:
      "a time is a timestamp, a number, or a text such as 2024-02-29 or 2024-02-29T12:00:00Z",
    remedy: "drop such rows with the filter stage",
  });
}

/** Equal for rows whose texts count as the same when parts are kept apart. */
export function textIdentity(row: Row, column: string): string {
  return normalizeWhitespace(cellText(row[column]));
}
