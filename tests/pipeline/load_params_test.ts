import assert from "node:assert/strict";
import { load, mistakes } from "./loading.ts";

const TEXT = [
  "name: t",
  "params:",
  "  n: 1",
  "  b: true",
  "  s: x",
  "  l: [1]",
  "  m: { k: { d: 2 } }",
  "  z: null",
  "  dotted.key: 3",
  "stages: { a: { uses: download, with: { from: x } } }",
].join("\n");

Deno.test("loadPipeline() types parameters of the command line by their defaults", async () => {
  const table: [string, string, unknown][] = [
    ["n=2.5e-3", "n", 0.0025],
    ["n=-7", "n", -7],
    ["b=false", "b", false],
    ["s=5", "s", "5"],
    ["s=true", "s", "true"],
    ["s=", "s", ""],
    ["s=a=b", "s", "a=b"],
    ["l=[a, 2, {c: d}]", "l", ["a", 2, { c: "d" }]],
    ["m={a: 1}", "m", { a: 1 }],
    ["m.k.d=5", "m", { k: { d: 5 } }],
    ["z=5", "z", 5],
    ["z=[a]", "z", ["a"]],
    ["dotted.key=4", "dotted.key", 4],
  ];
  for (const [override, key, expected] of table) {
    const { params } = await load(TEXT, { params: [override] });
    assert.deepEqual(params[key], expected, override);
  }
  const { params } = await load(TEXT, { params: ["n=2", "m.k.d=3", "n=4"] });
  assert.deepEqual([params.n, params.m], [4, { k: { d: 3 } }], "the last one counts");
});

Deno.test("loadPipeline() refuses parameters that do not exist or have another type", async () => {
  const table: [string, string][] = [
    [
      "n=x",
      '"x" is not a number; the default of this parameter is 1, so it takes a number',
    ],
    ["n=", '"" is not a number; the default of this parameter is 1, so it takes a number'],
    [
      "b=yes",
      '"yes" is not true or false; the default of this parameter is true, so it takes true or false',
    ],
    ["l=3", '"3" is not a list; the default of this parameter is [1], so it takes a list'],
    ["l=[", "not valid YAML: flow sequence must end with a ]"],
    // What the file may not hold, an option may not either.
    ["l=[1, .nan]", ".nan is not a number that can be used"],
    ["l=*a", 'unknown anchor "a"; an alias "*a" needs "&a" before it'],
    ["l=&a [*a]", 'the anchor "&a" contains itself'],
    ["l=[!x 1]", "not valid YAML: tags are not supported: !x"],
    ["l={a: 1, a: 2}", 'the key "a" is there twice; it stands in line 1 already'],
    [
      "m=4",
      '"4" is not a mapping; the default of this parameter is {"k":{"d":2}}, so it takes a mapping',
    ],
    ["m.k.e=1", 'the parameter "m.k" has no key "e"; keys: d'],
    ["s.x=1", 'the parameter "s" has no keys; it is text: x'],
    [
      "seeds=3",
      'unknown parameter "seeds"; parameters: n, b, s, l, m, z, dotted.key',
    ],
    [
      "dottedkey=3",
      'unknown parameter "dottedkey"; did you mean "dotted.key"?; parameters: n, b, s, l, m, z, dotted.key',
    ],
    ["n", "not a parameter with its value; write -p key=value"],
    ["=3", "not a parameter with its value; write -p key=value"],
  ];
  const overrides = table.map(([override]) => override);
  assert.deepEqual(
    await mistakes(TEXT, { params: overrides }),
    table.map(([override, message]) => `-p ${override}: ${message}`),
    "all in one pass",
  );
  const bare = "name: t\nstages: { a: { uses: download, with: { from: x } } }";
  assert.deepEqual(await mistakes(bare, { params: ["n=1"] }), [
    '-p n=1: unknown parameter "n"; the pipeline has no parameters',
  ]);
});

Deno.test("loadPipeline() hands overridden parameters to expressions", async () => {
  const text = [
    "name: t",
    "params: { epochs: 1 }",
    "stages:",
    "  d: { uses: download, with: { from: x } }",
    "  t: { uses: train, inputs: { data: d }, with: { epochs: '${{ params.epochs }}' } }",
  ].join("\n");
  const { stages } = await load(text, { params: ["epochs=9"] });
  assert.equal(stages[1]!.options.epochs, 9);
  assert.deepEqual(await mistakes(text, { params: ["epochs=0"] }), [
    '5:58+22 option "epochs" of stage "train" cannot be 0 (a number); ' +
    "it must be a whole number at least 1 (passes over the data; default 3)",
  ]);
});

Deno.test("loadPipeline() lets a default come from an allowed environment variable", async () => {
  const text = [
    "name: t",
    "env: [PLACE]",
    "params: { from: '${{ env.PLACE | default(\"home\") }}' }",
    "stages: { a: { uses: download, with: { from: '${{ params.from }}' } } }",
  ].join("\n");
  const env = (name: string) => name === "PLACE" ? "abroad" : undefined;
  assert.equal((await load(text, { env })).stages[0]!.options.from, "abroad");
  assert.equal((await load(text)).stages[0]!.options.from, "home");
  assert.equal((await load(text, { params: ["from=x"] })).stages[0]!.options.from, "x");
});
