import assert from "node:assert/strict";
import { requestAdapter } from "../../lib/runtime/adapter.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import type { Device } from "../../lib/runtime/session.ts";
import { loadCheckpoint } from "../../lib/models/checkpoint.ts";
import type { TrainingArguments } from "../../lib/train/arguments.ts";
import { trainCausalLm } from "../../lib/train/train_causal_lm.ts";
import { baseRun, writeData } from "../stages/train_run.ts";
import { ARGUMENTS } from "./fixture.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const hasAdapter = (await requestAdapter()) !== undefined;

const SETTINGS: Record<string, Partial<TrainingArguments>> = {
  "sgd with momentum": {
    optim: "sgd",
    optim_args: { momentum: 0.9, dampening: 0.1 },
    learning_rate: 0.1,
    label_smoothing_factor: 0.1,
  },
  "adafactor": { optim: "adafactor", gradient_accumulation_steps: 2, max_steps: 4 },
  "the best model": {
    learning_rate: 0.3,
    eval_strategy: "steps",
    eval_steps: 1,
    save_strategy: "best",
    load_best_model_at_end: true,
  },
};

async function trained(
  device: Device,
  args: Partial<TrainingArguments>,
): Promise<{ losses: number[]; weights: Map<string, Float32Array> }> {
  const engine = await openEngine(device, { threads: 1 });
  const output = await temporaryDirectory();
  const { state } = await trainCausalLm({
    engine,
    data: await writeData(),
    model: (await baseRun()).dir,
    config: undefined,
    configOverrides: undefined,
    args: {
      ...ARGUMENTS,
      learning_rate: 5e-3,
      weight_decay: 0.1,
      adam_epsilon: 1e-4,
      num_train_epochs: 1,
      per_device_train_batch_size: 3,
      logging_steps: 1,
      ...args,
    },
    output,
    log: () => {},
    progress: () => {},
  });
  await engine.dispose();
  const { tensors } = await loadCheckpoint(output);
  return {
    losses: state.log_history.flatMap((entry) => entry.loss ?? []),
    weights: new Map([...tensors].map(([name, { data }]) => [name, data])),
  };
}

for (const [title, args] of Object.entries(SETTINGS)) {
  let reference: ReturnType<typeof trained> | undefined;
  for (const device of ["wasm", "webgpu"] as const) {
    const ignore = device === "webgpu" && !hasAdapter;
    Deno.test({
      name: `train() with ${title} ends with the same weights on ${device} as on cpu` +
        (ignore ? " (skipped: no adapter)" : ""),
      ignore,
      // The GPU's device and the engine's memory outlive the test.
      sanitizeOps: false,
      sanitizeResources: false,
      async fn(): Promise<void> {
        const native = await (reference ??= trained("cpu", args));
        const other = await trained(device, args);
        assert.equal(native.losses.length, 4);
        native.losses.forEach((loss, step) => {
          assert.ok(Math.abs(loss - other.losses[step]!) < 1e-4, `loss of step ${step + 1}`);
        });
        for (const [name, values] of native.weights) {
          // The gradient of a key's bias is zero but for rounding errors, which Adafactor scales up.
          if (args.optim === "adafactor" && name.endsWith("c_attn.bias")) continue;
          const theirs = other.weights.get(name)!;
          values.forEach((value, i) => {
            assert.ok(Math.abs(value - theirs[i]!) < 1e-3, `${name}[${i}]: ${value} ${theirs[i]}`);
          });
        }
      },
    });
  }
}
