/**
 * Filters of numbers, and those that make numbers of texts.
 *
 * @module
 */
import { fixed, roundedFloat, roundedRatio } from "../values/floats.ts";
import {
  doubleOf,
  negative,
  numberOf,
  power,
  product,
  quotient,
  truncated,
} from "../values/numbers.ts";
import { spendCharacters } from "../values/steps.ts";
import { TemplateError } from "../values/template_error.ts";
import { asciiDigits, stripped } from "../values/text.ts";
import { Float, type Int, intOf, Undefined, type Value } from "../values/value.ts";
import { type Filter, filter, flag } from "./filter.ts";
import { type Args, intArg, wrongType } from "./signature.ts";

function rounded(value: Value, [precision, method = "common"]: Args): Value {
  const number = numberOf(value);
  if (method !== "common" && method !== "ceil" && method !== "floor") {
    throw new TemplateError('round knows the methods "common", "ceil" and "floor"');
  }
  if (number === undefined) return wrongType(value, "a number");
  if (method === "common") {
    if (precision === null) {
      return number instanceof Float ? truncated(roundedFloat(number.value, 0)) : number;
    }
    const digits = intArg(precision, 0);
    if (number instanceof Float) {
      const result = roundedFloat(number.value, digits);
      if (Number.isFinite(number.value) && !Number.isFinite(result)) {
        throw new TemplateError("a rounded number is too large for a float");
      }
      return new Float(result);
    }
    return digits >= 0 ? number : roundedInt(number, -digits);
  }
  const scale = power(10, intArg(precision, 0));
  const scaled = product(number, scale);
  const whole = scaled instanceof Float
    ? truncated(method === "ceil" ? Math.ceil(scaled.value) : Math.floor(scaled.value))
    : scaled;
  return quotient(whole, scale);
}

/** An int to the next number that ends in so many zeros, a tie to the even one. */
function roundedInt(value: Int, zeros: number): Int {
  if (zeros > 4300) return 0;
  const unit = 10n ** BigInt(zeros);
  const size = BigInt(value < 0 ? negative(value) as Int : value);
  const result = roundedRatio(size, unit) * unit;
  return intOf(value < 0 ? -result : result);
}

/** White space that may stand around a number: without the separators that `strip` takes, too. */
const AROUND = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008" +
  "\u2009\u200a\u2028\u2029\u202f\u205f\u3000";

/** A number's text in digits of ASCII. */
function numeral(text: string): string {
  return asciiDigits(stripped(text, { characters: AROUND }));
}

/** Python's `int(text, base)`; undefined where it is none. */
function parsedInt(text: string, base: number): Int | undefined {
  const found = /^([+-]?)(0[box])?(_?[0-9a-z]+(?:_[0-9a-z]+)*)$/i.exec(numeral(text));
  if (found === null) return undefined;
  const [, sign, prefix, rest] = found as unknown as [string, string, string | undefined, string];
  const byPrefix = { "0b": 2, "0o": 8, "0x": 16 }[prefix?.toLowerCase() ?? ""];
  const isPrefixed = byPrefix !== undefined && (base === byPrefix || base === 0);
  const radix = base === 0 ? byPrefix ?? 10 : base;
  let digits = isPrefixed ? rest : (prefix ?? "") + rest;
  if (!isPrefixed && digits.startsWith("_")) return undefined;
  digits = digits.replaceAll("_", "").toLowerCase();
  if (base === 0 && !isPrefixed && /^0+[1-9]/.test(digits)) return undefined;
  if (digits.length > 4300 && (radix & (radix - 1)) !== 0) return undefined;
  let value = 0n;
  spendCharacters(digits.length * 8);
  const bits = Math.log2(radix);
  if (radix === 10 && /^\d+$/.test(digits)) value = BigInt(digits);
  else if (Number.isInteger(bits)) {
    // At once: digit by digit takes a time with the square of their number, and there may be millions.
    let all = "";
    for (const digit of digits) {
      const one = parseInt(digit, 36);
      if (one >= radix) return undefined;
      all += one.toString(2).padStart(bits, "0");
    }
    value = BigInt(`0b${all}`);
  } else {
    for (const digit of digits) {
      const one = parseInt(digit, 36);
      if (one >= radix) return undefined;
      value = value * BigInt(radix) + BigInt(one);
    }
  }
  return intOf(sign === "-" ? -value : value);
}

/** Python's `float(text)`; undefined where it is none. */
function parsedFloat(text: string): number | undefined {
  const plain = numeral(text).toLowerCase();
  const special = /^([+-]?)(inf|infinity|nan)$/.exec(plain);
  if (special !== null) {
    return special[2] === "nan" ? NaN : special[1] === "-" ? -Infinity : Infinity;
  }
  const isNumber =
    /^[+-]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?$/
      .test(plain);
  return isNumber ? Number(plain.replaceAll("_", "")) : undefined;
}

function toInt(value: Value, [otherwise = 0, base]: Args): Value {
  if (value instanceof Undefined) throw new TemplateError(value.why);
  let double: number | undefined;
  if (typeof value === "string") {
    const radix = intArg(base, 10);
    const whole = radix === 0 || (radix >= 2 && radix <= 36) ? parsedInt(value, radix) : undefined;
    if (whole !== undefined) return whole;
    double = parsedFloat(value);
    return double === undefined || !Number.isFinite(double) ? otherwise : truncated(double);
  }
  const number = numberOf(value);
  if (number === undefined) return otherwise;
  if (!(number instanceof Float)) return number;
  return Number.isNaN(number.value) ? otherwise : truncated(number.value);
}

function toFloat(value: Value, [otherwise = new Float(0)]: Args): Value {
  if (value instanceof Undefined) throw new TemplateError(value.why);
  const double = typeof value === "string" ? parsedFloat(value) : undefined;
  if (double !== undefined) return new Float(double);
  const number = numberOf(value);
  return number === undefined ? otherwise : new Float(doubleOf(number));
}

const PREFIXES = "kMGTPEZY";

function fileSize(value: Value, [binary]: Args): string {
  const size = toFloat(value, [null]);
  if (!(size instanceof Float)) return wrongType(value, "a number");
  const bytes = size.value;
  const base = flag(binary) ? 1024 : 1000;
  if (bytes === 1) return "1 Byte";
  if (bytes < base) return `${truncated(bytes)} Bytes`;
  let power = 1;
  while (power < PREFIXES.length && bytes >= base ** (power + 1)) power++;
  const prefix = PREFIXES[power - 1]!;
  const unit = flag(binary) ? `${prefix.toUpperCase()}iB` : `${prefix}B`;
  const count = base * bytes / base ** (power + 1);
  return `${
    Number.isFinite(count) ? fixed(count, 1) : Number.isNaN(count) ? "nan" : "inf"
  } ${unit}`;
}

/** Filters whose value is read as a number, and those that make one. */
export const NUMBER_FILTERS: readonly [string, Filter][] = [
  filter("abs", "", (value) => {
    const number = numberOf(value);
    if (number === undefined) return wrongType(value, "a number");
    if (number instanceof Float) return new Float(Math.abs(number.value));
    return number < 0 ? negative(number) : number;
  }),
  filter("round", "precision? method?", rounded),
  filter("int", "default? base?", toInt),
  filter("float", "default?", toFloat),
  filter("filesizeformat", "binary?", fileSize),
];
