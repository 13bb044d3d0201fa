import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../lib/base/errors.ts";
import type { Json } from "../../lib/base/json.ts";
import { Lockfile, lockfilePath } from "../../lib/pipeline/key/lockfile.ts";
import { parsePins } from "../../lib/pipeline/key/lockfile_text.ts";
import { project, registryOf } from "./project.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

function set(lockfile: Lockfile, source: string, pin: Json): string[] {
  return lockfile.of(undefined).set(new Map([[source, pin]]));
}

function sourcesIn(lockfile: Lockfile): string[] {
  return lockfile.of(undefined).entries().map(([source]) => source);
}

Deno.test("Lockfile writes only what changed, sorted, and keeps what others wrote", async () => {
  const folder = await temporaryDirectory();
  const file = join(folder, "p.yaml");
  assert.equal(lockfilePath("/a/imdb.yaml"), "/a/imdb.lock");
  assert.equal(lockfilePath("/a/imdb.v2.YML"), "/a/imdb.v2.lock");
  const one = await Lockfile.open(file);
  await one.write();
  await assert.rejects(Deno.stat(one.path), Deno.errors.NotFound);

  const two = await Lockfile.open(file);
  set(one, "hf://z", { commit: "1", at: "main" });
  set(two, "hf://a", { commit: "2" });
  await one.write();
  await two.write();
  const text = await Deno.readTextFile(one.path);
  assert.deepEqual(Object.keys(JSON.parse(text).pins), ["hf://a", "hf://z"]);
  assert.ok(text.indexOf('"at"') < text.indexOf('"commit": "1"'), "keys are sorted");

  const { mtime } = await Deno.stat(one.path);
  const three = await Lockfile.open(file);
  set(three, "hf://z", { at: "main", commit: "1" });
  await three.write();
  assert.deepEqual((await Deno.stat(one.path)).mtime, mtime, "the same pin is no change");
  await three.write({ prune: true });
  assert.deepEqual(sourcesIn(await Lockfile.open(file)), ["hf://z"]);

  await Deno.writeTextFile(one.path, "<<<<<<< ours");
  await assert.rejects(Lockfile.open(file), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /is not a lock file/);
    return true;
  });
});

Deno.test("Lockfile keeps a pin that is set while another one is being written", async () => {
  const folder = await temporaryDirectory();
  const file = join(folder, "p.yaml");
  const lock = await Lockfile.open(file);
  const expected: string[] = [];
  for (let i = 10; i < 60; i++) {
    set(lock, `hf://early/${i}`, { i });
    const writing = lock.write();
    // Somewhere between reading the file and renaming the new one.
    for (let turns = i % 10; turns > 0; turns--) await Deno.stat(folder);
    set(lock, `hf://late/${i}`, { i });
    await writing;
    expected.push(`hf://early/${i}`, `hf://late/${i}`);
  }
  await lock.write();
  assert.deepEqual(sourcesIn(await Lockfile.open(file)), expected.sort());
});

/** A built-in stage whose source moves when the file `remote` changes. */
const MOVING = `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Takes a moving source.",
  inputs: {},
  output: "texts",
  options: z.object({ from: z.string() }),
  async resolve({ options, baseDir, pins, update }) {
    let pin = pins.get(options.from);
    if (pin === undefined || update) {
      const commit = (await Deno.readTextFile(baseDir + "/remote")).trim();
      pin = { commit };
      pins.set(options.from, pin);
    }
    return { key: { [options.from]: pin }, data: { pin, secret: "not in the key" } };
  },
  async run({ sources, output }) {
    await Deno.writeTextFile(output.path + "/generations.jsonl", JSON.stringify(sources));
  },
});
`;

Deno.test("a moving source is pinned by the first run and moves with --update only", async () => {
  await using p = await project({
    "moving.ts": MOVING,
    "remote": "one",
    "p.yaml": "name: lock\nstages:\n  s: { uses: moving, with: { from: far@main } }\n",
  });
  const context = { stages: registryOf(p.folder, ["moving"]) };
  const lock = join(p.folder, "p.lock");
  await p.temper(["plan", "p.yaml"], { context });
  await assert.rejects(Deno.stat(lock), Deno.errors.NotFound, "a plan writes nothing");

  await p.temper(["run", "p.yaml"], { context });
  assert.deepEqual(JSON.parse(await Deno.readTextFile(lock)).pins, {
    "far@main": { commit: "one" },
  });
  assert.deepEqual(JSON.parse(await p.result("s")), {
    pin: { commit: "one" },
    secret: "not in the key",
  });
  await p.write("remote", "two");
  assert.deepEqual((await p.temper(["run", "p.yaml"], { context })).outcomes, { s: "cached" });
  const moved = await p.temper(["run", "p.yaml", "--update"], { context });
  assert.deepEqual(moved.reasons.s, ["source far@main moved: commit one -> two"]);
  assert.deepEqual(JSON.parse(await Deno.readTextFile(lock)).pins, {
    "far@main": { commit: "two" },
  });
  const both = await p.temper(["run", "p.yaml", "--update", "--offline"], { context });
  assert.equal(both.code, 2);
  assert.match(both.out, /--update and --offline cannot be used together/);
});

Deno.test("a lock file with a number that JSON cannot hold is refused: it would be written as null", () => {
  const text = (commit: string): string => `{"version":1,"pins":{"hf://a":{"commit":${commit}}}}`;
  assert.equal(parsePins(text("1"), "p.lock").size, 1);
  for (const number of ["1e999", "-1e400"]) {
    assert.throws(() => parsePins(text(number), "p.lock"), /p\.lock is not a lock file/);
  }
});
