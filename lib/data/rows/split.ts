/**
 * Divides rows into parts such as train, validation and test.
 *
 * Rows that must not be torn apart form a unit: those with the same text (white space aside) and those
 * of the same group, also through each other. Whole units are dealt out, in random order, towards
 * sizes that are exact where every unit is one row and as near as units allow otherwise. With a
 * stratum the same is done within each, the sizes of all parts staying exact over all.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { normalizeWhitespace } from "../../text/clean.ts";
import { cellText, type Row } from "../formats/columns.ts";
import { TextIndex } from "./text_index.ts";
import { permutation, type RandomStream, randomStream } from "../../base/random.ts";

/** How to divide. */
export interface SplitOptions {
  /** Name of the part -> its share. All are fractions with sum 1, or all are numbers of rows. */
  readonly parts: Readonly<Record<string, number>>;
  readonly seed: number;
  /** Random order; without it the parts are stretches of the rows as they come. */
  readonly shuffle: boolean;
  /** The column whose equal values stay together. */
  readonly column: string;
  /** A column whose values are to be as frequent in each part as in all rows. */
  readonly stratify?: string;
  /** A column whose equal values stay together as well. */
  readonly group?: string;
}

/** What decides where rows go: 12 bytes a row, and 20 for each different text and group. */
export class SplitKeys {
  readonly #options: Pick<SplitOptions, "column" | "stratify" | "group">;
  readonly #first = new TextIndex();
  readonly #strata = new Map<string, number>();
  /** Row -> an earlier row of its unit; itself where there is none. */
  #parent = new Uint32Array(1 << 10);
  /** Row -> its stratum. */
  #stratum = new Uint32Array(1 << 10);
  /** Rows. */
  length = 0;

  constructor(options: Pick<SplitOptions, "column" | "stratify" | "group">) {
    this.#options = options;
  }

  /** Takes the next row, of which the columns of the options are looked at. */
  add(row: Row): void {
    const { column, stratify, group } = this.#options;
    const i = this.length++;
    if (i >= this.#parent.length) {
      this.#parent = grown(this.#parent);
      this.#stratum = grown(this.#stratum);
    }
    this.#parent[i] = i;
    const text = textIdentity(row, column);
    // Rows without a text are no copies of each other.
    if (text !== "") this.#join(`text ${text}`, i);
    if (group !== undefined) this.#join(`group ${cellText(row[group])}`, i);
    const stratum = stratify === undefined ? "" : cellText(row[stratify]);
    let known = this.#strata.get(stratum);
    if (known === undefined) this.#strata.set(stratum, known = this.#strata.size);
    this.#stratum[i] = known;
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

  #find(i: number): number {
    const parent = this.#parent;
    while (parent[i] !== i) {
      parent[i] = parent[parent[i]!]!;
      i = parent[i]!;
    }
    return i;
  }

  #join(key: string, i: number): void {
    const first = this.#first.add(key, i);
    if (first === undefined) return;
    // The earlier row is the root, so that units keep their order.
    const [a, b] = [this.#find(first), this.#find(i)];
    this.#parent[Math.max(a, b)] = Math.min(a, b);
  }
}

function grown(numbers: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(numbers.length * 2);
  larger.set(numbers);
  return larger;
}

/** Rows that stay together, and the strata they count for. */
interface Units {
  readonly count: number;
  readonly unitOf: Uint32Array;
  readonly sizes: Uint32Array;
  readonly strata: Uint32Array;
  /** Of the strata. */
  readonly names: readonly string[];
}

/** A unit or a row that is in no part. */
const NO_PART = 0xffff;

/**
 * Divides rows.
 *
 * @returns Indices of rows by part, in the order in which the part holds them. Every index is in one
 * part at most, and in exactly one where the shares are fractions.
 * @throws {UserError} Where the shares do not fit together or the rows.
 *
 * @example
 * ```ts
 * import { splitRows, SplitKeys } from "./split.ts";
 * const keys = new SplitKeys({ column: "text" });
 * for (let i = 0; i < 10; i++) keys.add({ text: `row ${i}` });
 * const parts = { train: 0.8, test: 0.2 };
 * const { train, test } = splitRows(keys, { parts, seed: 1, shuffle: true, column: "text" });
 * if (train?.length !== 8 || test?.length !== 2) throw new Error();
 * ```
 */
