/** The evaluate stage from outside: a tiny model, tokens, and what lies in the folder. */
import assert from "node:assert/strict";
import type { TokenRows } from "../../lib/data/tokens/rows.ts";
import { writeTokens } from "../../lib/data/tokens/tokens.ts";
import type { SummaryEntry } from "../../lib/pipeline/stage.ts";
import stage from "../../stages/evaluate.ts";
import {
  END,
  type TinyModelOptions,
  writeByteTokenizer,
  writeTinyModel,
} from "../decoding/fixtures/tiny_model.ts";
import { stageContext } from "../fixtures/stage_context.ts";
import { splitOf } from "../train/fixture.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { WORD_TOKENIZERS, writeWordTokenizer } from "./word_tokenizers.ts";

interface Entry {
  readonly value: number;
  readonly signature: string;
  readonly confidence_interval: { readonly low: number; readonly high: number };
  readonly tokens?: number;
}

interface Result {
  readonly metrics: Record<string, Entry>;
  readonly baseline?: Record<string, Entry>;
  readonly predictions: Record<string, unknown>[];
  readonly errors: Record<string, unknown>[];
  readonly summary: SummaryEntry[];
  readonly progress: [number, number, string][];
}

const TEXTS = {
  train: ["the sea and the ship", "the whale and the sea", "a ship at sea"],
  test: [
    "the ship and the whale are in the sea",
    "a whale",
    "the sea is a wide and a deep place",
    "call me",
    "x",
  ],
};

function encoded(texts: readonly string[], end: boolean): TokenRows {
  return splitOf(
    texts.map((text) => [...new TextEncoder().encode(text), ...(end ? [END] : [])]),
  );
}

async function run(
  given: Record<string, unknown>,
  setup: {
    model?: TinyModelOptions;
    baseline?: TinyModelOptions;
    texts?: Record<string, readonly string[]>;
    end?: boolean;
    seed?: number;
    tokenizer?: string;
    rows?: TokenRows;
  } = {},
): Promise<Result> {
  const folder = await temporaryDirectory();
  const at = (name: string) => `${folder}/${name}`;
  for (const name of ["model", "baseline", "tokens", "output"]) await Deno.mkdir(at(name));
  await writeTinyModel(at("model"), setup.model);
  if (setup.baseline !== undefined) await writeTinyModel(at("baseline"), setup.baseline);
  const splits = Object.fromEntries(
    Object.entries(setup.texts ?? TEXTS).map(([name, texts]) => [
      name,
      encoded(texts, setup.end ?? false),
    ]),
  );
  await writeTokens(at("tokens"), {
    info: {
      vocab_size: END + 1,
      max_length: null,
      packed: false,
      eos_token_id: END,
      bos_token_id: END,
      pad_token_id: END,
      tokenizer: { source: "trained", type: "BPE" },
    },
    splits: setup.rows === undefined ? splits : { ...splits, test: setup.rows },
  });
  await writeByteTokenizer(at("tokens"));
  if (setup.tokenizer !== undefined) await writeWordTokenizer(at("tokens"), setup.tokenizer);
  const { context, told } = stageContext({
    inputs: {
      model: at("model"),
      data: at("tokens"),
      baseline: setup.baseline === undefined ? undefined : at("baseline"),
    },
    output: at("output"),
    options: stage.options.parse(given),
    seed: setup.seed,
  });
  await stage.run(context);
  const read = (name: string) => Deno.readTextFile(`${at("output")}/${name}`);
  const lines = async (name: string): Promise<Record<string, unknown>[]> =>
    (await read(name)).split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  const document = JSON.parse(await read("metrics.json"));
  assert.equal(document.kind, "metrics");
  return {
    metrics: document.metrics,
    ...(document.baseline === undefined ? {} : { baseline: document.baseline }),
    predictions: await lines("predictions.jsonl"),
    errors: await lines("errors.jsonl"),
    ...told,
  };
}

