import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { isPlainPath } from "../../lib/store/manifest.ts";
import { UserError } from "../../lib/base/errors.ts";
import { type Digest, sha256Hex, type Store } from "../../lib/store/mod.ts";
import { filesUnder, withStore, writeTree } from "./folders.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const FILES = { "data.parquet": "rows", "deep/er/notes.txt": "hello", "dataset.json": "{}" };

async function publish(
  store: Store,
  folder: string,
  files: Readonly<Record<string, string>> = FILES,
): Promise<Digest> {
  const { digest } = await store.artifacts.publish(await writeTree(folder, files), {
    kind: "rows",
  });
  return digest;
}

Deno.test("publish() names a folder by its content alone", async () => {
  await withStore(async (store, folder) => {
    const digest = await publish(store, folder);
    const text = await Deno.readTextFile(store.artifacts.pathOf(digest));
    assert.equal(sha256Hex(text), digest);
    assert.deepEqual(JSON.parse(text), {
      kind: "rows",
      files: [
        { path: "data.parquet", size: 4, mode: "0644", digest: sha256Hex("rows") },
        { path: "dataset.json", size: 2, mode: "0644", digest: sha256Hex("{}") },
        { path: "deep/er/notes.txt", size: 5, mode: "0644", digest: sha256Hex("hello") },
      ],
    });
    await withStore(async (other, elsewhere) => {
      assert.equal(await publish(other, elsewhere), digest);
    });
    assert.notEqual(await publish(store, folder, { ...FILES, "dataset.json": "[]" }), digest);
    assert.notEqual(await publish(store, folder, { ...FILES, "more.txt": "" }), digest);
    const models = await store.artifacts.publish(await writeTree(folder, FILES), { kind: "model" });
    assert.notEqual(models.digest, digest);
    assert.deepEqual([models.files, models.bytes], [3, 11]);
  });
});

Deno.test("publish() keeps of a mode whether the file is executable", async () => {
  await withStore(async (store, folder) => {
    const modes = [[0o644, 0o600], [0o755, 0o711], [0o644, 0o755]] as const;
    const digests = [];
    for (const pair of modes) {
      for (const mode of pair) {
        const root = await writeTree(folder, { "run.sh": "#!/bin/sh\n" });
        await Deno.chmod(join(root, "run.sh"), mode);
        digests.push((await store.artifacts.publish(root, { kind: "texts" })).digest);
      }
    }
    assert.equal(digests[0], digests[1]);
    assert.equal(digests[2], digests[3]);
    assert.notEqual(digests[4], digests[5]);
    const target = join(folder, "opened");
    await store.artifacts.materialize(digests[2]!, target);
    assert.equal((await Deno.stat(join(target, "run.sh"))).mode! & 0o777, 0o555);
  });
});