export function splitRows(
  keys: SplitKeys,
  options: SplitOptions,
): Readonly<Record<string, Int32Array>> {
  if (options.stratify !== undefined && !options.shuffle) {
    throw new UserError({
      what: "rows cannot be stratified without shuffling",
      remedy: "leave out `shuffle: false` or `stratify`",
    });
  }
  const names = Object.keys(options.parts);
  const sizes = partSizes(options.parts, keys.length);
  const random = randomStream(options.seed, SPLIT_STREAM);
  const units = keys.units();
  const partOf = options.shuffle
    ? dealAtRandom(units, { sizes, random, count: keys.length })
    : dealInOrder(units, sizes);
  const rows = names.map((_, part) => rowsOf(part, { units, partOf }));
  // Units were placed large ones first: the order of a part should not show it.
  return Object.fromEntries(names.map((name, part) => {
    const own = rows[part]!;
    if (!options.shuffle) return [name, own];
    return [name, permutation(own.length, random).map((at) => own[at]!)];
  }));
}

/** The rows of a part, ascending. */
function rowsOf(
  part: number,
  { units: { unitOf }, partOf }: { readonly units: Units; readonly partOf: Uint16Array },
): Int32Array {
  let count = 0;
  for (const unit of unitOf) if (partOf[unit] === part) count++;
  const rows = new Int32Array(count);
  let at = 0;
  for (let i = 0; i < unitOf.length; i++) if (partOf[unitOf[i]!] === part) rows[at++] = i;
  return rows;
}

/** Keeps splitting apart from other randomness of the same seed. */
const SPLIT_STREAM = 0x73706c74;

/**
 * The numbers of rows that shares stand for: exact, by largest remainder.
 *
 * @throws {UserError} Where fractions do not add up to 1, or counts to more than there are.
 */
export function partSizes(parts: Readonly<Record<string, number>>, count: number): number[] {
  const names = Object.keys(parts);
  const shares = Object.values(parts);
  const sum = shares.reduce((a, b) => a + b, 0);
  const written = names.map((name) => `${name} ${parts[name]}`).join(", ");
  if (shares.some((share) => !(share >= 0 && share < Infinity))) {
    throw new UserError({
      what: `a part cannot be less than nothing or without end: ${written}`,
      requirement: "all are fractions that add up to 1, or all are whole numbers of rows",
    });
  }
  if (shares.some((share) => share > 1)) {
    if (!shares.every(Number.isInteger)) {
      throw new UserError({
        what: `the parts mix fractions with numbers of rows: ${written}`,
        requirement: "all are fractions that add up to 1, or all are whole numbers of rows",
      });
    }
    if (sum > count) {
      throw new UserError({
        what: `the parts (${written}) want ${sum} rows, and there are ${count}`,
      });
    }
    return shares;
  }
  if (shares.length === 0 || Math.abs(sum - 1) > 1e-6) {
    throw new UserError({
      what: shares.length === 0
        ? "no part is named"
        : `the parts add up to ${Number(sum.toPrecision(6))}: ${written}`,
      requirement: "fractions of the rows have to add up to 1",
      remedy: "for instance train: 0.8, validation: 0.1, test: 0.1",
    });
  }
  return largestRemainder(shares.map((share) => share / sum * count), count);
}

/** Rounds numbers with a whole sum, so that the sum stays and none moves by 1 or more. */
function largestRemainder(ideal: readonly number[], total: number): number[] {
  const sizes = ideal.map((value) => Math.floor(value + 1e-9));
  const rest = total - sizes.reduce((a, b) => a + b, 0);
  const byRemainder = ideal.map((_, i) => i)
    .sort((a, b) => (ideal[b]! - sizes[b]!) - (ideal[a]! - sizes[a]!) || a - b);
  for (const i of byRemainder.slice(0, rest)) sizes[i]! += 1;
  return sizes;
}

/** Equal for rows whose texts count as the same when parts are kept apart. */
export function textIdentity(row: Row, column: string): string {
  return normalizeWhitespace(cellText(row[column]));
}

/** @returns For each unit its part. */
function dealInOrder(units: Units, sizes: readonly number[]): Uint16Array {
  const partOf = new Uint16Array(units.count).fill(NO_PART);
  const filled = sizes.map(() => 0);
  let part = 0;
  for (let unit = 0; unit < units.count; unit++) {
    while (part < sizes.length && filled[part]! >= sizes[part]!) part++;
    if (part === sizes.length) break;
    filled[part]! += units.sizes[unit]!;
    partOf[unit] = part;
  }
  return partOf;
}

