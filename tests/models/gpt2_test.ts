/**
 * GPT-2 without the shared traces: a table of values from transformers 5 + PyTorch for tiny fixed weights, one
 * setting changed at a time; decoding with cached keys and values against the whole sequence at once.
 */
import type { JsonObject } from "../../lib/base/json.ts";
import assert from "node:assert/strict";
import { UserError } from "../../lib/base/errors.ts";
import { Graph } from "../../lib/graph/ir/graph.ts";
import { type OpenModel, openModel, parameterInputs } from "../../lib/models/open.ts";
import { architectureOf } from "../../lib/models/registry.ts";
import { parameterConstants } from "../fixtures/parameter_constants.ts";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { normal, relativeError, runGraph } from "../graph/running.ts";
import { tableWeights, trainingFeeds, trainingGraph } from "./training.ts";

const base = {
  model_type: "gpt2",
  vocab_size: 11,
  n_positions: 8,
  n_embd: 8,
  n_layer: 2,
  n_head: 2,
};

// change, loss, four logits of the last token of row 0, gradient norms of wte, wpe, h.0.mlp.c_fc, h.1.attn.c_attn
const table: [JsonObject, number, number[], number[]][] = [
  [{}, 3.188843, [2.19688, 1.62787, 0.93453, 0.88785], [2.21075, 0.64291, 0.99657, 0.84936]],
  [
    { activation_function: "gelu" },
    3.188777,
    [2.19681, 1.62787, 0.93458, 0.8879],
    [2.21071, 0.64317, 0.99673, 0.84938],
  ],
  [
    { activation_function: "relu" },
    3.096184,
    [2.13159, 1.62577, 0.98405, 0.94261],
    [2.14168, 0.81083, 1.23488, 0.90997],
  ],
  [
    { activation_function: "silu" },
    3.230307,
    [2.27238, 1.6198, 0.90116, 0.84888],
    [2.23893, 0.45917, 0.83643, 0.8227],
  ],
  [
    { activation_function: "tanh" },
    3.250717,
    [2.41224, 1.50604, 0.72212, 0.65737],
    [2.26589, 0.23429, 0.85437, 0.66461],
  ],
  [
    { scale_attn_by_inverse_layer_idx: true },
    3.191924,
    [2.19967, 1.62808, 0.93099, 0.88408],
    [2.21509, 0.64281, 1.00117, 0.84509],
  ],
  [
    { scale_attn_weights: false },
    3.181104,
    [2.17689, 1.637, 0.97169, 0.92699],
    [2.18875, 0.63407, 0.97167, 0.84607],
  ],
  [
    { tie_word_embeddings: false },
    3.188843,
    [2.19711, 1.62809, 0.93475, 0.88807],
    [0.69912, 0.64291, 0.99657, 0.84936],
  ],
  [{ n_inner: 20 }, 3.428264, [2.45146, 1.62766, 0.29537, 0.2257], [
    2.49194,
    0.40729,
    0.48307,
    0.46066,
  ]],
  [{ layer_norm_epsilon: 0.1 }, 3.229715, [2.2008, 1.60758, 0.90265, 0.85519], [
    2.14898,
    0.32293,
    0.84439,
    0.84968,
  ]],
];

for (const [change, loss, logits, norms] of table) {
  Deno.test(`GPT-2 computes the reference's values with ${JSON.stringify(change)}`, async () => {
    const model = openModel({ ...base, ...change });
    const batch = {
      shape: [2, 5] as const,
      ids: Int32Array.of(1, 5, 3, 7, 2, 9, 4, 4, 10, 6),
      mask: Int32Array.of(1, 1, 1, 1, 1, 1, 1, 1, 0, 0),
      labels: Int32Array.of(1, 5, 3, 7, 2, 9, 4, 4, -100, -100),
    };
    const feeds = trainingFeeds(model, batch, tableWeights(model));
    const got = await runGraph(trainingGraph(model, batch), feeds);
    assert.ok(Math.abs(got.loss![0]! - loss) < 2e-5, `loss ${got.loss![0]}`);
    assert.equal(feeds.denominator![0], 6);
    assert.ok(relativeError(got.logits!.slice(44, 48), logits) < 2e-5, "logits");
    const names = ["wte.weight", "wpe.weight", "h.0.mlp.c_fc.weight", "h.1.attn.c_attn.weight"];
    const found = names.map((name) => Math.hypot(...got[`grad.transformer.${name}`]!));
    assert.ok(relativeError(found, norms) < 2e-5, `gradient norms ${found}`);
  });
}