Deno.test("publish() refuses names that some system can't hold or takes for one", async () => {
  await withStore(async (store, folder) => {
    const cases: [names: string[], why: RegExp][] = [
      ...["CON", "nul.txt", "com1", "LPT9.json", "Aux.tar.gz", "con .txt"].map((name) =>
        [[name], /a device's name on Windows/] as [string[], RegExp]
      ),
      ...["a?b*c", "a<b>", 'a"b', "a|b", "a:b"].map((name) =>
        [[name], /which Windows doesn't allow/] as [string[], RegExp]
      ),
      [["ends."], /ends in a dot or a space/],
      [["ends "], /ends in a dot or a space/],
      [["sub./a.txt"], /"sub\.", whose name ends/],
      [["nul/a.txt"], /device/],
      [["Model.json", "model.json"], /differ by case/],
      [["Sub/a", "sub/b"], /"Sub" and "sub", which differ|"sub" and "Sub", which differ/],
      [["stra\u00dfe", "STRASSE"], /differ by case/],
      [["stra\u1e9ee", "stra\u00dfe"], /differ by case/],
      [["a.txt", "a\u200b.txt"], /differ by case/],
      [["caf\u00e9", "cafe\u0301"], /spelling of accents/],
    ];
    for (const [names, why] of cases) {
      const root = await writeTree(folder, Object.fromEntries(names.map((name) => [name, "x"])));
      await assert.rejects(
        store.artifacts.publish(root, { kind: "rows" }),
        (error) => error instanceof UserError && why.test(error.message),
        names.join(", "),
      );
    }
    assert.equal(isPlainPath("sub/nul"), false);
    assert.equal(isPlainPath("x".repeat(256)), false);
    assert.equal(isPlainPath("constructor/console.txt"), true);
    const fine = { "console.txt": "a", ".hidden": "b", "com10": "c", "a b": "d", "中.txt": "e" };
    await store.artifacts.publish(await writeTree(folder, fine), { kind: "rows" });
  });
});

Deno.test("publish() refuses paths that are too long, and looks at each name once", async () => {
  await withStore(async (store, folder) => {
    const deep = await writeTree(folder, { [`${"d/".repeat(520)}a.txt`]: "x" });
    await assert.rejects(
      store.artifacts.publish(deep, { kind: "rows" }),
      /a path of more than 1024 bytes: "d\/d\//,
    );
    // Each of 80 characters in its widest form, in a folder of hundreds: once they were joined path by path.
    const wide = "\ufdfa".repeat(80);
    const names = Array.from({ length: 300 }, (_, i) => `${wide}/${"d/".repeat(300)}${i}.txt`);
    const root = await writeTree(folder, Object.fromEntries(names.map((name) => [name, ""])));
    const began = performance.now();
    await store.artifacts.publish(root, { kind: "rows" });
    assert.ok(performance.now() - began < 20_000, `${performance.now() - began} ms`);
  });
});

Deno.test("publish() looks for what stops it while it lists, and lets others have their turn", async () => {
  await withStore(async (store, folder) => {
    const files = Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`${i}.txt`, ""]));
    const root = await writeTree(folder, files);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 1);
    await assert.rejects(
      store.artifacts.publish(root, { kind: "rows", signal: controller.signal }),
      { name: "AbortError" },
    );
    assert.ok(await Deno.stat(join(root, "0.txt")), "nothing was moved");
  });
});

Deno.test("publish() refuses what is no plain file before it moves anything", async () => {
  await withStore(async (store, folder) => {
    const cases: [spoil: (root: string) => unknown, message: RegExp][] = [
      [(root) => Deno.symlink("/etc/hostname", join(root, "link")), /symbolic link: link/],
      [(root) => Deno.symlink("../..", join(root, "deep/out")), /symbolic link: deep\/out/],
      [(root) => mkfifo(join(root, "pipe")), /no file: pipe/],
      [(root) => Deno.writeTextFile(join(root, "a\nb"), ""), /"a\\nb", whose name has a control/],
      [(root) => Deno.writeTextFile(join(root, "a\\b"), ""), /"a\\\\b", whose name has \\/],
    ];
    for (const [spoil, message] of cases) {
      const root = await writeTree(folder, FILES);
      await spoil(root);
      await assert.rejects(
        store.artifacts.publish(root, { kind: "rows" }),
        (error) => error instanceof UserError && message.test(error.message),
      );
      assert.ok((await filesUnder(root)).length >= 3);
    }
    const empty = await writeTree(folder, {});
    await assert.rejects(store.artifacts.publish(empty, { kind: "rows" }), /is empty/);
    await Deno.remove(empty);
    await assert.rejects(store.artifacts.publish(empty, { kind: "rows" }), /is empty/);
    assert.deepEqual(await filesUnder(store.layout.store), []);
  });
});

