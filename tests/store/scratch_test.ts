import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { thisOwner } from "../../lib/store/mod.ts";
import { filesUnder, withStore } from "./folders.ts";

Deno.test("create() makes an empty folder of its own that dispose() removes", async () => {
  await withStore(async ({ scratch, layout }) => {
    const one = await scratch.create();
    const two = await scratch.create();
    assert.notEqual(one.path, two.path);
    assert.deepEqual([...Deno.readDirSync(one.path)], []);
    await Deno.writeTextFile(join(one.path, "f"), "x");
    await one.dispose();
    assert.deepEqual(await filesUnder(layout.scratch), [`${basename(two.path)}.json`]);
    await two.dispose();
    await two.dispose();
    assert.deepEqual([...Deno.readDirSync(layout.scratch)], []);
  });
});

Deno.test("sweep() removes what dead processes left and nothing else", async () => {
  await withStore(async ({ scratch, layout }) => {
    await using living = await scratch.create();
    const dead = await scratch.create();
    const far = await scratch.create();
    await Deno.writeTextFile(join(dead.path, "f"), "x");
    const self = await thisOwner();
    const reused = { ...self, start: self.start.replace(/\d+/, "1") };
    await Deno.writeTextFile(`${dead.path}.json`, JSON.stringify(reused));
    await Deno.writeTextFile(
      `${far.path}.json`,
      JSON.stringify({ pid: reused.pid, start: reused.start, host: "far.example" }),
    );
    const orphan = join(layout.scratch, "orphan");
    const young = join(layout.scratch, "young");
    await Deno.mkdir(orphan);
    await Deno.mkdir(young);
    const temporary = join(layout.temporary, ".blob.tmp");
    await Deno.writeTextFile(temporary, "half a blob");
    const old = new Date(Date.now() - 25 * 3600 * 1000);
    await Deno.utime(orphan, old, old);
    await Deno.utime(temporary, old, old);

    await scratch.sweep();
    const names = [...Deno.readDirSync(layout.scratch)].map((entry) => entry.name).sort();
    const kept = [living.path, far.path].map((path) => basename(path));
    assert.deepEqual(names, [...kept, ...kept.map((name) => `${name}.json`), "young"].sort());
    assert.deepEqual(await filesUnder(layout.temporary), []);
  });
});
