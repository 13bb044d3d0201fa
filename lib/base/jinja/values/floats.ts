/**
 * Floats as Python writes and rounds them: exactly, a tie to the even digit. JavaScript's `toFixed` takes
 * the upper one, and its `String` begins to write exponents elsewhere.
 *
 * @module
 */

/** How Python writes a float: as few digits as tell it from its neighbours. */
export function floatRepr(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const [mantissa, power] = Math.abs(value).toExponential().split("e") as [string, string];
  const digits = mantissa.replace(".", "");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) return `${sign}${exponential(digits, exponent)}`;
  return `${sign}${positional(digits, exponent, true)}`;
}

function exponential(digits: string, exponent: number): string {
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
  return `${digits[0]}${fraction}e${exponentText(exponent)}`;
}

function exponentText(exponent: number): string {
  return `${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

/** Digits with the point after the first `exponent` + 1 of them. */
function positional(digits: string, exponent: number, withPoint: boolean): string {
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const fraction = digits.slice(exponent + 1);
  if (fraction !== "") return `${whole}.${fraction}`;
  return withPoint ? `${whole}.0` : whole;
}

/** A finite float as mantissa * 2^exponent. */
function partsOf(value: number): { readonly mantissa: bigint; readonly exponent: number } {
  const bits = new BigUint64Array(new Float64Array([Math.abs(value)]).buffer)[0]!;
  const biased = Number(bits >> 52n);
  const fraction = bits & ((1n << 52n) - 1n);
  return biased === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | (1n << 52n), exponent: biased - 1075 };
}

/** |value| * 10^digits, rounded to a whole number, ties to the even one. */
function scaled(value: number, digits: number): bigint {
  const { mantissa, exponent } = partsOf(value);
  let top = mantissa;
  let bottom = 1n;
  if (exponent >= 0) top <<= BigInt(exponent);
  else bottom <<= BigInt(-exponent);
  if (digits >= 0) top *= 10n ** BigInt(digits);
  else bottom *= 10n ** BigInt(-digits);
  return roundedRatio(top, bottom);
}

/** top / bottom, both at least 0, to the next whole number, ties to the even one. */
export function roundedRatio(top: bigint, bottom: bigint): bigint {
  const whole = top / bottom;
  const twice = 2n * (top % bottom);
  return twice > bottom || (twice === bottom && whole % 2n === 1n) ? whole + 1n : whole;
}

/** Past these, rounding to so many digits changes nothing, or leaves nothing. */
const MOST_DIGITS = 323;
const FEWEST_DIGITS = -309;

/** Python's `round(value, digits)`. */
export function roundedFloat(value: number, digits: number): number {
  if (!Number.isFinite(value) || digits > MOST_DIGITS) return value;
  const sign = value < 0 || Object.is(value, -0) ? -1 : 1;
  if (digits < FEWEST_DIGITS) return sign * 0;
  return sign * Number(`${scaled(value, digits)}e${-digits}`);
}

/** `%.3f` of a finite float of either sign, without its sign. */
export function fixed(value: number, digits: number): string {
  const text = String(scaled(value, digits)).padStart(digits + 1, "0");
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** The first so many digits of a finite float, rounded, and the power of ten of the first one. */
function significant(value: number, count: number): { digits: string; exponent: number } {
  if (value === 0) return { digits: "0".repeat(count), exponent: 0 };
  const exponent = Number(Math.abs(value).toExponential().split("e")[1]);
  const digits = String(scaled(value, count - 1 - exponent));
  return digits.length > count
    ? { digits: digits.slice(0, count), exponent: exponent + 1 }
    : { digits, exponent };
}

/** `%.3e` of a finite float of either sign, without its sign. */
export function scientific(value: number, digits: number): string {
  const { digits: text, exponent } = significant(value, digits + 1);
  return exponential(text, exponent);
}

/**
 * `%.3g` of a finite float of either sign, without its sign.
 *
 * @param options `keepZeros`: `#`; `withPoint`: 1.0 and not 1, as `{}` and `{:.3}` write floats.
 */
export function general(
  value: number,
  digits: number,
  options: { keepZeros?: boolean; withPoint?: boolean } = {},
): string {
  const count = Math.max(1, digits);
  const { digits: all, exponent } = significant(value, count);
  const text = options.keepZeros ? all : all.replace(/(?<=.)0+$/, "");
  const { withPoint = false } = options;
  if (exponent < -4 || exponent >= (withPoint ? count - 1 : count)) {
    return exponential(text, exponent);
  }
  return positional(text, exponent, withPoint);
}
