/**
 * What a long run has done: a file with a line of JSON for each finished case. A run that was cut off
 * goes on after the last whole line; shards write files of their own and read all of the same seed.
 *
 * @module
 */
import { join } from "node:path";
import type { Choice } from "./choice.ts";

/** What became of a case. */
export interface Finished {
  readonly part: string;
  readonly index: number;
  /** What happened, where the promise held. */
  readonly label?: string;
  /** What shows that it was broken. */
  readonly broken?: string;
  readonly seconds: number;
}

/** The file of one shard. */
export function progressPath(folder: string, { seed, shard }: Choice): string {
  const part = shard.of === 1 ? "" : `-shard-${shard.number}-of-${shard.of}`;
  return join(folder, `seed-${seed}${part}.ndjson`);
}

/** Cases that were finished with this seed, in any sharding, by {@linkcode caseName}; the last attempt counts. */
export async function readProgress(folder: string, seed: number): Promise<Map<string, Finished>> {
  const found = new Map<string, Finished>();
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name === `seed-${seed}.ndjson` || name.startsWith(`seed-${seed}-shard-`)) names.push(name);
  }
  for (const name of names.sort()) {
    for (const line of (await Deno.readTextFile(join(folder, name))).split("\n")) {
      const finished = parse(line);
      if (finished !== undefined) found.set(caseName(finished), finished);
    }
  }
  return found;
}

/** Appends a line. One that was cut off before it stays a line of its own. */
export async function noteFinished(path: string, finished: Finished): Promise<void> {
  using file = await Deno.open(path, { read: true, append: true, create: true });
  const { size } = await file.stat();
  const last = new Uint8Array(1);
  if (size > 0) {
    await file.seek(size - 1, Deno.SeekMode.Start);
    await file.read(last);
  }
  const torn = size > 0 && last[0] !== 10 ? "\n" : "";
  await file.write(new TextEncoder().encode(`${torn}${JSON.stringify(finished)}\n`));
}

/** `PART:INDEX`, as `--case` takes it. */
export function caseName({ part, index }: Pick<Finished, "part" | "index">): string {
  return `${part}:${index}`;
}

function parse(line: string): Finished | undefined {
  try {
    const value = JSON.parse(line);
    return typeof value?.part === "string" && typeof value.index === "number" ? value : undefined;
  } catch {
    return undefined;
  }
}
