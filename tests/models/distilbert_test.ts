/**
 * DistilBERT: a table of values from transformers 5 + PyTorch (double precision) for tiny fixed weights, one setting
 * changed at a time; its config, and the folders it loads from.
 */
import assert from "node:assert/strict";
import type { JsonObject } from "../../lib/base/json.ts";
import { UserError } from "../../lib/base/errors.ts";
import { loadCheckpoint } from "../../lib/checkpoint/load.ts";
import { saveCheckpoint } from "../../lib/checkpoint/save.ts";
import { Graph } from "../../lib/graph/ir/graph.ts";
import { type OpenModel, openModel, parameterInputs } from "../../lib/models/open.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { relativeError, runGraph } from "../graph/running.ts";
import { tableWeights, trainingFeeds, trainingGraph } from "./training.ts";

const BASE = {
  model_type: "distilbert",
  vocab_size: 11,
  max_position_embeddings: 8,
  dim: 8,
  n_layers: 2,
  n_heads: 2,
  hidden_dim: 16,
  num_labels: 3,
};

const NORMS = [
  "distilbert.embeddings.word_embeddings.weight",
  "distilbert.embeddings.position_embeddings.weight",
  "distilbert.transformer.layer.0.ffn.lin1.weight",
  "distilbert.transformer.layer.0.attention.q_lin.weight",
  "pre_classifier.weight",
];

const RIGHT = [1, 1, 1, 1, 1, 1, 1, 1, 0, 0];

interface Row {
  readonly change?: JsonObject;
  /** Of the keys; absent: none. */
  readonly mask?: readonly number[];
  readonly loss: number;
  readonly logits: readonly number[];
  /** Of the gradients of {@linkcode NORMS}. */
  readonly norms: readonly number[];
}

const TABLE: Record<string, Row> = {
  "its defaults": {
    mask: RIGHT,
    loss: 1.966014,
    logits: [-1.11711, 1.23555, 0.62653, -1.12911, 1.19892, 0.605984],
    norms: [0.0906701, 0.092762, 0.0723091, 0.00586616, 1.55245],
  },
  "relu": {
    change: { activation: "relu" },
    mask: RIGHT,
    loss: 1.959632,
    logits: [-1.11027, 1.22928, 0.621818, -1.12575, 1.18815, 0.597622],
    norms: [0.0731591, 0.0780811, 0.0551798, 0.00426392, 1.54801],
  },
  "gelu_new": {
    change: { activation: "gelu_new" },
    mask: RIGHT,
    loss: 1.96602,
    logits: [-1.11714, 1.23556, 0.626538, -1.12911, 1.19894, 0.605999],
    norms: [0.0906605, 0.0927461, 0.0723203, 0.00586656, 1.55245],
  },
  "silu": {
    change: { activation: "silu" },
    mask: RIGHT,
    loss: 1.971959,
    logits: [-1.12084, 1.23564, 0.619946, -1.12453, 1.21342, 0.615442],
    norms: [0.0997626, 0.101408, 0.077218, 0.00629813, 1.55427],
  },
  "a wider hidden_dim": {
    change: { hidden_dim: 20 },
    mask: RIGHT,
    loss: 1.799713,
    logits: [-0.883499, 1.02523, 0.315742, -0.877589, 1.01808, 0.320183],
    norms: [0.0283156, 0.030178, 0.0376443, 0.00211885, 1.55464],
  },
  "more heads": {
    change: { n_heads: 4 },
    mask: RIGHT,
    loss: 1.962955,
    logits: [-1.11957, 1.23668, 0.626981, -1.12829, 1.1923, 0.601263],
    norms: [0.0943588, 0.0958354, 0.0740193, 0.00726661, 1.54943],
  },
  "one block": {
    change: { n_layers: 1 },
    mask: RIGHT,
    loss: 1.97166,
    logits: [-1.13471, 1.27282, 0.638546, -1.21607, 1.10111, 0.530975],
    norms: [0.307664, 0.314595, 0.208156, 0.0397732, 1.50783],
  },
  "four classes": {
    change: { num_labels: 4 },
    mask: RIGHT,
    loss: 2.369401,
    logits: [-1.11711, 1.23555, 0.62653, 1.01751, -1.12911, 1.19892, 0.605984, 1.01305],
    norms: [0.0818735, 0.080755, 0.0690426, 0.00381778, 1.53166],
  },
  "no padding": {
    loss: 1.971292,
    logits: [-1.11711, 1.23555, 0.62653, -1.1301, 1.21043, 0.613874],
    norms: [0.0959939, 0.0984001, 0.0725016, 0.0106825, 1.55917],
  },
};