async function mkfifo(path: string): Promise<void> {
  assert.ok((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
}

Deno.test("open() makes links that stages read, once; a changed folder is made again", async () => {
  await withStore(async (store, folder) => {
    const digest = await publish(store, folder);
    const tree = await store.artifacts.open(digest);
    assert.deepEqual(await filesUnder(tree), Object.keys(FILES).sort());
    const notes = await Deno.stat(join(tree, "deep/er/notes.txt"));
    assert.equal(notes.ino, (await Deno.stat(store.blobs.pathOf(sha256Hex("hello")))).ino);
    assert.equal((await Deno.stat(join(tree, "deep"))).mode! & 0o777, 0o755);

    const { ino } = await Deno.stat(tree);
    assert.equal(await store.artifacts.open(digest), tree);
    assert.equal((await Deno.stat(tree)).ino, ino, "a folder that is right stays");
    assert.equal(await store.artifacts.isOpen(digest), true);

    await Deno.remove(join(tree, "data.parquet"));
    assert.equal(await store.artifacts.isOpen(digest), false);
    await Deno.writeTextFile(join(tree, "extra"), "");
    await store.artifacts.open(digest);
    assert.deepEqual(await filesUnder(tree), Object.keys(FILES).sort());
    const names = [...Deno.readDirSync(join(tree, ".."))].map((entry) => entry.name);
    assert.deepEqual(names, [digest], "nothing temporary is left");
  });
});

Deno.test("open() works where a sweep finds what a kill leaves", async () => {
  await withStore(async (store, folder) => {
    const digest = await publish(store, folder);
    const { rename } = Deno;
    const from: string[] = [];
    Deno.rename = async (...paths) => {
      from.push(String(paths[0]));
      await rename(...paths);
    };
    try {
      const tree = await store.artifacts.open(digest);
      await Deno.remove(join(tree, "data.parquet"));
      await store.artifacts.open(digest);
      const made = from.filter((path) => path !== tree);
      assert.deepEqual(made.map(dirname), [store.layout.temporary, store.layout.temporary]);
    } finally {
      Deno.rename = rename;
    }
  });
});

Deno.test("materialize() copies what is small: an edit there changes no artifact", async () => {
  await withStore(async (store, folder) => {
    const digest = await publish(store, folder);
    const target = join(folder, "run/artifacts/clean");
    await store.artifacts.materialize(digest, target);
    assert.deepEqual(await filesUnder(target), Object.keys(FILES).sort());
    const copy = join(target, "deep/er/notes.txt");
    await Deno.chmod(copy, 0o644);
    await Deno.writeTextFile(copy, "jello");
    assert.deepEqual(await store.artifacts.verify(digest), { ok: true, bytes: 11 });
    await store.artifacts.materialize(digest, target);
    assert.equal(await Deno.readTextFile(copy), "hello");
  });
});

Deno.test("materialize() links to the folder of stages where there is much to copy", async () => {
  await withStore(async (store, folder) => {
    const names = Array.from({ length: 100 }, (_, i) => [`${i}.txt`, `text ${i}`]);
    const digest = await publish(store, folder, Object.fromEntries(names));
    const target = join(store.layout.runs, "run/artifacts/clean");
    await store.artifacts.materialize(digest, target);
    assert.equal(
      await Deno.realPath(target),
      await Deno.realPath(await store.artifacts.open(digest)),
    );
    const blob = store.blobs.pathOf(sha256Hex("text 7"));
    assert.equal((await Deno.stat(join(target, "7.txt"))).ino, (await Deno.stat(blob)).ino);
    assert.equal((await Deno.stat(join(target, "7.txt"))).mode! & 0o777, 0o444);
    assert.equal(await store.artifacts.has(digest), true);
  });
});

Deno.test("settle() remembers what was stored and linked, but not within the tick of a clock", async () => {
  await withStore(async (store, folder) => {
    const digest = await publish(store, folder);
    await store.artifacts.open(digest);
    const blob = store.blobs.pathOf(sha256Hex("hello"));
    store.blobs.settle();
    assert.equal(store.index.known(blob), undefined);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    store.blobs.settle();
    assert.equal(store.index.known(blob), sha256Hex("hello"));
  });
});

Deno.test("a blob whose bytes changed with its time kept is found without --verify", async () => {
  await withStore(async (store, folder) => {
    const digest = await publish(store, folder);
    assert.equal(await store.artifacts.has(digest), true);
    const blob = store.blobs.pathOf(sha256Hex("hello"));
    const { atime, mtime } = await Deno.stat(blob);
    await Deno.chmod(blob, 0o644);
    await Deno.writeTextFile(blob, "jello");
    await Deno.utime(blob, atime!, mtime!);
    const found = await store.artifacts.check(digest);
    assert.ok(!found.ok);
    assert.deepEqual(found.problems?.map(({ file, state }) => [file.path, state]), [
      ["deep/er/notes.txt", "damaged"],
    ]);
  });
});

Deno.test("materialize() replaces another artifact and what is no folder", async () => {
  await withStore(async (store, folder) => {
    const one = await publish(store, folder);
    const two = await publish(store, folder, { "x.txt": "x" });
    const target = join(folder, "opened");
    await Deno.writeTextFile(target, "a file");
    await store.artifacts.materialize(one, target);
    await store.artifacts.materialize(two, target);
    assert.deepEqual(await filesUnder(target), ["x.txt"]);
  });
});

Deno.test("materialize() copies where the target is on another disk", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const shared = await temporaryDirectory({ dir: "/dev/shm" }).catch(() => undefined);
  if (shared === undefined) return console.log("skipped: no second file system here");
  await withStore(async (store, folder) => {
    const digest = await publish(store, folder);
    await store.artifacts.materialize(digest, join(shared, "opened"));
    assert.equal(await Deno.readTextFile(join(shared, "opened/dataset.json")), "{}");
    const away = await writeTree(shared, FILES);
    const published = await store.artifacts.publish(away, { kind: "rows" });
    assert.equal(published.digest, digest);
    assert.deepEqual(await store.artifacts.verify(digest), { ok: true, bytes: 11 });
  });
});

Deno.test("verify() names damaged and missing files; publishing again mends them", async () => {
  await withStore(async (store, folder) => {
    const digest = await publish(store, folder, { ...FILES, "copy.txt": "hello" });
    assert.equal(await store.artifacts.has(digest), true);
    const blob = store.blobs.pathOf(sha256Hex("hello"));
    await Deno.chmod(blob, 0o644);
    await Deno.writeTextFile(blob, "jello");
    await Deno.remove(store.blobs.pathOf(sha256Hex("{}")));
    assert.equal(await store.artifacts.has(digest), false);

    const state = await store.artifacts.verify(digest);
    assert.ok(!state.ok);
    assert.deepEqual(state.damaged.map(({ path }) => path), ["copy.txt", "deep/er/notes.txt"]);
    assert.deepEqual(state.missing, ["dataset.json"]);
    assert.equal(await Deno.readTextFile(state.damaged[0]!.setAside), "jello");
    await assert.rejects(
      store.artifacts.materialize(digest, join(folder, "opened")),
      (error) => error instanceof UserError && /no longer holds/.test(error.message),
    );
    assert.deepEqual(await filesUnder(join(folder, "opened")), []);

    assert.equal(await publish(store, folder, { ...FILES, "copy.txt": "hello" }), digest);
    assert.deepEqual(await store.artifacts.verify(digest), { ok: true, bytes: 16 });
  });
});

Deno.test("a manifest that was tampered with counts as missing", async () => {
  await withStore(async (store, folder) => {
    const digest = await publish(store, folder);
    const path = store.artifacts.pathOf(digest);
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, text.replace("data.parquet", "../../escape"));
    assert.equal(await store.artifacts.has(digest), false);
    assert.deepEqual(await store.artifacts.verify(digest), {
      ok: false,
      damaged: [],
      missing: [`${digest}.json`],
    });
    assert.equal(await publish(store, folder), digest);
    assert.equal(await store.artifacts.has(digest), true);
  });
});

Deno.test("publish() at once from two sides ends in one sound artifact", async () => {
  await withStore(async (store, folder) => {
    const trees = await Promise.all([1, 2, 3, 4].map(() => writeTree(folder, FILES)));
    const published = await Promise.all(
      trees.map((tree) => store.artifacts.publish(tree, { kind: "rows" })),
    );
    assert.equal(new Set(published.map(({ digest }) => digest)).size, 1);
    assert.deepEqual(await store.artifacts.verify(published[0]!.digest), { ok: true, bytes: 11 });
    assert.deepEqual(await filesUnder(store.layout.damaged), []);
  });
});
