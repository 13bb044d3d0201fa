/**
 * What a filter and a test are.
 *
 * @module
 */
import { isTrue } from "../values/compare.ts";
import type { Given, Value } from "../values/value.ts";
import { Undefined } from "../values/value.ts";
import { written } from "../values/written.ts";
import { type Args, bound, signature } from "./signature.ts";

/** How a filter applies others by name, as `map("upper")` does. */
export interface Library {
  readonly filter: (name: string, value: Value, given: Given) => Value;
  readonly test: (name: string, value: Value, given: Given) => boolean;
  readonly hasFilter: (name: string) => boolean;
  readonly hasTest: (name: string) => boolean;
}

/** Computes a value from another one and what stands in brackets. */
export type Filter = (value: Value, given: Given, library: Library) => Value;

/** Says yes or no to a value. */
export type Test = (value: Value, given: Given, library: Library) => boolean;

/** A filter with parameters: `filter("round", "precision? method?", …)`. */
export function filter(
  name: string,
  parameters: string,
  run: (value: Value, args: Args) => Value,
): [string, Filter] {
  const takes = signature(parameters);
  return [name, (value, given) => run(value, bound(given, takes, `the filter "${name}"`))];
}

/** A filter under several names. */
export function named(names: string, one: [string, Filter]): [string, Filter][] {
  return names.split(" ").map((name) => [name, one[1]]);
}

/** The text of a value, as `soft_str` of Jinja. */
export function textOf(value: Value): string {
  return typeof value === "string" ? value : written(value);
}

/** A flag that was given. */
export function flag(value: Value | undefined): boolean {
  return value !== undefined && isTrue(value);
}

/** What a filter gives where it has nothing to give. */
export function nothing(why: string): Undefined {
  return new Undefined(why);
}
