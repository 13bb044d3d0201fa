/**
 * Which cases of a part run, and with what seeds: a function of the command line alone.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Part } from "../part.ts";

/** One of several processes or machines that share the cases. */
export interface Shard {
  /** From 1. */
  readonly number: number;
  readonly of: number;
}

/** What chooses cases. */
export interface Choice {
  readonly long: boolean;
  readonly seed: number;
  readonly shard: Shard;
}

/** The seed of a case: of the command's seed, the part and the case's number. */
export function seedOf(seed: number, part: string, index: number): number {
  return createHash("sha256").update(`${seed}/${part}/${index}`).digest().readUInt32LE();
}

/**
 * Numbers of the cases that run. In long mode all; else as many as `short` says, one drawn from each
 * equal stretch of all, so that every row of a part's table can come.
 */
export function casesOf(
  { name, cases }: Pick<Part, "name" | "cases">,
  { long, seed, shard }: Choice,
): number[] {
  const count = long ? cases.long : Math.min(cases.short, cases.long);
  const all = Array.from({ length: count }, (_, i) => {
    if (count === cases.long) return i;
    const from = Math.floor(i * cases.long / count);
    const to = Math.floor((i + 1) * cases.long / count);
    return from + seedOf(seed, `${name}/choice`, i) % (to - from);
  });
  return all.filter((_, i) => i % shard.of === shard.number - 1);
}
