/**
 * What a stage reads is what its key tells, whenever a person saves.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../fixtures/until.ts";
import { project } from "./project.ts";

/** A stage that waits for a file `go`, then writes what all of its code and grants say. */
const SLOW = `import { defineStage, z } from "temper";
import { readFileSync } from "node:fs";
import { word } from "./helper.ts";
import note from "./note.txt" with { type: "text" };
import { whole } from "FOLDER/whole.ts";
export default defineStage({
  doc: "Reads late.", inputs: {}, output: "texts",
  options: z.object({ folder: z.string(), wait: z.boolean().default(true) }),
  permissions: { read: ["./words.txt", "./lists", "./note.txt", "./go"], env: ["TEMPER_TEST_WORD"] },
  async run({ output, options, file, env }) {
    const { later } = await import("./later.ts");
    const { folder } = options;
    const read = [
      word, note, later, whole, env.TEMPER_TEST_WORD,
      await Deno.readTextFile(folder + "/words.txt"),
      await Deno.readTextFile(new URL("./words.txt", import.meta.url)),
      readFileSync(folder + "/words.txt", "utf8"),
      await Deno.readTextFile(file(folder + "/lists/a/b.txt")),
      await (await fetch("file://" + folder + "/words.txt")).text(),
      [...Deno.readDirSync(folder + "/lists")].map((each) => each.name).join(),
    ];
    await Deno.writeTextFile(output.path + "/generations.jsonl", read.join(" "));
  },
});`;

const FILES = {
  "slow.ts": SLOW,
  "helper.ts": 'export const word: string = "one";',
  "later.ts": 'export const later: string = "one";',
  "whole.ts": 'export const whole: string = "one";',
  "words.txt": "one",
  "note.txt": "one",
  "lists/a/b.txt": "one",
  "go": "",
};

const CONTENT: Readonly<Record<string, string>> = {
  "helper.ts": 'export const word: string = "two";',
  "later.ts": 'export const later: string = "two";',
  "whole.ts": 'export const whole: string = "two";',
  "words.txt": "two",
  "note.txt": "two",
  "lists/a/b.txt": "two",
  "lists/c.txt": "new",
};

const pipeline = (folder: string): string =>
  `name: p
stages:
  first: { uses: make, with: { text: x, linger: 1500 } }
  slow:
    uses: ./slow.ts
    inputs: {}
    with: { folder: ${JSON.stringify(folder)} }
    permissions: { read: [./words.txt, ./lists, ./note.txt, ./go], env: [TEMPER_TEST_WORD] }
`;

Deno.test("code and grants that change while a stage waits for its place change the next run", async () => {
  Deno.env.set("TEMPER_TEST_WORD", "one");
  await using p = await project({});
  await Deno.mkdir(join(p.folder, "lists/a"), { recursive: true });
  const files = { ...FILES, "slow.ts": SLOW.replace("FOLDER", p.folder) };
  for (const [name, text] of Object.entries(files)) await p.write(name, text);
  await p.write("p.yaml", pipeline(p.folder));
  const running = p.temper(["run", "p.yaml", "--jobs", "1"]);
  // The copy is there before the first stage starts.
  await until(async () =>
    (await Array.fromAsync(Deno.readDir(join(p.runs, "store/scratch"))).catch(() => [])).length > 0
  );
  for (const [name, text] of Object.entries(CONTENT)) await p.write(name, text);
  const first = await running;
  assert.deepEqual(first.outcomes, { first: "done", slow: "done" }, JSON.stringify(first.failures));
  assert.equal(await p.result("slow"), "one one one one one one one one one one a");

  const second = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(second.outcomes, { first: "cached", slow: "done" });
  assert.equal(await p.result("slow"), "two two two two one two two two two two a,c.txt");

  // Back to the first: its record holds what the first content gives.
  for (const [name, text] of Object.entries(files)) await p.write(name, text);
  await Deno.remove(join(p.folder, "lists/c.txt"));
  const third = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(third.outcomes, { first: "cached", slow: "cached" });
  assert.equal(await p.result("slow"), "one one one one one one one one one one a");
});

