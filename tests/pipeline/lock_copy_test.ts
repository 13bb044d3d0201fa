import assert from "node:assert/strict";
import { dirname } from "node:path";
import { withLockCopy } from "../../lib/pipeline/sandbox/lock_copy.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const isThere = (path: string): Promise<boolean> => Deno.stat(path).then(() => true, () => false);

Deno.test("withLockCopy() gives a copy that may be written to and is gone afterwards", async () => {
  const project = await temporaryDirectory();
  await Deno.writeTextFile(`${project}/deno.lock`, "{}");
  const copy = await withLockCopy(project, async (flag) => {
    const path = /^--lock=(.*)$/.exec(flag)![1]!;
    assert.equal(await Deno.readTextFile(path), "{}");
    await Deno.writeTextFile(path, "changed");
    return path;
  });
  assert.equal(await Deno.readTextFile(`${project}/deno.lock`), "{}");
  assert.equal(await isThere(dirname(copy)), false);
  assert.equal(
    await withLockCopy(await temporaryDirectory(), (flag) => Promise.resolve(flag)),
    "--no-lock",
  );
});

Deno.test("withLockCopy() removes the copy after an error, and what a kill left a day ago", async () => {
  const project = await temporaryDirectory();
  await Deno.writeTextFile(`${project}/deno.lock`, "{}");
  const [old, fresh] = [
    await temporaryDirectory({ prefix: "temper-lock-" }),
    await temporaryDirectory({ prefix: "temper-lock-" }),
  ];
  const yesterday = new Date(Date.now() - 25 * 3600 * 1000);
  await Deno.utime(old, yesterday, yesterday);
  let copy = "";
  await assert.rejects(
    withLockCopy(project, (flag) => {
      copy = dirname(flag.slice("--lock=".length));
      return Promise.reject(new Error("it broke"));
    }),
    /it broke/,
  );
  assert.deepEqual(await Promise.all([copy, old, fresh].map(isThere)), [false, false, true]);
});
