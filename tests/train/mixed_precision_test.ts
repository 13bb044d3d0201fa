/** Mixed precision on a GPU, or on a software adapter. */
import assert from "node:assert/strict";
import { readSafetensors } from "../../lib/data/formats/safetensors.ts";
import { randomStream } from "../../lib/base/random.ts";
import { UserError } from "../../lib/base/errors.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import type { Device } from "../../lib/base/device.ts";
import type { Engine, Session, SessionOptions } from "../../lib/runtime/session/session.ts";
import type { TrainerCallback } from "../../lib/train/loop/callbacks.ts";
import { type GradScaler, gradScaler } from "../../lib/train/loop/grad_scaler.ts";
import { requireFloat16 } from "../../lib/train/arguments/computation.ts";
import { trainModel } from "../../lib/train/run.ts";
import { ARGUMENTS, writeRows } from "./fixture.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { hideFeature, type OnDevice, onDevice } from "../fixtures/webgpu.ts";

/** A test that needs float16. */
const onGpu = (name: string): OnDevice => onDevice("webgpu", name, ["shader-f16"]);

/** Rows of a language in which each token mostly follows from the one before. */
function writeData(): Promise<string> {
  const random = randomStream(5);
  const rows = Array.from({ length: 18 }, () => {
    let token = random.nextBelow(40);
    return Array.from({ length: 5 + random.nextBelow(4) }, () => {
      token = random.nextFloat() < 0.8 ? (token * 7 + 3) % 40 : random.nextBelow(40);
      return token;
    });
  });
  return writeRows({ train: rows.slice(0, 12), validation: rows.slice(12) }, { vocabSize: 40 });
}

interface Setting {
  readonly device?: Device;
  readonly args?: Partial<typeof ARGUMENTS>;
  readonly scaler?: GradScaler;
  readonly resume?: string;
  readonly callbacks?: readonly TrainerCallback[];
}

interface Outcome {
  readonly losses: number[];
  readonly norms: (number | undefined)[];
  readonly rates: number[];
  readonly evaluated: number;
  readonly weights: Map<string, { dtype: string; data: ArrayLike<number | bigint> }>;
  readonly log: string[];
  /** What was compiled: training or evaluation, whether with a loss scale, whether with casts to float16. */
  readonly fed: Set<string>;
}

const DATA = await writeData();

/** Engines, opened once: a GPU's keeps its compiled shaders. */
const ENGINES = new Map<Device, Promise<Engine>>();

async function run({ device = "webgpu", args, ...others }: Setting = {}): Promise<Outcome> {
  const known = ENGINES.get(device) ?? openEngine(device, { threads: 1 });
  ENGINES.set(device, known);
  const opened = await known;
  const fed = new Set<string>();
  const engine: Engine = {
    ...opened,
    async createSession(onnx: Uint8Array, options?: SessionOptions): Promise<Session> {
      const session = await opened.createSession(onnx, options);
      if (session.inputNames.includes("targets")) {
        const kind = session.inputNames.includes("loss_denominator") ? "train" : "evaluate";
        const scaled = session.inputNames.includes("loss_scale");
        fed.add(`${kind}${scaled ? ", scaled" : ""}${hasHalf(onnx) ? ", float16" : ""}`);
      }
      return session;
    },
  };
  const [output, log] = [await temporaryDirectory(), [] as string[]];
  const { state } = await trainModel({
    engine,
    data: DATA,
    model: undefined,
    config: { model_type: "gpt2", n_layer: 1, n_head: 2, n_embd: 16, n_positions: 24 },
    configOverrides: undefined,
    args: {
      ...ARGUMENTS,
      learning_rate: 5e-3,
      lr_scheduler_type: "constant",
      max_steps: 10,
      per_device_train_batch_size: 4,
      logging_steps: 1,
      ...args,
    },
    output,
    log: (line) => log.push(line),
    progress: () => {},
    ...others,
  });
  const steps = state.log_history.filter((entry) => "loss" in entry);
  return {
    losses: steps.flatMap((entry) => entry.loss ?? []),
    norms: steps.map((entry) => entry.grad_norm),
    rates: steps.flatMap((entry) => entry.learning_rate ?? []),
    evaluated: state.log_history.findLast((entry) => "eval_loss" in entry)?.eval_loss ?? NaN,
    weights: (await readSafetensors(`${output}/model.safetensors`)).tensors,
    log,
    fed,
  };
}

