import assert from "node:assert/strict";
import { load, mistakes, stage, withStages } from "./loading.ts";
import { module, using } from "./own_module.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

Deno.test("an own stage is described, and its options checked, like a built-in one", async () => {
  const pipeline = await load(
    using(", with: { step: 3 }"),
    module(
      "console.log('hello'); await Deno.stdout.write(new TextEncoder().encode('unfinished'));",
    ),
  );
  const { description, options, output, inputs } = stage(pipeline, "o");
  assert.deepEqual(options, { step: 3 });
  assert.equal(output, "rows");
  assert.deepEqual(inputs, { data: ["d"] });
  assert.equal(description.builtin, false);
  assert.equal(description.doc, "Keeps some rows.");
  assert.match(description.module, /^file:\/\/.*\/own\.ts$/);
  assert.deepEqual(description.inputs, {
    data: { kinds: ["rows"], many: false, optional: false },
  });
  assert.deepEqual(description.optionsSchema, {
    type: "object",
    properties: {
      step: {
        default: 2,
        description: "keep one row in this many",
        type: "integer",
        minimum: 2,
        maximum: Number.MAX_SAFE_INTEGER,
      },
      inner: {
        type: "object",
        properties: { name: { type: "string" } },
        required: ["name"],
      },
    },
    additionalProperties: false,
  });
});

Deno.test("an own stage says what options and inputs need together", async () => {
  const own = module(
    "",
    "check: ({ options, inputs }) => options.inner && inputs.includes('data') ? " +
      "{ what: 'inner stands in for data', remedy: 'leave out one' } : undefined,",
  );
  assert.deepEqual(await mistakes(using(), own), []);
  assert.deepEqual(await mistakes(using(", with: { inner: { name: a } }"), own), [
    '4:3+1 stage "./own.ts": inner stands in for data; leave out one',
  ]);
});

Deno.test("an own stage takes a matrix, and its kind may follow from options", async () => {
  const text = `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Makes something.",
  inputs: {},
  output: (options) => options.what === "model" ? "model" : "rows",
  options: z.object({ what: z.enum(["model", "rows"]) }),
  async run() {},
});
`;
  const pipeline = await load(
    withStages("o: { uses: ./own.ts, matrix: { what: [model, rows] } }"),
    { files: { "own.ts": text } },
  );
  assert.deepEqual(pipeline.stages.map(({ id, output }) => [id, output]), [
    ["o@what=model", "model"],
    ["o@what=rows", "rows"],
  ]);
});

Deno.test("an own stage cannot pass for another or for a built-in one", async () => {
  const forge = `
Object.defineProperty(Object.prototype, "toJSON", {
  value() {
    if (!("builtin" in this)) return this;
    return { ...this, builtin: true, uses: "train", module: "file:///x.ts", doc: "Forged." };
  },
});`;
  const { description } = stage(await load(using(), module(forge)), "o");
  assert.equal(description.doc, "Forged.", "what it says about itself is its own business");
  assert.equal(description.builtin, false);
  assert.equal(description.uses, "./own.ts");
  assert.match(description.module, /own\.ts$/);
});

Deno.test("an own stage gets what it asks for, if at least that is granted", async () => {
  const asked = { net: ["a.org:443"], env: ["TOKEN"], read: ["data/words.txt"] };
  const pipeline = await load(
    using(", permissions: { net: [a.org, b.org], env: [TOKEN, MORE], read: [data], ffi: true }"),
    module("", `permissions: ${JSON.stringify(asked)},`),
  );
  assert.deepEqual(stage(pipeline, "o").permissions, asked);
});

Deno.test("what an own stage said is remembered for as long as its code is the same", async () => {
  const entries = new Map<string, string>();
  let digest = "one";
  const memory = {
    get: (namespace: string, key: string) => {
      const text = entries.get(`${namespace} ${key}`);
      return text === undefined ? undefined : JSON.parse(text);
    },
    set: (namespace: string, key: string, value: unknown) => {
      entries.set(`${namespace} ${key}`, JSON.stringify(value));
    },
    digestModule: () => Promise.resolve(digest),
  };
  // The pipeline's folder is part of what is remembered, so both loads have to share one.
  const folder = await temporaryDirectory();
  const { loadPipeline } = await import("../../lib/pipeline/file/load.ts");
  const { REGISTRY, ROOT } = await import("./loading.ts");
  const doc = async (step: number, text: string): Promise<string> => {
    await Deno.writeTextFile(`${folder}/own.ts`, text);
    await Deno.writeTextFile(`${folder}/p.yaml`, using(`, with: { step: ${step} }`));
    const options = { params: [], registry: REGISTRY, project: ROOT, memory };
    const pipeline = await loadPipeline(`${folder}/p.yaml`, options);
    assert.equal(stage(pipeline, "o").options.step, step);
    return stage(pipeline, "o").description.doc;
  };
  const first = module("").files!["own.ts"]!;
  const second = first.replace("Keeps some rows.", "Other.");
  assert.equal(await doc(2, first), "Keeps some rows.");
  const stages = [...entries.keys()].filter((key) => !key.startsWith("yaml "));
  assert.equal(stages.length, 1);
  assert.equal(await doc(2, second), "Keeps some rows.", "the digest says it is the same");
  assert.equal(await doc(3, second), "Other.", "other options are asked about anew");
  digest = "two";
  assert.equal(await doc(2, second), "Other.");
});