const model = openModel({ ...base, n_positions: 16 });

function randomParams(seed: number): Map<string, Float32Array> {
  const random = randomNumbers(seed);
  return new Map(
    model.parameters.map((spec) => [
      spec.name,
      normal(random, spec).map((x) => 0.4 * x + (spec.init.kind === "ones" ? 1 : 0)),
    ]),
  );
}

/** Logits of every position of `[B, T]` ids. */
async function wholeLogits(
  weights: Map<string, Float32Array>,
  ids: Int32Array,
  shape: readonly [number, number],
): Promise<Float32Array> {
  const graph = new Graph();
  const params = parameterConstants(graph, model.parameters, (name) => weights.get(name)!);
  const inputIds = graph.input("ids", { type: "int32", shape });
  graph.output("logits", model.build(graph, { input_ids: inputIds }, { params }));
  return (await runGraph(graph, { ids })).logits!;
}

Deno.test("GPT-2 decodes with cached keys and values as it reads the whole sequence", async () => {
  const weights = randomParams(3);
  const [batch, prompt, length, capacity] = [2, 3, 7, 9];
  const random = randomNumbers(4);
  const ids = Int32Array.from({ length: batch * length }, () => Math.floor(random() * 11));
  const whole = await wholeLogits(weights, ids, [batch, length]);
  const [heads, width] = [2, 4];
  const names = ["h0/attn", "h1/attn"];
  assert.deepEqual(model.slots, names.map((name) => ({ name, heads, width })));
  const cached = { type: "float32" as const, shape: [batch, heads, capacity, width] };
  const caches: Record<string, Float32Array> = {};
  for (const name of names) {
    // Places that hold nothing yet must not matter, whatever lies in them.
    caches[`key ${name}`] = new Float32Array(batch * heads * capacity * width).fill(3);
    caches[`value ${name}`] = new Float32Array(batch * heads * capacity * width).fill(-5);
  }
  const mask = new Int32Array(batch * capacity);

  const step = async (from: number, to: number): Promise<Float32Array> => {
    const count = to - from;
    const graph = new Graph("decode");
    const params = parameterConstants(graph, model.parameters, (name) => weights.get(name)!);
    const past = new Map(names.map((name) => [name, {
      keys: graph.input(`key ${name}`, cached),
      values: graph.input(`value ${name}`, cached),
    }]));
    const last = new Int32Array(batch).fill(count - 1);
    const logits = model.build(graph, {
      input_ids: graph.input("ids", { type: "int32", shape: [batch, count] }),
      position_ids: graph.input("positions", { type: "int32", shape: [batch, count] }),
    }, {
      params,
      past: {
        mask: graph.input("mask", { type: "int32", shape: [batch, capacity] }),
        of: (slot) => past.get(slot)!,
      },
      keep({ name }, own): void {
        graph.output(`new key ${name}`, own.keys);
        graph.output(`new value ${name}`, own.values);
      },
      askedAt: graph.constant(last, { type: "int32", shape: [batch] }),
    });
    graph.output("logits", logits);
    const chosen = Int32Array.from(
      { length: batch * count },
      (_, i) => ids[Math.floor(i / count) * length + from + i % count]!,
    );
    const positions = chosen.map((_, i) => from + i % count);
    const got = await runGraph(graph, { ids: chosen, positions, mask, ...caches });
    for (const name of Object.keys(caches)) {
      for (let row = 0; row < batch * heads; row++) {
        const fresh = got[`new ${name}`]!.subarray(row * count * width, (row + 1) * count * width);
        caches[name]!.set(fresh, (row * capacity + from) * width);
      }
    }
    for (let row = 0; row < batch; row++) mask.fill(1, row * capacity + from, row * capacity + to);
    return got.logits!;
  };

  let from = 0;
  for (const to of [prompt, prompt + 1, prompt + 2, length]) {
    const logits = await step(from, to);
    for (let row = 0; row < batch; row++) {
      const at = (row * length + to - 1) * 11;
      const error = relativeError(logits.slice(row * 11, row * 11 + 11), whole.slice(at, at + 11));
      assert.ok(error < 1e-4, `row ${row} after ${to} tokens: ${error}`);
    }
    from = to;
  }
});

