import assert from "node:assert/strict";
import { join } from "node:path";
import { isUsed, markUse, thisOwner } from "../../lib/store/mod.ts";
import { processFacts } from "../../lib/store/locks/system.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

Deno.test("isUsed() counts the marks of the living, however old they are, and removes the others", async () => {
  const folder = await temporaryDirectory();
  assert.equal(await isUsed(folder), false);
  const own = await markUse(folder);
  assert.ok(own !== undefined);
  assert.equal(await isUsed(folder), true);
  assert.equal(await isUsed(folder, own), false);
  await own[Symbol.asyncDispose]();
  assert.deepEqual([...Deno.readDirSync(folder)], []);

  // The process that started this one.
  const other = { ...await thisOwner(), ...await processFacts(Deno.ppid), pid: Deno.ppid };
  const path = join(folder, ".use-other.json");
  await Deno.writeTextFile(path, JSON.stringify({ ...other, lease: 60_000 }));
  await Deno.utime(path, 0, 0);
  assert.equal(await isUsed(folder), true);
  const dead = { ...other, start: other.start.replace(/\d+/, "1"), lease: 60_000 };
  await Deno.writeTextFile(path, JSON.stringify(dead));
  assert.equal(await isUsed(folder), false);
  assert.deepEqual([...Deno.readDirSync(folder)], []);
});