for (const [what, { change = {}, mask, loss, logits, norms }] of Object.entries(TABLE)) {
  Deno.test(`DistilBERT computes the reference's values with ${what}`, async () => {
    const model = openModel({ ...BASE, ...change });
    const batch = {
      shape: [2, 5] as const,
      ids: Int32Array.of(1, 5, 3, 7, 2, 9, 4, 4, 10, 6),
      ...(mask === undefined ? {} : { mask: Int32Array.from(mask) }),
      labels: Int32Array.of(2, 0),
    };
    const feeds = trainingFeeds(model, batch, tableWeights(model));
    const got = await runGraph(trainingGraph(model, batch), feeds);
    assert.ok(Math.abs(got.loss![0]! - loss) < 2e-5, `loss ${got.loss![0]}`);
    assert.equal(feeds.denominator![0], 2);
    assert.ok(relativeError(got.logits!, logits) < 2e-5, `logits ${got.logits}`);
    const found = NORMS.map((name) => Math.hypot(...got[`grad.${name}`]!));
    assert.ok(relativeError(found, norms) < 2e-5, `gradient norms ${found}`);
  });
}

Deno.test("openModel() lists names, shapes, first values and decay of DistilBERT's parameters", () => {
  const { parameters, linears, slots, decoding, ...model } = openModel(BASE);
  assert.equal(parameters.length, 4 + 16 * 2 + 4);
  assert.deepEqual(parameters.slice(0, 4).map(({ name }) => name), [
    "distilbert.embeddings.word_embeddings.weight",
    "distilbert.embeddings.position_embeddings.weight",
    "distilbert.embeddings.LayerNorm.weight",
    "distilbert.embeddings.LayerNorm.bias",
  ]);
  const byName = new Map(parameters.map((spec) => [spec.name, spec]));
  assert.deepEqual(byName.get("distilbert.transformer.layer.1.ffn.lin1.weight"), {
    name: "distilbert.transformer.layer.1.ffn.lin1.weight",
    shape: [16, 8],
    init: { kind: "normal", std: 0.02 },
    decay: true,
  });
  assert.ok(parameters.every(({ decay, shape }) => decay === (shape.length === 2)));
  assert.deepEqual(parameters.at(-2)?.shape, [3, 8]);
  assert.equal(linears.length, 2 * 6 + 2);
  assert.ok(linears.every(({ layout }) => layout === "out_in"));
  assert.deepEqual(slots.map(({ name }) => name), ["layer0/attention", "layer1/attention"]);
  assert.equal(decoding, undefined, "an encoder writes no text");
  assert.deepEqual([model.task, model.classes, model.maxPositions, model.vocabSize], [
    "sequence_classification",
    3,
    8,
    11,
  ]);
  assert.deepEqual(model.fields, ["input_ids", "attention_mask"]);
  assert.deepEqual(model.config.architectures, ["DistilBertForSequenceClassification"]);
  const sines = openModel({ ...BASE, sinusoidal_pos_embds: true }).parameters;
  assert.deepEqual(sines[1]?.init, { kind: "sinusoidal" });
});

