/**
 * GPT-2 with a classification head: which token it looks at, its parameters and its config. Its numbers are held
 * to traces of the reference in `tests/parity`.
 */
import assert from "node:assert/strict";
import type { JsonObject } from "../../lib/base/json.ts";
import { Graph } from "../../lib/graph/ir/graph.ts";
import { type OpenModel, openModel, parameterInputs } from "../../lib/models/open.ts";
import { loadCheckpoint } from "../../lib/checkpoint/load.ts";
import { saveCheckpoint } from "../../lib/checkpoint/save.ts";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { normal, relativeError, runGraph } from "../graph/running.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const CONFIG = {
  model_type: "gpt2",
  vocab_size: 23,
  n_positions: 12,
  n_embd: 16,
  n_layer: 2,
  n_head: 2,
  id2label: { 0: "a", 1: "b", 2: "c", 3: "d" },
  pad_token_id: 0,
};

function classifier(config: JsonObject): OpenModel {
  return openModel(config, { task: "sequence_classification" });
}

const WEIGHTS = ((): Record<string, Float32Array> => {
  const random = randomNumbers(7);
  return Object.fromEntries(
    classifier(CONFIG).parameters.map((spec) => [
      spec.name,
      normal(random, spec).map((x) => 0.2 * x + (spec.init.kind === "ones" ? 1 : 0)),
    ]),
  );
})();

/** Logits of rows of one length, without a mask of attention. */
async function logits(
  rows: number[][],
  model: OpenModel = classifier(CONFIG),
): Promise<number[][]> {
  const graph = new Graph();
  const params = parameterInputs(graph, model.parameters);
  const shape = [rows.length, rows[0]!.length];
  const inputIds = graph.input("ids", { type: "int32", shape });
  const out = model.build(graph, { input_ids: inputIds }, { params });
  assert.deepEqual(out.shape, [rows.length, model.classes]);
  graph.output("logits", out);
  const got = await runGraph(graph, { ...WEIGHTS, ids: Int32Array.from(rows.flat()) });
  return rows.map((_, row) => [...got.logits!.slice(4 * row, 4 * row + 4)]);
}

Deno.test("a classifier looks at each row's last token that is no padding", async () => {
  const alone = async (...ids: number[]): Promise<number[]> => (await logits([ids]))[0]!;
  const rows = await logits([
    [3, 4, 5, 6, 7], // no padding
    [3, 4, 5, 0, 0], // on the right
    [3, 0, 5, 0, 0], // the padding's token inside of the text
    [9, 0, 0, 0, 0],
    [0, 0, 0, 0, 0], // nothing else: the first, as the reference
  ]);
  const expected = [
    await alone(3, 4, 5, 6, 7),
    await alone(3, 4, 5),
    await alone(3, 0, 5),
    await alone(9),
    await alone(0),
  ];
  rows.forEach((row, i) => assert.ok(relativeError(row, expected[i]!) < 1e-5, `row ${i}`));
  assert.ok(relativeError(rows[0]!, rows[1]!) > 1e-2);
});

Deno.test("without a token for padding a classifier takes one row, and its last token", async () => {
  const { pad_token_id: _, ...config } = CONFIG;
  const model = classifier(config);
  const [row] = await logits([[3, 4, 5, 0, 0]], model);
  const [whole] = await logits(
    [[3, 4, 5, 0, 0]],
    classifier({ ...CONFIG, pad_token_id: 22 }),
  );
  assert.deepEqual(row, whole);
  await assert.rejects(logits([[3, 4], [5, 6]], model), /2 rows at once.*no pad_token_id/);
});

Deno.test("a classifier counts labels as transformers does and refuses other problems", () => {
  const classes = (fields: JsonObject): number | undefined =>
    classifier({ ...CONFIG, ...fields }).classes;
  assert.equal(classes({}), 4);
  const { id2label: _, ...unnamed } = CONFIG;
  assert.equal(classifier(unnamed).classes, 2);
  assert.equal(classifier({ ...unnamed, num_labels: 7 }).classes, 7);
  assert.equal(classes({ id2label: null, num_labels: 7 }), 7);
  assert.equal(classes({ num_labels: 7 }), 4);
  assert.equal(classes({ problem_type: "single_label_classification" }), 4);
  const cases: [JsonObject, RegExp][] = [
    [{ problem_type: "regression" }, /problem_type: "regression"/],
    [{ id2label: { 0: "score" } }, /num_labels: 1; .*at least 2 labels/],
    [{ id2label: "many" }, /num_labels: "many"/],
    [{ pad_token_id: -1 }, /pad_token_id: -1/],
    [{ pad_token_id: "<pad>" }, /pad_token_id: "<pad>"/],
    [{ n_head: 3 }, /n_head: 3; n_head must be a divisor of n_embd/],
    [{ model_type: "gpt3" }, /did you mean "gpt2"/],
  ];
  for (const [fields, message] of cases) assert.throws(() => classes(fields), message);
});

Deno.test("a classifier has its head in place of the language model's", () => {
  const { parameters, config, names } = classifier({
    ...CONFIG,
    tie_word_embeddings: false,
  });
  assert.deepEqual(parameters.at(-1), {
    name: "score.weight",
    shape: [4, 16],
    init: { kind: "normal", std: 0.02 },
    decay: true,
  });
  assert.ok(!parameters.some(({ name }) => name === "lm_head.weight"));
  assert.deepEqual(config.architectures, ["GPT2ForSequenceClassification"]);
  assert.deepEqual(config.id2label, CONFIG.id2label);
  assert.ok(!("classes" in config));
  assert.deepEqual(names.heads, ["score.weight"]);
});

Deno.test("a classifier's folder loads again; one of a language model lacks the head", async () => {
  const model = classifier(CONFIG);
  const options = { model };
  const dir = await temporaryDirectory();
  await saveCheckpoint(dir, {
    config: model.config,
    tensors: model.parameters.map(({ name, shape }) =>
      [name, { shape, data: Float32Array.from(WEIGHTS[name]!) }] as const
    ),
  });
  const { tensors, config, unused } = await loadCheckpoint(dir, options);
  for (const [name, { data }] of tensors) assert.deepEqual(data, WEIGHTS[name]);
  assert.deepEqual(unused, []);
  assert.equal(openModel(config).classes, 4);

  const language = openModel(CONFIG);
  await saveCheckpoint(dir, {
    config: language.config,
    tensors: language.parameters.map(({ name, shape }) =>
      [name, { shape, data: Float32Array.from(WEIGHTS[name]!) }] as const
    ),
  });
  await assert.rejects(loadCheckpoint(dir, options), /score\.weight \[4,16\] is missing/);
});
