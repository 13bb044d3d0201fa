import assert from "node:assert/strict";
import { join } from "node:path";
import { thisOwner } from "../../lib/store/mod.ts";
import { project } from "./project.ts";

Deno.test("a stage whose lock another process took over publishes nothing, and takes its result", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await using p = await project({
    "p.yaml": "name: slow\nstages:\n  s: { uses: make, with: { linger: 400 } }\n",
  });
  const locks = join(p.runs, "store/locks");
  const actions = join(p.runs, "store/actions");
  const running = p.temper(["run", "p.yaml"]);
  let name: string | undefined;
  for (let i = 0; i < 1000 && name === undefined; i++) {
    name = (await namesIn(locks)).find((file) => /^action-.*\.lock$/.test(file));
    await pause(10);
  }
  // A runner on another machine, which found that this one was silent for too long.
  const path = join(locks, name!);
  const other = { ...await thisOwner(), host: "another.example", boot: "another", lease: 600 };
  await Deno.writeTextFile(
    join(locks, ".other"),
    JSON.stringify({ ...other, name: name!.replace(/\.lock$/, ""), id: "other" }),
  );
  await Deno.rename(join(locks, ".other"), path);
  let ended = false;
  running.then(() => ended = true);
  const end = Date.now() + 4000;
  while (Date.now() < end) {
    await Deno.utime(path, new Date(), new Date());
    await pause(50);
  }
  assert.deepEqual([ended, await namesIn(actions)], [false, []], "it is the other's work now");

  // The other dies, too.
  const run = await running;
  assert.deepEqual([run.code, run.outcomes], [0, { s: "done" }]);
  assert.match(run.notes.join("\n"), /lock on this work was removed, or taken over/);
  assert.match(
    run.notes.join("\n"),
    /waiting for process \d+ on another\.example.*action-.*\.lock/,
  );
  assert.equal((await namesIn(actions)).length, 1);
  assert.deepEqual([await namesIn(locks), await namesIn(join(p.runs, "store/scratch"))], [[], []]);
});

async function namesIn(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder)).catch(() => []);
  return entries.map(({ name }) => name);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