Deno.test("evaluate writes value, signature and interval of each metric", async () => {
  const { metrics, predictions, errors, summary, progress } = await run({});
  assert.deepEqual(Object.keys(metrics), [
    "perplexity",
    "bleu",
    "rouge1",
    "rouge2",
    "rougeL",
    "unigram_perplexity",
  ]);
  for (const { value, signature, confidence_interval } of Object.values(metrics)) {
    assert.match(signature, /\|version:/);
    assert(confidence_interval.low <= value + 1e-9 && value <= confidence_interval.high + 1e-9);
  }
  const predicted = TEXTS.test.reduce((sum, text) => sum + text.length - 1, 0);
  assert.equal(metrics.perplexity!.tokens, predicted);
  assert.equal(metrics.unigram_perplexity!.tokens, predicted);
  // Row 4 has one token: neither a prediction nor a loss.
  assert.deepEqual(predictions.map((line) => line.row), [0, 1, 2, 3]);
  for (const { row, prompt, prediction, reference, scores } of predictions) {
    assert((TEXTS.test[row as number]!).startsWith(`${prompt}${reference}`));
    assert.equal(typeof prediction, "string");
    assert.deepEqual(Object.keys(scores as object), ["bleu", "rouge1", "rouge2", "rougeL"]);
  }
  assert.equal(errors.length, 4);
  const losses = errors.map((line) => line.loss as number);
  assert.deepEqual(losses, losses.toSorted((a, b) => b - a));
  assert.equal(errors[0]!.text, TEXTS.test[errors[0]!.row as number]);
  assert.deepEqual(summary[0], {
    type: "figure",
    label: "perplexity",
    value: metrics.perplexity!.value,
    compare: { label: "unigram model", value: metrics.unigram_perplexity!.value },
  });
  assert.deepEqual(progress.at(-1), [8, 8, "rows"]);
});

for (const tokenizer of Object.keys(WORD_TOKENIZERS)) {
  Deno.test(`evaluate compares continuations as they follow their prompts under ${tokenizer}`, async () => {
    // A word, and one that goes on it, over and over: the prompt ends before either.
    const rows = splitOf([[2, 3, 4, 5], [2, 3, 4, 5, 6, 7], [2, 4, 6, 8], [2, 4, 6, 8, 10, 12]]);
    const given = { prompt_tokens: 1, max_new_tokens: 3, do_sample: true };
    const { predictions } = await run(given, { tokenizer, rows });
    const references = predictions.map((line) => line.reference);
    assert.deepEqual(references, ["x3 w4x5", "x3 w4x5", " w4 w6 w8", " w4 w6 w8"]);
    for (const { prediction } of predictions) {
      assert.match(prediction as string, /^( w\d+|x\d+)*$/);
    }
  });
}

Deno.test("evaluate's unigram perplexity is that of the training part with one added to each token", async () => {
  const { metrics } = await run({ metrics: ["perplexity"] });
  const train = TEXTS.train.join("");
  const tokens = TEXTS.test.flatMap((text) => [...text.slice(1)]);
  const loss = tokens.map((letter) => {
    const count = train.split(letter).length - 1;
    return -Math.log((count + 1) / (train.length + END + 1));
  });
  const expected = Math.exp(loss.reduce((a, b) => a + b) / tokens.length);
  assert(Math.abs(metrics.unigram_perplexity!.value - expected) < 1e-9);
  const without = await run({ metrics: ["perplexity"] }, { texts: { test: TEXTS.test } });
  assert.deepEqual(Object.keys(without.metrics), ["perplexity"]);
});

Deno.test("evaluate computes the metrics that are asked for", async () => {
  const perplexity = await run({ metrics: ["perplexity"] });
  assert.deepEqual(Object.keys(perplexity.metrics), ["perplexity", "unigram_perplexity"]);
  assert.deepEqual(perplexity.predictions, []);
  const bleu = await run({ metrics: ["bleu"] });
  assert.deepEqual(Object.keys(bleu.metrics), ["bleu"]);
  assert.equal(bleu.errors.length, 4);
  const rouge = await run({ metrics: ["rouge"] });
  assert.deepEqual(Object.keys(rouge.metrics), ["rouge1", "rouge2", "rougeL"]);
});

Deno.test("evaluate does the same for the baseline", async () => {
  const baseline = { seed: 2 };
  const { metrics, baseline: before, predictions, summary } = await run({}, { baseline });
  const alone = await run({}, { model: baseline });
  for (const name of ["perplexity", "bleu", "rouge1", "rougeL"]) {
    assert.deepEqual(before![name], alone.metrics[name]);
  }
  assert.notEqual(before!.perplexity!.value, metrics.perplexity!.value);
  const line = predictions[0]!.baseline as Record<string, unknown>;
  assert.equal(line.prediction, alone.predictions[0]!.prediction);
  assert(summary.some((entry) => entry.type === "figure" && entry.compare?.label === "baseline"));
});

Deno.test("evaluate gives the same perplexity whatever the batch size", async () => {
  const [one, three] = await Promise.all(
    [1, 3].map((per_device_eval_batch_size) =>
      run({ metrics: ["perplexity"], per_device_eval_batch_size })
    ),
  );
  const value = (result: Result) => result.metrics.perplexity!.value;
  assert(Math.abs(value(one!) - value(three!)) < 1e-4 * value(one!));
  assert(one!.progress.length > three!.progress.length);
});

