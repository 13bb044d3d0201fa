/** A reader that runs in circles on some input. */
import fc from "fast-check";
import type { Part } from "../part.ts";
import { type Fuzz, fuzzPart } from "./fuzzing.ts";

export const fuzz: Fuzz<number> = {
  name: "planted-hang",
  promise: "a number is read",
  perCase: 1000,
  inputs: { short: 1000, long: 1000 },
  arbitrary: fc.nat(10_000),
  check: (input): void => {
    while (input % 100 === 97);
  },
};

/** Says nothing for a while, then is killed. */
export const hanging: Part = fuzzPart(fuzz, import.meta.url, { silence: 3000 });
