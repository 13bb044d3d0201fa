import assert from "node:assert/strict";
import { relative } from "node:path";
import { project, registryOf, ROOT } from "./project.ts";

/** A built-in stage whose reader loops for ever, as one of damaged files may. */
const STUCK = (folder: string): string =>
  `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Never comes back.",
  inputs: {},
  output: "texts",
  options: z.object({}),
  async run() {
    const { watch } = await import("${relative(folder, ROOT)}/lib/base/watchdog.ts");
    const parts = { what: "reading x.parquet comes to no end", remedy: "fetch it again" };
    await watch({ parts, deadline: 300 }, () => { for (;;); });
  },
});
`;

Deno.test("a reader that never comes back fails its stage, with the file's name", async () => {
  await using p = await project({
    "p.yaml": "name: p\nstages:\n  a: { uses: stuck }\n",
  });
  await p.write("stuck.ts", STUCK(p.folder));
  const stages = registryOf(p.folder, ["stuck"]);
  const told = await p.temper(["run", "p.yaml"], { context: { stages } });
  assert.equal(told.outcomes.a, "failed");
  assert.equal(told.failures.a!.what, "reading x.parquet comes to no end");
  assert.equal(told.failures.a!.remedy, "fetch it again");
});
