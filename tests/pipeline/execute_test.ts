import assert from "node:assert/strict";
import { join } from "node:path";
import { thisOwner } from "../../lib/store/mod.ts";
import { project } from "./project.ts";

const CHAIN = `name: chain
params: { text: abc, first: true }
stages:
  a: { uses: make, with: { text: "\${{ params.text }}" } }
  b: { uses: join, inputs: { data: [a] }, with: { first: "\${{ params.first }}" } }
  c: { uses: join, inputs: { data: [b] } }
`;

Deno.test("run computes once, then takes every result from the store", async () => {
  await using p = await project({ "p.yaml": CHAIN });
  const first = await p.temper(["run", "p.yaml"]);
  assert.equal(first.code, 0, first.err);
  assert.deepEqual(first.outcomes, { a: "done", b: "done", c: "done" });
  assert.deepEqual(first.reasons.a, ["never ran before"]);
  assert.equal(await p.result("c"), "a");

  const second = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(second.outcomes, { a: "cached", b: "cached", c: "cached" });
  const ended = second.events.find((event) => event.type === "stage_end" && event.stage === "a");
  assert.ok(ended?.type === "stage_end");
  assert.deepEqual(ended.summary, [{ type: "figure", label: "length", value: 3 }]);
  assert.equal(await p.result("c"), "a", "a cached run has its artifacts, too");

  const record = JSON.parse(await Deno.readTextFile(join(p.runs, "latest/run.json")));
  assert.equal(record.status, "done");
  assert.equal(record.stages.c.status, "cached");
  assert.match(record.stages.c.key, /^[0-9a-f]{64}$/);
});

Deno.test("a run that finds all cached sweeps what a dead one left", async () => {
  await using p = await project({ "p.yaml": CHAIN });
  assert.equal((await p.temper(["run", "p.yaml"])).code, 0);
  // The start of another process with this number: the one that is meant has died.
  const dead = { ...await thisOwner(), start: "ticks 1 of boot 00000000" };
  const [lock, scratch] = [`${p.runs}/store/locks/old.lock`, `${p.runs}/store/scratch/old`];
  await Deno.writeTextFile(lock, JSON.stringify({ ...dead, name: "old" }));
  await Deno.writeTextFile(`${scratch}.json`, JSON.stringify(dead));
  await Deno.mkdir(scratch);
  const second = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(second.outcomes, { a: "cached", b: "cached", c: "cached" });
  for (const path of [lock, scratch, `${scratch}.json`]) {
    await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
  }
});

Deno.test("run stops where a rerun stage puts out what it did before", async () => {
  await using p = await project({ "p.yaml": CHAIN });
  await p.temper(["run", "p.yaml"]);
  const changed = await p.temper(["run", "p.yaml", "-p", "text=axyz"]);
  assert.deepEqual(changed.outcomes, { a: "done", b: "done", c: "cached" });
  assert.deepEqual(changed.reasons, {
    a: ['option text changed: "abc" -> "axyz"'],
    b: ["input data changed (from stage a)"],
  });
  const back = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(back.outcomes, { a: "cached", b: "cached", c: "cached" });
});

Deno.test("run names every reason: code, options, seed", async () => {
  await using p = await project({ "p.yaml": CHAIN });
  await p.temper(["run", "p.yaml", "--only", "a"]);
  await p.write("make.ts", (await Deno.readTextFile(join(p.folder, "make.ts"))) + "// changed\n");
  await p.write("p.yaml", CHAIN.replace("name: chain", "name: chain\nseed: 7"));
  const { reasons } = await p.temper(["run", "p.yaml", "--only", "a", "-p", "text=x"]);
  assert.deepEqual(reasons.a, [
    "code changed: ./make.ts",
    'option text changed: "abc" -> "x"',
    "seed changed: 42 -> 7",
  ]);
});

