import assert from "node:assert/strict";
import { randomStream } from "../../lib/base/random.ts";
import { openModel } from "../../lib/models/open.ts";
import { loadCheckpoint, loadConfig } from "../../lib/checkpoint/load.ts";
import { saveCheckpoint } from "../../lib/checkpoint/save.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import { evaluateRows } from "../../lib/train/loop/evaluate.ts";
import type { EvaluationSums } from "../../lib/train/objectives/objective.ts";
import { CAUSAL_LM } from "../../lib/train/objectives/causal_lm.ts";
import { initializeParameter } from "../../lib/train/state/initialize.ts";
import { splitOf } from "./fixture.ts";
import type { Device } from "../../lib/base/device.ts";
import { type AnyTensor, type Engine, float32 } from "../../lib/runtime/session/session.ts";
import { onDevice } from "../fixtures/webgpu.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** A model folder with random weights, dropout in its config, and rows of several lengths. */
async function example(): Promise<{ dir: string; rows: number[][] }> {
  const model = openModel({
    model_type: "gpt2",
    n_layer: 1,
    n_head: 2,
    n_embd: 8,
    n_positions: 80,
    vocab_size: 20,
    initializer_range: 0.5,
  });
  const dir = await temporaryDirectory();
  await saveCheckpoint(dir, {
    config: model.config,
    tensors: model.parameters.map((parameter, index) => {
      const data = new Float32Array(parameter.shape.reduce((a, b) => a * b, 1));
      initializeParameter(parameter, { values: data, seed: 3, index });
      return [parameter.name, { shape: parameter.shape, data }];
    }),
  });
  const random = randomStream(8);
  const rows = [1, 2, 70, 9, 30, 5, 0, 12].map((length) =>
    Array.from({ length }, () => random.nextBelow(20))
  );
  return { dir, rows };
}

/** The parameters of a model folder, where the engine computes. */
async function place(dir: string, { memory }: Engine): Promise<Record<string, AnyTensor>> {
  const { tensors } = await loadCheckpoint(dir);
  return Object.fromEntries([...tensors].map(([name, { shape, data }]) => {
    if (memory === undefined) return [name, float32(data, shape)];
    const tensor = memory.allocate("float32", shape);
    memory.upload(tensor, data);
    return [name, tensor];
  }));
}

async function evaluate(
  { dir, rows }: { dir: string; rows: number[][] },
  options: { batchSize: number; device?: Device },
): Promise<EvaluationSums> {
  const { device = "cpu", ...rest } = options;
  const engine = await openEngine(device, { threads: 2 });
  const placed = {
    model: openModel(await loadConfig(dir)),
    engine,
    feeds: await place(dir, engine),
  };
  const result = await evaluateRows(placed, splitOf(rows), rest);
  await engine.dispose();
  return result;
}

Deno.test("evaluateRows() counts each token once, whatever the batches", async () => {
  const model = await example();
  const [one, three, all] = [
    await evaluate(model, { batchSize: 1 }),
    await evaluate(model, { batchSize: 3 }),
    await evaluate(model, { batchSize: 20 }),
  ];
  assert.equal(one.counted, 0 + 1 + 69 + 8 + 29 + 4 + 0 + 11);
  for (const other of [three, all]) {
    assert.equal(other.counted, one.counted);
    assert.ok(Math.abs(other.loss - one.loss) < 1e-3);
  }
  let loss = 0;
  for (const row of model.rows.filter(({ length }) => length > 1)) {
    const alone = await evaluate({ ...model, rows: [row] }, { batchSize: 1 });
    assert.equal(alone.counted, row.length - 1);
    loss += alone.loss;
  }
  assert.ok(Math.abs(loss - one.loss) < 1e-3, "rows in one batch do not see each other");
  const figures = CAUSAL_LM.figures(one);
  assert.deepEqual(figures, {
    eval_loss: one.loss / one.counted,
    eval_perplexity: Math.exp(one.loss / one.counted),
    eval_tokens: one.counted,
  });
  assert.ok(figures.eval_loss! > 1, "a random model is surprised");
});

Deno.test("evaluateRows() refuses what the model cannot read", async () => {
  const model = await example();
  const cases: [number[][], RegExp][] = [
    [[Array(81).fill(1)], /rows of 81 tokens, the model has 80 positions/],
    [[[1, 20]], /token id 20, the model's vocabulary has 20/],
    [[[1], []], /no row has a second token/],
    [[], /no row has a second token/],
  ];
  for (const [rows, message] of cases) {
    await assert.rejects(evaluate({ ...model, rows }, { batchSize: 2 }), message);
  }
});

Deno.test({
  ...onDevice("webgpu", "evaluateRows() gives the same on webgpu as on cpu"),
  async fn(): Promise<void> {
    const { dir, rows } = await example();
    const few = { dir, rows: rows.filter((row) => row.length > 4 && row.length < 40) };
    const native = await evaluate(few, { batchSize: 4 });
    const gpu = await evaluate(few, { batchSize: 4, device: "webgpu" });
    assert.ok(Math.abs(native.loss - gpu.loss) < 1e-3 * native.loss);
  },
});