Deno.test("a DistilBERT takes transformers' defaults and refuses what cannot be computed", () => {
  const distilbert = (json: JsonObject): OpenModel =>
    openModel({ model_type: "distilbert", ...json });
  const { config, vocabSize, maxPositions, classes } = distilbert({});
  assert.deepEqual([vocabSize, maxPositions, classes], [30522, 512, 2]);
  const { dim, n_layers, n_heads, hidden_dim, activation, pad_token_id } = config;
  assert.deepEqual({ dim, n_layers, n_heads, hidden_dim, activation, pad_token_id }, {
    dim: 768,
    n_layers: 6,
    n_heads: 12,
    hidden_dim: 3072,
    activation: "gelu",
    pad_token_id: 0,
  });
  const { dropout, attention_dropout, seq_classif_dropout, initializer_range } = config;
  assert.deepEqual([dropout, attention_dropout, seq_classif_dropout], [0.1, 0.1, 0.2]);
  assert.equal(initializer_range, 0.02);
  const wrong: [JsonObject, RegExp][] = [
    [{ activation: "gelu_neu" }, /did you mean "gelu_new"/],
    [{ n_heads: 5 }, /DistilBERT config has n_heads: 5.*divisor of dim/],
    [{ n_layers: 1.5 }, /n_layers must be a whole number above 0/],
    [{ n_layers: 5000 }, /n_layers must be at most 4096/],
    [{ attention_dropout: 2 }, /attention_dropout must be a number from 0 to 1/],
    [{ sinusoidal_pos_embds: "yes" }, /true or false/],
    [{ dim: "768" }, /dim must be a whole number above 0/],
    [{ problem_type: "regression" }, /problem_type: "regression"/],
    [{ num_labels: 1 }, /num_labels: 1; .*at least 2 labels/],
    [{ architectures: ["DistilBertForMaskedLM"] }, /DistilBertForSequenceClassification/],
  ];
  for (const [json, message] of wrong) {
    assert.throws(() => distilbert(json), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("a DistilBERT refuses sequences longer than its positions", () => {
  const graph = new Graph();
  const model = openModel(BASE);
  const params = parameterInputs(graph, model.parameters);
  const type = { type: "int32", shape: [1, 9] } as const;
  const inputs = {
    input_ids: graph.input("ids", type),
    attention_mask: graph.input("mask", type),
  };
  assert.throws(() => model.build(graph, inputs, { params }), /9 tokens.*DistilBERT.*8/);
});

type Tensors = [string, { shape: readonly number[]; data: Float32Array<ArrayBuffer> }][];

/** The weights of the table, by the names of a checkpoint. */
function tensorsOf(model: OpenModel): Tensors {
  const weights = tableWeights(model);
  return model.parameters.map(({ name, shape }) => [
    name,
    { shape, data: Float32Array.from(weights[name]!) },
  ]);
}

Deno.test("a classifier loads the base of a DistilBertForMaskedLM, and its own folder whole", async () => {
  const model = openModel(BASE);
  const { heads } = model.names;
  const saved = tensorsOf(model);
  const dir = await temporaryDirectory();
  await saveCheckpoint(dir, { config: model.config, tensors: saved });
  const own = await loadCheckpoint(dir);
  assert.deepEqual([...own.tensors], saved);
  assert.deepEqual([own.unused, own.missing], [[], []]);

  const table = (shape: number[]): Tensors[0][1] => ({ shape, data: new Float32Array(88) });
  const words: Tensors = [
    ["vocab_transform.weight", { shape: [8, 8], data: new Float32Array(64) }],
    ["vocab_transform.bias", { shape: [8], data: new Float32Array(8) }],
    ["vocab_layer_norm.weight", { shape: [8], data: new Float32Array(8) }],
    ["vocab_layer_norm.bias", { shape: [8], data: new Float32Array(8) }],
    ["vocab_projector.weight", table([11, 8])],
    ["vocab_projector.bias", { shape: [11], data: new Float32Array(11) }],
  ];
  const base = saved.filter(([name]) => !heads.includes(name));
  const config = { ...model.config, architectures: ["DistilBertForMaskedLM"] };
  await saveCheckpoint(dir, { config, tensors: [...base, ...words] });
  const loaded = await loadCheckpoint(dir, { model, mayLack: heads });
  assert.deepEqual([...loaded.tensors], base);
  assert.deepEqual(loaded.missing, heads);
  assert.deepEqual(loaded.unused, [], "the head for masked words is known, and left");
  await assert.rejects(
    loadCheckpoint(dir, { model }),
    /classifier\.weight \[3,8\] is missing/,
  );

  // DistilBertModel saves its own parameters without a prefix.
  const bare = base.map(([name, tensor]) =>
    [name.slice("distilbert.".length), tensor] as Tensors[0]
  );
  await saveCheckpoint(dir, { config, tensors: bare });
  assert.deepEqual([...(await loadCheckpoint(dir, { model, mayLack: heads })).tensors], base);
});
