/**
 * Timestamps as ISO 8601 texts and back, exact to the nanosecond: a `Date` has milliseconds.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import type { TimeUnit } from "./columns.ts";

/** How many of a unit make a second, and the digits after its point. */
const UNITS: Readonly<Record<TimeUnit, { readonly second: bigint; readonly digits: number }>> = {
  ms: { second: 1_000n, digits: 3 },
  us: { second: 1_000_000n, digits: 6 },
  ns: { second: 1_000_000_000n, digits: 9 },
};

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
