import assert from "node:assert/strict";
import { readSafetensors, type TensorData } from "../../lib/data/formats/safetensors.ts";
import { readTokens } from "../../lib/data/tokens/tokens.ts";
import { UserError } from "../../lib/base/errors.ts";
import { openModel } from "../../lib/models/open.ts";
import { loadCheckpoint } from "../../lib/checkpoint/load.ts";
import type { Adapters, LoraConfig } from "../../lib/models/lora.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import type { HostTensor } from "../../lib/runtime/session/session.ts";
import { evaluateRows } from "../../lib/train/loop/evaluate.ts";
import train from "../../stages/train.ts";
import { BASE, baseRun, type Outcome, run, values, writeData } from "../stages/train_run.ts";

/** The adapters of a GPT-2 with two blocks. */
function adaptersOf(lora: LoraConfig): Adapters {
  return openModel({ model_type: "gpt2", n_layer: 2 }, { lora }).adapters!;
}

const DEFAULTS = { r: 8, lora_alpha: 8, lora_dropout: 0, target_modules: ["c_attn"] };

const TARGETS: ["all-linear" | string[], string[]][] = [
  [["c_attn"], ["h.0.attn.c_attn", "h.1.attn.c_attn"]],
  [["mlp.c_proj"], ["h.0.mlp.c_proj", "h.1.mlp.c_proj"]],
  [["c_proj"], ["h.0.attn.c_proj", "h.0.mlp.c_proj", "h.1.attn.c_proj", "h.1.mlp.c_proj"]],
  [["h.1.mlp.c_fc", "transformer.h.0.attn.c_attn"], ["h.0.attn.c_attn", "h.1.mlp.c_fc"]],
  [
    "all-linear",
    [0, 1].flatMap((n) =>
      ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"].map((part) => `h.${n}.${part}`)
    ),
  ],
];
for (const [targets, expected] of TARGETS) {
  Deno.test(`lora puts adapters of ${targets} where peft does`, () => {
    const { modules, parameters } = adaptersOf({ ...DEFAULTS, target_modules: targets });
    assert.deepEqual(modules.map(({ name }) => name.slice(12)), expected);
    assert.equal(parameters.length, 2 * expected.length);
  });
}

Deno.test("lora's matrices have peft's shapes", () => {
  const { parameters } = adaptersOf({ ...DEFAULTS, r: 3, target_modules: ["h.0.mlp.c_fc"] });
  assert.deepEqual(parameters.map(({ name, shape }) => [name, shape]), [
    ["transformer.h.0.mlp.c_fc.lora_A.weight", [3, 768]],
    ["transformer.h.0.mlp.c_fc.lora_B.weight", [3072, 3]],
  ]);
});

Deno.test("lora refuses targets that are no linear layer", () => {
  for (const target of ["c_atn", "wte", "lm_head", "ln_1", "attn", "_attn"]) {
    assert.throws(
      () => adaptersOf({ ...DEFAULTS, target_modules: ["c_fc", target] }),
      (error: Error) =>
        error instanceof UserError && error.message.includes(`target_modules[1] is "${target}"`) &&
        /one of c_attn, c_proj, c_fc/.test(error.message),
    );
  }
  assert.throws(
    () => adaptersOf({ ...DEFAULTS, target_modules: ["c_atn"] }),
    /did you mean "c_attn"\?/,
  );
});

Deno.test("train takes lora with an input model alone, and without freeze", () => {
  const refused = (given: Record<string, unknown>): string[] | undefined =>
    train.options.safeParse({ ...BASE, ...given }).error?.issues.map(({ path }) => path.join("."));
  assert.deepEqual(refused({ lora: {} }), ["lora"]);
  assert.deepEqual(refused({ config: undefined, lora: {}, freeze: ["wte"] }), ["freeze"]);
  assert.deepEqual(refused({ config: undefined, lora: { bias: "all" } }), ["lora.bias"]);
  assert.deepEqual(refused({ config: undefined, lora: { use_dora: true } }), ["lora"]);
  assert.equal(refused({ config: undefined, lora: {} }), undefined);
});

type Tensors = Map<string, TensorData>;
const tensorsOf = async (path: string): Promise<Tensors> => (await readSafetensors(path)).tensors;
const dataOf = (tensors: Tensors, name: string): Float32Array =>
  tensors.get(name)!.data as Float32Array;

async function loraRun(lora: Record<string, unknown>, more = {}): Promise<Outcome> {
  return await run({ config: undefined, lora, ...more }, { model: (await baseRun()).dir });
}

