/**
 * What texts look like, and the values that they stand for: the cells of csv.
 *
 * @module
 */
import type { Cell, ColumnType } from "../columns.ts";
import { KIND } from "./found_types.ts";

const INT = /^[+-]?(?:0|[1-9]\d*)$/;
// One way to match alone: with \d+\.?\d* a million digits before an x take for ever.
const FLOAT = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
/** 007 and a phone number are names, not quantities. */
const CODE = /^[+-]?0\d/;
const BOOL = /^(?:true|false)$/i;

/** The kind that a text looks like. */
export function kindOfText(text: string): number {
  const first = text.charCodeAt(0);
  if (first < 0x30 ? first === 0x2b || first === 0x2d || first === 0x2e : first <= 0x39) {
    const plain = kindOfPlainNumber(text);
    if (plain !== 0) return plain;
    if (INT.test(text)) return kindOfInteger(text);
    if (!FLOAT.test(text) || CODE.test(text)) return KIND.string;
    return Number.isFinite(Number(text)) ? KIND.float : KIND.huge;
  }
  const isBool = (text.length === 4 || text.length === 5) && BOOL.test(text);
  return isBool ? KIND.bool : KIND.string;
}

/** The kind of a number of at most 15 digits without a sign or an exponent; 0 for any other text. Most are such. */
function kindOfPlainNumber(text: string): number {
  const { length } = text;
  if (length === 0 || length > 15) return 0;
  const first = text.charCodeAt(0);
  if (first < 0x30 || first > 0x39) return 0;
  let point = -1;
  for (let i = 1; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x30 && code <= 0x39) continue;
    if (code !== 0x2e || point >= 0) return 0;
    point = i;
  }
  // As in 0.5, but not in 007.
  if (first === 0x30 && length > 1 && point !== 1) return 0;
  return point < 0 ? KIND.int : KIND.float;
}

/** The kind of an integer by its digits. */
export function kindOfInteger(digits: string): number {
  if (digits.length <= 16 && Number.isSafeInteger(Number(digits))) return KIND.int;
  // No more than a sign and 19 digits are 64 bits; a bigint of a million digits takes its time.
  if (digits.length > 20) return KIND.huge;
  const value = BigInt(digits);
  if (BigInt.asIntN(64, value) !== value) return KIND.huge;
  return Number.isSafeInteger(Number(digits)) ? KIND.int : KIND.wide;
}

/** The value of a text in a column of a type; undefined where it is none of that type. */
export function valueOfText(text: string, type: ColumnType): Cell | undefined {
  switch (type) {
    case "string":
    case "timestamp":
    case "json":
      return text;
    case "bool":
      return BOOL.test(text) ? text.length === 4 : undefined;
    case "float": {
      if (kindOfPlainNumber(text) !== 0) return Number(text);
      const value = FLOAT.test(text) ? Number(text) : NaN;
      return Number.isFinite(value) ? value : undefined;
    }
    case "list":
      return undefined; // A text is no list, unless somebody casts it.
    case "int": {
      if (kindOfPlainNumber(text) === KIND.int) return Number(text);
      if (!INT.test(text)) return undefined;
      const kind = kindOfInteger(text);
      return kind === KIND.int ? Number(text) : kind === KIND.wide ? BigInt(text) : undefined;
    }
  }
}