function dealAtRandom(
  units: Units,
  { sizes, random, count }: { sizes: readonly number[]; random: RandomStream; count: number },
): Uint16Array {
  const order = permutation(units.count, random);
  // Counts may leave rows over: they are dealt to a last part that is thrown away.
  const used = sizes.reduce((a, b) => a + b, 0);
  const wanted = [...sizes, count - used];
  // By name, so that it does not matter which came first.
  const strata = units.names.map((name, i) => ({ name, i }))
    .sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0).map(({ i }) => i);
  const members = membersOf(units, { order, strata });
  const totals = members.map((own) => own.reduce((sum, unit) => sum + units.sizes[unit]!, 0));
  const targets = stratumSizes(totals, wanted);
  const partOf = new Uint16Array(units.count).fill(NO_PART);
  // What a unit took beyond a stratum's share is made up for in the next one.
  let room = wanted.map(() => 0);
  members.forEach((own, s) => {
    room = room.map((left, p) => left + targets[s]![p]!);
    deal(own, { sizes: units.sizes, room, partOf, random });
  });
  return partOf.map((part) => part === sizes.length ? NO_PART : part);
}

/** The units of each stratum, in the order in which they are dealt out. */
function membersOf(
  units: Units,
  { order, strata }: { readonly order: Int32Array; readonly strata: readonly number[] },
): Uint32Array[] {
  const counts = new Uint32Array(units.names.length);
  for (const stratum of units.strata) counts[stratum]! += 1;
  const lists = Array.from(counts, (count) => new Uint32Array(count));
  const filled = new Uint32Array(counts.length);
  for (const unit of order) {
    const stratum = units.strata[unit]!;
    lists[stratum]![filled[stratum]!++] = unit;
  }
  return strata.map((stratum) => lists[stratum]!);
}

/** Puts the units of a stratum into parts: large ones first, where there is room, at random. */
function deal(
  units: Uint32Array,
  { sizes, room, partOf, random }: {
    readonly sizes: Uint32Array;
    readonly room: number[];
    readonly partOf: Uint16Array;
    readonly random: RandomStream;
  },
): void {
  const isEven = units.every((unit) => sizes[unit] === 1);
  const largeFirst = isEven ? units : Array.from(units).sort((a, b) => sizes[b]! - sizes[a]!);
  for (const unit of largeFirst) {
    const size = sizes[unit]!;
    const fits = room.map((free) => free >= size ? free : 0);
    const sum = fits.reduce((a, b) => a + b, 0);
    let part = room.indexOf(Math.max(...room));
    if (sum > 0) {
      let at = random.nextBelow(sum);
      part = fits.findIndex((free) => (at -= free) < 0);
    }
    room[part]! -= size;
    partOf[unit] = part;
  }
}

/**
 * How many rows of each stratum go to each part: whole numbers next to the proportional ones, whose
 * sums are the sizes of the strata and of the parts.
 *
 * The proportional numbers are cut to whole ones; every stratum deals what is left to it to the parts
 * that lack the most, which always comes out even (Gale and Ryser's construction).
 */
function stratumSizes(strata: readonly number[], parts: readonly number[]): number[][] {
  const count = strata.reduce((a, b) => a + b, 0);
  const ideal = strata.map((size) => parts.map((part) => count === 0 ? 0 : size * part / count));
  const sizes = ideal.map((row) => row.map((value) => Math.floor(value + 1e-9)));
  const lacking = parts.map((part, p) => part - sizes.reduce((sum, row) => sum + row[p]!, 0));
  strata.forEach((size, s) => {
    const row = sizes[s]!;
    let rest = size - row.reduce((a, b) => a + b, 0);
    const order = parts.map((_, p) => p).sort((a, b) =>
      lacking[b]! - lacking[a]! ||
      (ideal[s]![b]! - row[b]!) - (ideal[s]![a]! - row[a]!) || a - b
    );
    while (rest > 0) {
      for (const p of order) {
        if (rest === 0 || lacking[p]! <= 0) continue;
        row[p]! += 1;
        lacking[p]! -= 1;
        rest--;
      }
    }
  });
  return sizes;
}