Deno.test("evaluate's prompt_tokens, max_new_tokens, num_examples and seed decide what is written", async () => {
  const texts = { metrics: ["rouge"], prompt_tokens: 5 };
  const cut = await run({ ...texts, max_new_tokens: 4 });
  assert.deepEqual(cut.predictions.map((line) => [line.prompt, line.reference]), [
    ["the s", "hip "],
    ["a wha", "le"],
    ["the s", "ea i"],
    ["call ", "me"],
  ]);
  // The second row was cut after two tokens, so no more than two are compared.
  assert(new TextEncoder().encode(cut.predictions[1]!.prediction as string).length <= 6);
  const chosen = async (seed: number) =>
    (await run({ ...texts, num_examples: 2 }, { seed })).predictions.map((line) => line.row);
  const rows = await Promise.all([1, 2, 3, 4, 5, 6].map(chosen));
  assert(rows.every((list) => list.length === 2));
  assert(new Set(rows.map(String)).size > 1);
  const fixed = await run({ ...texts, num_examples: 2, seed: 1 }, { seed: 9 });
  assert.deepEqual(fixed.predictions.map((line) => line.row), rows[0]);
  await assert.rejects(run({ ...texts, prompt_tokens: 40 }), /no row is long enough/);
});

Deno.test("evaluate draws with do_sample, temperature, top_k and top_p", async () => {
  const texts = { metrics: ["rouge"], prompt_tokens: 5, max_new_tokens: 8 };
  const predictions = async (given: Record<string, unknown>) =>
    (await run({ ...texts, ...given })).predictions.map((line) => line.prediction);
  const greedy = await predictions({});
  assert.notDeepEqual(await predictions({ do_sample: true, top_k: 0 }), greedy);
  assert.deepEqual(await predictions({ do_sample: true, top_k: 1 }), greedy);
  assert.deepEqual(await predictions({ do_sample: true, top_k: 0, top_p: 0 }), greedy);
  assert.deepEqual(await predictions({ do_sample: true, top_k: 0, temperature: 1e-4 }), greedy);
});

Deno.test("evaluate's max_length and stride decide what a prediction sees", async () => {
  const perplexity = async (given: Record<string, unknown>) =>
    (await run({ metrics: ["perplexity"], ...given })).metrics.perplexity!;
  const rows = await perplexity({});
  assert.match(rows.signature, /context:48\|stride:row/);
  const short = await perplexity({ max_length: 8 });
  assert.match(short.signature, /context:8\|stride:row/);
  assert.notEqual(short.value, rows.value);
  const sliding = await perplexity({ max_length: 16, stride: 4 });
  assert.match(sliding.signature, /context:16\|stride:4/);
  assert.notEqual(sliding.tokens, rows.tokens);
  await assert.rejects(perplexity({ max_length: 49 }), /more than the model's window of 48/);
  await assert.rejects(perplexity({ stride: 49 }), /stride 49 is more than the window/);
});

Deno.test("evaluate's max_length bounds what is predicted, and leaves texts as they are", async () => {
  const given = { num_examples: 3, max_new_tokens: 5 };
  const bounded = await run({ ...given, max_length: 6 });
  const free = await run(given);
  assert.deepEqual(bounded.predictions, free.predictions);
  assert.notEqual(bounded.metrics.perplexity!.value, free.metrics.perplexity!.value);
});

Deno.test("evaluate reads the split that is asked for and names those there are", async () => {
  const { metrics } = await run({ metrics: ["perplexity"], split: "train" });
  assert.equal(metrics.perplexity!.tokens, TEXTS.train.join("").length - 3);
  await assert.rejects(run({ split: "tests" }), /no split "tests".*did you mean "test"/);
});

Deno.test("evaluate refuses options that contradict each other before anything runs", () => {
  const table: [Record<string, unknown>, string][] = [
    [{ metrics: [] }, "metrics"],
    [{ metrics: ["blue"] }, "metrics"],
    [{ stride: 0 }, "stride"],
    [{ max_length: 8, stride: 9 }, "stride"],
    [{ temperature: 0.5 }, "temperature"],
    [{ top_k: 5 }, "top_k"],
    [{ top_p: 0.5 }, "top_p"],
  ];
  for (const [given, name] of table) {
    assert.equal(stage.options.safeParse(given).error?.issues[0]?.path[0], name);
  }
  const both = stage.options.safeParse({ metrics: ["blue"], top_k: 5, split: 3 });
  assert.deepEqual(both.error?.issues.map(({ path }) => path[0]), ["metrics", "split", "top_k"]);
});
