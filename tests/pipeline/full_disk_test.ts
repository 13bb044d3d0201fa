import assert from "node:assert/strict";
import type { ThrownError } from "../../lib/pipeline/sandbox/protocol.ts";
import { explainFullDisk } from "../../lib/pipeline/sandbox/full_disk.ts";
import type { StageNode } from "../../lib/pipeline/types.ts";

const NODE = { id: "model" } as StageNode;

function thrown(parts: Partial<ThrownError>): ThrownError {
  const message = "No space left on device (os error 28)";
  return { name: "Error", message, stack: "at x", causes: [], ...parts };
}

Deno.test("explainFullDisk() names the folder, what is free there and what helps", async () => {
  const folder = import.meta.dirname!;
  const full = await explainFullDisk(thrown({ code: "ENOSPC" }), { node: NODE, folder });
  assert.equal(full?.what, `cannot write what stage "model" makes (${folder}): the disk is full`);
  assert.match(full.requirement!, /^\d+\.\d MB are free in /);
  assert.match(full.remedy!, /^free some space and run again/);
  assert.equal(full.stack, "at x");
  const quota = await explainFullDisk(thrown({ code: "EDQUOT" }), { node: NODE, folder });
  assert.match(quota!.remedy!, /raise the quota/);
});

Deno.test("explainFullDisk() says no size where the system knows none", async () => {
  const options = { node: NODE, folder: "/there/is/none" };
  const full = await explainFullDisk(thrown({ code: "ENOSPC" }), options);
  assert.ok(full !== undefined && !("requirement" in full));
});

Deno.test("explainFullDisk() keeps a stage's own sentence, and its remedy before all", async () => {
  const options = { node: NODE, folder: "/there/is/none" };
  const parts = { what: "cannot write a.csv" };
  const full = await explainFullDisk(thrown({ code: "ENOSPC", parts }), options);
  assert.equal(full?.what, "cannot write a.csv");
  assert.match(full.remedy!, /^free some space/);
  const known = { ...parts, remedy: "write less" };
  assert.equal(
    await explainFullDisk(thrown({ code: "ENOSPC", parts: known }), options),
    undefined,
  );
});

Deno.test("explainFullDisk() is about nothing else", async () => {
  const options = { node: NODE, folder: "/there/is/none" };
  for (const parts of [{}, { code: "ENOENT" }, { code: "EACCES" }]) {
    assert.equal(await explainFullDisk(thrown(parts), options), undefined);
  }
});
