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
import { UserError } from "../../../base/errors.ts";
import type { SplitColumns, SplitKeys, Units } from "./split_keys.ts";
import { permutation, type RandomStream, randomStream } from "../../../base/random.ts";

/** How to divide. */
export interface SplitOptions extends SplitColumns {
  /** Name of the part -> its share. All are fractions with sum 1, or all are numbers of rows. */
  readonly parts: Readonly<Record<string, number>>;
  readonly seed: number;
  /** Random order; without it the parts are stretches of the rows as they come, or by their time. */
  readonly shuffle: boolean;
}

/** Keeps splitting apart from other randomness of the same seed. */
const SPLIT_STREAM = 0x73706c74;

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
 * import { splitRows } from "./split_rows.ts";
 * import { SplitKeys } from "./split_keys.ts";
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
  const order = options.time === undefined || options.shuffle
    ? Uint32Array.from({ length: keys.length }, (_, i) => i)
    : keys.byTime();
  const partOf = options.shuffle
    ? dealAtRandom(units, { sizes, random, count: keys.length })
    : dealInOrder(units, { sizes, order });
  // Units were placed large ones first: the order of a part should not show it.
  const rows = names.map((_, part) => rowsOf(part, { units, partOf, order }));
  return Object.fromEntries(names.map((name, part) => {
    const own = rows[part]!;
    if (!options.shuffle) return [name, own];
    return [name, permutation(own.length, random).map((at) => own[at]!)];
  }));
}

/** The rows of a part, in an order of all. */
function rowsOf(
  part: number,
  { units: { unitOf }, partOf, order }: {
    readonly units: Units;
    readonly partOf: Uint16Array;
    readonly order: Uint32Array;
  },
): Int32Array {
  let count = 0;
  for (const unit of unitOf) if (partOf[unit] === part) count++;
  const rows = new Int32Array(count);
  let at = 0;
  for (const row of order) if (partOf[unitOf[row]!] === part) rows[at++] = row;
  return rows;
}

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

/** Deals out units as the first of their rows come. @returns For each unit its part. */
function dealInOrder(
  { count, unitOf, sizes: sizeOf }: Units,
  { sizes, order }: { readonly sizes: readonly number[]; readonly order: Uint32Array },
): Uint16Array {
  const partOf = new Uint16Array(count).fill(NO_PART);
  const filled = sizes.map(() => 0);
  let part = 0;
  for (const row of order) {
    const unit = unitOf[row]!;
    if (partOf[unit] !== NO_PART) continue;
    while (part < sizes.length && filled[part]! >= sizes[part]!) part++;
    if (part === sizes.length) break;
    filled[part]! += sizeOf[unit]!;
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