/** Whether an ONNX file has casts to float16: an attribute `to` of 10, as lib/graph/onnx/onnx.ts writes it. */
function hasHalf(onnx: Uint8Array): boolean {
  const to = [0x0a, 2, ...new TextEncoder().encode("to"), 0x18, 10];
  return onnx.some((_, i) => to.every((byte, j) => onnx[i + j] === byte));
}

function closeTo(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  assert.equal(actual.length, expected.length);
  const worst = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)));
  assert.ok(worst <= tolerance, `differ by ${worst}:\n${actual}\n${expected}`);
}

let full: Promise<Outcome> | undefined;
/** The run in float32 that others are compared with. */
const inFloat32 = (): Promise<Outcome> => full ??= run({ args: EVALUATED });
const EVALUATED = { eval_strategy: "epoch", gradient_accumulation_steps: 2 } as const;

Deno.test({
  ...onGpu("train() with fp16 has the losses of float32 in float16 products"),
  async fn(): Promise<void> {
    const half = await run({ args: { ...EVALUATED, fp16: true } });
    const expected = await inFloat32();
    closeTo(half.losses, expected.losses, 1e-2);
    closeTo(half.norms.map(Number), expected.norms.map(Number), 1e-2);
    closeTo([half.evaluated], [expected.evaluated], 1e-2);
    assert.ok(half.losses.at(-1)! < half.losses[0]! - 0.1, `learns: ${half.losses}`);
    assert.deepEqual([...half.fed].sort(), ["evaluate", "train, scaled, float16"]);
    assert.deepEqual([...expected.fed].sort(), ["evaluate", "train"]);
    // Masters of float32: what is saved has more bits than float16 holds.
    const name = "transformer.h.0.mlp.c_fc.weight";
    const { dtype, data } = half.weights.get(name)!;
    assert.equal(dtype, "F32");
    const values = Array.from(data, Number);
    assert.ok(values.some((value) => Math.f16round(value) !== value), "rounded to float16");
    assert.notDeepEqual(values, Array.from(expected.weights.get(name)!.data, Number));
    assert.ok(!half.log.some((line) => /skipped/.test(line)));
  },
});

Deno.test({
  ...onGpu("train() with fp16 goes with gradient_checkpointing, to the same losses"),
  async fn(): Promise<void> {
    const args = { fp16: true, max_steps: 2 };
    const plain = await run({ args });
    const checkpointed = await run({ args: { ...args, gradient_checkpointing: true } });
    closeTo(checkpointed.losses, plain.losses, 1e-5);
    closeTo(checkpointed.norms.map(Number), plain.norms.map(Number), 1e-4);
    assert.deepEqual([...checkpointed.fed], ["train, scaled, float16"]);
  },
});

