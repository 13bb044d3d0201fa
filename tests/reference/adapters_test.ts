import assert from "node:assert/strict";
import { epochOrder } from "../../lib/data/tokens/batch.ts";
import { randomStream } from "../../lib/base/random.ts";
import { tokenRow } from "../../lib/data/tokens/rows.ts";
import { readTokens } from "../../lib/data/tokens/tokens.ts";
import { Graph } from "../../lib/graph/ir/graph.ts";
import { openModel } from "../../lib/models/open.ts";
import { parameterConstants } from "../fixtures/parameter_constants.ts";
import { loadCheckpoint } from "../../lib/checkpoint/load.ts";
import { runGraph } from "../graph/running.ts";
import { CONFIG, type Outcome, run, values, VOCABULARY, writeData } from "../stages/train_run.ts";
import { hasPackages, runScript } from "./python.ts";

const SETTINGS = { n_layer: 2, n_head: 2, n_embd: 16 };
const SEED = 7;
const ROWS = 4;

const without = await hasPackages("torch", "transformers", "peft")
  ? ""
  : " (skipped: no Python with transformers and peft)";

let base: Promise<Outcome> | undefined;
/** A model that has learnt a little. */
function baseModel(): Promise<Outcome> {
  return base ??= run({ config: { ...CONFIG, ...SETTINGS } });
}

/** Logits by our own forward pass, [B, T, V] flattened. */
async function ownLogits(dir: string, ids: number[][]): Promise<Float32Array> {
  const { config, tensors } = await loadCheckpoint(dir);
  const model = openModel(config);
  const graph = new Graph("logits");
  const params = parameterConstants(graph, model.parameters, (name) => tensors.get(name)!.data);
  const shape = [ids.length, ids[0]!.length];
  const inputIds = graph.input("ids", { type: "int32", shape });
  graph.output("logits", model.build(graph, { input_ids: inputIds }, { params }));
  const { logits } = await runGraph(graph, { ids: Int32Array.from(ids.flat()) });
  return logits!;
}

function someIds(): number[][] {
  const random = randomStream(SEED);
  return [0, 1, 2].map(() => Array.from({ length: 9 }, () => random.nextBelow(VOCABULARY)));
}

interface Logits {
  readonly model: number[][][];
  readonly adapter?: number[][][];
  readonly unexpected: string[];
  readonly missing: string[];
  readonly unmerged?: number;
  readonly warnings?: string[];
}

function close(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.equal(actual.length, expected.length, what);
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    assert.ok(
      difference < 1e-5 * Math.max(1, Math.abs(expected[i]!)),
      `${what} ${i}: ${difference}`,
    );
  }
}

const ADAPTERS = [
  { r: 3, lora_alpha: 12, target_modules: ["c_attn", "mlp.c_proj"], lora_dropout: 0.1 },
  { r: 8, lora_alpha: 4, target_modules: "all-linear" },
];

Deno.test({
  name: `what train wrote has the same logits in transformers, and its adapters in peft${without}`,
  ignore: without !== "",
  async fn(): Promise<void> {
    const base = (await baseModel()).dir;
    const ids = someIds();
    const jobs: { readonly ids: number[][]; readonly model: string; readonly base?: string }[] = [
      { ids, model: base },
    ];
    for (const lora of ADAPTERS) {
      const { dir } = await run({ config: undefined, lora, learning_rate: 0.03 }, { model: base });
      jobs.push({ ids, model: dir, base, ...{ adapter: `${dir}/adapter` } });
    }
    const results = await runScript<Logits>("logits.py", jobs);
    const before = await ownLogits(base, ids);
    for (const [i, theirs] of results.entries()) {
      const own = await ownLogits(jobs[i]!.model, ids);
      assert.deepEqual([theirs.unexpected, theirs.missing], [[], []]);
      close(own, theirs.model.flat(2), "logit in transformers");
      if (theirs.adapter === undefined) continue;
      assert.deepEqual(theirs.warnings, []);
      close(own, theirs.adapter.flat(2), "logit of the base with its adapter");
      assert.ok(theirs.unmerged! < 1e-6, `merged weights differ by ${theirs.unmerged}`);
      assert.ok(own.some((logit, i) => Math.abs(logit - before[i]!) > 0.01), "it learnt something");
    }
    assert.equal(results.length, 3);
  },
});

