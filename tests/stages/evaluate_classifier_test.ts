/** The evaluate stage on classifiers: tiny random ones, tokens with a class a row, and what lies in the folder. */
import assert from "node:assert/strict";
import { saveCheckpoint } from "../../lib/checkpoint/save.ts";
import { writeTokens } from "../../lib/data/tokens/tokens.ts";
import { Graph } from "../../lib/graph/ir/graph.ts";
import { openModel } from "../../lib/models/open.ts";
import type { SummaryEntry } from "../../lib/pipeline/stage.ts";
import stage from "../../stages/evaluate.ts";
import { parameterConstants } from "../fixtures/parameter_constants.ts";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { stageContext } from "../fixtures/stage_context.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { END, writeByteTokenizer, writeTinyModel } from "../decoding/fixtures/tiny_model.ts";
import { normal, runGraph } from "../graph/running.ts";
import { splitOf } from "../train/fixture.ts";

const CONFIG = {
  model_type: "gpt2",
  architectures: ["GPT2ForSequenceClassification"],
  vocab_size: END + 1,
  n_positions: 96,
  n_embd: 16,
  n_layer: 2,
  n_head: 2,
  id2label: { 0: "bad", 1: "fair", 2: "good" },
  pad_token_id: END,
};

const CLASSES = ["bad", "fair", "good"];

/** Short and long texts, so that batches of several lengths are made, and what class each is said to be of. */
const TEXTS: readonly (readonly [string, number])[] = [
  ["the ship", 0],
  ["a whale and the wide sea, and what else there is to be seen from a ship at night", 1],
  ["call me", 2],
  ["x", 0],
  ["the sea is a wide and a deep place", 2],
  ["a wide and deep sea, seen from the ship at noon", 1],
  ["whales", 1],
  ["the ship and the whale are in the sea", 0],
];

interface Line {
  readonly row: number;
  readonly text: string;
  readonly label: string;
  readonly predicted: string;
  readonly probability: number;
  readonly baseline?: Line;
}

interface Entry {
  readonly value: number;
  readonly signature: string;
  readonly confidence_interval: { readonly low: number; readonly high: number };
  readonly per_class: Record<string, number>;
}

interface Result {
  readonly metrics: Record<string, Entry>;
  readonly baseline?: Record<string, Entry>;
  readonly confusion_matrix?: { readonly labels: string[]; readonly counts: number[][] };
  readonly predictions: Line[];
  readonly errors: Line[];
  readonly summary: SummaryEntry[];
  readonly log: string[];
  readonly progress: [number, number, string][];
}

type Config = Record<string, unknown>;

/** Weights from a seed, by name. */
function weights(config: Config, seed: number): Map<string, Float32Array<ArrayBuffer>> {
  const random = randomNumbers(seed);
  return new Map(
    openModel(config as typeof CONFIG).parameters.map((spec) => [
      spec.name,
      Float32Array.from(normal(random, spec), (x) => 0.3 * x + (spec.init.kind === "ones" ? 1 : 0)),
    ]),
  );
}

async function writeClassifier(dir: string, config: Config, seed: number): Promise<void> {
  const values = weights(config, seed);
  await saveCheckpoint(dir, {
    config: config as typeof CONFIG,
    tensors: openModel(config as typeof CONFIG).parameters.map(({ name, shape }) =>
      [name, { shape, data: values.get(name)! }] as const
    ),
  });
}

const encode = (text: string): number[] => [...new TextEncoder().encode(text)];

