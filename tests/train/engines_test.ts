import assert from "node:assert/strict";
import { randomStream } from "../../lib/base/random.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import type { Device } from "../../lib/base/device.ts";
import { trainModel } from "../../lib/train/run.ts";
import { ARGUMENTS, writeRows } from "./fixture.ts";
import { onDevice } from "../fixtures/webgpu.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** Rows of a language in which each token mostly follows from the one before. */
async function writeData(seed: number): Promise<string> {
  const random = randomStream(seed);
  const rows = Array.from({ length: 18 }, () => {
    let token = random.nextBelow(40);
    return Array.from({ length: 5 + random.nextBelow(12) }, () => {
      token = random.nextFloat() < 0.8 ? (token * 7 + 3) % 40 : random.nextBelow(40);
      return token;
    });
  });
  const splits = { train: rows.slice(0, 12), validation: rows.slice(12) };
  return await writeRows(splits, { vocabSize: 40 });
}

async function losses(
  device: Device,
  data: string,
): Promise<{ losses: number[]; norms: number[]; evaluated: number }> {
  const engine = await openEngine(device, { threads: 2 });
  const { state } = await trainModel({
    engine,
    data,
    model: undefined,
    config: {
      model_type: "gpt2",
      n_layer: 1,
      n_head: 2,
      n_embd: 8,
      n_positions: 24,
      resid_pdrop: 0.1,
      embd_pdrop: 0.1,
      attn_pdrop: 0.1,
    },
    configOverrides: undefined,
    args: {
      ...ARGUMENTS,
      learning_rate: 5e-3,
      weight_decay: 0.1,
      warmup_steps: 2,
      max_steps: 10,
      per_device_train_batch_size: 4,
      gradient_accumulation_steps: 2,
      logging_steps: 1,
      eval_strategy: "epoch",
    },
    output: await temporaryDirectory(),
    log: () => {},
    progress: () => {},
  });
  await engine.dispose();
  const history = state.log_history;
  return {
    losses: history.flatMap((entry) => entry.loss ?? []),
    norms: history.flatMap((entry) => entry.grad_norm ?? []),
    evaluated: history.findLast((entry) => "eval_loss" in entry)?.eval_loss ?? NaN,
  };
}

const SEED = 5;
let reference: ReturnType<typeof losses> | undefined;

for (const device of ["wasm", "webgpu"] as const) {
  Deno.test({
    ...onDevice(device, `train() with dropout gives the same ten losses on ${device} as on cpu`),
    async fn(): Promise<void> {
      const data = await writeData(SEED);
      const native = await (reference ??= losses("cpu", data));
      const other = await losses(device, data);
      assert.equal(native.losses.length, 10);
      assert.ok(native.losses.at(-1)! < native.losses[0]! - 0.05, `learns: ${native.losses}`);
      for (const figure of ["losses", "norms"] as const) {
        native[figure].forEach((value, step) => {
          const difference = Math.abs(value - other[figure][step]!);
          assert.ok(difference < 1e-3, `${figure} of step ${step + 1} differ by ${difference}`);
        });
      }
      assert.ok(Math.abs(native.evaluated - other.evaluated) < 1e-3);
    },
  });
}
