/**
 * A file of an npm package that is not on this machine yet, by way of the proxy that the user has.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { packageRegistry } from "../pipeline/package_registry.ts";
import { resultOf, runPipeline, workspace } from "./temper.ts";
import { readDataset } from "../../lib/data/rows/dataset.ts";

Deno.test("an npm source is fetched where the environment says that packages and the network are", async () => {
  await using registry = packageRegistry({ "@temper-test/book": { "1.0.0": "a line\nanother" } });
  await using w = await workspace({
    // Nobody knows this name but the proxy.
    ".npmrc": "@temper-test:registry=http://packages.invalid/\n",
    "p.yaml": `name: p
stages:
  book: { uses: download, with: { from: "npm:@temper-test/book@1.0.0/mod.js", format: txt } }
`,
  });
  const { denoDir, npmCache } = JSON.parse(
    new TextDecoder().decode(
      (await new Deno.Command(Deno.execPath(), { args: ["info", "--json", "--no-config"] })
        .output()).stdout,
    ),
  );
  const env = {
    HOME: w.folder,
    USERPROFILE: w.folder,
    DENO_DIR: denoDir,
    HTTP_PROXY: `http://${registry.host}`,
    NO_PROXY: "",
  };
  const forget = (): Promise<void> =>
    Deno.remove(join(npmCache, "packages.invalid"), { recursive: true }).catch(() => {});
  await forget();
  try {
    const run = await runPipeline([join(w.folder, "p.yaml")], { ...w, env });
    assert.deepEqual(run.outcomes, { book: "done" }, JSON.stringify(run.failures));
    const { splits } = await readDataset(resultOf(w.runs, "book", ""));
    assert.deepEqual(splits.data!.map(({ text }) => text), ["a line", "another"]);
    // The package is there now: its file is pinned, copied, and read from the copy.
    for (const args of [["--force", "book"], ["--force", "book", "--update"]]) {
      const again = await runPipeline([join(w.folder, "p.yaml"), ...args], { ...w, env });
      assert.deepEqual(again.outcomes, { book: "done" }, JSON.stringify(again.failures));
    }
    assert.match(await Deno.readTextFile(join(w.folder, "p.lock")), /"files": 1/);
  } finally {
    await forget();
  }
});
