/**
 * One lock file of pins and several that write it: runners, a person, a version control system.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../lib/base/errors.ts";
import type { Json } from "../../lib/base/json.ts";
import { Lockfile } from "../../lib/pipeline/key/lockfile.ts";
import { thisOwner } from "../../lib/store/mod.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { project, registryOf } from "./project.ts";

function set(lockfile: Lockfile, source: string, pin: Json): string[] {
  return lockfile.of(undefined).set(new Map([[source, pin]]));
}

/** The pins in a file, by source. */
async function pinsIn(path: string): Promise<Record<string, Json>> {
  return JSON.parse(await Deno.readTextFile(path)).pins;
}

async function inFolder(): Promise<{ folder: string; file: string; lock: string }> {
  const folder = await temporaryDirectory();
  return { folder, file: join(folder, "p.yaml"), lock: join(folder, "p.lock") };
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

Deno.test("runners that write at once lose no pin, and leave nothing beside the file", async () => {
  const { folder, file, lock } = await inFolder();
  for (let round = 0; round < 4; round++) {
    const runners = await Promise.all(Array.from({ length: 12 }, () => Lockfile.open(file)));
    await Promise.all(runners.map((runner, i) => {
      set(runner, `hf://${round}/${i}`, { commit: `${i}` });
      return runner.write();
    }));
  }
  assert.equal(Object.keys(await pinsIn(lock)).length, 48);
  assert.deepEqual(namesIn(folder), ["p.lock"]);
});

Deno.test("the first pin of a source wins, and who used another one says so once", async () => {
  const { file, lock } = await inFolder();
  const [one, two, three] = await Promise.all([0, 1, 2].map(() => Lockfile.open(file)));
  set(one!, "hf://a", { commit: "1" });
  set(two!, "hf://a", { commit: "2" });
  set(three!, "hf://a", { commit: "1" });
  set(two!, "hf://b", { commit: "b" });
  assert.deepEqual(await one!.write(), []);
  const told = await two!.write();
  assert.equal(told.length, 1);
  assert.match(
    told[0]!,
    /^source hf:\/\/a: this run used \{"commit":"2"\}.*pin it to \{"commit":"1"\}/,
  );
  assert.deepEqual(await two!.write(), [], "once");
  assert.deepEqual(await three!.write(), [], "the same pin is no news");
  assert.deepEqual(await pinsIn(lock), { "hf://a": { commit: "1" }, "hf://b": { commit: "b" } });
  assert.deepEqual(two!.of(undefined).get("hf://a"), { commit: "2" }, "the run stays with its own");
});

Deno.test("what a person or another run changed meanwhile stays, and is told where it was used", async () => {
  const { file, lock } = await inFolder();
  const first = await Lockfile.open(file);
  for (const source of ["used", "moved", "unused"]) set(first, source, { commit: "0" });
  await first.write();

  const run = await Lockfile.open(file);
  run.of(undefined).get("used");
  set(run, "moved", { commit: "1" });
  const edited = { used: { commit: "x" }, moved: { commit: "y" }, unused: { commit: "z" } };
  await Deno.writeTextFile(lock, JSON.stringify({ version: 1, pins: edited }));
  const told = await run.write();
  assert.deepEqual(told.map((text) => text.split(":")[0]), ["source used", "source moved"]);
  assert.deepEqual(await pinsIn(lock), edited);

  await Deno.remove(lock);
  assert.deepEqual(await run.write(), []);
  assert.deepEqual(await pinsIn(lock), { moved: { commit: "1" }, used: { commit: "0" } });

  await Deno.writeTextFile(lock, "<<<<<<< ours");
  await assert.rejects(run.write(), UserError);
  assert.equal(await Deno.readTextFile(lock), "<<<<<<< ours");
});

Deno.test("prune drops what the run read and did not ask for, and nothing that came since", async () => {
  const { file, lock } = await inFolder();
  const first = await Lockfile.open(file);
  for (const source of ["asked", "stale", "moved"]) set(first, source, { commit: "0" });
  await first.write();

  const run = await Lockfile.open(file);
  run.of(undefined).get("asked");
  const other = await Lockfile.open(file);
  set(other, "added", { commit: "1" });
  set(other, "moved", { commit: "1" });
  await other.write();
  await run.write({ prune: true });
  assert.deepEqual(Object.keys(await pinsIn(lock)), ["added", "asked", "moved"]);
});

Deno.test("a lock file that is a link stays one, also to a file that is not there yet", {
  ignore: Deno.build.os === "windows",
}, async () => {
  const { folder, file, lock } = await inFolder();
  await Deno.mkdir(join(folder, "shared"));
  await Deno.symlink("shared/pins.lock", lock);
  const other = join(folder, "q.yaml");
  await Deno.symlink("p.lock", join(folder, "q.lock"));
  const [one, two] = await Promise.all([Lockfile.open(file), Lockfile.open(other)]);
  set(one, "a", { commit: "1" });
  set(two, "b", { commit: "2" });
  await Promise.all([one.write(), two.write()]);
  assert.ok((await Deno.lstat(lock)).isSymlink);
  const pins = await pinsIn(join(folder, "shared/pins.lock"));
  assert.deepEqual(Object.keys(pins), ["a", "b"], "two links to one file have one lock");
  assert.deepEqual(namesIn(join(folder, "shared")), ["pins.lock"]);

  await Deno.symlink("round.lock", join(folder, "round.lock"));
  await assert.rejects(Lockfile.open(join(folder, "round.yaml")), UserError);
});

Deno.test("what a dead writer left is taken over, and removed where nothing is to be written", async () => {
  const { folder, file } = await inFolder();
  const child = new Deno.Command(Deno.execPath(), { args: ["--version"], stdout: "null" }).spawn();
  await child.status;
  const dead = { ...await thisOwner(), pid: child.pid, name: "p.lock", id: "dead", lease: 10_000 };
  const writing = join(folder, ".p.lock.writing");
  const run = await Lockfile.open(file);
  await Deno.writeTextFile(writing, JSON.stringify(dead));
  await run.write();
  assert.deepEqual(namesIn(folder), [], "nothing was to be written");

  set(run, "a", { commit: "1" });
  await Deno.writeTextFile(writing, JSON.stringify(dead));
  await run.write();
  assert.deepEqual(namesIn(folder), ["p.lock"]);
});

Deno.test("where no lock can be made the error says so, and pins that need no writing need none", async () => {
  const { folder, file } = await inFolder();
  const run = await Lockfile.open(file);
  // As a folder that can't be written answers; root may write anywhere.
  await Deno.mkdir(join(folder, ".p.lock.writing"));
  await run.write();
  set(run, "a", { commit: "1" });
  await assert.rejects(run.write(), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /cannot write .*p\.lock: /);
    return true;
  });
  await Deno.mkdir(join(folder, "q.lock"));
  await assert.rejects(Lockfile.open(join(folder, "q.yaml")), UserError);
});

