/**
 * What a stage reads is what its key tells, whenever a person saves.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileUrl } from "../../lib/base/paths.ts";
import type { CommandContext } from "../../lib/cli/context.ts";
import { prepare } from "../../lib/cli/prepare.ts";
import { execute } from "../../lib/pipeline/run/execute.ts";
import { placeOf } from "../../lib/pipeline/sandbox/places.ts";
import { type Project, project, registryOf, ROOT } from "./project.ts";

/** A stage that waits for a file `go`, then writes what all of its code and grants say. */
const SLOW = `import { defineStage, z } from "temper";
import { readFileSync } from "node:fs";
import { word } from "./helper.ts";
import note from "./note.txt" with { type: "text" };
export default defineStage({
  doc: "Reads late.", inputs: {}, output: "texts",
  options: z.object({ folder: z.string(), wait: z.boolean().default(true) }),
  permissions: { read: ["./words.txt", "./lists", "./note.txt", "./go"], env: ["TEMPER_TEST_WORD"] },
  async run({ output, options, file, env }) {
    const { later } = await import("./later.ts");
    const { folder } = options;
    const read = [
      word, note, later, env.TEMPER_TEST_WORD,
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
  "words.txt": "one",
  "note.txt": "one",
  "lists/a/b.txt": "one",
  "go": "",
};

const CONTENT: Readonly<Record<string, string>> = {
  "helper.ts": 'export const word: string = "two";',
  "later.ts": 'export const later: string = "two";',
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
  for (const [name, text] of Object.entries(FILES)) await p.write(name, text);
  await p.write("p.yaml", pipeline(p.folder));
  const running = p.temper(["run", "p.yaml", "--jobs", "1"]);
  // The copy is there before the first stage starts.
  await until(async () =>
    (await Array.fromAsync(Deno.readDir(join(p.runs, "store/scratch"))).catch(() => [])).length > 0
  );
  for (const [name, text] of Object.entries(CONTENT)) await p.write(name, text);
  const first = await running;
  assert.deepEqual(first.outcomes, { first: "done", slow: "done" }, JSON.stringify(first.failures));
  assert.equal(await p.result("slow"), "one one one one one one one one one a");

  const second = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(second.outcomes, { first: "cached", slow: "done" });
  assert.equal(await p.result("slow"), "two two two one two two two two two a,c.txt");

  // Back to the first: its record holds what the first content gives.
  for (const [name, text] of Object.entries(FILES)) await p.write(name, text);
  await Deno.remove(join(p.folder, "lists/c.txt"));
  const third = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(third.outcomes, { first: "cached", slow: "cached" });
  assert.equal(await p.result("slow"), "one one one one one one one one one a");
});

Deno.test("what lies in a folder is read from its copy, whatever it is called", () => {
  const places = { "/data": "/copy" };
  assert.equal(placeOf("/data", places), "/copy");
  assert.equal(placeOf("/data/..words.txt", places), "/copy/..words.txt");
  assert.equal(placeOf("/data/../words.txt", places), "/data/../words.txt");
  assert.equal(placeOf("/data-2/words.txt", places), "/data-2/words.txt");
});

Deno.test("what changes after a stage is decided, and before the copy, has the key of what is read", async () => {
  const text = (word: string): string =>
    `name: p
stages:
  own: { uses: ./own.ts, permissions: { read: [./words.txt] }, with: { folder: ${word} } }
  made: { uses: make }
`;
  await using p = await project({
    "own.ts": `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Reads.", inputs: {}, output: "texts", options: z.object({ folder: z.string() }),
  permissions: { read: ["./words.txt"] },
  async run({ output, options }) {
    const text = await Deno.readTextFile(options.folder + "/words.txt");
    await Deno.writeTextFile(output.path + "/generations.jsonl", text);
  },
});`,
    "words.txt": "first",
  });
  await p.write("p.yaml", text(JSON.stringify(p.folder)));
  const make = await Deno.readTextFile(join(p.folder, "make.ts"));
  const changed = make.replace('jsonl", options.text', "jsonl\", options.text + ' anew'");
  // Both keys are made, and nothing is copied yet.
  await runWith(p, {
    beforeCopy: async () => {
      await p.write("words.txt", "second one");
      await p.write("make.ts", changed);
    },
  });
  assert.equal(await p.result("own"), "second one");
  assert.equal(await p.result("made"), "text anew");
  await p.write("words.txt", "first");
  await p.write("make.ts", make);
  assert.deepEqual((await p.temper(["run", "p.yaml"])).outcomes, { own: "done", made: "done" });
  assert.equal(await p.result("own"), "first");
  assert.equal(await p.result("made"), "text");
});

Deno.test("a module that is imported by its whole address is read from the copy, too", async () => {
  await using p = await project({ "word.ts": 'export const word = "one";' });
  const address = fileUrl(join(p.folder, "word.ts"));
  await p.write(
    "own.ts",
    `import { defineStage, z } from "temper";
import { word } from ${JSON.stringify(address)};
export default defineStage({
  doc: "Says it.", inputs: {}, output: "texts", options: z.object({}),
  async run({ output }) {
    const late = await import(${JSON.stringify(address)});
    await Deno.writeTextFile(output.path + "/generations.jsonl", word + late.word);
  },
});`,
  );
  await p.write("p.yaml", "name: p\nstages:\n  own: { uses: ./own.ts }\n");
  const run = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(run.outcomes, { own: "done" }, JSON.stringify(run.failures));
  assert.equal(await p.result("own"), "oneone");
});

Deno.test("names of the import map and versions that change while a stage waits change the next run", async () => {
  await using p = await project({
    "named.ts": `import { defineStage, z } from "temper";
