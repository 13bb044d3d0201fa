import assert from "node:assert/strict";
import {
  type Components,
  componentsOf,
  fingerprint,
  isComplete,
  type StageFacts,
} from "../../lib/pipeline/key/fingerprint.ts";
import { explain, isComponents } from "../../lib/pipeline/key/explain.ts";
import { canonicalDigest, sha256Hex } from "../../lib/store/mod.ts";

const A = sha256Hex("a");
const B = sha256Hex("b");
const C = sha256Hex("c");

const FACTS: StageFacts<string> = {
  uses: "train",
  builtin: true,
  version: 1,
  graph: {
    root: "stages/train.ts",
    files: { "lib/train/loop/loop.ts": A, "stages/train.ts": B },
    imports: { temper: "lib/pipeline/mod.ts" },
    packages: ["yaml@2.9.1", "zod@4.6.6"],
    paths: ["/somewhere/stages/train.ts"],
    data: [],
    local: {},
    loading: { urls: [], lock: {}, packages: [], registries: {} },
  },
  options: { learning_rate: 2e-5, padding: { side: "left", to: 8 }, prompts: ["a", "b"] },
  inputs: { data: [A], models: [A, B], tokenizer: [] },
  seed: 42,
  sources: { "hf://gpt2": { commit: "abc", files: { "config.json": "1" } } },
  device: "cpu",
};
const BEFORE = componentsOf(FACTS);

Deno.test("fingerprint() is the digest of the key document and of nothing else", () => {
  assert.deepEqual(BEFORE, {
    stage: "train",
    version: 1,
    code: { files: FACTS.graph.files, imports: FACTS.graph.imports },
    packages: FACTS.graph.packages,
    options: FACTS.options,
    inputs: { data: [A], models: [A, B] },
    seed: 42,
    sources: FACTS.sources,
    device: "cpu",
  });
  assert.equal(fingerprint(BEFORE), canonicalDigest(BEFORE));
  const moved = { ...FACTS, graph: { ...FACTS.graph, paths: ["/elsewhere/stages/train.ts"] } };
  assert.equal(fingerprint(componentsOf(moved)), fingerprint(BEFORE));
  const reordered = {
    ...FACTS,
    options: Object.fromEntries(Object.entries(FACTS.options).reverse()),
  };
  assert.equal(fingerprint(componentsOf(reordered)), fingerprint(BEFORE));
  assert.ok(isComponents(JSON.parse(JSON.stringify(BEFORE))));
  assert.ok(!isComponents({ seed: 1 }) && !isComponents(null) && !isComponents([]));
});

Deno.test("isComponents() looks at every part: a record is what somebody wrote to a disk", () => {
  const table: object[] = [
    { packages: [0] },
    { packages: [{}, "a@1.0.0"] },
    { code: { files: { a: 1 }, imports: {} } },
    { code: { files: {}, imports: { a: null } } },
    { inputs: { data: [1] } },
    { granted: { read: { a: A } } },
    { granted: { read: { a: 1 }, env: {} } },
    { device: 1 },
  ];
  for (const change of table) {
    assert.ok(!isComponents({ ...BEFORE, ...change }), JSON.stringify(change));
  }
  assert.ok(isComponents({ ...BEFORE, granted: { read: { a: null }, env: { B: A } } }));
});

Deno.test("explain() knows names that every object has as names that were not there", () => {
  const now = componentsOf({
    ...FACTS,
    graph: { ...FACTS.graph, packages: [...FACTS.graph.packages, "constructor@1.0.0"] },
    options: { ...FACTS.options, toString: 1 },
    inputs: { ...FACTS.inputs, valueOf: [A] },
  });
  assert.deepEqual(explain(BEFORE, now), [
    "package constructor 1.0.0 was added",
    "option toString was added: 1",
    "input valueOf was added",
  ]);
});

Deno.test("an own stage goes by its module's label, a stage without engine has no device", () => {
  const own = componentsOf({ ...FACTS, uses: "./x.ts", builtin: false, device: undefined });
  assert.equal(own.stage, "stages/train.ts");
  assert.ok(!("device" in own));
});

Deno.test("componentsOf() refuses sources that are not JSON", () => {
  assert.throws(
    () => componentsOf({ ...FACTS, sources: { at: new Date(0) } }),
    /resolved sources of stage "train" are not plain JSON: Cannot write a Date as JSON at \$\.at/,
  );
  assert.equal(componentsOf({ ...FACTS, sources: undefined }).sources, null);
});

