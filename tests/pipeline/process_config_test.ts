import assert from "node:assert/strict";
import { join } from "node:path";
import { withProcessFolder, writeConfig } from "../../lib/pipeline/code/process_config.ts";
import { fileUrl } from "../../lib/base/paths.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const isThere = (path: string): Promise<boolean> => Deno.stat(path).then(() => true, () => false);

async function projectWith(lock?: string): Promise<string> {
  const project = await temporaryDirectory();
  const config = {
    imports: { temper: "./lib/mod.ts", zod: "npm:zod@4.6.7" },
    allowScripts: { deny: ["npm:a"] },
  };
  await Deno.writeTextFile(`${project}/deno.json`, JSON.stringify(config));
  if (lock !== undefined) await Deno.writeTextFile(`${project}/deno.lock`, lock);
  return project;
}

Deno.test("writeConfig() keeps the project's import map and its word on install scripts", async () => {
  const project = await projectWith();
  const folder = await temporaryDirectory();
  const args = await writeConfig(folder, { project, grants: { read: ["/a, b"] } });
  assert.deepEqual(args, ["--config", join(folder, "deno.json")]);
  const written = JSON.parse(await Deno.readTextFile(join(folder, "deno.json")));
  assert.deepEqual(written.imports, {
    temper: fileUrl(`${project}/lib/mod.ts`),
    zod: "npm:zod@4.6.7",
  });
  assert.deepEqual(written.allowScripts, { deny: ["npm:a"] });
  assert.deepEqual(written.permissions, { stage: { read: ["/a, b"] } });
  assert.equal(await isThere(`${folder}/deno.lock`), false);
});

Deno.test("writeConfig() gives a copy of the lock that may be written to and is gone afterwards", async () => {
  const project = await projectWith("{}");
  const copy = await withProcessFolder(async (folder) => {
    await writeConfig(folder, { project });
    assert.equal(await Deno.readTextFile(`${folder}/deno.lock`), "{}");
    await Deno.writeTextFile(`${folder}/deno.lock`, "changed");
    return folder;
  });
  assert.equal(await Deno.readTextFile(`${project}/deno.lock`), "{}");
  assert.equal(await isThere(copy), false);
});

Deno.test("withProcessFolder() removes the folder after an error, and what a kill left a day ago", async () => {
  const [old, fresh] = [
    await temporaryDirectory({ prefix: "temper-process-" }),
    await temporaryDirectory({ prefix: "temper-process-" }),
  ];
  const yesterday = new Date(Date.now() - 25 * 3600 * 1000);
  await Deno.utime(old, yesterday, yesterday);
  let copy = "";
  await assert.rejects(
    withProcessFolder((folder) => {
      copy = folder;
      return Promise.reject(new Error("it broke"));
    }),
    /it broke/,
  );
  assert.deepEqual(await Promise.all([copy, old, fresh].map(isThere)), [false, false, true]);
});

Deno.test("withProcessFolder() leaves the folders of others where the clock was set forward", async () => {
  const fresh = await temporaryDirectory({ prefix: "temper-process-" });
  const { now } = Date;
  Date.now = (): number => now() + 48 * 3600 * 1000;
  try {
    await withProcessFolder(() => Promise.resolve());
  } finally {
    Date.now = now;
  }
  assert.equal(await isThere(fresh), true);
});

Deno.test("a full folder for temporary files is told in words", async () => {
  const full = Object.assign(new Error("No space left on device (os error 28)"), {
    code: "ENOSPC",
  });
  const { makeTempDir: make, writeTextFile: write } = Deno;
  const told = { name: "UserError", message: /^cannot .*: the disk is full/ };
  try {
    Deno.makeTempDir = () => Promise.reject(full);
    await assert.rejects(withProcessFolder(() => Promise.resolve()), told);
    Deno.makeTempDir = make;
    const project = await projectWith();
    Deno.writeTextFile = () => Promise.reject(full);
    await assert.rejects(withProcessFolder((folder) => writeConfig(folder, { project })), told);
  } finally {
    Deno.makeTempDir = make;
    Deno.writeTextFile = write;
  }
});