import { word } from "word";
import { word as one } from "./one.ts";
import { word as two } from "./two.ts";
export default defineStage({
  doc: "Says which.", inputs: {}, output: "texts", options: z.object({}),
  async run({ output }) {
    await Deno.writeTextFile(output.path + "/generations.jsonl", [word, one, two].join(" "));
  },
});`,
    "one.ts": 'export const word = "one";',
    "two.ts": 'export const word = "two";',
    "p.yaml": `name: p
stages:
  first: { uses: make, with: { text: x, linger: 1500 } }
  named: { uses: ./named.ts }
`,
  });
  // A Temper of its own, whose configuration can be changed.
  const root = join(p.folder, "temper");
  await Deno.mkdir(root);
  const config = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const imports = Object.fromEntries(
    Object.entries<string>(config.imports).map((
      [name, to],
    ) => [name, to.startsWith("./") ? join(ROOT, to) : to]),
  );
  const leadTo = (file: string): Promise<void> =>
    Deno.writeTextFile(
      join(root, "deno.json"),
      JSON.stringify({ imports: { ...imports, word: join(p.folder, file) } }),
    );
  await leadTo("one.ts");
  await Deno.copyFile(join(ROOT, "deno.lock"), join(root, "deno.lock"));
  const context = { root };
  const running = p.temper(["run", "p.yaml", "--jobs", "1"], { context });
  await until(async () =>
    (await Array.fromAsync(Deno.readDir(join(p.runs, "store/scratch"))).catch(() => [])).length > 0
  );
  await leadTo("two.ts");
  const run = await running;
  assert.deepEqual(run.outcomes, { first: "done", named: "done" }, JSON.stringify(run.failures));
  assert.equal(await p.result("named"), "one one two");
  const next = await p.temper(["run", "p.yaml"], { context });
  assert.equal(next.outcomes.named, "done", JSON.stringify(next.failures));
  assert.equal(await p.result("named"), "two one two");
});

Deno.test("a file whose bytes are not what is remembered of it is told, and no stage waits for it", async () => {
  for (const resolve of ["", "resolve: () => ({ key: 1 }),"]) {
    await using p = await project({
      "own.ts": `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Reads.", inputs: {}, output: "texts", options: z.object({}),
  permissions: { read: ["./words.txt"] }, ${resolve}
  async run({ output }) {
    await Deno.writeTextFile(output.path + "/generations.jsonl", "x");
  },
});`,
      "words.txt": "one",
      "p.yaml":
        "name: p\nstages:\n  own: { uses: ./own.ts, permissions: { read: [./words.txt] } }\n",
    });
    const { openStore } = await import("../../lib/store/mod.ts");
    const { stampOf } = await import("../../lib/store/index.ts");
    const words = await Deno.realPath(join(p.folder, "words.txt"));
    {
      using store = openStore(p.runs);
      // As a write through mmap, or after a clock was set back, could leave it.
      store.index.remember(words, { stamp: stampOf(words)!, digest: "0".repeat(64) });
    }
    const run = await p.temper(["run", "p.yaml"]);
    assert.deepEqual(run.outcomes, { own: "failed" });
    assert.match(run.failures.own!.what, /words\.txt has other bytes than are remembered of it/);
    assert.deepEqual((await p.temper(["run", "p.yaml", "--verify"])).outcomes, { own: "done" });
  }
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
    /^what it was granted \(\.\/words\.txt, \/dev\/null\) changed while stage "reads" read it: its result is not kept$/,
  );
  assert.deepEqual((await p.temper(["run", "p.yaml"])).outcomes, { reads: "done" });
  assert.equal(await p.result("reads"), "two");
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

/** Runs a project's pipeline; sweeping comes before the copies are made. */
async function runWith(
  { folder }: Project,
  { beforeCopy }: { readonly beforeCopy: () => Promise<void> },
): Promise<void> {
  const io: CommandContext = {
    stages: registryOf(folder, ["make"]),
    engines: {
      choose: () => Promise.reject(new Error("nothing computes")),
      needs: () => Promise.reject(new Error("nothing computes")),
      threadModules: [],
    },
    out: { write: () => {}, isTerminal: false, size: () => ({ columns: 80, rows: 24 }) },
    err: { write: () => {}, isTerminal: false, size: () => ({ columns: 80, rows: 24 }) },
    cwd: folder,
    root: ROOT,
    env: () => undefined,
  };
  const never = new AbortController().signal;
  using prepared = await prepare({
    file: join(folder, "p.yaml"),
    params: [],
    device: "auto",
    update: false,
    offline: false,
    verify: false,
    json: true,
    runs: join(folder, "runs"),
    only: undefined,
    from: undefined,
    force: [],
  }, { io, signal: never });
  const { context } = prepared;
  const end = await execute({
    ...context,
    store: { ...context.store, sweep: beforeCopy },
    engines: io.engines,
    jobs: 2,
    cores: 2,
    command: ["run"],
    versions: {},
    kill: never,
    listen: () => {},
  });
  assert.equal(end, "done");
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!await holds()) {
    assert.ok(Date.now() < end, "it never came");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
