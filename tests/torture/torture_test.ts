/**
 * Each part of `deno task torture`, short; the command itself, tiny; and that no call by which a runner
 * writes goes past the faults.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { filesBelow } from "../architecture/module_graph.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { casesOf } from "./command/choice.ts";
import { DENO_WRITES, FILE_WRITES, NODE_WRITES, READS } from "./scene/fault_points.ts";
import { PARTS } from "./parts.ts";
import { repeatOf, torture } from "./torture.ts";

const ROOT = resolve(import.meta.dirname!, "../..");
const SEED = 1;

for (const name of Object.keys(PARTS)) {
  Deno.test(`torture: ${name}`, async () => {
    const folder = await temporaryDirectory();
    const shard = { number: 1, of: 1 };
    const [report] = await torture({
      parts: [name],
      long: false,
      seed: SEED,
      shard,
      folder,
      timeout: 300,
    });
    const { cases, counts, broken } = report!;
    console.log(`${name}: ${cases} cases, ${JSON.stringify(counts)}`);
    const told = broken.map((each) => `${each.broken}\nagain: ${repeatOf(each, SEED)}`);
    assert.equal(broken.length, 0, told.join("\n\n"));
    assert.deepEqual(await Array.fromAsync(Deno.readDir(folder)), [], "the harness left something");
  });
}

/** Runs the command. */
async function command(
  args: readonly string[],
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-P=test", "--no-check", "--quiet", "tests/torture/torture.ts", ...args],
    cwd: ROOT,
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("the command repeats one case, keeps what a long run did, and goes on after it", async () => {
  const folder = await temporaryDirectory();
  const one = await command(["--case", "trial:3", "--folder", folder, "--json"]);
  assert.equal(one.code, 0, one.stderr);
  assert.deepEqual(JSON.parse(one.stdout).counts, { "three or more": 1 });

  // The case 5 of the trial breaks its promise, 6 never ends, 7 takes its process along.
  const args = ["--part", "trial", "--long", "--folder", folder, "--timeout", "2"];
  const half = await command([...args, "--shard", "1/2"]);
  assert.equal(half.code, 1, half.stderr);
  assert.match(half.stdout, /^trial: 4 cases, 1 broken promises$/m);
  assert.match(
    half.stderr,
    /it had no end after 2 s\nagain: deno task torture --case trial:6 --seed 1/,
  );
  const path = join(folder, "seed-1-shard-1-of-2.ndjson");
  const lines = (await Deno.readTextFile(path)).trim().split("\n");
  assert.deepEqual(lines.map((line) => JSON.parse(line).index), [0, 2, 4, 6]);

  // A line was cut off by a kill: its case runs again, and so do those that broke something.
  await Deno.writeTextFile(path, lines.slice(0, 2).join("\n") + `\n${lines[2]!.slice(0, 20)}`);
  const all = await command(args);
  assert.equal(all.code, 1, all.stderr);
  assert.match(all.stdout, /^trial: 8 cases, 3 broken promises$/m);
  assert.match(all.stdout, /^ +3 {2}fewer than three$/m);
  const told = all.stderr.match(/--case trial:\d/g);
  assert.deepEqual(told, ["--case trial:5", "--case trial:6", "--case trial:7"]);
  const ran = (await Deno.readTextFile(join(folder, "seed-1.ndjson"))).trim().split("\n");
  assert.deepEqual(ran.map((line) => JSON.parse(line).index), [1, 3, 4, 5, 6, 7]);
});

Deno.test("the command says what it does not take, with what it does", async () => {
  const help = await command(["--help"]);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /--shard <i\/n>/);
  const cases: [string[], RegExp][] = [
    [["--part", "kils"], /no part "kils"\n.*did you mean "kills"/],
    [["--shard", "9/8"], /--shard cannot be "9\/8"\n.*I\/N/],
    [["--case", "kills"], /--case cannot be "kills"/],
    [["--seed", "x"], /--seed cannot be "x"/],
    [["kills"], /too many arguments/],
  ];
  for (const [args, told] of cases) {
    const { code, stderr } = await command(args);
    assert.equal(code, 2);
    assert.match(stderr, told);
  }
});

Deno.test("shards have every case once, and a short run takes one of each stretch", () => {
  const part = { name: "any", cases: { short: 10, long: 1000 } };
  const all = [1, 2, 3].flatMap((number) =>
    casesOf(part, { long: true, seed: 1, shard: { number, of: 3 } })
  );
  assert.deepEqual(all.sort((a, b) => a - b), Array.from({ length: 1000 }, (_, i) => i));
  const short = casesOf(part, { long: false, seed: 1, shard: { number: 1, of: 1 } });
  assert.deepEqual(short.map((index) => Math.floor(index / 100)), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const other = casesOf(part, { long: false, seed: 2, shard: { number: 1, of: 1 } });
  assert.notDeepEqual(short, other);
});

/** What of the pipeline runs in a stage's process. */
const OF_STAGES = ["lib/pipeline/sandbox/host.ts", "lib/pipeline/sandbox/tasks.ts"];

Deno.test("every call of the store and the pipeline is one that the faults replace, or only reads", async () => {
  const without = (name: string): string => name.replace(/Sync$/, "");
  const known = new Set([...DENO_WRITES, ...READS, "Command", "env", "errors", "build", "pid"]);
  for (const name of ["FsFile", "FileInfo", "Signal", "ChildProcess", "version"]) known.add(name);
  const unknown: string[] = [];
  let found = 0;
  for (const path of await filesBelow(ROOT, ["lib/store", "lib/pipeline", "lib/base"])) {
    if (OF_STAGES.includes(path)) continue;
    const text = (await Deno.readTextFile(join(ROOT, path))).replaceAll(/^ *(\/?\*|\/\/).*$/gm, "");
    for (const [call, name] of text.matchAll(/\bDeno\.(\w+)/g)) {
      found++;
      if (!known.has(name!) && !known.has(without(name!))) unknown.push(`${path}: ${call}`);
    }
    for (const [, names] of text.matchAll(/import \{([^}]*)\} from "node:fs(?:\/promises)?"/g)) {
      for (const name of names!.split(",").map((each) => each.trim()).filter(Boolean)) {
        found++;
        if (!NODE_WRITES.includes(name) && !READS.includes(name)) unknown.push(`${path}: ${name}`);
      }
    }
    if (/import \w+ from "node:fs|\* as \w+ from "node:fs/.test(text)) {
      unknown.push(`${path}: all of node:fs, of which nobody can say what it writes`);
    }
    for (const [call, name] of text.matchAll(/\b(?:file|copy|folder|handle|#file)\.(\w+)\(/g)) {
      if (/^(write|sync|truncate|utime)/.test(name!) && !FILE_WRITES.includes(name!)) {
        unknown.push(`${path}: ${call}`);
      }
    }
  }
  assert.ok(found > 50, `only ${found} calls: the test looks in the wrong place`);
  assert.deepEqual(unknown, [], "a write goes in fault_points.ts, what only reads in READS there");
});
