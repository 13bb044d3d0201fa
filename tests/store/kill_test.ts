import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { hashFile, openStore } from "../../lib/store/mod.ts";
import { filesUnder, firstOutput, keysOf, startChild } from "./folders.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

Deno.test("a publishing process killed at any moment leaves nothing half done that can be read", async () => {
  const folder = await temporaryDirectory();
  const runs = join(folder, "runs");
  let finished = 0;
  for (let attempt = 0; attempt < 20; attempt++) {
    const child = startChild("./publishing_child.ts", [runs, "7"]);
    await firstOutput(child);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 120));
    child.kill("SIGKILL");
    await child.stdout.cancel();
    await child.status;

    using store = openStore(runs);
    for (const key of await keysOf(store)) {
      const action = await store.actions.read(key);
      assert.ok(action !== undefined, "a visible action record is whole");
      assert.deepEqual((await store.artifacts.verify(action.artifact)).ok, true);
    }
    for (const path of await filesUnder(store.layout.blobs)) {
      const { digest } = await hashFile(join(store.layout.blobs, path));
      assert.equal(digest, basename(path));
    }
    for (const name of await filesUnder(store.layout.artifacts)) {
      assert.equal((await store.artifacts.verify(name.replace(".json", ""))).ok, true, name);
    }
    for (const name of await openedFolders(join(runs, "opened"))) {
      assert.equal((await filesUnder(join(runs, "opened", name))).length, 3);
    }
    finished = (await keysOf(store)).length;
  }
  // The next process works on undisturbed, and what the dead ones left can be swept.
  const last = await startChild("./publishing_child.ts", [runs, "7"]).output();
  assert.ok(last.success);
  using store = openStore(runs);
  assert.equal((await keysOf(store)).length, 25);
  assert.ok(finished > 0);
  await store.sweep();
  assert.deepEqual(await filesUnder(store.layout.scratch), []);
  assert.deepEqual(await filesUnder(store.layout.locks), []);
});

/** Folders that a reader would see; names with a dot are work in progress. */
async function openedFolders(folder: string): Promise<string[]> {
  const paths = await filesUnder(folder);
  return [...new Set(paths.map((path) => path.split("/")[0]!))].filter((name) =>
    !name.startsWith(".")
  );
}
