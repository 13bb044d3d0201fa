import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { project, registryOf, ROOT } from "./project.ts";

/** A built-in stage whose reader loops for ever, as one of damaged files may. */
const stuck = (watchdog: string): string =>
  `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Never comes back.",
  inputs: {},
  output: "texts",
  options: z.object({}),
  async run() {
    const { watch } = await import("${watchdog}");
    const parts = { what: "reading x.parquet comes to no end", remedy: "fetch it again" };
    await watch({ parts, deadline: 300 }, () => { for (;;); });
  },
});
`;

Deno.test("a reader that never comes back fails its stage, with the file's name", async () => {
  await using p = await project({
    "p.yaml": "name: p\nstages:\n  a: { uses: stuck }\n",
  });
  // As Temper's own readers reach it: a path that counts from the module leads to the same copy.
  await p.write("stuck.ts", stuck(relative(p.folder, join(ROOT, "lib/base/watchdog.ts"))));
  const stages = registryOf(p.folder, ["stuck"]);
  const told = await p.temper(["run", "p.yaml"], { context: { stages } });
  assert.equal(told.outcomes.a, "failed");
  assert.equal(told.failures.a!.what, "reading x.parquet comes to no end");
  assert.equal(told.failures.a!.remedy, "fetch it again");
});
