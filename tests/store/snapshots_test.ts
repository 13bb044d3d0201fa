import assert from "node:assert/strict";
import { join } from "node:path";
import { sha256Hex, snapshotPath } from "../../lib/store/mod.ts";
import { filesUnder, withStore, writeTree } from "./folders.ts";

Deno.test("take() copies files below their whole paths; the same files share one copy", async () => {
  await withStore(async (store, folder) => {
    const root = await writeTree(folder, { "a.ts": "a", "deep/b.txt": "b" });
    const files = {
      [join(root, "a.ts")]: sha256Hex("a"),
      [join(root, "deep/b.txt")]: sha256Hex("b"),
    };
    const first = await store.snapshots.take(files);
    assert.ok(first.type === "taken");
    assert.equal(await Deno.readTextFile(snapshotPath(first.root, join(root, "deep/b.txt"))), "b");
    await Deno.writeTextFile(join(root, "a.ts"), "changed");
    assert.equal(await Deno.readTextFile(snapshotPath(first.root, join(root, "a.ts"))), "a");
    assert.deepEqual(await store.snapshots.take(files), first, "it is there already");

    const stale = { ...files, [join(root, "more.txt")]: sha256Hex("more") };
    assert.deepEqual(await store.snapshots.take(stale), {
      type: "changed",
      path: join(root, "a.ts"),
    });
    assert.deepEqual(await filesUnder(store.layout.temporary), []);
  });
});

Deno.test("take() makes a damaged copy again, and says where a file is gone", async () => {
  await withStore(async (store, folder) => {
    const root = await writeTree(folder, { "a.ts": "a" });
    const path = join(root, "a.ts");
    const files = { [path]: sha256Hex("a") };
    const taken = await store.snapshots.take(files);
    assert.ok(taken.type === "taken");
    const copy = snapshotPath(taken.root, path);
    await Deno.chmod(copy, 0o644);
    await Deno.writeTextFile(copy, "x");
    await store.snapshots.take(files);
    assert.equal(await Deno.readTextFile(copy), "a");
    await Deno.remove(path);
    await Deno.remove(taken.root, { recursive: true });
    assert.deepEqual(await store.snapshots.take(files), { type: "changed", path });
  });
});

Deno.test("sweep() removes what nobody used for long", async () => {
  await withStore(async (store, folder) => {
    const root = await writeTree(folder, { "a.ts": "a" });
    await store.snapshots.take({ [join(root, "a.ts")]: sha256Hex("a") });
    await store.snapshots.sweep();
    assert.equal((await filesUnder(store.layout.snapshots)).length, 1);
    await store.snapshots.sweep(Date.now() + 31 * 24 * 3600 * 1000);
    assert.deepEqual(await filesUnder(store.layout.snapshots), []);
  });
});
