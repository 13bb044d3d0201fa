import assert from "node:assert/strict";
import { join } from "node:path";
import { hashFile, sha256Hex } from "../../lib/store/mod.ts";
import { filesUnder, withStore, writeTree } from "./folders.ts";

const HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

Deno.test("hashFile() agrees with sha256Hex() over chunk borders", async () => {
  await withStore(async (_store, folder) => {
    for (const size of [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1]) {
      const bytes = crypto.getRandomValues(new Uint8Array(Math.min(size, 65536)));
      const all = new Uint8Array(size).map((_, i) => bytes[i % bytes.length]!);
      const root = await writeTree(folder, { "f.bin": all });
      assert.deepEqual(await hashFile(join(root, "f.bin")), { digest: sha256Hex(all), size });
    }
  });
  assert.equal(sha256Hex("hello"), HELLO);
});

Deno.test("put() moves a file in, read-only, under its digest", async () => {
  await withStore(async ({ blobs, layout }, folder) => {
    const root = await writeTree(folder, { "f.txt": "hello" });
    assert.deepEqual(await blobs.put(join(root, "f.txt")), { digest: HELLO, size: 5 });
    assert.deepEqual(await filesUnder(root), []);
    assert.deepEqual(await filesUnder(layout.blobs), [`2c/${HELLO}`]);
    assert.equal((await Deno.stat(blobs.pathOf(HELLO))).mode! & 0o777, 0o444);
    assert.equal(await blobs.sizeOf(HELLO), 5);
    assert.deepEqual(await filesUnder(layout.temporary), []);
  });
});

Deno.test("put() copies a file that has a second name", async () => {
  await withStore(async ({ blobs }, folder) => {
    const root = await writeTree(folder, { "two.txt": "hello" });
    await Deno.link(join(root, "two.txt"), join(root, "other.txt"));
    await blobs.put(join(root, "two.txt"));
    await Deno.writeTextFile(join(root, "other.txt"), "changed!!");
    assert.equal((await blobs.verify(HELLO)).state, "ok");
  });
});

Deno.test("put() keeps the blob that is there, so that links to it stay shared", async () => {
  await withStore(async ({ blobs }, folder) => {
    const root = await writeTree(folder, { a: "hello", b: "hello" });
    await blobs.put(join(root, "a"));
    const { ino } = await Deno.stat(blobs.pathOf(HELLO));
    await blobs.put(join(root, "b"));
    assert.equal((await Deno.stat(blobs.pathOf(HELLO))).ino, ino);
    assert.deepEqual(await filesUnder(root), []);
  });
});

Deno.test("verify() sets a tampered blob aside, and put() makes it again", async () => {
  await withStore(async ({ blobs, layout }, folder) => {
    const put = async (): Promise<unknown> =>
      await blobs.put(join(await writeTree(folder, { a: "hello" }), "a"));
    await put();
    await Deno.chmod(blobs.pathOf(HELLO), 0o644);
    await Deno.writeTextFile(blobs.pathOf(HELLO), "jello");
    const state = await blobs.verify(HELLO);
    assert.equal(state.state, "damaged");
    assert.ok(state.state === "damaged" && state.setAside.startsWith(join(layout.damaged, HELLO)));
    assert.equal(await Deno.readTextFile(state.setAside), "jello");
    assert.equal((await blobs.verify(HELLO)).state, "missing");
    await put();
    assert.equal((await blobs.verify(HELLO)).state, "ok");

    await Deno.chmod(blobs.pathOf(HELLO), 0o644);
    await Deno.truncate(blobs.pathOf(HELLO), 2);
    await put();
    assert.deepEqual(await blobs.verify(HELLO), { state: "ok", size: 5 });
    assert.equal((await filesUnder(layout.damaged)).length, 2);
  });
});

Deno.test("put() stops when its signal aborts and leaves nothing behind", async () => {
  await withStore(async ({ blobs, layout }, folder) => {
    const root = await writeTree(folder, { a: "hello" });
    const signal = AbortSignal.abort(new Error("interrupted"));
    await assert.rejects(blobs.put(join(root, "a"), { signal }), { message: "interrupted" });
    await Deno.link(join(root, "a"), join(root, "second"));
    await assert.rejects(blobs.put(join(root, "a"), { signal }), { message: "interrupted" });
    assert.deepEqual(await filesUnder(layout.blobs), []);
    assert.deepEqual(await filesUnder(layout.temporary), []);
  });
});