/** The rows of each step, in the order of the loop. */
async function batchesOf(data: string, epochs: number): Promise<number[][][]> {
  const { splits: { train } } = await readTokens(data);
  const batches: number[][][] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = epochOrder(train!.rows, { seed: SEED, epoch });
    for (let first = 0; first < order.length; first += ROWS) {
      batches.push(
        [...order.subarray(first, first + ROWS)].map((row) => [...tokenRow(train!, row)]),
      );
    }
  }
  return batches;
}

const TRAINING = {
  config: undefined,
  learning_rate: 0.01,
  weight_decay: 0.1,
  max_grad_norm: 0.5,
  num_train_epochs: 3,
  max_steps: -1,
  per_device_train_batch_size: ROWS,
  seed: SEED,
};

interface Losses {
  readonly losses: number[];
  readonly norms: number[];
}

/** What torch is to do after a run of ours. */
function jobOf({ state }: Outcome, more: Record<string, unknown>): Record<string, unknown> {
  const { weight_decay, max_grad_norm } = TRAINING;
  return { weight_decay, max_grad_norm, learning_rates: values(state, "learning_rate"), ...more };
}

function compare({ state, losses }: Outcome, theirs: Losses): void {
  assert.equal(losses.length, 9);
  const norms = values(state, "grad_norm");
  for (const [step, loss] of losses.entries()) {
    assert.ok(
      Math.abs(loss - theirs.losses[step]!) < 1e-4,
      `loss ${step}: ${losses} ${theirs.losses}`,
    );
    const norm = theirs.norms[step]!;
    assert.ok(
      Math.abs(norms[step]! - norm) < 1e-3 * norm,
      `norm ${step}: ${norms} ${theirs.norms}`,
    );
  }
}

Deno.test({
  name: `train has peft's losses with lora from the same A, and torch's with unfreeze${without}`,
  ignore: without !== "",
  async fn(): Promise<void> {
    const data = await writeData(SEED);
    const model = (await baseModel()).dir;
    const batches = await batchesOf(data, 3);
    const lora = { r: 4, lora_alpha: 16, target_modules: ["c_attn", "c_proj", "c_fc"] };
    // A has no gradient while B is zero: without decay one step leaves it as it was drawn.
    const drawn = await run({ ...TRAINING, weight_decay: 0, max_steps: 1, lora }, { data, model });
    const adapted = await run({ ...TRAINING, lora }, { data, model });

    const freeze = ["wte", "h.0-1", "ln_f.bias"];
    const unfreeze = [{ epoch: 2, modules: ["h.0.attn"] }, { epoch: 1, modules: ["h.1"] }];
    const thawed = await run({ ...TRAINING, freeze, unfreeze }, { data, model });
    const { parameters } = openModel({ model_type: "gpt2", ...SETTINGS });
    const frozenIn = (epoch: number): string[] =>
      parameters.map(({ name }) => name).filter((name) =>
        /\.wte\.|ln_f\.bias/.test(name) || name.includes(".h.1.") && epoch < 1 ||
        name.includes(".h.0.") && !(name.includes(".attn.") && epoch >= 2)
      );

    const [peft, torch] = await runScript<Losses>("losses.py", [
      jobOf(adapted, { model, batches, adapter: `${drawn.dir}/adapter` }),
      jobOf(thawed, { model, batches, freeze: [0, 0, 0, 1, 1, 1, 2, 2, 2].map(frozenIn) }),
    ]);
    compare(adapted, peft!);
    compare(thawed, torch!);
  },
});
