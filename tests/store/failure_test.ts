import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../lib/base/errors.ts";
import { ensureFolder } from "../../lib/store/disk/durable.ts";
import { guarded, openStore, storeFailure } from "../../lib/store/mod.ts";
import { safeName } from "../../lib/store/mod.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { withStore, writeTree } from "./folders.ts";

Deno.test("storeFailure() tells what the machine lacks and what helps", () => {
  const cases: [code: string, message: RegExp][] = [
    ["ENOSPC", /cannot store rows \(\/s\): the disk is full; free some space/],
    ["EDQUOT", /quota/],
    ["EROFS", /read-only; remount/],
    ["EACCES", /permission denied; check who owns/],
    ["EPERM", /permission denied/],
    ["EMFILE", /too many open files; .*--jobs 1/],
    ["ENAMETOOLONG", /too long/],
    ["ENOTDIR", /a file stands where a folder is needed/],
    ["EIO", /check the disk/],
  ];
  for (const [code, message] of cases) {
    const cause = Object.assign(new Error("os error"), { code });
    const failure = storeFailure(cause, { doing: "store rows", path: "/s" });
    assert.ok(failure instanceof UserError);
    assert.match(failure.message, message);
    assert.equal(failure.parts.cause, cause);
  }
});

Deno.test("storeFailure() leaves bugs and finished errors as they are", () => {
  const own = new UserError({ what: "known" });
  const bug = new TypeError("x is not a function");
  const missing = Object.assign(new Error("gone"), { code: "ENOENT" });
  for (const error of [own, bug, missing, "text", undefined]) {
    assert.equal(storeFailure(error, { doing: "store rows", path: "/s" }), error);
  }
});

Deno.test("a store below a file is refused with a remedy, whatever is asked of it", async () => {
  await withStore(async (_store, folder) => {
    const root = await writeTree(folder, { "in/the_way": "", data: "x" });
    using store = openStore(join(root, "in/the_way/runs"));
    const expected = (error: unknown): boolean =>
      error instanceof UserError && /a file stands where a folder is needed/.test(error.message);
    await assert.rejects(store.artifacts.publish(root, { kind: "rows" }), expected);
    await assert.rejects(store.locks.acquire("stage"), expected);
    await assert.rejects(store.scratch.create(), expected);
    assert.deepEqual(await store.runs.list(), []);
    assert.equal(await store.artifacts.has("0".repeat(64)), false);
    await store.sweep();
  });
});

Deno.test("safeName() is different for different names and never climbs", () => {
  const names = ["a", "A b", "a/b", "a~2Fb", "..", ".", "", "ä", "a:b", "x".repeat(300)];
  names.push(`${"x".repeat(299)}y`, "tuned@a=1,b=2", "%", "~");
  const safe = names.map(safeName);
  assert.equal(new Set(safe).size, names.length);
  for (const name of safe) assert.match(name, /^[A-Za-z0-9_@=,+~-][A-Za-z0-9._@=,+~-]{0,119}$/);
  assert.equal(safeName("tuned@learning_rate=1e-5"), "tuned@learning_rate=1e-5");
});

Deno.test({
  name: "a link that leads nowhere, or to itself, is told in words",
  ignore: Deno.build.os === "windows",
  async fn(): Promise<void> {
    const folder = await temporaryDirectory();
    await Deno.symlink(`${folder}/gone`, `${folder}/runs`);
    await Deno.symlink(`${folder}/loop`, `${folder}/loop`);
    await assert.rejects(ensureFolder(`${folder}/runs`), {
      name: "UserError",
      message: /runs is a link that leads nowhere/,
    });
    const attempt = { doing: "make a folder", path: `${folder}/loop` };
    await assert.rejects(guarded(attempt, () => ensureFolder(`${folder}/loop/a`)), {
      name: "UserError",
      message: /a link leads back to itself/,
    });
  },
});