Deno.test("a failed stage blocks only what depends on it", async () => {
  await using p = await project({
    "p.yaml": `name: fail
params: { what: throw }
stages:
  bad: { uses: make, with: { what: "\${{ params.what }}" } }
  after: { uses: join, inputs: { data: [bad, good] } }
  last: { uses: join, inputs: { data: [after] } }
  good: { uses: make }
  fine: { uses: join, inputs: { data: [good] } }
`,
  });
  const run = await p.temper(["run", "p.yaml"]);
  assert.equal(run.code, 1);
  assert.deepEqual(run.outcomes, {
    bad: "failed",
    after: "blocked",
    last: "blocked",
    good: "done",
    fine: "done",
  });
  assert.match(run.failures.bad!.what, /stage "bad" failed: Error: it broke/);
  const blocked = run.events.find((e) => e.type === "stage_end" && e.stage === "last");
  assert.ok(blocked?.type === "stage_end");
  assert.deepEqual(blocked.blocked_by, ["bad"]);
  const log = await Deno.readTextFile(join(p.runs, "latest/logs/bad.log"));
  assert.match(log, /made with seed 42/);
  assert.match(log, /Error: it broke\n\s+at /, "the stack is in the log");
  const record = JSON.parse(await Deno.readTextFile(join(p.runs, "latest/run.json")));
  assert.equal(record.status, "failed");
  assert.match(record.stages.bad.error, /it broke/);

  const again = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(again.reasons.bad, ["it failed last time"]);
  const mended = await p.temper(["run", "p.yaml", "-p", "what=write"]);
  assert.equal(mended.code, 0);
  assert.deepEqual(mended.outcomes.good, "cached");
});

Deno.test("a stage's failure says what happened, whatever happened", async () => {
  const kinds = ["user", "nothing", "wrong", "exit", "die", "full"];
  const stages = kinds.map((what) => `  ${what}: { uses: make, with: { what: ${what} } }`);
  const slow = "  slow: { uses: make, with: { linger: 20000 }, timeout: 0.4 }";
  await using p = await project({
    "p.yaml": `name: fail\nstages:\n${[...stages, slow].join("\n")}\n`,
  });
  const { code, failures } = await p.temper(["run", "p.yaml", "--jobs", "8"]);
  assert.equal(code, 1);
  assert.equal(failures.user!.what, "the text is bad");
  assert.equal(failures.user!.remedy, "write a better one");
  assert.match(failures.nothing!.what, /stage "nothing" ended well and wrote nothing/);
  assert.match(failures.wrong!.what, /wrote no generations\.jsonl/);
  assert.match(failures.wrong!.requirement!, /the folder has other\.txt/);
  assert.match(failures.exit!.what, /ended its process before run\(\) was done/);
  assert.match(failures.die!.what, /died with exit code 7/);
  assert.deepEqual(failures.die!.lastLines, ["made with seed 42", "last words"]);
  const store = join(p.runs, "store");
  assert.equal(
    failures.full!.what,
    `cannot write what stage "full" makes (${store}): the disk is full`,
  );
  assert.match(failures.full!.requirement!, /^\d+\.\d MB are free in .*runs\/store$/);
  assert.match(failures.full!.remedy!, /free some space and run again: finished stages are kept/);
  assert.match(failures.slow!.what, /stopped after its time limit of 0\.4 s/);
});

Deno.test("independent stages run side by side, no more than --jobs", async () => {
  const stages = [1, 2, 3].map((i) =>
    `  s${i}: { uses: make, with: { text: t${i}, linger: 250 } }`
  );
  await using p = await project({ "p.yaml": `name: wide\nstages:\n${stages.join("\n")}\n` });
  const most = async (jobs: string): Promise<number> => {
    const force = ["s1", "s2", "s3"].flatMap((stage) => ["--force", stage]);
    await p.temper(["run", "p.yaml", "--jobs", jobs, ...force]);
    const record = JSON.parse(await Deno.readTextFile(join(p.runs, "latest/run.json")));
    const spans = Object.values<{ started: string; seconds: number }>(record.stages)
      .map(({ started, seconds }) => [Date.parse(started), Date.parse(started) + 1000 * seconds]);
    return Math.max(...spans.map(([at]) => spans.filter(([a, b]) => a! <= at! && at! < b!).length));
  };
  assert.equal(await most("3"), 3);
  assert.equal(await most("1"), 1);
});

Deno.test("stages that compute share the cores and have the device in their key", async () => {
  await using p = await project({
    "p.yaml": `name: compute
stages:
  one: { uses: compute }
  two: { uses: compute, inputs: { data: [one] }, with: { name: two } }
  three: { uses: compute, inputs: { data: [one] }, with: { name: three } }
`,
  });
  const first = await p.temper(["run", "p.yaml", "--jobs", "2", "--device", "cpu"]);
  assert.equal(first.code, 0, JSON.stringify(first.failures));
  const cores = navigator.hardwareConcurrency;
  const read = async (stage: string) => JSON.parse(await p.result(stage));
  assert.equal((await read("one")).threads, cores);
  assert.equal((await read("two")).threads, Math.max(1, Math.floor(cores / 2)));
  assert.equal((await read("one")).device, "cpu");
  const start = first.events.find((event) => event.type === "stage_start");
  assert.ok(start?.type === "stage_start");
  assert.equal(start.device, "cpu");
  assert.equal(start.device_why, "cpu was asked for");

  const auto = await p.temper(["run", "p.yaml", "--only", "one"]);
  assert.deepEqual(auto.reasons.one, ["device changed: cpu -> wasm"]);
  let asked = 0;
  const engines = {
    choose: () => Promise.resolve({ device: "cpu" as const, why: `asked ${++asked} times` }),
    needs: () => Promise.resolve({ read: [], ffi: [], environment: {} }),
    threadModules: [],
  };
  const again = await p.temper(["run", "p.yaml", "--only", "one"], { context: { engines } });
  assert.deepEqual(again.outcomes, { one: "cached" });
  assert.equal(asked, 0, "what auto came to is remembered");
});