Deno.test("train with lora leaves the base to the bit and merges what it learnt", async () => {
  const lora = { r: 2, lora_alpha: 6, target_modules: ["c_attn", "mlp.c_proj"] };
  const { dir } = await loraRun(lora, { weight_decay: 0.1 });
  const adapter = await tensorsOf(`${dir}/adapter/adapter_model.safetensors`);
  const [before, after] = [
    await tensorsOf(`${(await baseRun()).dir}/model.safetensors`),
    await tensorsOf(`${dir}/model.safetensors`),
  ];
  assert.deepEqual([...after.keys()].sort(), [...before.keys()].sort());
  assert.equal(adapter.size, 4);
  for (const [name, { shape, data }] of after) {
    const part = `base_model.model.${name.slice(0, -".weight".length)}`;
    const a = adapter.get(`${part}.lora_A.weight`);
    if (a === undefined) {
      assert.deepEqual(data, dataOf(before, name), name);
      continue;
    }
    const b = adapter.get(`${part}.lora_B.weight`)!;
    const [inputs = 0, outputs = 0] = shape;
    assert.deepEqual([a.shape, b.shape], [[2, inputs], [outputs, 2]]);
    dataOf(before, name).forEach((weight, index) => {
      const [i, o] = [Math.floor(index / outputs), index % outputs];
      let sum = 0;
      for (let k = 0; k < 2; k++) sum += Number(a.data[k * inputs + i]) * Number(b.data[o * 2 + k]);
      assert.ok(Math.abs(Number(data[index]) - (weight + 3 * sum)) < 1e-7, `${name}[${index}]`);
    });
    assert.notDeepEqual(data, dataOf(before, name), name);
  }
});

Deno.test("train with lora writes what peft wants to know", async () => {
  const { dir } = await loraRun({ r: 2, lora_alpha: 3, lora_dropout: 0.1 });
  const config = JSON.parse(await Deno.readTextFile(`${dir}/adapter/adapter_config.json`));
  const { r, lora_alpha, lora_dropout, target_modules, peft_type, task_type, fan_in_fan_out } =
    config;
  assert.deepEqual(
    { r, lora_alpha, lora_dropout, target_modules, peft_type, task_type, fan_in_fan_out },
    {
      r: 2,
      lora_alpha: 3,
      lora_dropout: 0.1,
      target_modules: ["c_attn"],
      peft_type: "LORA",
      task_type: "CAUSAL_LM",
      fan_in_fan_out: true,
    },
  );
});

Deno.test("train with lora draws A within torch's bound and starts from the model as it is", async () => {
  // B is zero, so A has no gradient in the first step.
  const { dir, losses } = await loraRun({ target_modules: ["c_fc"], r: 64 }, { max_steps: 1 });
  const plain = await run({ config: undefined, max_steps: 1 }, { model: (await baseRun()).dir });
  assert.deepEqual(losses, plain.losses);
  const adapter = await tensorsOf(`${dir}/adapter/adapter_model.safetensors`);
  const a = dataOf(adapter, "base_model.model.transformer.h.0.mlp.c_fc.lora_A.weight");
  const bound = 1 / Math.sqrt(8);
  assert.ok(a.every((value) => Math.abs(value) <= bound));
  const square = a.reduce((sum, value) => sum + value * value, 0) / a.length;
  assert.ok(Math.abs(square / (bound * bound / 3) - 1) < 0.15, `variance ${square}`);
});

Deno.test("every setting of lora counts", async () => {
  const settings = { r: 2, lora_alpha: 8, lora_dropout: 0, target_modules: ["c_attn"] };
  const { losses } = await loraRun(settings);
  const changes = [{ r: 3 }, { lora_alpha: 9 }, { lora_dropout: 0.3 }, {
    target_modules: ["c_fc"],
  }];
  for (const change of changes) {
    const other = await loraRun({ ...settings, ...change });
    assert.notDeepEqual(other.losses, losses, JSON.stringify(change));
  }
});

Deno.test("train with lora evaluates as the merged model does", async () => {
  const data = await writeData();
  const { dir, state } = await loraRun({ r: 2, lora_alpha: 32, lora_dropout: 0.2 }, {
    eval_strategy: "epoch",
    learning_rate: 0.05,
  });
  const { config, tensors } = await loadCheckpoint(dir);
  const feeds = Object.fromEntries(
    [...tensors].map(([name, { shape, data }]): [string, HostTensor] => [
      name,
      { type: "float32", dims: shape, data },
    ]),
  );
  const engine = await openEngine("cpu", { threads: 1 });
  const { splits } = await readTokens(data);
  const placed = { model: openModel(config), engine, feeds };
  const { loss, counted } = await evaluateRows(placed, splits.validation!, {
    batchSize: 8,
  });
  await engine.dispose();
  const [evaluated = NaN] = values(state, "eval_loss");
  assert.ok(Math.abs(evaluated - loss / counted) < 1e-5, `${evaluated} ${loss / counted}`);
});
