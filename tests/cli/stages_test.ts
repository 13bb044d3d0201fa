import assert from "node:assert/strict";
import { UserError } from "../../lib/base/errors.ts";
import { run } from "../../lib/cli/stages.ts";
import { STAGES } from "../../stages/mod.ts";
import { REGISTRY } from "../pipeline/loading.ts";
import { type Heard, hearing } from "./hearing.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

async function stages(argv: string[], more: Parameters<typeof hearing>[0] = {}): Promise<Heard> {
  const { io, heard } = hearing({ stages: REGISTRY, ...more });
  assert.equal(await run(argv, io), 0);
  return heard;
}

Deno.test("stages lists every stage with a line", async () => {
  assert.equal(
    (await stages([])).out,
    [
      "download  Fetches rows or a model.",
      "train     Trains a model.",
      "score     Scores models.",
      "write     Writes texts.",
      "",
      "deno task stages NAME documents one of them.",
      "",
    ].join("\n"),
  );
});

Deno.test("stages NAME documents a stage", async () => {
  assert.equal(
    (await stages(["train"], { columns: 60 })).out,
    [
      "train",
      "",
      "Trains a model.",
      "",
      "Inputs",
      "  data   rows",
      "  model  model, optional",
      "",
      "Output",
      "  model",
      "",
      "Options",
      "  learning_rate  a number above 0, default 5e-5",
      "                 initial learning rate",
      "  epochs         a whole number at least 1, default 3",
      "                 passes over the data",
      '  strategy       "no", "steps" or "epoch", default no',
      "                 when to evaluate",
      "  template       text, optional",
      "                 text of a row",
      '  note           text, default ""',
      "  config         a mapping, optional",
      "                 shape of a new model",
      "  config.width   a whole number above 0, required",
      "  config.layers  a list of mappings with size, default []",
      '  dropout        a number from 0 to 1 or "auto", default',
      "                 auto",
      "",
    ].join("\n"),
  );
  assert.equal(
    (await stages(["download"])).out,
    [
      "download",
      "",
      "Fetches rows or a model.",
      "",
      "More about it.",
      "",
      "Inputs",
      "  none",
      "",
      "Output",
      "  rows or model",
      "",
      "Options",
      "  from   text, required",
      "         where to get it",
      "  model  true or false, default false",
      "         whether it is a model",
      "",
      "Permissions",
      "  net  example.com",
      "",
    ].join("\n"),
  );
});

Deno.test("stages ./FILE documents an own stage", async () => {
  const folder = await temporaryDirectory();
  await Deno.writeTextFile(
    `${folder}/own.ts`,
    `import { defineStage, z } from "temper";
export default defineStage({
doc: "Counts.", inputs: { data: "rows[]?" }, output: "metrics", options: z.object({}), async run() {},
});\n`,
  );
  const expected = [
    "./own.ts",
    "",
    "Counts.",
    "",
    "Inputs",
    "  data  any number of rows, optional",
    "",
    "Output",
    "  metrics",
    "",
    "Options",
    "  none",
    "",
  ].join("\n");
  assert.equal((await stages(["./own.ts"], { cwd: folder })).out, expected);
  assert.equal((await stages(["own.ts"], { cwd: folder })).out, expected);
});

Deno.test("stages --json prints descriptions", async () => {
  const all = JSON.parse((await stages(["--json"])).out) as { uses: string }[];
  assert.deepEqual(all.map(({ uses }) => uses), Object.keys(REGISTRY));
  const one = JSON.parse((await stages(["score", "--json"])).out);
  assert.equal(one.uses, "score");
  assert.deepEqual(one.inputs.models, { kinds: ["model"], many: true, optional: false });
  assert.deepEqual(one.output, ["metrics"]);
  assert.equal(one.optionsSchema.properties.metrics.type, "array");
});

Deno.test("stages refuses what it does not know", async () => {
  const table: [string[], string][] = [
    [
      ["trian"],
      'there is no built-in stage "trian"; did you mean "train"?; built-in stages: download, train, score, write',
    ],
    [
      ["train", "score"],
      "too many arguments. Expected 1 argument but got 2: train, score.; deno task stages --help shows what it takes",
    ],
    [
      ["--jsn"],
      'unknown option "--jsn"; did you mean "--json"?; deno task stages --help shows what it takes',
    ],
  ];
  for (const [argv, message] of table) {
    const { io } = hearing({ stages: REGISTRY });
    await assert.rejects(run(argv, io), (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.message, message);
      return true;
    });
  }
});

Deno.test("every built-in stage is documented, option by option", async () => {
  const all = JSON.parse((await stages(["--json"], { stages: STAGES })).out) as {
    uses: string;
    doc: string;
    optionsSchema: { properties: Record<string, { description?: string }> };
  }[];
  for (const { uses, doc, optionsSchema } of all) {
    assert.match(doc, /^[A-Z][^\n]*\.(\n|$)/, `${uses}: a sentence first`);
    for (const [name, { description }] of Object.entries(optionsSchema.properties)) {
      assert.ok(description, `option "${name}" of "${uses}" says what it means`);
    }
    const { out } = await stages([uses], { stages: STAGES });
    for (const name of Object.keys(optionsSchema.properties)) {
      assert.ok(out.includes(`\n  ${name} `), `${uses} lists ${name}`);
    }
  }
});