Deno.test("a damaged input is set aside, named and made again, then its reader runs", async () => {
  await using p = await project({ "p.yaml": CHAIN });
  await p.temper(["run", "p.yaml"]);
  const { artifact } =
    JSON.parse(await Deno.readTextFile(join(p.runs, "latest/run.json"))).stages.a;
  const manifest = JSON.parse(
    await Deno.readTextFile(join(p.runs, `store/artifacts/${artifact}.json`)),
  );
  const { digest } = manifest.files[0];
  const blob = join(p.runs, "store/blobs", digest.slice(0, 2), digest);
  const { atime, mtime } = await Deno.stat(blob);
  await Deno.chmod(blob, 0o644);
  await Deno.writeTextFile(blob, "zzz");
  // A failing disk leaves no later time, as an editor does.
  await Deno.utime(blob, atime!, mtime!);

  const run = await p.temper(["run", "p.yaml", "--force", "b"]);
  assert.equal(run.code, 0, JSON.stringify(run.failures));
  assert.ok(
    run.notes.some((note) => note.includes(digest.slice(0, 12)) && note.includes("set aside")),
    run.notes.join("\n"),
  );
  assert.match(run.reasons.a![0]!, /its result was edited .*blob/);
  assert.deepEqual(run.outcomes, { a: "done", b: "done", c: "cached" });
  assert.equal(await Deno.readTextFile(blob), "abc");
  assert.equal(await p.result("c"), "a");
});

Deno.test("a result of which a blob is gone is made again", async () => {
  await using p = await project({ "p.yaml": CHAIN });
  await p.temper(["run", "p.yaml"]);
  for await (const entry of Deno.readDir(join(p.runs, "store/blobs"))) {
    await Deno.remove(join(p.runs, "store/blobs", entry.name), { recursive: true });
  }
  const run = await p.temper(["run", "p.yaml"]);
  assert.equal(run.code, 0);
  assert.match(run.reasons.b![0]!, /its result is gone \(generations\.jsonl, blob [0-9a-f]{12}\)/);
  assert.equal(await p.result("c"), "a");
});

Deno.test("a stage whose record is gone is not said to have never run", async () => {
  await using p = await project({ "p.yaml": CHAIN });
  assert.equal((await p.temper(["run", "p.yaml"])).code, 0);
  await Deno.remove(join(p.runs, "store/actions"), { recursive: true });
  const again = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(again.reasons.a, ["the record of its result is gone"]);
});

Deno.test("two runs at once do the same work once", async () => {
  await using p = await project({
    "p.yaml": "name: same\nstages:\n  slow: { uses: make, with: { linger: 700 } }\n",
  });
  const [one, two] = await Promise.all([p.temper(["run", "p.yaml"]), p.temper(["run", "p.yaml"])]);
  assert.deepEqual([one.code, two.code], [0, 0]);
  assert.deepEqual([one.outcomes.slow, two.outcomes.slow].sort(), ["cached", "done"]);
  assert.ok([...one.notes, ...two.notes].some((note) => /waiting for process \d+/.test(note)));
});

Deno.test("two stages of one pipeline that do the same work do it once", async () => {
  await using p = await project({
    "p.yaml": "name: twins\nstages:\n  a: { uses: make }\n  b: { uses: make }\n",
  });
  const { outcomes } = await p.temper(["run", "p.yaml", "--jobs", "2"]);
  assert.deepEqual(Object.values(outcomes).sort(), ["cached", "done"]);
});

