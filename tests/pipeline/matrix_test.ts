import assert from "node:assert/strict";
import { matrixLabels } from "../../lib/pipeline/file/matrix_label.ts";
import { formatLabel } from "../../lib/pipeline/schema/value_words.ts";
import type { Pipeline } from "../../lib/pipeline/types.ts";
import { load, mistakes, stage, withStages } from "./loading.ts";

const DATA = "d: { uses: download, with: { from: x } }";

function inputsOf({ stages }: Pipeline): Record<string, unknown> {
  return Object.fromEntries(stages.map(({ id, inputs }) => [id, inputs]));
}

Deno.test("formatLabel() writes numbers as people write hyperparameters", () => {
  const table: [number, string][] = [
    [0.00001, "1e-5"],
    [3e-5, "3e-5"],
    [2.5e-5, "2.5e-5"],
    [0.1, "0.1"],
    [0.05, "0.05"],
    [0.001, "1e-3"],
    [1e-7, "1e-7"],
    [1, "1"],
    [1000, "1000"],
    [100000, "100000"],
    [1e20, "1e20"],
    [-0.5, "-0.5"],
    [0, "0"],
    [1.5, "1.5"],
  ];
  for (const [value, expected] of table) assert.equal(formatLabel(value), expected);
});

Deno.test("matrixLabels() are safe in file names and different from each other", () => {
  const long = "x".repeat(80);
  assert.deepEqual(
    matrixLabels(["a/b", "a b", "A-B", "../..", "", "é", true, null, [1, 2], -1, 1, "1", long]),
    [
      "a-b",
      "a-b~2",
      "A-B~3",
      "empty",
      "empty~2",
      "é",
      "true",
      "null",
      "1-2",
      "-1",
      "1",
      "1~2",
      "x".repeat(48),
    ],
  );
});

Deno.test("a matrix is the cross product of its values, and sets options", async () => {
  const pipeline = await load(withStages(
    DATA,
    "tuned:",
    "  uses: train",
    "  inputs: { data: d }",
    "  with: { learning_rate: 5, note: 'rate ${{ matrix.learning_rate }}, ${{ matrix.style }}' }",
    "  matrix: { learning_rate: [0.00001, 0.1], epochs: [1, 2], style: [a b] }",
  ));
  const cells = pipeline.stages.filter(({ name }) => name === "tuned");
  assert.deepEqual(cells.map(({ id, cell, options }) => [id, cell, options.note]), [
    ["tuned@learning_rate=1e-5,epochs=1,style=a-b", {
      learning_rate: 1e-5,
      epochs: 1,
      style: "a b",
    }, "rate 1e-5, a b"],
    ["tuned@learning_rate=1e-5,epochs=2,style=a-b", {
      learning_rate: 1e-5,
      epochs: 2,
      style: "a b",
    }, "rate 1e-5, a b"],
    ["tuned@learning_rate=0.1,epochs=1,style=a-b", {
      learning_rate: 0.1,
      epochs: 1,
      style: "a b",
    }, "rate 0.1, a b"],
    ["tuned@learning_rate=0.1,epochs=2,style=a-b", {
      learning_rate: 0.1,
      epochs: 2,
      style: "a b",
    }, "rate 0.1, a b"],
  ]);
  assert.deepEqual(cells.map(({ options }) => [options.learning_rate, options.epochs]), [
    [1e-5, 1],
    [1e-5, 2],
    [0.1, 1],
    [0.1, 2],
  ]);
});

Deno.test("a stage that reads a matrix plainly has a cell for each of its cells", async () => {
  const pipeline = await load(withStages(
    DATA,
    "tuned: { uses: train, inputs: { data: d }, matrix: { epochs: [1, 2] } }",
    "texts: { uses: write, inputs: { model: tuned }, with: { prompts: ['n ${{ matrix.epochs }}'] } }",
    "scores: { uses: score, inputs: { models: tuned } }",
    "again: { uses: write, inputs: { model: tuned, data: texts } }",
  ));
  assert.deepEqual(inputsOf(pipeline), {
    d: {},
    "tuned@epochs=1": { data: ["d"] },
    "tuned@epochs=2": { data: ["d"] },
    "texts@epochs=1": { model: ["tuned@epochs=1"] },
    "texts@epochs=2": { model: ["tuned@epochs=2"] },
    "scores@epochs=1": { models: ["tuned@epochs=1"] },
    "scores@epochs=2": { models: ["tuned@epochs=2"] },
    "again@epochs=1": { model: ["tuned@epochs=1"], data: ["texts@epochs=1"] },
    "again@epochs=2": { model: ["tuned@epochs=2"], data: ["texts@epochs=2"] },
  }, "two inputs from one matrix are aligned");
  assert.deepEqual(stage(pipeline, "texts@epochs=2").options.prompts, ["n 2"]);
  assert.deepEqual(stage(pipeline, "texts@epochs=2").cell, { epochs: 2 });
});

