/**
 * Tests: `x is defined`, `select("odd")`.
 *
 * @module
 */
import { equal, type Order, ordered } from "../values/compare.ts";
import { numberOf, wholeOf } from "../values/numbers.ts";
import { ARITHMETIC } from "../values/operators.ts";
import { contains, countOf, isIterable } from "../values/sequences.ts";
import { isInCase } from "../values/text.ts";
import {
  Callable,
  Dict,
  Float,
  keyOf,
  Thing,
  Undefined,
  type Value,
  View,
} from "../values/value.ts";
import { written } from "../values/written.ts";
import type { Test } from "./filter.ts";
import { bound, signature } from "./signature.ts";

function test(name: string, run: (value: Value) => boolean): [string, Test] {
  const takes = signature("");
  return [name, (value, given) => {
    bound(given, takes, `the test "${name}"`);
    return run(value);
  }];
}

function comparing(names: string, run: (value: Value, other: Value) => boolean): [string, Test][] {
  const takes = signature("other");
  return names.split(" ").map((name) => [name, (value, given) => {
    const [other] = bound(given, takes, `the test "${name}"`);
    return run(value, other!);
  }]);
}

const order = (names: string, operator: Order): [string, Test][] =>
  comparing(names, (value, other) => ordered(value, operator, other));

const isBool = (value: Value): boolean => typeof value === "boolean";

/** Every test by its name. */
export const TESTS: ReadonlyMap<string, Test> = new Map([
  test("defined", (value) => !(value instanceof Undefined)),
  test("undefined", (value) => value instanceof Undefined),
  test("none", (value) => value === null),
  test("true", (value) => value === true),
  test("false", (value) => value === false),
  test("boolean", isBool),
  test("integer", (value) => !isBool(value) && wholeOf(value) !== undefined),
  test("float", (value) => value instanceof Float),
  test("number", (value) => numberOf(value) !== undefined),
  test("string", (value) => typeof value === "string"),
  test("mapping", (value) => value instanceof Dict),
  test("iterable", isIterable),
  test(
    "sequence",
    (value) => countOf(value) !== undefined && !(value instanceof View || value instanceof Thing),
  ),
  test(
    "callable",
    (value) =>
      value instanceof Callable || value instanceof Undefined ||
      (value instanceof Thing && value.call !== undefined),
  ),
  test("lower", (value) => isInCase(written(value), "lower")),
  test("upper", (value) => isInCase(written(value), "upper")),
  test("odd", (value) => equal(ARITHMETIC["%"](value, 2), 1)),
  test("even", (value) => equal(ARITHMETIC["%"](value, 2), 0)),
  test("escaped", () => false),
  ...comparing("divisibleby", (value, by) => equal(ARITHMETIC["%"](value, by), 0)),
  ...comparing("sameas", (value, other) => value === other),
  ...comparing("in", (value, container) => contains(container, value)),
  ...comparing("eq equalto ==", equal),
  ...comparing("ne !=", (value, other) => !equal(value, other)),
  ...order("lt lessthan <", "<"),
  ...order("le <=", "<="),
  ...order("gt greaterthan >", ">"),
  ...order("ge >=", ">="),
  ["filter", (value, _, { hasFilter }) => hasFilter(String(keyOf(value)))],
  ["test", (value, _, { hasTest }) => hasTest(String(keyOf(value)))],
]);
