/**
 * Runs what the suite runs of fuzzing, and holds fuzzing itself to faults that were planted.
 *
 * The first case of each part has a seed of its own, so that the suite always tries the same inputs:
 * a failure here is a change's, not chance's. By hand there are other seeds.
 */
import assert from "node:assert/strict";
import type { Part } from "../part.ts";
import { temporaryDirectory } from "../../fixtures/temporary_directory.ts";
import { FUZZ } from "./parts.ts";
import { throwing } from "./planted.ts";
import { hanging } from "./planted_hang.ts";
import { greedy } from "./planted_memory.ts";

async function run(part: Part, index: number): Promise<string> {
  return await part.run({ index, seed: 8 + index, folder: await temporaryDirectory() });
}

for (const part of FUZZ) {
  Deno.test({
    name: `${part.name}: ${part.promise}`,
    async fn(): Promise<void> {
      for (let index = 0; index < part.cases.short; index++) await run(part, index);
    },
  });
}

Deno.test("fuzzing has at least 1,000 inputs a part in the suite and 100,000 by hand", () => {
  for (const { name, promise, cases } of FUZZ) {
    const inputs = Number(/\((\d+) inputs a case\)$/.exec(promise)?.[1]);
    assert.ok(cases.short * inputs >= 1000 && cases.long * inputs >= 100_000, name);
    assert.ok(Number.isInteger(cases.short) && Number.isInteger(cases.long), name);
  }
  assert.equal(new Set(FUZZ.map(({ name }) => name)).size, FUZZ.length);
});

Deno.test("fuzzing finds an error that is no mistake of a user, and the least input for it", async () => {
  await assert.rejects(run(throwing, 0), (error: Error) => {
    assert.match(error.message, /^planted, seed 8, input \d+\n/);
    assert.match(error.message, /Counterexample: \[\d*97\]/);
    assert.match(error.message, /cannot read properties of undefined/);
    return true;
  });
});

Deno.test("fuzzing kills a reader that hangs and names its input", async () => {
  await assert.rejects(run(hanging, 0), /^Error: planted-hang, .*: no word in 3000 ms: \d*97\n/);
});

Deno.test("fuzzing survives a reader that fills the memory and names its input", async () => {
  await assert.rejects(run(greedy, 0), /^Error: planted-memory, .*: its process died .*: \d*97\n/);
});
