/**
 * JSON whose numbers are kept as they stand in the text where JavaScript's would not be them.
 *
 * @module
 */
import { isJsonObject, type Json, parseJson } from "../../../base/json.ts";
import { KIND } from "./found_types.ts";
import { kindOfInteger } from "./looks.ts";

/** A number that JavaScript's would not be exactly, by its text. */
export class ExactNumber {
  constructor(readonly source: string) {}

  get kind(): number {
    return INTEGER.test(this.source) ? kindOfInteger(this.source) : KIND.huge;
  }
}

/** A value of a text before it is a cell. */
export type ExactValue = Json | ExactNumber;

const INTEGER = /^-?\d+$/;

/** What a number may be in that JavaScript's does not hold, wherever it is in the text. */
const INEXACT = /(?:^|[^.\d])\d{16}|[eE]\+?\d{3}/;

/**
 * Parses JSON.
 *
 * @throws {SyntaxError} Where it is none, or nested too deeply.
 */
export function parseExact(text: string): unknown {
  return INEXACT.test(text) ? parseNumbers(text, isInexact) : parseJson(text);
}

/** Parses JSON, and keeps the numbers that are asked for by their texts. */
export function parseNumbers(
  text: string,
  isKept: (value: number, source: string) => boolean,
): unknown {
  return parseJson(text, (_key, value, context) => {
    const source = context?.source;
    return typeof value === "number" && source !== undefined && isKept(value, source)
      ? new ExactNumber(source)
      : value;
  });
}

/** A nested value with texts for the numbers that are kept by their digits. */
export function plain(value: ExactValue): Json {
  if (value instanceof ExactNumber) return value.source;
  if (Array.isArray(value)) {
    return value.some((item) => typeof item === "object") ? value.map(plain) : value;
  }
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

/** A value as JSON again, with the numbers that are kept by their digits. */
export function jsonText(value: ExactValue): string {
  if (value instanceof ExactNumber) return value.source;
  if (Array.isArray(value)) return `[${value.map(jsonText).join(",")}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) =>
    `${JSON.stringify(key)}:${jsonText(member)}`
  );
  return `{${members.join(",")}}`;
}

function isInexact(value: number, source: string): boolean {
  return !Number.isFinite(value) || (!Number.isSafeInteger(value) && INTEGER.test(source));
}
