import assert from "node:assert/strict";
import { join } from "node:path";
import { openStore, sha256Hex, snapshotPath, thisOwner } from "../../lib/store/mod.ts";
import { processFacts } from "../../lib/store/locks/system.ts";
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
    const now = Date.now() + 31 * 24 * 3600 * 1000;
    await store.snapshots.sweep({ now });
    assert.equal((await filesUnder(store.layout.snapshots)).length, 1, "its stages still run");
    using later = openStore(store.layout.runs);
    await later.snapshots.sweep({ now });
    assert.deepEqual(await filesUnder(store.layout.snapshots), []);
    assert.deepEqual(await filesUnder(store.layout.temporary), []);
  });
});

Deno.test("sweep() leaves what a run of another process may use, be it as old as it may", async () => {
  await withStore(async (store, folder) => {
    const root = await writeTree(folder, { "a.ts": "a" });
    const taken = await store.snapshots.take({ [join(root, "a.ts")]: sha256Hex("a") });
    assert.ok(taken.type === "taken");
    const temporary = join(store.layout.temporary, ".blob.tmp");
    await Deno.writeTextFile(temporary, "half a blob");
    const orphan = join(store.layout.scratch, "orphan");
    await Deno.mkdir(orphan, { recursive: true });
    const old = new Date(Date.now() - 40 * 24 * 3600 * 1000);
    for (const path of [taken.root, temporary, orphan]) await Deno.utime(path, old, old);

    // The process that started this one, with a run that goes on.
    const run = join(store.layout.runs, "20260102T030405Z-other-000000");
    await Deno.mkdir(run);
    const other = { ...await thisOwner(), ...await processFacts(Deno.ppid), pid: Deno.ppid };
    await Deno.writeTextFile(join(run, ".running"), JSON.stringify({ ...other, lease: 60_000 }));
    using later = openStore(store.layout.runs);
    await later.sweep();
    for (const path of [taken.root, temporary, orphan]) await Deno.stat(path);

    const dead = { ...other, start: other.start.replace(/\d+/, "1") };
    await Deno.writeTextFile(join(run, ".running"), JSON.stringify({ ...dead, lease: 60_000 }));
    await later.sweep();
    for (const path of [taken.root, temporary, orphan]) {
      await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
    }
  });
});

Deno.test("a clock that was set forward makes nothing old: the disk's clock tells", async () => {
  await withStore(async (store, folder) => {
    const root = await writeTree(folder, { "a.ts": "a" });
    const taken = await store.snapshots.take({ [join(root, "a.ts")]: sha256Hex("a") });
    assert.ok(taken.type === "taken");
    const temporary = join(store.layout.temporary, ".blob.tmp");
    await Deno.writeTextFile(temporary, "half a blob");
    const resume = await store.resume.open(sha256Hex("key"));
    using later = openStore(store.layout.runs);
    const { now } = Date;
    Date.now = (): number => now() + 40 * 24 * 3600 * 1000;
    try {
      await later.sweep();
    } finally {
      Date.now = now;
    }
    for (const path of [taken.root, temporary, resume]) await Deno.stat(path);
  });
});