const TABLE: [change: Partial<StageFacts<string | null>>, reasons: string[]][] = [
  [{}, []],
  [{ uses: "evaluate" }, ["the stage's definition changed: train -> evaluate"]],
  [{ version: 2 }, ["the stage's version changed: 1 -> 2"]],
  [
    { graph: { ...FACTS.graph, files: { "lib/train/loop/loop.ts": C, "stages/train.ts": B } } },
    ["code changed: lib/train/loop/loop.ts"],
  ],
  [
    { graph: { ...FACTS.graph, files: { "lib/train/step.ts": C, "stages/train.ts": A } } },
    [
      "code no longer used: lib/train/loop/loop.ts",
      "code added: lib/train/step.ts",
      "code changed: stages/train.ts",
    ],
  ],
  [
    { graph: { ...FACTS.graph, imports: { temper: "lib/other.ts" } } },
    ['import "temper" now leads to another file: lib/pipeline/mod.ts -> lib/other.ts'],
  ],
  [
    { graph: { ...FACTS.graph, packages: ["@huggingface/jinja@0.5.11", "zod@4.6.7"] } },
    [
      "package @huggingface/jinja 0.5.11 was added",
      "package yaml 2.9.1 was removed",
      "package zod 4.6.6 -> 4.6.7",
    ],
  ],
  [
    { graph: { ...FACTS.graph, packages: ["yaml@2.9.1", "zod@3.0.0", "zod@4.6.6"] } },
    ["package zod 4.6.6 -> 3.0.0, 4.6.6"],
  ],
  [
    { options: { ...FACTS.options, learning_rate: 3e-5 } },
    ["option learning_rate changed: 0.00002 -> 0.00003"],
  ],
  [
    { options: { ...FACTS.options, padding: { side: "right", to: 8, by: 1 }, prompts: ["a"] } },
    [
      "option padding.by was added: 1",
      'option padding.side changed: "left" -> "right"',
      'option prompts changed: ["a","b"] -> ["a"]',
    ],
  ],
  [
    { options: { prompts: ["a", "b"], padding: { side: "left", to: 8 }, top_k: 50 } },
    ["option learning_rate was removed (it was 0.00002)", "option top_k was added: 50"],
  ],
  [{ inputs: { ...FACTS.inputs, data: [B] } }, ["input data changed (from stage clean)"]],
  [{ inputs: { ...FACTS.inputs, data: [null] } }, ["input data is made anew (from stage clean)"]],
  [
    { inputs: { ...FACTS.inputs, models: [B, A] } },
    ["input models changed (from stage m@x=1)", "input models changed (from stage m@x=2)"],
  ],
  [
    { inputs: { ...FACTS.inputs, models: [A] } },
    ["input models has 1 artifacts now, it had 2"],
  ],
  [
    { inputs: { models: [A, B], tokenizer: [C] } },
    ["input data was removed", "input tokenizer was added (from stage base)"],
  ],
  [{ seed: 7 }, ["seed changed: 42 -> 7"]],
  [
    { sources: { "hf://gpt2": { commit: "def", files: { "config.json": "1" } } } },
    ["source hf://gpt2 moved: commit abc -> def"],
  ],
  [
    { sources: { "hf://gpt2": { commit: "abc", files: { "config.json": "2" } }, "file.txt": A } },
    ["source file.txt was added", "source hf://gpt2 moved: files.config.json 1 -> 2"],
  ],
  [{ sources: null }, [
    `sources changed: {"hf://gpt2":{"commit":"abc","files":{"config.json":"1"}}} -> null`,
  ]],
  [{ device: "wasm" }, ["device changed: cpu -> wasm"]],
  [{ device: undefined }, ["device changed: cpu -> no device"]],
  [
    { seed: 7, version: 3, device: "webgpu", inputs: { ...FACTS.inputs, data: [C] } },
    [
      "the stage's version changed: 1 -> 3",
      "input data changed (from stage clean)",
      "seed changed: 42 -> 7",
      "device changed: cpu -> webgpu",
    ],
  ],
];

const PRODUCERS = { data: ["clean"], models: ["m@x=1", "m@x=2"], tokenizer: ["base"] };

Deno.test("explain() names every difference, and exactly where the key differs", () => {
  for (const [change, reasons] of TABLE) {
    const now = componentsOf({ ...FACTS, ...change });
    assert.deepEqual(explain(BEFORE, now, { producers: PRODUCERS }), reasons);
    assert.equal(isComplete(now), !JSON.stringify(change).includes("null]"));
    if (isComplete(now)) {
      assert.equal(fingerprint(now) === fingerprint(BEFORE), reasons.length === 0);
    }
  }
});

Deno.test("explain() works without the names of the producers", () => {
  const now = componentsOf({ ...FACTS, inputs: { data: [B], models: [A, C] } });
  assert.deepEqual(explain(BEFORE, now), ["input data changed", "input models[1] changed"]);
});

Deno.test("explain() shortens digests and shows where long texts differ", () => {
  const commit = (digit: string): Components => ({
    ...BEFORE,
    sources: { "hf://x": { commit: digit.repeat(40) } },
  });
  assert.deepEqual(explain(commit("a"), commit("b")), [
    "source hf://x moved: commit aaaaaaaaaaaa -> bbbbbbbbbbbb",
  ]);
  const long = (word: string): Components => ({
    ...BEFORE,
    options: { template: `${"x".repeat(500)} ${word} ${"y".repeat(500)}` },
  });
  const [reason = ""] = explain(long("old"), long("new"));
  assert.match(reason, /^option template changed: …x+ old y+… -> …x+ new y+…$/);
  assert.ok(reason.length < 200);
});

Deno.test("explain() tells of a list of grants with nothing in it, which is in the key", () => {
  const { granted: _, ...without } = BEFORE;
  const empty: Components = { ...without, granted: { read: {}, env: {} } };
  assert.notEqual(fingerprint(without), fingerprint(empty));
  assert.deepEqual(explain(without, empty), ["a list of grants, with nothing in it, was added"]);
  assert.deepEqual(explain(empty, without), ["a list of grants, with nothing in it, was removed"]);
});

Deno.test("explain() tells of packages in another order, which are in the key as they are listed", () => {
  const ordered = { ...BEFORE, packages: ["a@2.0.0", "a@1.0.0", "b@1.0.0"] };
  const otherwise = { ...BEFORE, packages: ["a@2.0.0", "b@1.0.0", "a@1.0.0"] };
  assert.notEqual(fingerprint(ordered), fingerprint(otherwise));
  assert.deepEqual(explain(ordered, otherwise), ["the packages are listed otherwise"]);
});

Deno.test("explain() tells of no device, and of one called none", () => {
  const { device: _, ...without } = BEFORE;
  const reasons = explain(without, { ...without, device: "none" });
  assert.deepEqual(reasons, ["device changed: no device -> none"]);
});
