import assert from "node:assert/strict";
import type { TokenRows } from "../../lib/data/tokens/rows.ts";
import { readTokens, writeTokens } from "../../lib/data/tokens/tokens.ts";
import train from "../../stages/train.ts";
import { splitOf } from "../train/fixture.ts";
import { BASE, baseRun, CONFIG, run, writeData } from "./train_run.ts";

const REFUSED: [string, () => Promise<unknown>, RegExp][] = [
  [
    "neither a model nor a config",
    () => run({ config: undefined }),
    /neither an input `model` nor/,
  ],
  [
    "both a model and a config",
    async () => run({}, { model: (await baseRun()).dir }),
    /both an input `model` and the option `config`/,
  ],
  [
    "overrides without a model",
    () => run({ config: undefined, config_overrides: { attn_pdrop: 0 } }),
    /neither an input `model`/,
  ],
  [
    "ids beyond the vocabulary",
    () => run({ config: { ...CONFIG, vocab_size: 10 } }),
    /holds the token id 2\d, the model's vocabulary has 10 \(vocab_size\)/,
  ],
  [
    "rows longer than the model's positions",
    () => run({ config: { ...CONFIG, n_positions: 4 } }),
    /rows of \d tokens, the model has 4 positions.*max_length: 4/,
  ],
  [
    "data without a split to train on",
    async () => run({}, { data: await writeData(1, ["validation"]) }),
    /no split "train" \(it has validation\)/,
  ],
  [
    "evaluation without a split for it",
    async () => run({ eval_strategy: "epoch" }, { data: await writeData(1, ["train"]) }),
    /no split "validation" \(it has train\)/,
  ],
  [
    "fp16 on a device without it",
    () => run({ fp16: true }),
    /fp16: true on the device cpu .*shader-f16.*leave fp16 out.*--device webgpu/s,
  ],
  [
    "a learning rate at which it diverges",
    () => run({ learning_rate: 1e30, max_steps: 20 }),
    /training diverged: the (loss|gradient) became (NaN|Infinity) at step \d+, at a learning rate of/,
  ],
];
for (const [title, attempt, message] of REFUSED) {
  Deno.test(`train refuses ${title}`, async () => {
    await assert.rejects(attempt(), (error: Error) => {
      assert.equal(error.name, "UserError", String(error.stack));
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("train refuses a split without rows or without a token to predict", async () => {
  for (
    const [rows, message] of [[[], /is empty/], [[[3], [4]], /second token to predict/]] as const
  ) {
    const data = await writeData();
    const { info, splits } = await readTokens(data);
    await writeTokens(data, { info, splits: { ...splits, train: splitOf(rows) } });
    await assert.rejects(run({}, { data }), message);
  }
});

Deno.test("train refuses tokens and labels that are none, before it begins", async () => {
  const cases: [string, TokenRows, RegExp][] = [
    ["train", labelled([[1, 2], [3, 4]], [-100, -100, 3, -100]), /train: no row .* to predict/],
    ["validation", splitOf([[1], [2]]), /evaluate: no row has a second token to predict/],
    ["validation", labelled([[1, 2]], [1, -100]), /evaluate: no row has a second token to predict/],
    ["train", labelled([[1, 2]], [1, 24]), /holds the label 24, the model's vocabulary has 24/],
    ["train", labelled([[1, 2]], [1, -7]), /holds the label -7, .*; token ids, and -100/],
    ["train", splitOf([[1, -2]]), /holds the token id -2/],
  ];
  for (const [name, split, message] of cases) {
    const data = await writeData();
    const { info, splits } = await readTokens(data);
    const others = split.columns.labels === undefined ? splits : withLabels(splits);
    await writeTokens(data, { info, splits: { ...others, [name]: split } });
    let steps = 0;
    const given = { eval_strategy: "epoch", num_train_epochs: 1, max_steps: -1 };
    await assert.rejects(run(given, { data, onProgress: () => steps++ }), message);
    assert.equal(steps, 0);
  }
});

/** Rows with a label for each token. */
function labelled(rows: number[][], labels: number[]): TokenRows {
  return splitOf(rows, { labels });
}

/** The same splits with labels that say what the tokens say. */
function withLabels(splits: Readonly<Record<string, TokenRows>>): Record<string, TokenRows> {
  return Object.fromEntries(
    Object.entries(splits).map(([name, { rows, columns }]) => [
      name,
      { rows, columns: { ...columns, labels: { ...columns.input_ids, pad: -100 } } },
    ]),
  );
}

Deno.test("train refuses options that it would have to ignore", () => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ eval_steps: 5 }, /go with eval_strategy: steps/],
    [{ config_overrides: { attn_pdrop: 0 } }, /left out where `config` is given/],
    [{ lr_scheduler_type: "constant", warmup_steps: 3 }, /constant_with_warmup/],
    [{ max_steps: 0 }, /-1 or at least 1/],
    [{ lr_scheduler_type: "linaer" }, /linear/],
    [{ config: { ...CONFIG, n_layers: 3 } }, /n_layers/],
    [{ config: { ...CONFIG, model_type: "bert" } }, /gpt2/],
    [{ learning_rate: -1 }, /learning_rate|>0/],
  ];
  for (const [given, message] of cases) {
    const result = train.options.safeParse({ ...BASE, ...given });
    assert.equal(result.success, false, JSON.stringify(given));
    assert.match(result.error?.message ?? "", message);
  }
});
