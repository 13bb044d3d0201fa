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
import type { Row } from "../formats/columns.ts";
import { cellText } from "./dataset.ts";
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

/** Rows that stay together, by index, and the stratum they count for. */
interface Unit {
  readonly rows: number[];
  readonly stratum: string;
}

/**
 * Divides rows.
 *
 * @returns Indices of rows by part, in the order in which the part holds them. Every index is in one
 * part at most, and in exactly one where the shares are fractions.
 * @throws {UserError} Where the shares do not fit together or the rows.
 *
 * @example
 * ```ts
 * import { splitRows } from "./split.ts";
 * const rows = Array.from({ length: 10 }, (_, i) => ({ text: `row ${i}` }));
 * const parts = { train: 0.8, test: 0.2 };
 * const { train, test } = splitRows(rows, { parts, seed: 1, shuffle: true, column: "text" });
 * if (train?.length !== 8 || test?.length !== 2) throw new Error();
 * ```
 */
export function splitRows(
  rows: readonly Row[],
  options: SplitOptions,
): Record<string, number[]> {
  if (options.stratify !== undefined && !options.shuffle) {
    throw new UserError({
      what: "rows cannot be stratified without shuffling",
      remedy: "leave out `shuffle: false` or `stratify`",
    });
  }
  const names = Object.keys(options.parts);
  const sizes = partSizes(options.parts, rows.length);
  const random = randomStream(options.seed, SPLIT_STREAM);
  const units = makeUnits(rows, options);
  const parts = options.shuffle
    ? dealAtRandom(units, { sizes, random, count: rows.length })
    : dealInOrder(units, sizes);
  return Object.fromEntries(names.map((name, i) => {
    const indices = parts[i]!;
    // Units were placed large ones first: the order of a part should not show it.
    if (!options.shuffle) return [name, indices.sort((a, b) => a - b)];
    const sorted = indices.sort((a, b) => a - b);
    return [name, Array.from(permutation(sorted.length, random), (at) => sorted[at]!)];
  }));
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

/** Rows joined to units by text and group (union-find), in order of first appearance. */
function makeUnits(rows: readonly Row[], options: SplitOptions): Unit[] {
  const parent = Int32Array.from(rows, (_, i) => i);
  const find = (i: number): number => {
    while (parent[i] !== i) {
      parent[i] = parent[parent[i]!]!;
      i = parent[i]!;
    }
    return i;
  };
  const firstByKey = new Map<string, number>();
  const join = (key: string, i: number): void => {
    const first = firstByKey.get(key);
    if (first === undefined) firstByKey.set(key, i);
    // The earlier row is the root, so that units keep their order.
    else {
      const [a, b] = [find(first), find(i)];
      parent[Math.max(a, b)] = Math.min(a, b);
    }
  };
  rows.forEach((row, i) => {
    const text = textIdentity(row, options.column);
    // Rows without a text are no copies of each other.
    if (text !== "") join(`text ${text}`, i);
    if (options.group !== undefined) join(`group ${cellText(row[options.group])}`, i);
  });
  const units = new Map<number, Unit>();
  rows.forEach((row, i) => {
    const root = find(i);
    const unit = units.get(root);
    if (unit !== undefined) unit.rows.push(i);
    else {
      const stratum = options.stratify === undefined ? "" : cellText(row[options.stratify]);
      units.set(root, { rows: [i], stratum });
    }
  });
  return [...units.values()];
}

/** Equal for rows whose texts count as the same when parts are kept apart. */
export function textIdentity(row: Row, column: string): string {
  return normalizeWhitespace(cellText(row[column]));
}

function dealInOrder(units: readonly Unit[], sizes: readonly number[]): number[][] {
  const parts: number[][] = sizes.map(() => []);
  let part = 0;
  for (const { rows } of units) {
    while (part < sizes.length && parts[part]!.length >= sizes[part]!) part++;
    if (part === sizes.length) break;
    parts[part]!.push(...rows);
  }
  return parts;
}

function dealAtRandom(
  units: readonly Unit[],
  { sizes, random, count }: { sizes: readonly number[]; random: RandomStream; count: number },
): number[][] {
  const strata = new Map<string, Unit[]>();
  for (const i of permutation(units.length, random)) {
    const unit = units[i]!;
    const members = strata.get(unit.stratum);
    if (members === undefined) strata.set(unit.stratum, [unit]);
    else members.push(unit);
  }
  // Counts may leave rows over: they are dealt to a last part that is thrown away.
  const used = sizes.reduce((a, b) => a + b, 0);
  const wanted = [...sizes, count - used];
  const members = [...strata.keys()].sort().map((stratum) => strata.get(stratum)!);
  const totals = members.map((own) => own.reduce((sum, unit) => sum + unit.rows.length, 0));
  const targets = stratumSizes(totals, wanted);
  const parts: number[][] = wanted.map(() => []);
  // What a unit took beyond a stratum's share is made up for in the next one.
  let room = wanted.map(() => 0);
  members.forEach((own, s) => {
    room = room.map((left, p) => left + targets[s]![p]!);
    deal(own, { room, parts, random });
  });
  return parts.slice(0, sizes.length);
}

/** Puts the units of a stratum into parts: large ones first, where there is room, at random. */
function deal(
  units: readonly Unit[],
  { room, parts, random }: { room: number[]; parts: number[][]; random: RandomStream },
): void {
  const largeFirst = [...units].sort((a, b) => b.rows.length - a.rows.length);
  for (const { rows } of largeFirst) {
    const fits = room.map((free) => free >= rows.length ? free : 0);
    const sum = fits.reduce((a, b) => a + b, 0);
    let part = room.indexOf(Math.max(...room));
    if (sum > 0) {
      let at = random.nextBelow(sum);
      part = fits.findIndex((free) => (at -= free) < 0);
    }
    room[part]! -= rows.length;
    for (const row of rows) parts[part]!.push(row);
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