Deno.test("a stage that declares a cache finds there what it left, and --offline is passed on", async () => {
  await using p = await project({
    "keeps.ts": `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Counts its runs.",
  inputs: {},
  output: "texts",
  cache: true,
  options: z.object({}),
  async run({ cache, offline, output }) {
    const path = cache.path + "/count";
    const count = Number(await Deno.readTextFile(path).catch(() => "0")) + 1;
    await Deno.writeTextFile(path, String(count));
    await Deno.writeTextFile(output.path + "/generations.jsonl", count + (offline ? " offline" : ""));
  },
});
`,
    "p.yaml": "name: cache\nstages:\n  s: { uses: ./keeps.ts }\n",
  });
  assert.equal((await p.temper(["run", "p.yaml"])).code, 0);
  assert.equal(await p.result("s"), "1");
  await p.temper(["run", "p.yaml", "--force", "s", "--offline"]);
  assert.equal(await p.result("s"), "2 offline");
});

/** Counts its attempts in its folder, and fails as often as it is told to. */
const RESUMES = `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Counts its attempts.",
  inputs: {},
  output: "texts",
  resumable: true,
  options: z.object({ fail: z.number().default(0), text: z.string().default("") }),
  async run({ resume, options, output }) {
    const path = resume.path + "/count";
    const count = Number(await Deno.readTextFile(path).catch(() => "0")) + 1;
    await Deno.writeTextFile(path, String(count));
    if (count <= options.fail) throw new Error("attempt " + count + " fails");
    await Deno.writeTextFile(output.path + "/generations.jsonl", options.text + count);
  },
});
`;

Deno.test("a resumable stage finds what its failed attempt left, until its result is there", async () => {
  await using p = await project({
    "resumes.ts": RESUMES,
    "p.yaml": "name: p\nparams: { text: a }\nstages:\n" +
      '  s: { uses: ./resumes.ts, with: { fail: 2, text: "${{ params.text }}" } }\n',
  });
  const kept = async (): Promise<number> =>
    (await Array.fromAsync(Deno.readDir(join(p.runs, "store/resume")))).length;
  assert.equal((await p.temper(["run", "p.yaml"])).code, 1);
  const other = await p.temper(["run", "p.yaml", "-p", "text=b"]);
  assert.match(other.failures.s!.what, /attempt 1 fails/, "another key has another folder");
  assert.match((await p.temper(["run", "p.yaml"])).failures.s!.what, /attempt 2 fails/);
  assert.equal(await kept(), 2);
  assert.equal((await p.temper(["run", "p.yaml"])).code, 0);
  assert.equal(await p.result("s"), "a3");
  assert.equal(await kept(), 1, "it goes with the result, and the other's stays");
  const forced = await p.temper(["run", "p.yaml", "-p", "text=b", "--force", "s"]);
  assert.match(forced.failures.s!.what, /attempt 1 fails/, "--force begins at the beginning");
});

Deno.test("a stage that is not resumable has no such folder, and none may touch another's", async () => {
  const thief = RESUMES.replace("resumable: true,", "").replace(
    'resume.path + "/count"',
    'options.text + "/count"',
  ).replace('Deno.readTextFile(path).catch(() => "0")', '"0"');
  await using p = await project({
    "thief.ts": thief,
    "p.yaml": "name: p\nparams: { text: a }\nstages:\n" +
      '  s: { uses: ./thief.ts, with: { text: "${{ params.text }}" } }\n',
  });
  const folder = join(p.runs, "store/resume", "0".repeat(64));
  await Deno.mkdir(folder, { recursive: true });
  const { failures } = await p.temper(["run", "p.yaml", "-p", `text=${folder}`]);
  assert.match(failures.s!.what, /denied \(permission: write\)/);
  assert.deepEqual([...Deno.readDirSync(folder)], []);
});

Deno.test("the seed reaches the stages", async () => {
  await using p = await project({
    "p.yaml": "name: seed\nseed: 7\nstages:\n  a: { uses: make }\n",
  });
  await p.temper(["run", "p.yaml"]);
  assert.equal(
    await Deno.readTextFile(join(p.runs, "latest/logs/a.log")),
    "made with seed 7\n",
  );
});

Deno.test("a time limit holds for what is stored, too: a file of holes has no end", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using p = await project({
    "holes.ts": `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Writes holes.", inputs: {}, output: "texts", options: z.object({}),
  async run({ output }) {
    await Deno.writeTextFile(output.path + "/generations.jsonl", "");
    await Deno.truncate(output.path + "/generations.jsonl", 2 ** 42);
  },
});`,
    "p.yaml": "name: p\nstages: { holes: { uses: ./holes.ts, timeout: 5 } }\n",
  });
  const run = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(run.outcomes, { holes: "failed" });
  assert.match(run.failures.holes!.what, /stopped after its time limit of 5 s/);
});