Deno.test({
  ...onGpu("train() with fp16 skips steps that overflow until the scale fits"),
  async fn(): Promise<void> {
    const args = { fp16: true, lr_scheduler_type: "linear" } as const;
    const scaler = gradScaler({ initScale: 2 ** 127 });
    const skipping = await run({ args: { ...args, max_steps: 2 }, scaler });
    assert.equal(scaler.skipped, 2);
    assert.equal(scaler.scale, 2 ** 125);
    assert.deepEqual(skipping.norms, [undefined, undefined]);
    assert.equal(skipping.log.filter((line) => /is skipped/.test(line)).length, 0, "its own log");
    const once = gradScaler({ initScale: 2 ** 127 });
    const shorter = await run({ args: { ...args, max_steps: 1 }, scaler: once });
    assert.deepEqual(skipping.weights, shorter.weights, "nothing was updated");

    const log: string[] = [];
    const nearly = gradScaler({ initScale: 2 ** 22, log: (line) => log.push(line) });
    const trained = await run({ args: { ...args, max_steps: 10 }, scaler: nearly });
    assert.equal(trained.norms[0], undefined);
    assert.equal(log.length, nearly.skipped);
    assert.ok(nearly.skipped < 7, `${nearly.skipped} of 10 skipped`);
    assert.equal(nearly.scale, 2 ** (22 - nearly.skipped));
    // As in Trainer the schedule waits, too, for the first update.
    let updates = 0;
    const rates = trained.norms.map((norm) =>
      5e-3 * (1 - (norm === undefined ? updates : updates++) / 10)
    );
    closeTo(trained.rates, rates, 1e-9);
    assert.ok(trained.losses.at(-1)! < trained.losses[0]!, `learns: ${trained.losses}`);

    const diverging = run({ args: { fp16: true, learning_rate: 1e30 } });
    await assert.rejects(diverging, /training diverged: the loss.*or leave fp16 out/s);
  },
});

Deno.test({
  ...onGpu("a run with fp16 that was killed goes on with its loss scale"),
  async fn(): Promise<void> {
    const args = { fp16: true, save_steps: 1, max_steps: 4 };
    const whole = gradScaler({ initScale: 2 ** 60 });
    const undisturbed = await run({ args, scaler: whole });
    const resume = await temporaryDirectory();
    const kill: TrainerCallback = {
      onStepEnd({ state }): void {
        if (state.global_step === 3) throw new Error("killed");
      },
    };
    const first = gradScaler({ initScale: 2 ** 60 });
    await assert.rejects(run({ args, resume, callbacks: [kill], scaler: first }), /killed/);
    const second = gradScaler({ initScale: 2 ** 60 });
    const resumed = await run({ args, resume, scaler: second });
    assert.match(resumed.log.join("\n"), /resumed at step 2 of 4/);
    assert.equal(second.scale, whole.scale);
    assert.equal(second.skipped, whole.skipped);
    assert.deepEqual(resumed.losses, undisturbed.losses);
  },
});

Deno.test("requireFloat16() tells a GPU without shader-f16 from an engine without a GPU", () => {
  const description = "WebGPU on an old card";
  assert.throws(
    () => requireFloat16({ name: "webgpu", description, float16: false }),
    /device webgpu \(WebGPU on an old card\): this GPU or its driver has no shader-f16/,
  );
  requireFloat16({ name: "webgpu", description, float16: true });
});

for (const device of ["cpu", "wasm"] as const) {
  Deno.test({
    name: `train() refuses fp16 on ${device}`,
    sanitizeOps: false,
    sanitizeResources: false,
    async fn(): Promise<void> {
      await assert.rejects(run({ device, args: { fp16: true } }), (error: Error) => {
        assert.ok(error instanceof UserError, String(error.stack));
        assert.match(error.message, new RegExp(`fp16: true on the device ${device}`));
        assert.match(error.message, /shader-f16/);
        assert.match(error.message, /leave fp16 out.*--device webgpu/s);
        return true;
      });
    },
  });
}

Deno.test({
  ...onDevice("webgpu", "train() refuses fp16 on a GPU without shader-f16"),
  async fn(): Promise<void> {
    const giveBack = hideFeature("shader-f16");
    ENGINES.delete("webgpu");
    try {
      await assert.rejects(run({ args: { fp16: true } }), (error: Error) => {
        assert.ok(error instanceof UserError, String(error.stack));
        assert.match(error.message, /fp16: true on the device webgpu .*has no shader-f16/);
        return true;
      });
    } finally {
      giveBack();
      ENGINES.delete("webgpu");
    }
  },
});
