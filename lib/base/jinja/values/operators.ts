/**
 * `+`, `-`, `*`, `/`, `//`, `%` and `**` of any values.
 *
 * @module
 */
import {
  difference,
  floorQuotient,
  modulo,
  negative,
  numberOf,
  power,
  product,
  quotient,
  sum,
  wholeOf,
} from "./numbers.ts";
import { aOrAn } from "./sequences.ts";
import { spendCharacters, spendItems } from "./steps.ts";
import { TemplateError } from "./template_error.ts";
import { type Float, type Int, isList, Tuple, typeName, Undefined, type Value } from "./value.ts";

type Numeric = (a: Int | Float, b: Int | Float) => Int | Float;

function numeric(operator: string, compute: Numeric): (a: Value, b: Value) => Value {
  return (a, b) => {
    const [x, y] = [numberOf(a), numberOf(b)];
    if (x === undefined || y === undefined) return refuse(operator, a, b);
    return compute(x, y);
  };
}

function refuse(operator: string, a: Value, b: Value): never {
  for (const value of [a, b]) if (value instanceof Undefined) throw new TemplateError(value.why);
  throw new TemplateError(
    `"${operator}" cannot take ${aOrAn(typeName(a))} and ${aOrAn(typeName(b))}`,
  );
}

const addNumbers = numeric("+", sum);
const multiplyNumbers = numeric("*", product);

/** `a + b`. */
export function add(a: Value, b: Value): Value {
  if (typeof a === "string" && typeof b === "string") {
    spendCharacters(a.length + b.length);
    return a + b;
  }
  if (a !== null && b !== null && typeof a === "object" && typeof b === "object") {
    if (isList(a) && isList(b)) return joined(a, b);
    if (a instanceof Tuple && b instanceof Tuple) return new Tuple(joined(a.items, b.items));
  }
  return addNumbers(a, b);
}

function joined(a: readonly Value[], b: readonly Value[]): Value[] {
  spendItems(a.length + b.length);
  return [...a, ...b];
}

/** `a * b`. */
export function multiply(a: Value, b: Value): Value {
  return repeated(a, b) ?? repeated(b, a) ?? multiplyNumbers(a, b);
}

/** A text, list or tuple so many times; undefined for other values. */
function repeated(value: Value, times: Value): Value | undefined {
  const isText = typeof value === "string";
  if (!isText && !(value instanceof Tuple) && !isList(value)) return undefined;
  const whole = wholeOf(times);
  if (whole === undefined) return undefined;
  if (typeof whole === "bigint" && BigInt.asIntN(64, whole) !== whole) {
    throw new TemplateError("nothing can be repeated so many times");
  }
  const count = Math.max(0, Number(whole));
  if (isText) {
    spendCharacters(value.length * count);
    return value === "" ? "" : value.repeat(count);
  }
  const items = value instanceof Tuple ? value.items : value;
  spendItems(items.length * count);
  const all = items.length === 0 ? [] : Array.from({ length: count }, () => items).flat();
  return value instanceof Tuple ? new Tuple(all) : all;
}

/** Operators of numbers alone. `%` with a text before it is another matter (`printf`). */
export const ARITHMETIC = {
  "-": numeric("-", difference),
  "/": numeric("/", quotient),
  "//": numeric("//", floorQuotient),
  "%": numeric("%", modulo),
  "**": numeric("**", power),
} as const;

/** `-value` and `+value`. */
export function signed(sign: "-" | "+", value: Value): Value {
  const number = numberOf(value);
  if (number !== undefined) return sign === "-" ? negative(number) : number;
  if (value instanceof Undefined) throw new TemplateError(value.why);
  throw new TemplateError(`"${sign}" cannot take ${aOrAn(typeName(value))}`);
}