Deno.test("what cannot be copied has to stay as it is while a stage reads it", async () => {
  await using p = await project({
    "reads.ts": `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Reads.", inputs: {}, output: "texts", options: z.object({ folder: z.string() }),
  permissions: { read: ["./words.txt", "/dev/null"] },
  async run({ output, options, log }) {
    log("reading");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const text = await Deno.readTextFile(options.folder + "/words.txt");
    await Deno.writeTextFile(output.path + "/generations.jsonl", text);
  },
});`,
    "words.txt": "one",
  });
  await p.write(
    "p.yaml",
    `name: p
stages:
  reads:
    uses: ./reads.ts
    with: { folder: ${JSON.stringify(p.folder)} }
    permissions: { read: [./words.txt, /dev/null] }
`,
  );
  const running = p.temper(["run", "p.yaml"]);
  await until(async () =>
    (await Deno.readTextFile(join(p.runs, "latest/logs/reads.log")).catch(() => "")) !== ""
  );
  await p.write("words.txt", "two");
  const run = await running;
  assert.deepEqual(run.outcomes, { reads: "failed" });
  assert.match(
    run.failures.reads!.what,
    /^what it was granted \(\.\/words\.txt, \/dev\/null: .*\/words\.txt\) changed while stage "reads" read it: its result is not kept$/,
  );
  assert.deepEqual((await p.temper(["run", "p.yaml"])).outcomes, { reads: "done" });
  assert.equal(await p.result("reads"), "two");
});

Deno.test("what cannot be copied may not be swapped while a stage reads it, and swapped back", async () => {
  const swaps: Record<string, (folder: string) => Promise<void>> = {
    "the folder": async (folder) => {
      await Deno.rename(join(folder, "data"), join(folder, "aside"));
      await Deno.rename(join(folder, "other"), join(folder, "data"));
      await pause(1500);
      await Deno.rename(join(folder, "data"), join(folder, "other"));
      await Deno.rename(join(folder, "aside"), join(folder, "data"));
    },
    "its bytes": async (folder) => {
      await Deno.writeTextFile(join(folder, "data/words.txt"), "two");
      await pause(1500);
      await Deno.writeTextFile(join(folder, "data/words.txt"), "one");
    },
  };
  for (const [what, swap] of Object.entries(swaps)) {
    await using p = await project({
      "reads.ts": `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Reads.", inputs: {}, output: "texts", options: z.object({ folder: z.string() }),
  permissions: { read: ["./data", "/dev/null"] },
  async run({ output, options, log }) {
    log("reading");
    await new Promise((resolve) => setTimeout(resolve, 800));
    const text = await Deno.readTextFile(options.folder + "/data/words.txt");
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await Deno.writeTextFile(output.path + "/generations.jsonl", text);
  },
});`,
    });
    await p.write(
      "p.yaml",
      `name: p
stages:
  reads:
    uses: ./reads.ts
    with: { folder: ${JSON.stringify(p.folder)} }
    permissions: { read: [./data, /dev/null] }
`,
    );
    for (const [name, word] of [["data", "one"], ["other", "two"]] as const) {
      await Deno.mkdir(join(p.folder, name));
      await p.write(`${name}/words.txt`, word);
    }
    const running = p.temper(["run", "p.yaml"]);
    await until(async () =>
      (await Deno.readTextFile(join(p.runs, "latest/logs/reads.log")).catch(() => "")) !== ""
    );
    await swap(p.folder);
    const run = await running;
    assert.deepEqual(run.outcomes, { reads: "failed" }, what);
    assert.match(run.failures.reads!.what, /^what it was granted .* changed while/);
  }
});