Deno.test("sources may have any name, and a file that is too deep is refused", async () => {
  const { file, lock } = await inFolder();
  const names = ["__proto__", "constructor", "", "a\0b", "toString"];
  const run = await Lockfile.open(file);
  for (const name of names) assert.equal(run.of(undefined).get(name), undefined);
  for (const name of names) set(run, name, JSON.parse('{"__proto__":{"x":1}}'));
  run.of("s").set(new Map([["__proto__", "own"]]));
  await run.write();
  const again = await Lockfile.open(file);
  assert.deepEqual(again.of(undefined).entries().map(([name]) => name).sort(), [...names].sort());
  assert.equal(JSON.stringify(again.of(undefined).get("__proto__")), '{"__proto__":{"x":1}}');
  assert.equal(again.of("s").get("__proto__"), "own");
  assert.equal(again.of("t").get("__proto__"), undefined);

  const deep = `${"[".repeat(5000)}${"]".repeat(5000)}`;
  await Deno.writeTextFile(lock, `{"version":1,"pins":{"a":${deep}}}`);
  await assert.rejects(Lockfile.open(file), UserError);
});

/** A built-in stage whose source is another one each time that it is looked up. */
const RESTLESS = `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Takes a restless source.",
  inputs: {},
  output: "texts",
  options: z.object({ name: z.string() }),
  async resolve({ pins, update }) {
    let pin = update ? undefined : pins.get("far@main");
    if (pin === undefined) {
      await new Promise((go) => setTimeout(go, 100));
      pin = { commit: crypto.randomUUID() };
      pins.set("far@main", pin);
    }
    return { key: { "far@main": pin } };
  },
  async run({ sources, output }) {
    await Deno.writeTextFile(output.path + "/generations.jsonl", sources["far@main"].commit);
  },
});
`;

Deno.test("stages that look up one source at once use one pin", async () => {
  await using p = await project({
    "restless.ts": RESTLESS,
    "p.yaml": `name: one
stages:
  a: { uses: restless, with: { name: a } }
  b: { uses: restless, with: { name: b } }
`,
  });
  const context = { stages: registryOf(p.folder, ["restless"]) };
  for (const args of [[], ["--update"]]) {
    assert.equal((await p.temper(["run", "p.yaml", ...args], { context })).code, 0);
    const pins = await pinsIn(join(p.folder, "p.lock"));
    const used = [await p.result("a"), await p.result("b")];
    assert.deepEqual(used.map((commit) => ({ commit })), [pins["far@main"], pins["far@main"]]);
  }
});

Deno.test("two runners with stores of their own agree on a pin, or one says what it used", async () => {
  await using p = await project({
    "restless.ts": RESTLESS,
    "p.yaml": "name: two\nstages:\n  a: { uses: restless, with: { name: a } }\n",
  });
  const context = { stages: registryOf(p.folder, ["restless"]) };
  const runs = await Promise.all([0, 1, 2].map(async (i) => {
    const folder = join(p.folder, `runs${i}`);
    const { code, notes } = await p.temper(["run", "p.yaml"], {
      context,
      env: { TEMPER_RUNS: folder },
    });
    assert.equal(code, 0);
    const result = join(folder, "latest/artifacts/a/generations.jsonl");
    return { used: await Deno.readTextFile(result), notes: notes.join("\n") };
  }));
  const { commit } = (await pinsIn(join(p.folder, "p.lock")))["far@main"] as { commit: string };
  assert.equal(runs.filter(({ used }) => used === commit).length >= 1, true);
  for (const { used, notes } of runs) {
    assert.equal(notes.includes(`this run used {"commit":"${used}"}`), used !== commit, notes);
  }
});
