/**
 * Takes the lock "stage" again and again and logs when it is in and out: `RUNS LOG`; with `hold` it
 * takes it once and keeps it. Every third holding is left as a dead owner would leave it.
 */
import { openStore, thisOwner } from "../../lib/store/mod.ts";

const [runs = "", log = "", mode] = Deno.args;
using store = openStore(runs);
if (mode === "hold") {
  await store.locks.acquire("stage");
  console.log("held");
  await new Promise((resolve) => setTimeout(resolve, 60_000));
}
for (let i = 0; i < 15; i++) {
  const lock = await store.locks.acquire("stage");
  const line = `${Deno.pid} ${i}`;
  await Deno.writeTextFile(log, `in ${line}\n`, { append: true });
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
  await Deno.writeTextFile(log, `out ${line}\n`, { append: true });
  if (i % 3 !== 0) await lock.release();
  else {
    const owner = { ...await thisOwner(), start: "ticks 1 of boot 00000000", name: "stage" };
    await Deno.writeTextFile(`${lock.path}.${Deno.pid}`, JSON.stringify({ ...owner, i }));
    await Deno.rename(`${lock.path}.${Deno.pid}`, lock.path);
  }
}