Deno.test("a copy that is edited while its stage runs gives no result", async () => {
  await using p = await project({
    "words.txt": "one",
    "reads.ts": `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Reads.", inputs: {}, output: "texts", options: z.object({}),
  permissions: { read: ["./words.txt"] },
  async run({ output, log }) {
    log("reading");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const text = await Deno.readTextFile(new URL("./words.txt", import.meta.url));
    await Deno.writeTextFile(output.path + "/generations.jsonl", text);
  },
});`,
    "p.yaml":
      "name: p\nstages:\n  reads: { uses: ./reads.ts, permissions: { read: [./words.txt] } }\n",
  });
  const running = p.temper(["run", "p.yaml"]);
  await until(async () =>
    (await Deno.readTextFile(join(p.runs, "latest/logs/reads.log")).catch(() => "")) !== ""
  );
  const copies = join(p.runs, "store/snapshots");
  for (const { name } of Deno.readDirSync(copies)) {
    const copy = join(copies, name, p.folder, "words.txt");
    await Deno.chmod(copy, 0o644).then(() => Deno.writeTextFile(copy, "two"), () => {});
  }
  assert.match(
    (await running).failures.reads!.what,
    /^the copy of its code .* its result is not kept$/,
  );
  assert.deepEqual((await p.temper(["run", "p.yaml"])).outcomes, { reads: "done" });
  assert.equal(await p.result("reads"), "one");
});

Deno.test("--verify reads again what is remembered: bytes whose inode and times all stayed", async () => {
  await using p = await project({
    "p.yaml": "name: p\nstages:\n  a: { uses: make, with: { text: x } }\n",
  });
  await p.temper(["run", "p.yaml"]);
  const { openStore } = await import("../../lib/store/mod.ts");
  const { stampOf } = await import("../../lib/store/index.ts");
  const { stages } = JSON.parse(await Deno.readTextFile(join(p.runs, "latest/run.json")));
  const manifest = join(p.runs, `store/artifacts/${stages.a.artifact}.json`);
  const { digest } = JSON.parse(await Deno.readTextFile(manifest)).files[0];
  {
    using store = openStore(p.runs);
    const blob = store.blobs.pathOf(digest);
    await Deno.chmod(blob, 0o644);
    await Deno.writeTextFile(blob, "y");
    // As a write through mmap, or after a clock was set back, could leave it.
    store.index.remember(blob, { stamp: stampOf(blob)!, digest });
  }
  assert.deepEqual((await p.temper(["run", "p.yaml"])).outcomes, { a: "cached" });
  const planned = await p.temper(["plan", "p.yaml", "--verify"]);
  assert.match(planned.out, /its result was edited/);
  assert.deepEqual((await p.temper(["run", "p.yaml", "--verify"])).outcomes, { a: "done" });
  assert.equal(await p.result("a"), "x");
});

Deno.test("stacks and logs name a stage's own files, not the copies", async () => {
  await using p = await project({
    "bad.ts": `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Fails.", inputs: {}, output: "texts", options: z.object({}),
  run() {
    console.log(import.meta.url);
    throw new Error("at work");
  },
});`,
    "p.yaml": "name: p\nstages:\n  bad: { uses: ./bad.ts }\n",
  });
  const run = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(run.failures.bad?.at, { file: "./bad.ts", line: 6, column: 11 });
  assert.doesNotMatch(JSON.stringify(run.failures), /snapshots/);
  const log = await Deno.readTextFile(join(p.runs, "latest/logs/bad.log"));
  assert.ok(log.includes(join(p.folder, "bad.ts")) && !log.includes("snapshots"), log);
});

Deno.test("a run in which everything is cached copies nothing", async () => {
  await using p = await project({
    "p.yaml": "name: p\nstages:\n  a: { uses: make, with: { text: x } }\n",
  });
  await p.temper(["run", "p.yaml"]);
  await Deno.remove(join(p.runs, "store/snapshots"), { recursive: true });
  assert.deepEqual((await p.temper(["run", "p.yaml"])).outcomes, { a: "cached" });
  await assert.rejects(Deno.stat(join(p.runs, "store/snapshots")));
});
