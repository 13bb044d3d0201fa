import assert from "node:assert/strict";
import { load, mistakes, withStages } from "./loading.ts";

const DATA = "d: { uses: download, with: { from: x } }";
const MODEL = "m: { uses: download, with: { from: x, model: true } }";

interface Case {
  readonly name: string;
  readonly stages: readonly string[];
  readonly expected: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "an unknown stage",
    stages: [DATA, "t: { uses: train, inputs: { data: dd } }"],
    expected: ['4:37+2 unknown stage "dd"; did you mean "d"?; stages: d'],
  },
  {
    name: "an unknown role, told once",
    stages: [DATA, "t: { uses: train, inputs: { dta: d } }"],
    expected: [
      '4:31+3 unknown input "dta" of stage "train"; did you mean "data"?; inputs of "train": data (rows), model (model, optional)',
    ],
  },
  {
    name: "a role of a stage that reads nothing",
    stages: [DATA, "e: { uses: download, with: { from: x }, inputs: { data: d } }"],
    expected: ['4:53+4 unknown input "data" of stage "download"; it reads nothing'],
  },
  {
    name: "a missing input",
    stages: ["t: { uses: train }", "s: { uses: score, inputs: {} }"],
    expected: [
      '3:3+1 missing input "data" of stage "t"; "train" reads data (rows), model (model, optional)',
      '4:21+6 missing input "models" of stage "s"; "score" reads models (any number of model), baseline (model, optional)',
    ],
  },
  {
    name: "kinds that do not fit",
    stages: [DATA, MODEL, "t: { uses: train, inputs: { data: m, model: d } }"],
    expected: [
      '5:37+1 the input "data" of stage "train" cannot be "m": that puts out model; "data" accepts rows',
      '5:47+1 the input "model" of stage "train" cannot be "d": that puts out rows; "model" accepts model',
    ],
  },
  {
    name: "a kind that follows from options",
    stages: [
      "x: { uses: download, with: { from: x, model: true } }",
      "w: { uses: write, inputs: { model: x, data: x } }",
    ],
    expected: [
      '4:47+1 the input "data" of stage "write" cannot be "x": that puts out model; "data" accepts rows or texts',
    ],
  },
  {
    name: "a list for a single role",
    stages: [DATA, "t: { uses: train, inputs: { data: [d] } }"],
    expected: [
      '4:37+3 the input "data" of stage "train" takes one stage, not a list; name one of: d',
    ],
  },
  {
    name: "an empty list, and a stage that is given twice",
    stages: [
      MODEL,
      "s: { uses: score, inputs: { models: [] } }",
      "t: { uses: score, inputs: { models: [m, m] } }",
    ],
    expected: [
      '4:39+2 the input "models" of stage "s" is an empty list; it takes any number of model',
      '5:43+1 "m" is given twice to one input',
    ],
  },
  {
    name: "text that is no name, and no text",
    stages: [
      MODEL,
      "a: { uses: write, inputs: { model: The Model } }",
      "b: { uses: write, inputs: { model: 3 } }",
    ],
    expected: [
      '4:38+9 "The Model" is not the name of a stage; write a name, `name@*` for all cells, or `name@key=value` for one',
      '5:38+1 key "inputs.model" of stage "b" cannot be 3 (a number); it must be text or a list of texts',
    ],
  },
  {
    name: "a stage that reads itself",
    stages: ["t: { uses: train, inputs: { data: t } }"],
    expected: ['3:37+1 the stage "t" reads itself'],
  },
  {
    name: "circles, each drawn with its hops",
    stages: [
      DATA,
      "a: { uses: train, inputs: { data: d, model: b } }",
      "b: { uses: train, inputs: { data: d, model: c } }",
      "c: { uses: train, inputs: { data: d, model: a } }",
      "reads_a: { uses: write, inputs: { model: a } }",
      "x: { uses: train, inputs: { data: d, model: y } }",
      "y: { uses: train, inputs: { data: d, model: x } }",
    ],
    expected: [
      '4:47+1 the inputs form a circle: a -> b -> c -> a; "a" reads "b" at 4:47, "b" reads "c" at 5:47, "c" reads "a" at 6:47; take one of these inputs away',
      '8:47+1 the inputs form a circle: x -> y -> x; "x" reads "y" at 8:47, "y" reads "x" at 9:47; take one of these inputs away',
    ],
  },
];

for (const { name, stages, expected } of CASES) {
  Deno.test(`loadPipeline() checks inputs: ${name}`, async () => {
    assert.deepEqual(await mistakes(withStages(...stages)), expected);
  });
}

Deno.test("loadPipeline() orders stages by their inputs, otherwise as in the file", async () => {
  const pipeline = await load(withStages(
    "z: { uses: write, inputs: { model: y } }",
    "y: { uses: train, inputs: { data: x } }",
    "b: { uses: download, with: { from: x } }",
    "x: { uses: download, with: { from: x } }",
    "a: { uses: download, with: { from: x } }",
  ));
  assert.deepEqual(pipeline.stages.map(({ id }) => id), ["b", "x", "y", "z", "a"]);
});

Deno.test("loadPipeline() takes optional and list inputs", async () => {
  const pipeline = await load(withStages(
    DATA,
    MODEL,
    "n: { uses: train, inputs: { data: d, model: m } }",
    "s: { uses: score, inputs: { models: [n, m], baseline: m } }",
    "one: { uses: score, inputs: { models: n } }",
  ));
  const inputs = Object.fromEntries(pipeline.stages.map(({ id, inputs }) => [id, inputs]));
  assert.deepEqual(inputs.s, { models: ["n", "m"], baseline: ["m"] });
  assert.deepEqual(inputs.one, { models: ["n"] });
});
