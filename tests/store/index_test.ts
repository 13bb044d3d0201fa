import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sha256Hex, StoreIndex } from "../../lib/store/mod.ts";
import { isSettled, stampOf } from "../../lib/store/index.ts";
import { withStore, writeTree } from "./folders.ts";

/** Waits until a file written now may be believed. */
async function rest(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 3050));
}

Deno.test("digestFile() answers from memory only while nothing about the file changed", async () => {
  await withStore(async ({ index, layout }, folder) => {
    const root = await writeTree(folder, { a: "one", touched: "same", linked: "link" });
    await Deno.symlink("linked", join(root, "link"));
    await rest();
    const path = join(root, "a");
    for (let i = 0; i < 2; i++) assert.equal(await index.digestFile(path), sha256Hex("one"));
    assert.equal(await index.digestFile(join(root, "link")), sha256Hex("link"));

    // That the second answer came from memory shows when the memory is given another one.
    const db = new DatabaseSync(layout.index);
    const stamp = stampOf(path)!.text;
    const lie = sha256Hex("lie");
    const sum = sha256Hex(JSON.stringify([path, stamp, lie])).slice(0, 16);
    db.prepare("UPDATE files SET digest = ?, sum = ? WHERE path = ?").run(lie, sum, path);
    assert.equal(await index.digestFile(path), lie);
    // A row that was damaged does not match its sum and is not believed.
    db.prepare("UPDATE files SET digest = ? WHERE path = ?").run(sha256Hex("damage"), path);
    assert.equal(await index.digestFile(path), sha256Hex("one"));
    db.close();

    // The same size, and mtime put back: ctime and inode tell.
    const { mtime } = await Deno.stat(path);
    await Deno.writeTextFile(path, "two");
    await Deno.utime(path, mtime!, mtime!);
    assert.equal(await index.digestFile(path), sha256Hex("two"));
    await Deno.writeTextFile(`${path}.new`, "six");
    await Deno.rename(`${path}.new`, path);
    assert.equal(await index.digestFile(path), sha256Hex("six"));
  });
});

Deno.test("digestFile() never believes a file that was written just before it was hashed", async () => {
  await withStore(async ({ index }, folder) => {
    const root = await writeTree(folder, { a: "00" });
    const path = join(root, "a");
    for (let i = 0; i < 50; i++) {
      const text = String(i).padStart(2, "0");
      await Deno.writeTextFile(path, text);
      await Deno.utime(path, 1_700_000_000, 1_700_000_000);
      assert.equal(await index.digestFile(path), sha256Hex(text));
    }
  });
});

Deno.test("isSettled() wants a file to rest for longer than its clock ticks", () => {
  const stamp = { text: "", changed: 1000_000 };
  for (const [hashed, settled] of [[999_000, false], [1_001_999, false], [1_002_000, true]]) {
    assert.equal(isSettled(stamp, Number(hashed)), settled);
  }
});

Deno.test("get() gives back what set() wrote, in this process and the next", async () => {
  await withStore(async ({ index, layout }) => {
    assert.equal(index.get("graph", "a"), undefined);
    index.set("graph", "a", { files: ["x"], n: 1 });
    index.set("graph", "a", { files: ["y"], n: 2 });
    index.set("stages", "a", null);
    using other = new StoreIndex(layout.index);
    assert.deepEqual(other.get("graph", "a"), { files: ["y"], n: 2 });
    assert.equal(other.get("stages", "a"), null);
    await Promise.resolve();
  });
});

Deno.test("an index that is broken, foreign, a folder or gone is made anew without a word", async () => {
  await withStore(async ({ layout }, folder) => {
    const root = await writeTree(folder, { a: "one" });
    const path = layout.index;
    await Deno.mkdir(layout.store, { recursive: true });
    const spoil: Record<string, () => Promise<void> | void> = {
      rubbish: () => Deno.writeTextFile(path, "not a database".repeat(500)),
      "cut off": async () => {
        const size = (await Deno.stat(path)).size;
        await Deno.truncate(path, Math.floor(size / 2) + 13);
      },
      "another version": () => {
        const db = new DatabaseSync(path);
        db.exec("PRAGMA user_version = 99; DROP TABLE IF EXISTS cache");
        db.close();
      },
      "other tables": () => {
        const db = new DatabaseSync(path);
        db.exec("DROP TABLE cache; CREATE TABLE cache (nonsense)");
        db.close();
      },
      folder: async () => {
        await Deno.remove(path);
        await Deno.mkdir(join(path, "inside"), { recursive: true });
      },
      gone: () => Deno.remove(path),
    };
    for (const [how, act] of Object.entries(spoil)) {
      await act();
      using index = new StoreIndex(path);
      index.set("n", "k", how);
      assert.equal(index.get("n", "k"), how);
      assert.equal(await index.digestFile(join(root, "a")), sha256Hex("one"));
    }
  });
});

Deno.test("an index that is broken or deleted while it is open is never wrong", async () => {
  await withStore(async ({ index, layout }) => {
    index.set("n", "k", 1);
    for (const suffix of ["", "-wal", "-shm"]) {
      await Deno.remove(layout.index + suffix).catch(() => {});
    }
    assert.ok([1, undefined].includes(index.get("n", "k") as number | undefined));
    index.set("n", "k", 2);
    assert.ok([2, undefined].includes(index.get("n", "k") as number | undefined));
    using other = new StoreIndex(layout.index);
    other.set("n", "k", 3);
    assert.equal(other.get("n", "k"), 3);
    await Deno.writeFile(layout.index, crypto.getRandomValues(new Uint8Array(20_000)));
    for (const each of [index, other]) {
      const value = each.get("n", "k");
      assert.ok(value === undefined || typeof value === "number");
      each.set("n", "k2", 4);
    }
  });
});

Deno.test("an index that cannot be written remembers nothing and throws nothing", async () => {
  await withStore(async (_store, folder) => {
    const blocked = join(await writeTree(folder, { file: "" }), "file", "index.db");
    using index = new StoreIndex(blocked);
    index.set("n", "k", 1);
    assert.equal(index.get("n", "k"), undefined);
  });
});

Deno.test("an index that another process holds is passed by", async () => {
  await withStore(async ({ index, layout }) => {
    index.set("n", "k", 1);
    const other = new DatabaseSync(layout.index);
    other.exec("BEGIN IMMEDIATE");
    index.set("n", "k", 2);
    assert.equal(index.get("n", "k"), 1);
    other.exec("COMMIT");
    other.close();
    index.set("n", "k", 3);
    assert.equal(index.get("n", "k"), 3);
    await Promise.resolve();
  });
});
