import assert from "node:assert/strict";
import { STAGES } from "../../stages/mod.ts";
import { mistakes, withStages } from "../pipeline/loading.ts";

/** What a stage after rows, tokens and a model has to say, before anything runs. */
async function saidOf(stage: string): Promise<string[]> {
  const text = withStages(
    "rows: { uses: download, with: { from: a.txt } }",
    "base: { uses: download, with: { from: hf://a/b } }",
    "tokens: { uses: tokenize, inputs: { data: rows, tokenizer: base } }",
    `tested: { ${stage} }`,
  );
  const found = await mistakes(text, { registry: STAGES });
  return found.map((mistake) => mistake.replace(/^\S+ /, ""));
}

Deno.test("stages say before a run which options and inputs do not go together", async () => {
  const config = "config: { model_type: gpt2 }";
  const table: [string, RegExp][] = [
    ["uses: tokenize, inputs: { data: rows }", /^stage "tokenize": there is no tokenizer; give/],
    [
      "uses: tokenize, inputs: { data: rows, tokenizer: base }, with: { train: { vocab_size: 300 } }",
      /^stage "tokenize": there are two tokenizers/,
    ],
    ["uses: train, inputs: { data: tokens }", /^stage "train": there is neither an input `model`/],
    [
      `uses: train, inputs: { data: tokens, model: base }, with: { ${config} }`,
      /^stage "train": there are both an input `model`/,
    ],
    ["uses: generate, inputs: { model: base }", /^stage "generate": there are no prompts/],
    [
      "uses: generate, inputs: { model: base, data: rows }, with: { prompts: [a] }",
      /^stage "generate": there are prompts from two places/,
    ],
    ...["limit: 3", "split: test", 'template: "{{ a }}"'].map((option): [string, RegExp] => [
      `uses: generate, inputs: { model: base }, with: { prompts: [a], ${option} }`,
      new RegExp(`^stage "generate": the option ${option.split(":")[0]} does nothing`),
    ]),
    [
      "uses: split, inputs: { data: rows }, with: { source: [], leakage: error, train: 1 }",
      /^stage "split": the option train does nothing beside source: \[\]/,
    ],
    ["uses: augment, inputs: { data: rows, model: base }", /the input model does nothing/],
    [
      "uses: augment, inputs: { data: rows }, with: { back_and_forth: [a] }",
      /there is no model for back_and_forth/,
    ],
  ];
  for (const [stage, message] of table) {
    const said = await saidOf(stage);
    assert.equal(said.length, 1, stage);
    assert.match(said[0]!, message);
  }
});

Deno.test("stages find numbers that do not fit each other", async () => {
  const table: [string, RegExp | undefined][] = [
    ["{ train: 0.8, validation: 0.1, test: 0.1 }", undefined],
    ["{ train: 100, test: 20 }", undefined],
    ["{}", undefined],
    ["{ parts: { a: 0.5, b: 0.5 } }", undefined],
    ["{ train: 0.8, validation: 0.1 }", /parts do not fit.*fractions that add up to 1/],
    ["{ train: 0.8, validation: 12 }", /parts do not fit.*whole numbers of rows/],
    // A mistyped part is the mistake, not the sum that it is missing from.
    ["{ train: 0.8, validation: 0.1, tset: 0.1 }", /unknown option "tset"/],
    ["{ parts: { a: 0.5, b: 0.6 } }", /parts do not fit.*fractions that add up to 1/],
  ];
  for (const [options, message] of table) {
    const said = await saidOf(`uses: split, inputs: { data: rows }, with: ${options}`);
    assert.equal(said.length, message === undefined ? 0 : 1, options);
    if (message !== undefined) assert.match(said[0]!, message);
  }
  const heads = (config: string): Promise<string[]> =>
    saidOf(
      `uses: train, inputs: { data: tokens }, with: { config: { model_type: gpt2, ${config} } }`,
    );
  assert.deepEqual(await heads("n_embd: 96, n_head: 6"), []);
  assert.match((await heads("n_embd: 96, n_head: 7")).join(), /option "config.n_head".*divisor/);
  assert.match((await heads("n_head: 7")).join(), /option "config.n_head".*divisor of n_embd/);
});

Deno.test("a slip in a name or a type is one mistake, not also what follows from it", async () => {
  for (
    const [options, message] of [
      ["{ prompts: [a], do_sampel: true, temperature: 0.7 }", /^unknown option "do_sampel"/],
      ["{ prompts: [a], do_sample: sure, temperature: 0.7 }", /^option "do_sample" of stage/],
    ] as const
  ) {
    const said = await saidOf(`uses: generate, inputs: { model: base }, with: ${options}`);
    assert.equal(said.length, 1, said.join());
    assert.match(said[0]!, message);
  }
});

Deno.test("a mistyped `with` or `inputs` is one mistake, not also what is missing under it", async () => {
  for (
    const [stage, message] of [
      ["uses: download, wiht: { from: a.txt }", /^unknown key "wiht"/],
      ["uses: filter, input: { data: rows }", /^unknown key "input"/],
      ["uses: generate, inputs: { model: base }, wth: { prompts: [a] }", /^unknown key "wth"/],
      ["uses: tokenize, imputs: { data: rows, tokenizer: base }", /^unknown key "imputs"/],
    ] as const
  ) {
    const said = await saidOf(stage);
    assert.equal(said.length, 1, said.join());
    assert.match(said[0]!, message);
  }
});

Deno.test("stages find every option that would do nothing, in one pass", async () => {
  const table: [string, string[]][] = [
    [
      "tokenize, inputs: { data: rows, tokenizer: base }, with: { drop_remainder: true, stride: 1, padding: true }",
      ["drop_remainder", "padding", "stride"],
    ],
    [
      "tokenize, inputs: { data: rows, tokenizer: base }, with: { packing: true, max_length: 4, label_column: a, return_overflowing_tokens: true }",
      ["label_column", "return_overflowing_tokens"],
    ],
    [
      "tokenize, inputs: { data: rows, tokenizer: base }, with: { truncation: false, max_length: 4, return_overflowing_tokens: true }",
      ["max_length", "return_overflowing_tokens"],
    ],
    [
      "train, inputs: { data: tokens, model: base }, with: { learning_rate: -1, eval_steps: 3, lr_scheduler_type: constant, warmup_steps: 3, warmup_ratio: 0.1 }",
      ["eval_steps", "learning_rate", "warmup_ratio", "warmup_steps"],
    ],
    [
      "split, inputs: { data: rows }, with: { train: -1, parts: { a: 1 }, shuffle: false, seed: 3, stratify: label }",
      ["parts", "seed", "stratify", "train"],
    ],
    [
      "filter, inputs: { data: rows }, with: { min_length: 5, max_length: 4, min_words: 3, max_words: 2, seed: 1, limit: -1 }",
      ["limit", "min_length", "min_words", "seed"],
    ],
    [
      "split, inputs: { data: rows }, with: { source: [], near: { threshold: 0.5 } }",
      ["near", "source"],
    ],
    [
      "augment, inputs: { data: rows }, with: { batch_size: 2, generation: { use_cache: true }, swap: 2 }",
      ["batch_size", "generation", "swap"],
    ],
    [
      'generate, inputs: { model: base, data: rows }, with: { template: "{{ text", top_k: 3 }',
      ["template", "top_k"],
    ],
  ];
  for (const [stage, names] of table) {
    const said = await saidOf(`uses: ${stage}`);
    const found = said.map((mistake) => /option "(\w+)"/.exec(mistake)?.[1]).toSorted();
    assert.deepEqual(found, names, stage);
  }
});
