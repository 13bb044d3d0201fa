import assert from "node:assert/strict";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { servers } from "./servers.ts";

Deno.test({
  name: "every hostile server ends in an error that names it, or with the right bytes",
  // A server that is left in the middle of an answer keeps a timer of its own for a while.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async (): Promise<void> => {
    const counts = new Map<string, number>();
    const failures: string[] = [];
    const run = async (index: number): Promise<void> => {
      try {
        const label = await servers.run({ index, seed: index, folder: await temporaryDirectory() });
        counts.set(label, (counts.get(label) ?? 0) + 1);
      } catch (error) {
        failures.push((error as Error).message);
      }
    };
    // A few at once: most of the time is waiting.
    const waiting = Array.from({ length: servers.cases.short }, (_, index) => index);
    await Promise.all(Array.from({ length: 6 }, async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await run(next);
    }));
    assert.deepEqual(failures, []);
    assert.ok(counts.get("refused")! >= 40);
    assert.ok(counts.get("survived")! >= 3);
  },
});