async function run(
  given: Record<string, unknown>,
  setup: {
    /** Fields to replace in the config. */
    config?: Config;
    baseline?: "classifier" | "language model";
    model?: "language model";
    /** Names of the data's classes; null for tokens without any. */
    classes?: readonly string[] | null;
    seed?: number;
    texts?: typeof TEXTS;
  } = {},
): Promise<Result> {
  const { classes = CLASSES, texts = TEXTS } = setup;
  const folder = await temporaryDirectory();
  const at = (name: string): string => `${folder}/${name}`;
  for (const name of ["model", "baseline", "tokens", "output"]) await Deno.mkdir(at(name));
  const config = { ...CONFIG, ...setup.config };
  if (setup.model === "language model") await writeTinyModel(at("model"));
  else await writeClassifier(at("model"), config, 5);
  if (setup.baseline === "language model") await writeTinyModel(at("baseline"));
  else await writeClassifier(at("baseline"), config, 6);
  const rows = (chosen: typeof TEXTS) =>
    splitOf(
      chosen.map(([text]) => encode(text)),
      classes === null ? {} : { labels: chosen.map(([, label]) => label), per: "row" },
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
      ...(classes === null ? {} : { labels: classes }),
    },
    splits: { train: rows(texts.slice(0, 5)), test: rows(texts) },
  });
  await writeByteTokenizer(at("tokens"));
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
  const read = (name: string): Promise<string> => Deno.readTextFile(`${at("output")}/${name}`);
  const lines = async (name: string): Promise<Line[]> =>
    (await read(name)).split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  return {
    ...JSON.parse(await read("metrics.json")),
    predictions: await lines("predictions.jsonl"),
    errors: await lines("errors.jsonl"),
    ...told,
  };
}

/** What the model says of one text, computed by itself. */
async function probabilities(text: string, seed = 5): Promise<number[]> {
  const model = openModel(CONFIG);
  const graph = new Graph();
  const values = weights(CONFIG, seed);
  const params = parameterConstants(graph, model.parameters, (name) => values.get(name)!);
  const ids = encode(text);
  const inputIds = graph.input("ids", { type: "int32", shape: [1, ids.length] });
  graph.output("logits", model.build(graph, { input_ids: inputIds }, { params }));
  const { logits } = await runGraph(graph, { ids: Int32Array.from(ids) });
  const powers = Array.from(logits!, Math.exp);
  return powers.map((power) => power / powers.reduce((a, b) => a + b));
}

Deno.test("evaluate measures a classifier: what it says, its scores and its mistakes", async () => {
  const result = await run({ per_device_eval_batch_size: 3 });
  const { metrics, predictions, errors, confusion_matrix: matrix, summary, progress } = result;
  for (const [row, [text, label]] of TEXTS.entries()) {
    const line = predictions[row]!;
    const expected = await probabilities(text);
    const highest = Math.max(...expected);
    assert.deepEqual([line.row, line.text, line.label], [row, text, CLASSES[label]]);
    assert.equal(line.predicted, CLASSES[expected.indexOf(highest)]);
    assert.ok(Math.abs(line.probability - highest) < 1e-5);
  }
  assert.ok(new Set(predictions.map((line) => line.predicted)).size > 1, "a test that tells");
  const right = predictions.filter((line) => line.label === line.predicted).length;
  assert.deepEqual(Object.keys(metrics), [
    "accuracy",
    "precision",
    "recall",
    "f1",
    "most_frequent_accuracy",
  ]);
  assert.equal(metrics.accuracy!.value, right / TEXTS.length);
  // Of the five texts of `train` two are bad and two are good; the first of them is said of all eight.
  assert.equal(metrics.most_frequent_accuracy!.value, 3 / 8);
  for (const { value, signature, confidence_interval } of Object.values(metrics)) {
    assert.match(signature, /\|version:/);
    assert(confidence_interval.low <= value && value <= confidence_interval.high);
  }
  const perClass = Object.values(metrics.f1!.per_class);
  assert.ok(
    Math.abs(metrics.f1!.value - perClass.reduce((a, b) => a + b) / perClass.length) < 1e-12,
  );
  assert.equal(matrix!.counts.flat().reduce((a, b) => a + b), TEXTS.length);
  assert.equal(matrix!.counts.reduce((sum, row, i) => sum + row[i]!, 0), right);
  assert.deepEqual(errors.map((line) => line.row).sort(), [
    ...predictions.filter((line) => line.label !== line.predicted).map((line) => line.row),
  ]);
  const sure = errors.map((line) => line.probability);
  assert.deepEqual(sure, sure.toSorted((a, b) => b - a));
  assert.deepEqual(summary[0], {
    type: "figure",
    label: "accuracy",
    value: metrics.accuracy!.value,
    compare: { label: "most frequent class", value: 3 / 8 },
  });
  const notes = summary.flatMap((entry) => entry.type === "note" ? [entry.text] : []);
  assert.deepEqual(notes.map((note) => note.split(":")[0]), matrix!.labels);
  assert.match(notes[0]!, /^bad: precision \d\.\d{3}, recall .*, F1 .*; of 3 rows .* as /);
  assert.deepEqual(progress.at(-1), [8, 8, "rows"]);
});

