/**
 * A stage that a user wrote, in one file beside a pipeline that lies anywhere: it works, and it gets
 * at nothing that it did not ask for.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readDataset } from "../../lib/data/mod.ts";
import { byOutcome, resultOf, runPipeline, temper, verses, workspace } from "./temper.ts";

/** As in ARCHITECTURE.md and contract 5, with the public names alone. */
const EVERY_NTH = `import { defineStage, z } from "temper";
import { readDataset, writeDataset } from "temper/data";

export default defineStage({
  doc: "Keeps one row in every \`step\`.",
  inputs: { data: "rows" },
  output: "rows",
  options: z.object({
    step: z.int().min(2).default(2).describe("keep one row in this many"),
  }),
  permissions: { net: [], env: [], read: [], ffi: false },
  async run({ inputs, output, options, progress, log, summary }) {
    const { columns, splits } = await readDataset(inputs.data!.path);
    const kept = Object.entries(splits).map(([name, rows]) =>
      [name, rows.filter((_, i) => i % options.step === 0)] as const
    );
    progress(1, 1, "datasets");
    log("one in " + options.step);
    summary({ type: "figure", label: "step", value: options.step });
    await writeDataset(output.path, { columns, splits: Object.fromEntries(kept) });
  },
});
`;

const PIPELINE = `name: own
params: { step: 3 }
stages:
  verses: { uses: download, with: { from: verses.txt } }
  thin: { uses: ./every_nth.ts, inputs: { data: verses }, with: { step: "\${{ params.step }}" } }
  folds: { uses: split, inputs: { data: thin }, with: { train: 0.5, validation: 0.25, test: 0.25 } }
`;

Deno.test("an own stage beside a pipeline is checked, documented, run, cached and rerun like any other", async (t) => {
  await using space = await workspace({
    "every_nth.ts": EVERY_NTH,
    "own.yaml": PIPELINE,
    "verses.txt": verses(40),
  });

  await t.step("it runs between built-in stages", async () => {
    const run = await runPipeline(["own.yaml"], space);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.deepEqual(byOutcome(run), { done: ["verses", "thin", "folds"] });
    const rows = (await readDataset(join(space.runs, "latest/artifacts/thin"))).splits.data!;
    assert.equal(rows.length, 14);
    assert.deepEqual(
      rows.map(({ text }) => Number(/verse (\d+)\./.exec(String(text))![1])),
      Array.from({ length: 14 }, (_, i) => 3 * i),
    );
    const log = await Deno.readTextFile(join(space.runs, "latest/logs/thin.log"));
    assert.match(log, /one in 3/);
  });

  await t.step("a second run does nothing; its option and its code rerun it", async () => {
    const second = await runPipeline(["own.yaml"], space);
    assert.deepEqual(byOutcome(second), { cached: ["verses", "thin", "folds"] });
    const option = await runPipeline(["own.yaml", "-p", "step=2"], space);
    assert.deepEqual(option.reasons.thin, ["option step changed: 3 -> 2"]);
    assert.deepEqual(byOutcome(option), { cached: ["verses"], done: ["thin", "folds"] });
    await Deno.writeTextFile(join(space.folder, "every_nth.ts"), EVERY_NTH + "// edited\n");
    const code = await runPipeline(["own.yaml", "-p", "step=2"], space);
    assert.match(code.reasons.thin!.join(), /^code changed: .*every_nth\.ts$/);
    assert.deepEqual(byOutcome(code), { cached: ["verses", "folds"], done: ["thin"] });
  });

  await t.step("its options are checked before anything runs", async () => {
    const wrong = await temper(["run", "own.yaml", "-p", "step=1"], space);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /own\.yaml:5:\d+: option "step" .*cannot be 1/);
    const text = PIPELINE.replace('{ step: "', '{ stpe: "');
    await Deno.writeTextFile(join(space.folder, "slip.yaml"), text);
    const slip = await temper(["run", "slip.yaml"], space);
    assert.equal(slip.code, 2);
    assert.match(slip.stderr, /unknown option "stpe".*\n(.*\n)*.*did you mean "step"\?/);
  });

  await t.step("stages ./FILE documents it", async () => {
    const { code, stdout } = await temper(["stages", "./every_nth.ts"], space);
    assert.equal(code, 0);
    assert.match(stdout, /Keeps one row in every `step`\./);
    assert.match(stdout, /step.*\n?.*keep one row in this many/);
  });
});

