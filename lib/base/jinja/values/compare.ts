/**
 * `==`, the order of values, and what is true. Nothing equals a value of another kind (an empty text is
 * not 0), and texts and numbers have no order between them.
 *
 * @module
 */
import { numberOf } from "./numbers.ts";
import { spend } from "./steps.ts";
import { TemplateError } from "./template_error.ts";
import { compareTexts } from "./text.ts";
import {
  Dict,
  Float,
  type Int,
  isList,
  Range,
  Thing,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from "./value.ts";

/** `a == b`. */
export function equal(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (typeof a === "string" || typeof b === "string") return false;
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined || y !== undefined) {
    return x !== undefined && y !== undefined && compareNumbers(x, y) === 0;
  }
  spend(1);
  if (isList(a)) return isList(b) && equalItems(a, b);
  if (a instanceof Tuple) return b instanceof Tuple && equalItems(a.items, b.items);
  if (a instanceof Dict) return b instanceof Dict && equalDicts(a, b);
  if (a instanceof Undefined) return b instanceof Undefined;
  if (a instanceof Range) return b instanceof Range && equalRanges(a, b);
  if (a instanceof View) {
    return b instanceof View && a.kind === b.kind && a.kind !== "values" && equalViews(a, b);
  }
  return false;
}

function equalItems(a: readonly Value[], b: readonly Value[]): boolean {
  return a.length === b.length && a.every((item, i) => same(item, b[i]!));
}

/** What containers compare by: a value that is itself, nan too, is equal. */
function same(a: Value, b: Value): boolean {
  return a === b || equal(a, b);
}

function equalDicts(a: Dict, b: Dict): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a.entries()) {
    const other = b.get(key);
    if (other === undefined || !same(value, other)) return false;
  }
  return true;
}

function equalRanges(a: Range, b: Range): boolean {
  if (a.length !== b.length) return false;
  return a.length === 0 || (a.start === b.start && (a.length === 1 || a.step === b.step));
}

function equalViews(a: View, b: View): boolean {
  const others = b.items;
  const items = a.items;
  return items.length === others.length &&
    items.every((item) => others.some((other) => same(item, other)));
}

/** Below, above or 0; NaN where either is. An int and a float are compared exactly. */
function compareNumbers(a: Int | Float, b: Int | Float): number {
  const x = a instanceof Float ? a.value : a;
  const y = b instanceof Float ? b.value : b;
  return x < y ? -1 : x > y ? 1 : x == y ? 0 : NaN;
}

/** An order: whether `a < b` and the like hold. */
export type Order = "<" | "<=" | ">" | ">=";

/**
 * `a < b` and the like.
 *
 * @throws {TemplateError} Where the two have no order.
 */
export function ordered(a: Value, operator: Order, b: Value): boolean {
  const sign = orderOf(a, b, operator);
  switch (operator) {
    case "<":
      return sign < 0;
    case "<=":
      return sign <= 0;
    case ">":
      return sign > 0;
    case ">=":
      return sign >= 0;
  }
}

function orderOf(a: Value, b: Value, operator: Order): number {
  if (typeof a === "string" && typeof b === "string") return compareTexts(a, b);
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) return compareNumbers(x, y);
  if (isList(a) && isList(b)) return orderOfItems(a, b, operator);
  if (a instanceof Tuple && b instanceof Tuple) return orderOfItems(a.items, b.items, operator);
  for (const value of [a, b]) if (value instanceof Undefined) throw new TemplateError(value.why);
  throw new TemplateError(`"${operator}" cannot compare ${typeName(a)} with ${typeName(b)}`);
}

function orderOfItems(a: readonly Value[], b: readonly Value[], operator: Order): number {
  const most = Math.min(a.length, b.length);
  for (let i = 0; i < most; i++) {
    spend(1);
    if (!same(a[i]!, b[i]!)) return orderOf(a[i]!, b[i]!, operator);
  }
  return a.length - b.length;
}

/** Below or above 0, for sorting: only `<` is asked, as Python does. */
export function sortOrder(a: Value, b: Value): number {
  spend(1);
  if (ordered(a, "<", b)) return -1;
  return ordered(b, "<", a) ? 1 : 0;
}

/** What `if` and `not` make of a value. */
export function isTrue(value: Value): boolean {
  switch (typeof value) {
    case "boolean":
      return value;
    case "string":
      return value !== "";
    case "number":
    case "bigint":
      return value !== 0;
  }
  if (value === null || value instanceof Undefined) return false;
  if (isList(value)) return value.length > 0;
  if (value instanceof Float) return value.value !== 0;
  if (value instanceof Tuple) return value.items.length > 0;
  if (value instanceof Dict) return value.size > 0;
  if (value instanceof View) return value.dict.size > 0;
  if (value instanceof Range) return value.length > 0;
  return !(value instanceof Thing) || value.isTrue();
}
