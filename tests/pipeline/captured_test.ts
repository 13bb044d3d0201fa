/**
 * What a stage is run from is what its key tells, whatever changes while the run begins.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { CommandContext } from "../../lib/cli/context.ts";
import { prepare } from "../../lib/cli/prepare.ts";
import { execute } from "../../lib/pipeline/run/execute.ts";
import { placeOf } from "../../lib/pipeline/sandbox/places.ts";
import { until } from "../fixtures/until.ts";
import { type Project, project, registryOf, ROOT } from "./project.ts";

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
