/** A reader that fills the memory on some input. */
import fc from "fast-check";
import type { Part } from "../part.ts";
import { type Fuzz, fuzzPart } from "./fuzzing.ts";

export const fuzz: Fuzz<number> = {
  name: "planted-memory",
  promise: "a number is read",
  perCase: 1000,
  inputs: { short: 1000, long: 1000 },
  arbitrary: fc.nat(10_000),
  check: (input): void => {
    const all: number[][] = [];
    while (input % 100 === 97) all.push(new Array(10_000).fill(0.5));
  },
};

/** Dies where the heap of its process is full. */
export const greedy: Part = fuzzPart(fuzz, import.meta.url, { memory: 64 });
