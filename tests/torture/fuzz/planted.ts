/**
 * A reader with three faults, each of which only some input meets: fuzzing has to find and show all of them.
 *
 * @module
 */
import fc from "fast-check";
import { UserError } from "../../../lib/base/errors.ts";
import type { Part } from "../part.ts";
import { type Fuzz, fuzzPart, told } from "./fuzzing.ts";

/** Refuses 0 as it should, and fails on some others. */
function read(number: number): number {
  if (number === 0) throw new UserError({ what: "0 cannot be read" });
  if (number % 100 === 97) throw new TypeError("cannot read properties of undefined");
  return number;
}

export const fuzz: Fuzz<number> = {
  name: "planted",
  promise: "a number is read",
  perCase: 1000,
  inputs: { short: 1000, long: 1000 },
  arbitrary: fc.nat(10_000),
  check: async (input) => void await told(() => read(input)),
};

/** Throws something that is no mistake of a user. */
export const throwing: Part = fuzzPart(fuzz, import.meta.url);
