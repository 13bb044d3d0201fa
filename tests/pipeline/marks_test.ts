/** Marks of what is read in place: whatever was moved and moved back is seen, and work nearby is none of it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Marks } from "../../lib/pipeline/key/marks.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** `work/data/a.txt`, to which `link` leads as `link/data`. */
async function scene(): Promise<{ readonly folder: string; readonly marks: () => Marks }> {
  const folder = await temporaryDirectory();
  await Deno.mkdir(join(folder, "work/data"), { recursive: true });
  await Deno.writeTextFile(join(folder, "work/data/a.txt"), "a");
  await Deno.symlink(join(folder, "work"), join(folder, "link"));
  await Deno.mkdir(join(folder, "other/data"), { recursive: true });
  // Deno tells times of change in whole seconds.
  await pause(1100);
  const marks = (): Marks => {
    const made = new Marks();
    made.addWayTo(join(folder, "link/data"));
    made.add(join(folder, "work/data"));
    made.add(join(folder, "work/data/a.txt"));
    return made;
  };
  return { folder, marks };
}

const CHANGES: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  "work/data/a.txt": async (folder) => {
    await Deno.writeTextFile(join(folder, "work/data/a.txt"), "b");
    await Deno.writeTextFile(join(folder, "work/data/a.txt"), "a");
  },
  "work/data": async (folder) => {
    await Deno.rename(join(folder, "work/data"), join(folder, "work/aside"));
    await Deno.rename(join(folder, "other/data"), join(folder, "work/data"));
    await Deno.rename(join(folder, "work/data"), join(folder, "other/data"));
    await Deno.rename(join(folder, "work/aside"), join(folder, "work/data"));
  },
  "work": async (folder) => {
    await Deno.rename(join(folder, "work"), join(folder, "aside"));
    await Deno.rename(join(folder, "other"), join(folder, "work"));
    await Deno.rename(join(folder, "work"), join(folder, "other"));
    await Deno.rename(join(folder, "aside"), join(folder, "work"));
  },
  "link": async (folder) => {
    for (const target of ["other", "work"]) {
      await Deno.remove(join(folder, "link"));
      await Deno.symlink(join(folder, target), join(folder, "link"));
    }
  },
};

for (const [path, change] of Object.entries(CHANGES)) {
  Deno.test(`marks tell that ${path} was another for a moment`, async () => {
    const { folder, marks } = await scene();
    const before = marks();
    assert.equal(marks().changedSince(before), undefined);
    await change(folder);
    assert.equal(marks().changedSince(before), join(folder, path));
  });
}

Deno.test("marks allow work in the folders above, and in folders that hold the work", async () => {
  const { folder, marks } = await scene();
  const before = marks();
  await Deno.writeTextFile(join(folder, "work/notes.txt"), "a note");
  assert.equal(marks().changedSince(before), undefined);
  await Deno.writeTextFile(join(folder, "work/data/b.txt"), "another");
  assert.equal(marks().changedSince(before), join(folder, "work/data"));
  before.allowWorkIn(join(folder, "work/data"));
  assert.equal(marks().changedSince(before), undefined);
});
