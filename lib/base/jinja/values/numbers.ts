/**
 * Arithmetic of `int` (of any size), `float` and `bool`, as in Python: `-7 % 3` is 2, `7 / 2` is a float.
 *
 * @module
 */
import { spend } from "./steps.ts";
import { TemplateError } from "./template_error.ts";
import { Float, type Int, intOf, type Value } from "./value.ts";

/** The number that a value is; a bool is 0 or 1. Undefined for all else. */
export function numberOf(value: Value): Int | Float | undefined {
  switch (typeof value) {
    case "number":
    case "bigint":
      return value;
    case "boolean":
      return Number(value);
  }
  return value instanceof Float ? value : undefined;
}

/** The `int` that a value is; a bool is 0 or 1. */
export function wholeOf(value: Value): Int | undefined {
  const number = numberOf(value);
  return number instanceof Float ? undefined : number;
}

/** A number as a double. */
export function doubleOf(number: Int | Float): number {
  if (number instanceof Float) return number.value;
  const double = Number(number);
  if (!Number.isFinite(double)) throw new TemplateError("an int is too large for a float");
  return double;
}

const division = (): never => {
  throw new TemplateError("it divides by zero");
};

/** `+`. */
export function sum(a: Int | Float, b: Int | Float): Int | Float {
  if (a instanceof Float || b instanceof Float) return new Float(doubleOf(a) + doubleOf(b));
  if (typeof a === "number" && typeof b === "number") {
    const result = a + b;
    if (Number.isSafeInteger(result)) return result;
  }
  return intOf(BigInt(a) + BigInt(b));
}

/** `-`. */
export function difference(a: Int | Float, b: Int | Float): Int | Float {
  if (a instanceof Float || b instanceof Float) return new Float(doubleOf(a) - doubleOf(b));
  if (typeof a === "number" && typeof b === "number") {
    const result = a - b;
    if (Number.isSafeInteger(result)) return result;
  }
  return intOf(BigInt(a) - BigInt(b));
}

/** `*`. */
export function product(a: Int | Float, b: Int | Float): Int | Float {
  if (a instanceof Float || b instanceof Float) return new Float(doubleOf(a) * doubleOf(b));
  if (typeof a === "number" && typeof b === "number") {
    const result = a * b;
    // An int has no -0.
    if (Number.isSafeInteger(result)) return result + 0;
  }
  spendBits(bitsOf(a) + bitsOf(b));
  return intOf(BigInt(a) * BigInt(b));
}

/** `/`. */
export function quotient(a: Int | Float, b: Int | Float): Float {
  if (a instanceof Float || b instanceof Float) {
    const divisor = doubleOf(b);
    return new Float(divisor === 0 ? division() : doubleOf(a) / divisor);
  }
  if (typeof a === "number" && typeof b === "number") {
    return new Float(b === 0 ? division() : a / b + 0);
  }
  return new Float(ratio(BigInt(a), BigInt(b)));
}

/** A quotient of large ints, rounded once. */
function ratio(a: bigint, b: bigint): number {
  if (b === 0n) return division();
  const negative = a < 0n !== b < 0n;
  const [top, bottom] = [a < 0n ? -a : a, b < 0n ? -b : b];
  // So many bits that whatever is left can only break a tie, which a last bit tells.
  const shift = Math.max(0, bitsOf(bottom) - bitsOf(top) + 70);
  const shifted = top << BigInt(shift);
  const whole = shifted / bottom;
  const sticky = shifted % bottom === 0n ? whole : whole | 1n;
  const double = Number(sticky) / 2 ** shift;
  if (!Number.isFinite(double)) throw new TemplateError("an int is too large for a float");
  return negative ? -double : double;
}

/** `//`. */
export function floorQuotient(a: Int | Float, b: Int | Float): Int | Float {
  if (a instanceof Float || b instanceof Float) {
    return new Float(floatDivision(doubleOf(a), doubleOf(b)).quotient);
  }
  const rest = modulo(a, b) as Int;
  if (typeof a === "number" && typeof b === "number" && Number.isSafeInteger(a - Number(rest))) {
    return (a - Number(rest)) / b + 0;
  }
  return intOf((BigInt(a) - BigInt(rest)) / BigInt(b));
}

/** `%`, which has the sign of the divisor. */
export function modulo(a: Int | Float, b: Int | Float): Int | Float {
  if (a instanceof Float || b instanceof Float) {
    return new Float(floatDivision(doubleOf(a), doubleOf(b)).rest);
  }
  if (typeof a === "number" && typeof b === "number") {
    if (b === 0) return division();
    const rest = a % b;
    return (rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest) + 0;
  }
  const divisor = BigInt(b);
  if (divisor === 0n) return division();
  const rest = BigInt(a) % divisor;
  return intOf(rest !== 0n && rest < 0n !== divisor < 0n ? rest + divisor : rest);
}

/** CPython's `float_divmod`. */
function floatDivision(a: number, b: number): { quotient: number; rest: number } {
  if (b === 0) return division();
  let rest = a % b;
  let quotient = (a - rest) / b;
  if (rest !== 0) {
    if (b < 0 !== rest < 0) {
      rest += b;
      quotient -= 1;
    }
  } else rest = b < 0 ? -0 : 0;
  if (quotient === 0) return { quotient: a / b < 0 || Object.is(a / b, -0) ? -0 : 0, rest };
  const floor = Math.floor(quotient);
  return { quotient: quotient - floor > 0.5 ? floor + 1 : floor, rest };
}

/** `**`. */
export function power(a: Int | Float, b: Int | Float): Int | Float {
  if (!(a instanceof Float) && !(b instanceof Float) && b >= 0) {
    spendBits(bitsOf(a) * Number(b));
    const small = Number(a) ** Number(b);
    return Number.isSafeInteger(small) ? small + 0 : intOf(BigInt(a) ** BigInt(b));
  }
  const [base, exponent] = [doubleOf(a), doubleOf(b)];
  if (base === 0 && exponent < 0) throw new TemplateError("0 has no negative power");
  if (base < 0 && Number.isFinite(base) && Number.isFinite(exponent) && exponent % 1 !== 0) {
    throw new TemplateError("a negative number to a broken power is a complex one");
  }
  // Python has 1 for these two, where JavaScript has NaN.
  if (base === 1 || exponent === 0) return new Float(1);
  if (base === -1 && !Number.isFinite(exponent) && !Number.isNaN(exponent)) return new Float(1);
  const result = base ** exponent;
  if (!Number.isFinite(result) && Number.isFinite(base) && Number.isFinite(exponent)) {
    throw new TemplateError("a power is too large for a float");
  }
  return new Float(result);
}

/** `-x`. */
export function negative(a: Int | Float): Int | Float {
  if (a instanceof Float) return new Float(-a.value);
  return typeof a === "number" ? 0 - a : intOf(-a);
}

/** The binary digits of an int, one too many at most. */
function bitsOf(value: Int): number {
  if (typeof value === "number") return value === 0 ? 1 : Math.log2(Math.abs(value)) + 1;
  return value.toString(16).length * 4;
}

/** A number of a million bits takes as long as a text of a million characters, and more. */
function spendBits(bits: number): void {
  spend(bits > 64 ? bits / 4 : 0);
}

/** The whole part of a float, towards zero. */
export function truncated(value: number): Int {
  if (!Number.isFinite(value)) throw new TemplateError("infinity and nan are no int");
  return intOf(BigInt(Math.trunc(value)));
}