Deno.test("different matrices cross, and keys that they share tell their stage", async () => {
  const pipeline = await load(withStages(
    "d: { uses: download, with: { from: '${{ matrix.part }}' }, matrix: { part: [a, b] } }",
    "m: { uses: train, inputs: { data: d }, matrix: { epochs: [1, 2] } }",
    "n: { uses: train, inputs: { data: d, model: m }, matrix: { epochs: [3] } }",
    "both: { uses: score, inputs: { models: [m, n] } }",
  ));
  assert.deepEqual(pipeline.stages.map(({ id }) => id), [
    "d@part=a",
    "d@part=b",
    "m@epochs=1,part=a",
    "m@epochs=1,part=b",
    "m@epochs=2,part=a",
    "m@epochs=2,part=b",
    "n@n.epochs=3,part=a,m.epochs=1",
    "n@n.epochs=3,part=a,m.epochs=2",
    "n@n.epochs=3,part=b,m.epochs=1",
    "n@n.epochs=3,part=b,m.epochs=2",
    "both@m.epochs=1,part=a,n.epochs=3",
    "both@m.epochs=1,part=b,n.epochs=3",
    "both@m.epochs=2,part=a,n.epochs=3",
    "both@m.epochs=2,part=b,n.epochs=3",
  ]);
  assert.deepEqual(stage(pipeline, "both@m.epochs=2,part=a,n.epochs=3").inputs, {
    models: ["m@epochs=2,part=a", "n@n.epochs=3,part=a,m.epochs=2"],
  });
  assert.deepEqual(stage(pipeline, "n@n.epochs=3,part=a,m.epochs=2").options.epochs, 3);
});

Deno.test("a list takes every cell, one cell, and other stages", async () => {
  const pipeline = await load(withStages(
    DATA,
    "t: { uses: train, inputs: { data: d }, matrix: { epochs: [1, 2], learning_rate: [0.00001, 0.5] } }",
    "single: { uses: train, inputs: { data: d } }",
    "all: { uses: score, inputs: { models: 't@*' } }",
    "mixed: { uses: score, inputs: { models: [single, 't@epochs=2'] } }",
    "one: { uses: write, inputs: { model: 't@learning_rate=0.00001,epochs=2' } }",
    "alone: { uses: score, inputs: { models: 'single@*' } }",
  ));
  const inputs = inputsOf(pipeline);
  assert.deepEqual(inputs.all, {
    models: [
      "t@epochs=1,learning_rate=1e-5",
      "t@epochs=1,learning_rate=0.5",
      "t@epochs=2,learning_rate=1e-5",
      "t@epochs=2,learning_rate=0.5",
    ],
  });
  assert.deepEqual(inputs.mixed, {
    models: ["single", "t@epochs=2,learning_rate=1e-5", "t@epochs=2,learning_rate=0.5"],
  });
  assert.deepEqual(inputs.one, { model: ["t@epochs=2,learning_rate=1e-5"] });
  assert.deepEqual(inputs.alone, { models: ["single"] });
});

Deno.test("matrix values choose inputs, and come from parameters", async () => {
  const pipeline = await load([
    "name: t",
    "params: { parts: [a, b], rates: [0.1] }",
    "stages:",
    "  a: { uses: download, with: { from: x } }",
    "  b: { uses: download, with: { from: y } }",
    "  t:",
    "    uses: train",
    "    inputs: { data: '${{ matrix.part }}' }",
    "    matrix: { part: '${{ params.parts }}', learning_rate: ['${{ params.rates[0] }}'] }",
    "    timeout: '${{ matrix.learning_rate * 10 }}s'",
  ].join("\n"));
  assert.deepEqual(inputsOf(pipeline), {
    a: {},
    b: {},
    "t@part=a,learning_rate=0.1": { data: ["a"] },
    "t@part=b,learning_rate=0.1": { data: ["b"] },
  });
  assert.equal(stage(pipeline, "t@part=b,learning_rate=0.1").timeout, 1000);
});