Deno.test("GPT-2 gives logits at one position a row, and positions can be shifted by padding", async () => {
  const weights = randomParams(8);
  const ids = Int32Array.of(1, 2, 3, 4, 5, 6, 7, 0);
  const whole = await wholeLogits(weights, ids, [2, 4]);
  const graph = new Graph();
  const params = parameterConstants(graph, model.parameters, (name) => weights.get(name)!);
  const logits = model.build(graph, {
    input_ids: graph.input("ids", { type: "int32", shape: [2, 4] }),
    attention_mask: graph.input("mask", { type: "int32", shape: [2, 4] }),
    position_ids: graph.input("positions", { type: "int32", shape: [2, 4] }),
  }, { params, askedAt: graph.input("at", { type: "int32", shape: [2] }) });
  graph.output("logits", logits);
  // Row 1 is padded on the left here and on the right above.
  const got = await runGraph(graph, {
    ids: Int32Array.of(1, 2, 3, 4, 0, 5, 6, 7),
    mask: Int32Array.of(1, 1, 1, 1, 0, 1, 1, 1),
    positions: Int32Array.of(0, 1, 2, 3, 0, 0, 1, 2),
    at: Int32Array.of(1, 3),
  });
  const expected = [...whole.slice(11, 22), ...whole.slice(6 * 11, 7 * 11)];
  assert.ok(relativeError(got.logits!, expected) < 1e-4);
});

Deno.test("openModel() lists names, shapes, first values and decay of GPT-2's parameters", () => {
  const specs = openModel({ ...base, n_layer: 8 }).parameters;
  const byName = new Map(specs.map((spec) => [spec.name, spec]));
  assert.equal(specs.length, 2 + 12 * 8 + 2);
  assert.deepEqual(byName.get("transformer.h.7.mlp.c_proj.weight"), {
    name: "transformer.h.7.mlp.c_proj.weight",
    shape: [32, 8],
    init: { kind: "normal", std: 0.005 },
    decay: true,
  });
  assert.equal(byName.get("transformer.ln_f.weight")?.init.kind, "ones");
  assert.ok(specs.every(({ decay, shape }) => decay === (shape.length === 2)));
});

Deno.test("a model refuses sequences longer than its positions", () => {
  const graph = new Graph();
  const params = parameterInputs(graph, model.parameters);
  const inputIds = graph.input("ids", { type: "int32", shape: [1, 17] });
  assert.throws(() => model.build(graph, { input_ids: inputIds }, { params }), /17 tokens.*16/);
});

Deno.test("a GPT-2 takes transformers' defaults and refuses what cannot be computed", () => {
  const gpt2 = (json: JsonObject): OpenModel => openModel({ model_type: "gpt2", ...json });
  const inner = ({ parameters }: OpenModel): number | undefined =>
    parameters.find(({ name }) => name.endsWith("h.0.mlp.c_fc.weight"))?.shape[1];
  const { config, ...defaults } = gpt2({});
  assert.deepEqual([config.n_embd, config.vocab_size, inner(gpt2({}))], [768, 50257, 3072]);
  assert.deepEqual([defaults.vocabSize, defaults.maxPositions], [50257, 1024]);
  assert.equal(inner(gpt2({ n_inner: null, n_embd: 24 })), 96);
  assert.equal(gpt2({ n_ctx: 77 }).maxPositions, 77);
  assert.equal(gpt2({ n_ctx: 77 }).config.n_positions, 77);
  const wrong: [JsonObject, RegExp][] = [
    [{ add_cross_attention: true }, /without an encoder/],
    [{ activation_function: "gelu_neu" }, /did you mean "gelu_new"/],
    [{ n_head: 5 }, /n_head: 5; n_head must be a divisor of n_embd/],
    [{ n_layer: 1.5 }, /n_layer must be a whole number above 0/],
    [{ attn_pdrop: 2 }, /attn_pdrop must be a number from 0 to 1/],
    [{ tie_word_embeddings: "yes" }, /true or false/],
  ];
  for (const [json, message] of wrong) {
    assert.throws(() => gpt2(json), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("architectureOf() finds an architecture by its model_type", () => {
  assert.equal(architectureOf({ model_type: "gpt2" }).heads.causal_lm, "GPT2LMHeadModel");
  assert.throws(() => architectureOf({ model_type: "gpt3" }), /did you mean "gpt2"/);
  assert.throws(() => architectureOf({}), /no model_type/);
});
