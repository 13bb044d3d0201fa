/**
 * Timestamps as ISO 8601 texts and back, exact to the nanosecond: a `Date` has milliseconds.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { parseJson } from "../../base/json.ts";
import type { TimeUnit } from "./columns.ts";

/** How many of a unit make a second, and the digits after its point. */
const UNITS: Readonly<Record<TimeUnit, { readonly second: bigint; readonly digits: number }>> = {
  ms: { second: 1_000n, digits: 3 },
  us: { second: 1_000_000n, digits: 6 },
  ns: { second: 1_000_000_000n, digits: 9 },
};

/** A time as it is written, before it is in a column. */
export interface WrittenTime {
  /** Since the beginning of 1970, of UTC where it has a zone and else of the clock on some wall. */
  readonly seconds: number;
  /** Digits of a second behind its point. */
  readonly fraction: string;
  readonly hasZone: boolean;
}

/** Seconds of the first and of the last moment that a `Date` has: the years -271,821 and 275,760. */
const MAX_SECONDS = 8_640_000_000_000n;

/**
 * The text of a timestamp: `2024-02-29T12:00:00.000001`.
 *
 * @param count Units since the beginning of 1970.
 * @throws {Error} Where it is in no year that can be written.
 */
export function timestampText(
  count: bigint,
  { unit, utc }: { readonly unit: TimeUnit; readonly utc: boolean },
): string {
  const { second, digits } = UNITS[unit];
  // Rounds down, also before 1970.
  const part = ((count % second) + second) % second;
  const seconds = (count - part) / second;
  if (seconds > MAX_SECONDS || seconds < -MAX_SECONDS) {
    throw new Error(`a time ${count} ${unit} from 1970`);
  }
  const date = new Date(Number(seconds) * 1000).toISOString().slice(0, -5);
  return `${date}.${String(part).padStart(digits, "0")}${utc ? "Z" : ""}`;
}

const TEXT = /^([+-]\d{6}|\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d+)(Z?)$/;

/**
 * Units since the beginning of 1970; what {@linkcode timestampText} reads back.
 *
 * @throws {UserError} Where the text is of another form, or finer than the unit.
 */
export function timestampCount(
  text: string,
  { unit, utc }: { readonly unit: TimeUnit; readonly utc: boolean },
): bigint {
  const { second, digits } = UNITS[unit];
  const match = TEXT.exec(text);
  const fraction = match?.[7] ?? "";
  const seconds = match === null ? NaN : Date.parse(`${text.slice(0, text.indexOf("."))}Z`) / 1000;
  if (Number.isNaN(seconds) || fraction.length !== digits || (match![8] === "Z") !== utc) {
    throw new UserError({
      what: `"${text}" is no timestamp of this column`,
      requirement: `it looks like ${timestampText(0n, { unit, utc })}`,
    });
  }
  return BigInt(seconds) * second + BigInt(fraction);
}

/** A date, with a time of day or without; `T` or a space between them, as ISO 8601 and RFC 3339 have it. */
const WRITTEN =
  /^([+-]\d{6}|\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?: ?(Z|UTC|[+-]\d\d(?::?\d\d)?))?)?$/i;

/**
 * Reads a time as people and programs write it; a date alone is its first moment.
 *
 * @returns Undefined where it is none: no such day, an hour 25, a second 60, a zone without an offset.
 */
export function parseTime(text: string): WrittenTime | undefined {
  const match = WRITTEN.exec(text);
  if (match === null) return undefined;
  const [, year = "", month, day, hour = "00", minute = "00", second = "00"] = match;
  const [fraction = "", zone] = match.slice(7);
  const wall = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const count = Date.parse(`${wall}Z`);
  // Date.parse makes March 1 of February 30, and midnight of 24:00.
  const isReal = !Number.isNaN(count) && new Date(count).toISOString().slice(0, -5) === wall;
  const [, sign, hours, minutes = "00"] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone ?? "") ?? [];
  const offset = sign === undefined ? 0 : Number(`${sign}1`) *
    (Number(hours) * 3600 + Number(minutes) * 60);
  if (!isReal || Number(minutes) > 59 || Math.abs(offset) > 24 * 3600) return undefined;
  return { seconds: count / 1000 - offset, fraction, hasZone: zone !== undefined };
}

/**
 * A time as the text of a column's cell.
 *
 * @returns Undefined where the column cannot hold it exactly: it is finer than the unit, further off than 64 bits of
 * it reach, or has a zone where the column has none or none where the column has one.
 */
export function timestampOf(
  { seconds, fraction, hasZone }: WrittenTime,
  { unit, utc }: { readonly unit: TimeUnit; readonly utc: boolean },
): string | undefined {
  const { second, digits } = UNITS[unit];
  if (hasZone !== utc || /[1-9]/.test(fraction.slice(digits))) return undefined;
  const part = BigInt(fraction.slice(0, digits).padEnd(digits, "0"));
  const count = BigInt(seconds) * second + part;
  const reaches = BigInt.asIntN(64, count) === count && Math.abs(seconds) < Number(MAX_SECONDS);
  return reaches ? timestampText(count, { unit, utc }) : undefined;
}

/** The forms of the times of a column, over all its files: they decide what it counts. */
export class TimeForms {
  #unit: TimeUnit = "ms";
  #zoned = 0;
  #naive = 0;
  /** Whether the column is one of lists. */
  readonly isOfLists: boolean;

  constructor({ isOfLists = false }: { readonly isOfLists?: boolean } = {}) {
    this.isOfLists = isOfLists;
  }

  /** Counts what is a time among values: of lists, their items, be the list JSON text. */
  see(value: unknown): void {
    for (const one of this.isOfLists ? itemsOf(value) : [value]) {
      if (typeof one === "string") this.#seeText(one);
    }
  }

  #seeText(text: string): void {
    const time = parseTime(text.trim());
    if (time === undefined) return;
    const { length } = time.fraction;
    this.#widen(length > 6 ? "ns" : length > 3 ? "us" : "ms");
    if (time.hasZone) this.#zoned++;
    else this.#naive++;
  }

  /** Counts the times of a column that says what they are. */
  seeAll(rows: number, { unit, utc }: { readonly unit: TimeUnit; readonly utc: boolean }): void {
    this.#widen(unit);
    if (utc) this.#zoned += rows;
    else this.#naive += rows;
  }

  /** The finest unit, and whether most have a zone. */
  get form(): { readonly unit: TimeUnit; readonly utc: boolean } {
    return { unit: this.#unit, utc: this.#zoned > this.#naive };
  }

  #widen(unit: TimeUnit): void {
    if (UNITS[unit].digits > UNITS[this.#unit].digits) this.#unit = unit;
  }
}

function itemsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== "string") return [];
  try {
    const parsed = parseJson(value);
    return Array.isArray(parsed) ? parsed : [];
  } catch {
    return []; // Whoever casts it refuses it.
  }
}