interface Case {
  readonly name: string;
  readonly stages: readonly string[];
  readonly expected: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "keys that are used nowhere",
    stages: [DATA, "t: { uses: train, inputs: { data: d }, matrix: { epoch: [1, 2] } }"],
    expected: [
      '4:52+5 the matrix key "epoch" of stage "t" is used nowhere; did you mean "epochs"?; it must be an option of "train" or stand in ${{ matrix.epoch }}',
    ],
  },
  {
    name: "values that are there twice, wrong or none, and keys that cannot be used",
    stages: [
      DATA,
      "t:",
      "  uses: train",
      "  inputs: { data: d }",
      "  matrix: { epochs: [1, 1, x], 'a b': [1], learning_rate: [] }",
    ],
    expected: [
      '7:27+1 the matrix of stage "t" has the value 1 of "epochs" twice',
      '7:30+1 option "epochs" of stage "train" cannot be "x" (text); it must be a whole number at least 1 (passes over the data; default 3)',
      '7:34+5 key "matrix.a b" of stage "t" has a name that cannot be used; a name is made of: letters, digits and `_`, no digit first',
      '7:61+2 key "matrix.learning_rate" of stage "t" cannot be [] (a list); it must be a non-empty list of values',
    ],
  },
  {
    name: "a fan-in for a single role",
    stages: [
      DATA,
      "t: { uses: train, inputs: { data: d }, matrix: { epochs: [1, 2] } }",
      "w: { uses: write, inputs: { model: 't@*' } }",
    ],
    expected: [
      '5:38+5 the input "model" of stage "write" takes one stage, not a list; name one of: t@epochs=1, t@epochs=2; or write "t" to run once for each cell',
    ],
  },
  {
    name: "several cells for a single role",
    stages: [
      DATA,
      "t: { uses: train, inputs: { data: d }, matrix: { epochs: [1, 2], note: [a, b] } }",
      "w: { uses: write, inputs: { model: 't@epochs=1' } }",
    ],
    expected: [
      '5:38+12 the input "model" of stage "write" takes one stage, not a list; name one of: t@epochs=1,note=a, t@epochs=1,note=b; or write "t" to run once for each cell',
    ],
  },
  {
    name: "a cell that does not exist",
    stages: [
      DATA,
      "t: { uses: train, inputs: { data: d }, matrix: { epochs: [1, 2] } }",
      "w: { uses: write, inputs: { model: 't@epochs=3' } }",
      "v: { uses: write, inputs: { model: 't@epoch=1' } }",
      "u: { uses: train, inputs: { data: 'd@epochs=1' } }",
      "s: { uses: score, inputs: { models: ['t@epochs'] } }",
    ],
    expected: [
      '5:38+12 the stage "t" has no cell "t@epochs=3"; did you mean "t@epochs=1"?; cells: t@epochs=1, t@epochs=2',
      '6:38+11 the stage "t" has no cell "t@epoch=1"; did you mean "t@epochs=1"?; cells: t@epochs=1, t@epochs=2',
      '7:37+12 the stage "d" has no matrix, so there is no "d@epochs=1"; write "d"',
      '8:40+10 "t@epochs" is not the name of a stage; write a name, `name@*` for all cells, or `name@key=value` for one',
    ],
  },
  {
    name: "one mistake of all cells, once",
    stages: [
      DATA,
      "t: { uses: train, inputs: { data: d }, with: { nte: 1 }, matrix: { epochs: [1, 2] } }",
    ],
    expected: [
      '4:50+3 unknown option "nte" of stage "train"; did you mean "note"?; options of "train": learning_rate, epochs, strategy, template, note, config, dropout',
    ],
  },
  {
    name: "unknown matrix keys, but none that an unknown stage might have brought",
    stages: [
      DATA,
      "t: { uses: train, inputs: { data: d }, with: { note: 'a${{ matrix.epoch }}' }, matrix: { epochs: [1] } }",
      "u: { uses: write, inputs: { model: tt }, with: { prompts: ['a${{ matrix.epochs }}'] } }",
    ],
    expected: [
      '4:62+12 unknown key "epoch" of matrix; did you mean "epochs"?; known: epochs',
      '5:38+2 unknown stage "tt"; did you mean "t"?; stages: d, t',
    ],
  },
  {
    name: "matrix values in uses",
    stages: ["t: { uses: '${{ matrix.what }}', matrix: { what: [a] } }"],
    expected: [
      "3:19+6 matrix values are not known here; they can be used in `inputs`, `with`, `permissions` and `timeout`",
    ],
  },
  {
    name: "too many combinations",
    stages: [
      DATA,
      "t:",
      "  uses: train",
      "  inputs: { data: d }",
      `  matrix: { epochs: [${Array.from({ length: 40 }, (_, i) => i + 1)}], learning_rate: [${
        Array.from({ length: 40 }, (_, i) => i + 1)
      }] }`,
    ],
    expected: ['7:137+13 the matrix of stage "t" has more than 1000 combinations'],
  },
];

for (const { name, stages, expected } of CASES) {
  Deno.test(`loadPipeline() checks matrices: ${name}`, async () => {
    assert.deepEqual(await mistakes(withStages(...stages)), expected);
  });
}
