/**
 * Takes the lock "stage" again and again and logs when it is in and out: `RUNS LOG`. Every third
 * holding is left as a dead owner would leave it: one of before a reboot, or one on another machine.
 *
 * With `hold` and the length of a lease in milliseconds it takes the lock, a scratch folder and a
 * run, says so, and keeps them.
 */
import { openStore, thisOwner } from "../../lib/store/mod.ts";

const [runs = "", log = "", mode, lease] = Deno.args;
using store = openStore(runs, lease === undefined ? {} : { lease: Number(lease) });
if (mode === "hold") {
  await store.locks.acquire("stage");
  const { path } = await store.scratch.create();
  await store.runs.create({
    pipeline: "held",
    file: "/p.yaml",
    seed: 1,
    params: {},
    command: [],
    versions: {},
    device: null,
    stages: {},
  });
  console.log(`held ${path}`);
  await new Promise((resolve) => setTimeout(resolve, 120_000));
}
for (let i = 0; i < 15; i++) {
  const lock = await store.locks.acquire("stage");
  const line = `${Deno.pid} ${i}`;
  await Deno.writeTextFile(log, `in ${line}\n`, { append: true });
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
  await Deno.writeTextFile(log, `out ${line}\n`, { append: true });
  if (i % 3 !== 0) await lock.release();
  else {
    const dead = i % 2 === 0
      ? { start: "ticks 1 of boot 00000000" }
      : { host: "another.example", boot: "another", lease: 100 };
    const owner = { ...await thisOwner(), ...dead, name: "stage", i };
    await Deno.writeTextFile(`${lock.path}.${Deno.pid}`, JSON.stringify(owner));
    await Deno.rename(`${lock.path}.${Deno.pid}`, lock.path);
  }
}
Deno.exit(0);