/** What a stage might try; `TARGET` is a folder outside, `HOST` a server on this machine. */
const ATTEMPTS: Readonly<Record<string, { body: string; told: RegExp; remedy: RegExp }>> = {
  reads: {
    body: 'await Deno.readTextFile("TARGET/secret.txt");',
    told: /tried to read ".*secret\.txt": denied \(permission: read\)/,
    remedy: /permissions: \{ read: \["\.\/secret\.txt"\] \}/,
  },
  asks: {
    body: 'Deno.env.get("HOME");',
    told: /environment variable "HOME": denied \(permission: env\)/,
    remedy: /permissions: \{ env: \["HOME"\] \}/,
  },
  calls: {
    body: 'await fetch("http://HOST/");',
    told: /use the network: "HOST": denied \(permission: net\)/,
    remedy: /permissions: \{ net: \["HOST"\] \}/,
  },
  writes: {
    body: 'await Deno.writeTextFile("TARGET/stolen.txt", "x");',
    told: /tried to write ".*stolen\.txt": denied \(permission: write\)/,
    remedy: /write below output\.path/,
  },
  starts: {
    body: 'await new Deno.Command("ls").output();',
    told: /start the process "ls": denied \(permission: run\)/,
    remedy: /no stage can be granted this/,
  },
};

function attempt(body: string, permissions: string): string {
  return `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Tries something.",
  inputs: { data: "rows" },
  output: "texts",
  options: z.object({}),
  permissions: ${permissions},
  async run({ output }) {
    ${body}
    await Deno.writeTextFile(output.path + "/generations.jsonl", "{}");
  },
});
`;
}

Deno.test("reading, the environment, the network, writing outside and processes are denied by name", async () => {
  let requests = 0;
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    requests++;
    return new Response("hello");
  });
  const host = `127.0.0.1:${server.addr.port}`;
  await using space = await workspace({ "verses.txt": verses(5), "secret.txt": "secret" });
  const fill = (text: string): string =>
    text.replaceAll("TARGET", space.folder).replaceAll("HOST", host);
  let yaml = "name: sandbox\nstages:\n  verses: { uses: download, with: { from: verses.txt } }\n";
  for (const [name, { body }] of Object.entries(ATTEMPTS)) {
    await Deno.writeTextFile(join(space.folder, `${name}.ts`), attempt(fill(body), "{}"));
    yaml += `  ${name}: { uses: ./${name}.ts, inputs: { data: verses } }\n`;
  }
  await Deno.writeTextFile(join(space.folder, "sandbox.yaml"), yaml);

  const { code, stderr } = await temper(["run", "sandbox.yaml"], space);
  assert.equal(code, 1);
  const blocks = stderr.trim().split("\n\n");
  for (const [name, { told, remedy }] of Object.entries(ATTEMPTS)) {
    const block = blocks.find((block) => block.includes(`stage "${name}"`))!;
    assert.match(block, new RegExp(fill(told.source)));
    assert.match(block, new RegExp(fill(remedy.source)));
    if (!/run|write/.test(told.source.split("permission: ")[1]!)) {
      assert.ok(
        block.includes(`in ${name}.ts and grant it in the pipeline: stage "${name}"`),
        block,
      );
    }
  }
  assert.equal(requests, 0);
  assert.ok(
    !(await Array.fromAsync(Deno.readDir(space.folder))).some((e) => e.name === "stolen.txt"),
  );

  // What the message says, done: declared in the file and granted in the pipeline.
  const granted = {
    reads: '{ read: ["./secret.txt"] }',
    asks: '{ env: ["HOME"] }',
    calls: `{ net: ["${host}"] }`,
  };
  yaml = "name: sandbox\nstages:\n  verses: { uses: download, with: { from: verses.txt } }\n";
  for (const [name, permissions] of Object.entries(granted)) {
    const text = attempt(fill(ATTEMPTS[name]!.body), permissions);
    await Deno.writeTextFile(join(space.folder, `${name}.ts`), text);
    yaml += `  ${name}: { uses: ./${name}.ts, inputs: { data: verses } }\n`;
  }
  await Deno.writeTextFile(join(space.folder, "sandbox.yaml"), yaml);
  const asked = await temper(["run", "sandbox.yaml"], space);
  assert.equal(asked.code, 2, "the author asks, but nobody granted it");
  assert.match(asked.stderr, /sandbox\.yaml:4:\d+: .*permission/);

  for (const [name, permissions] of Object.entries(granted)) {
    yaml = yaml.replace(
      `./${name}.ts, inputs: { data: verses } }`,
      `./${name}.ts, inputs: { data: verses }, permissions: ${permissions} }`,
    );
  }
  await Deno.writeTextFile(join(space.folder, "sandbox.yaml"), yaml);
  const run = await runPipeline(["sandbox.yaml"], space);
  assert.equal(run.code, 0, JSON.stringify(run.failures) + run.stderr);
  assert.equal(requests, 1);
  assert.equal(await Deno.readTextFile(resultOf(space.runs, "reads", "generations.jsonl")), "{}");
});
