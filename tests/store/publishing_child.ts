/** Publishes artifacts one after the other until it is killed: `publishing_child.ts RUNS SEED`. */
import { join } from "node:path";
import { canonicalDigest, openStore } from "../../lib/store/mod.ts";

const [runs = "", seed = "0"] = Deno.args;
using store = openStore(runs);
for (let round = 0; round < 25; round++) {
  const components = { seed: Number(seed), round };
  const key = canonicalDigest(components);
  const lock = await store.locks.acquire(key);
  const scratch = await store.scratch.create();
  // Two sizes, one file that every round shares, one in a folder.
  await Deno.writeFile(join(scratch.path, "large.bin"), new Uint8Array(400_000).fill(round + 1));
  await Deno.mkdir(join(scratch.path, "deep"));
  await Deno.writeTextFile(join(scratch.path, "deep/round.txt"), `${seed} ${round}`);
  await Deno.writeTextFile(join(scratch.path, "shared.txt"), "the same in every round");
  if (round === 0) console.log("publishing");
  const { digest } = await store.artifacts.publish(scratch.path, { kind: "rows" });
  await store.actions.write({
    key,
    components,
    artifact: digest,
    stage: "round",
    started: new Date().toISOString(),
    seconds: 0,
    summary: [],
    versions: {},
    device: null,
  });
  await store.artifacts.materialize(digest, join(runs, "opened", String(round)));
  await scratch.dispose();
  await lock.release();
}