Deno.test("evaluate says the same of rows whatever the batch size, with and without padding", async () => {
  const whole = await run({ per_device_eval_batch_size: 8 });
  for (const config of [{}, { pad_token_id: undefined }]) {
    const { predictions } = await run({ per_device_eval_batch_size: 1 }, { config });
    predictions.forEach((line, row) => {
      const other = whole.predictions[row]!;
      assert.equal(line.predicted, other.predicted);
      assert.ok(Math.abs(line.probability - other.probability) < 1e-5);
    });
  }
});

Deno.test("evaluate computes a classifier's metrics that are asked for", async () => {
  const matrix = await run({ metrics: ["confusion_matrix"] });
  assert.deepEqual(matrix.metrics, {});
  assert.ok(matrix.confusion_matrix !== undefined);
  const f1 = await run({ metrics: ["f1"] });
  assert.deepEqual(Object.keys(f1.metrics), ["f1"]);
  assert.equal(f1.confusion_matrix, undefined);
});

Deno.test("evaluate does the same for a baseline that is a classifier", async () => {
  const { metrics, baseline, predictions, summary } = await run({}, { baseline: "classifier" });
  assert.deepEqual(Object.keys(baseline!), ["accuracy", "precision", "recall", "f1"]);
  const expected = await probabilities(TEXTS[0]![0], 6);
  assert.equal(
    predictions[0]!.baseline!.predicted,
    CLASSES[expected.indexOf(Math.max(...expected))],
  );
  assert.deepEqual(
    summary.filter((entry) => entry.type === "figure" && entry.compare?.label === "baseline")
      .map((entry) => entry.type === "figure" && [entry.label, entry.value]),
    ["accuracy", "precision", "recall", "f1"].map((name) => [name, metrics[name]!.value]),
  );
});

Deno.test("evaluate meets classes by their names, and by number where names differ", async () => {
  const own = await run({});
  // The same rows with their classes numbered otherwise.
  const other = ["good", "bad", "fair"];
  const texts = TEXTS.map(([text, label]) => [text, other.indexOf(CLASSES[label]!)] as const);
  const renumbered = await run({}, { classes: other, texts });
  assert.deepEqual(renumbered.predictions, own.predictions);
  assert.equal(renumbered.metrics.f1!.value, own.metrics.f1!.value);

  const unnamed = await run({}, { config: { id2label: undefined, num_labels: 3 } });
  assert.deepEqual(unnamed.predictions, own.predictions);
  assert.ok(unnamed.log.some((line) => /LABEL_0.*bad.*by their numbers/.test(line)));
  await assert.rejects(
    run({}, { config: { id2label: { 0: "no", 1: "yes" } } }),
    /the data has 3 classes \(bad, fair, good\), the model knows 2 \(no, yes\)/,
  );
});

Deno.test("evaluate refuses what does not fit a classifier, and says what does", async () => {
  const table: [Parameters<typeof run>, RegExp][] = [
    [[{ metrics: ["accuracy", "bleu"] }], /is a classifier, and bleu .* metrics of accuracy, /],
    [[{ stride: 4 }], /is a classifier, and the option `stride` .* leave stride out/],
    [[{ num_examples: 4 }], /the option `num_examples`/],
    [[{ do_sample: true }], /the option `do_sample`/],
    [[{}, { classes: null }], /carry no class .* label_column/],
    [[{}, { baseline: "language model" }], /is a classifier and the baseline a language model/],
    [[{ split: "tests" }], /no split "tests".*did you mean "test"/],
    [[{}, { config: { n_positions: 16 } }], /rows of 80 tokens, the model has 16 positions/],
    [[{}, { config: { vocab_size: 100, pad_token_id: 0 } }], /vocabulary has 100/],
    [[{ metrics: ["f1"] }, { model: "language model" }], /is a language model, and f1 says/],
    [
      [{}, { model: "language model" }],
      /rows have classes .* a language model uses none; leave label_column/,
    ],
    [[{}, { texts: [] }], /"test" has no row to classify/],
  ];
  for (const [[given, setup], message] of table) {
    await assert.rejects(run(given, setup), (error: Error) => {
      assert.equal(error.name, "UserError", String(error.stack));
      assert.match(error.message, message);
      return true;
    });
  }
});
