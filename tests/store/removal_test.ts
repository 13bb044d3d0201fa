/** What stages may leave behind, and how it goes: a process that removes it must not die of it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { removeAll, removeInTurn, settleRemovals } from "../../lib/store/disk/removal.ts";
import { sha256Hex } from "../../lib/store/mod.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { withStore } from "./folders.ts";

/** Makes folders in one another, so many that no path reaches the lowest: from below, under what is there. */
async function makeDeep(folder: string, depth: number): Promise<void> {
  const step = 1_000;
  let top = "";
  for (let made = 0; made < depth; made += step) {
    const name = `${folder}/c${made}`;
    const lowest = name + "/a".repeat(step);
    await Deno.mkdir(lowest, { recursive: true });
    await Deno.writeTextFile(`${lowest}/file`, "");
    if (top !== "") await Deno.rename(top, `${lowest}/b`);
    top = name;
  }
}

const isThere = (path: string): Promise<boolean> => Deno.lstat(path).then(() => true, () => false);

Deno.test("removeAll() takes away folders in one another, however many: Deno's own way ends the process", async () => {
  const folder = join(await temporaryDirectory(), "deep");
  await makeDeep(folder, 15_000);
  await removeAll(folder);
  assert.equal(await isThere(folder), false);
});

Deno.test("removeAll() takes away files, links, what is closed, and nothing that a link leads to", async () => {
  const dir = await temporaryDirectory();
  await Deno.mkdir(join(dir, "kept"));
  await Deno.writeTextFile(join(dir, "kept/file"), "kept");
  const folder = join(dir, "gone");
  await Deno.mkdir(join(folder, "a/b/c"), { recursive: true });
  await Deno.mkdir(join(folder, `${"d/".repeat(40)}e`), { recursive: true });
  await Deno.writeTextFile(join(folder, "a/b/file"), "");
  await Deno.symlink("../../kept", join(folder, "a/link"));
  await Deno.symlink("nowhere", join(folder, "a/b/dangling"));
  await Deno.chmod(join(folder, "a/b/c"), 0);
  await Deno.chmod(join(folder, "a/b"), 0o500);
  await Deno.chmod(join(folder, "a"), 0);
  await removeAll(folder);
  assert.equal(await isThere(folder), false);
  assert.equal(await Deno.readTextFile(join(dir, "kept/file")), "kept");
  await Deno.symlink("kept", join(dir, "link"));
  await removeAll(join(dir, "link"));
  await removeAll(join(dir, "kept/file"));
  assert.deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name), ["kept"]);
  await assert.rejects(removeAll(join(dir, "nothing")), Deno.errors.NotFound);
});

Deno.test("removeInTurn() waits a second at most; what it throws meanwhile is told, and later is nobody's", async () => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const began = performance.now();
  await removeInTurn(promise);
  const waited = performance.now() - began;
  assert.ok(waited > 900 && waited < 20_000, `${waited}`);
  setTimeout(resolve, 20);
  await settleRemovals(20_000);
  await assert.rejects(removeInTurn(Promise.reject(new Error("it broke"))), /it broke/);
  reject();
  const late = Promise.withResolvers<void>();
  await removeInTurn(late.promise);
  late.reject(new Error("nobody asks"));
  await settleRemovals(20_000);
});

Deno.test("a resume folder is out of the way at once, and what a kill left of it is swept", async () => {
  await withStore(async ({ resume, layout, sweep }) => {
    const key = sha256Hex("a");
    await makeDeep(await resume.open(key), 3_000);
    await resume.open(key, { fresh: true });
    assert.deepEqual([...Deno.readDirSync(join(layout.resume, key))], []);
    await resume.remove(key);
    await settleRemovals(20_000);
    await Deno.mkdir(join(layout.resume, `${key}~${crypto.randomUUID()}`));
    await Deno.mkdir(join(layout.resume, "of a person~1"));
    await sweep();
    assert.deepEqual([...Deno.readDirSync(layout.resume)].map(({ name }) => name), [
      "of a person~1",
    ]);
  });
});

Deno.test("sweep() passes over a resume folder of very many files", async () => {
  await withStore(async ({ resume, layout, sweep }) => {
    const path = await resume.open(sha256Hex("a"));
    // Their times, handed on as the arguments of a call, were too many for it.
    for (let i = 0; i < 140_000; i++) Deno.writeTextFileSync(`${path}/${i}`, "");
    await sweep();
    assert.ok(await isThere(join(layout.resume, sha256Hex("a"))));
    await resume.remove(sha256Hex("a"));
    await settleRemovals(60_000);
  });
});
