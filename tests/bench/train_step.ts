/**
 * Measures training steps of one model in this process and prints its figures as one JSON line.
 * Arguments: model, device, steps, threads, whether to time the matrix products, whether in mixed precision.
 *
 * @module
 */
import { type OpenModel, openModel } from "../../lib/models/open.ts";
import { adamw } from "../../lib/optim/adamw.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import type { Device } from "../../lib/base/device.ts";
import {
  type AnyTensor,
  type Engine,
  type HostTensor,
  int32,
  type Session,
  type SessionOptions,
} from "../../lib/runtime/session/session.ts";
import { arenaLayout, makeArena, viewOf } from "../../lib/train/state/arena.ts";
import { initializeParameter } from "../../lib/train/state/initialize.ts";
import { openState } from "../../lib/train/state/open_state.ts";
import { type FedBatch, fedBatch } from "../../lib/train/objectives/feeds.ts";
import { compileTraining } from "../../lib/train/program/program.ts";
import { countSteps } from "../../lib/train/loop/step_traffic.ts";
import { median } from "./median.ts";
import { timeProducts } from "./products.ts";
import { BENCH_MODELS, type StepFigures } from "./step_figures.ts";

/** An engine that adds up the time its sessions run. */
function timed(engine: Engine, clock: { inside: number }): Engine {
  return {
    ...engine,
    async createSession(onnx: Uint8Array, options?: SessionOptions): Promise<Session> {
      const session = await engine.createSession(onnx, options);
      return {
        ...session,
        async run(
          feeds: Readonly<Record<string, AnyTensor>>,
          fetches?: Readonly<Record<string, AnyTensor>>,
        ): Promise<Record<string, AnyTensor>> {
          const start = performance.now();
          const results = await session.run(feeds, fetches);
          clock.inside += performance.now() - start;
          return results;
        },
      };
    },
  };
}

/** Rows of random tokens, put together for every step as training does. */
function batches(
  model: OpenModel,
  { rows, length }: { rows: number; length: number },
): () => FedBatch {
  const data = Int32Array.from(
    { length: rows * length },
    () => Math.floor(Math.random() * model.vocabSize),
  );
  const offsets = Float64Array.from({ length: rows + 1 }, (_, row) => row * length);
  const input_ids = { per: "token", data, offsets, pad: 0 } as const;
  return () =>
    fedBatch(model, { rows, columns: { input_ids } }, {
      batchSize: rows,
      lengths: [length],
      rows: [...Array(rows).keys()],
    });
}

/** From Linux's own count, which Deno shows only to programs that may read everything. */
function peakMegabytes(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? NaN) / 1024;
}

/** Of mixed precision: low enough that no step is skipped. */
const LOSS_SCALE = 1024;

async function measure(
  name: string,
  { device, steps, threads, fp16 }: {
    device: Device;
    steps: number;
    threads: number;
    fp16: boolean;
  },
): Promise<StepFigures> {
  const { config, batch: batchSize, length } = BENCH_MODELS[name]!;
  const model = openModel(config);
  const clock = { inside: 0 };
  const engine = timed(await openEngine(device, { threads }), clock);
  const layout = arenaLayout(model.parameters);
  const parameters = makeArena(layout);
  for (const [index, parameter] of model.parameters.entries()) {
    const { data: values } = viewOf(parameters, parameter.name);
    initializeParameter(parameter, { values, seed: 1, index });
  }
  const optimizer = adamw({ weightDecay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 });
  const opened = openState(engine, {
    layout,
    parameters,
    settings: { optimizer, maxGradNorm: 1, accumulation: 1 },
  });
  const tally = engine.traffic && countSteps(opened, engine.traffic);
  const state = tally?.state ?? opened;
  const compiling = performance.now();
  const program = await compileTraining(model, { engine, batchSize, length, fp16 });
  const session_ms = performance.now() - compiling;
  const nextBatch = batches(model, { rows: batchSize, length });

  const times: { step: number; gradients: number; outside: number }[] = [];
  for (let step = 1; step <= steps; step++) {
    clock.inside = 0;
    const start = performance.now();
    const batch = nextBatch();
    const inputs: Record<string, HostTensor> = {
      ...batch.feeds,
      loss_denominator: { type: "float32", dims: [], data: Float32Array.of(batch.predicted) },
      dropout_seed: int32(Int32Array.of(step), []),
      ...fp16
        ? { loss_scale: { type: "float32", dims: [], data: Float32Array.of(LOSS_SCALE) } }
        : {},
    };
    await state.accumulate(program, inputs);
    const gradients = performance.now() - start;
    await state.update({ step, learningRate: 2e-5, lossScale: fp16 ? LOSS_SCALE : 1 });
    const total = performance.now() - start;
    times.push({ step: total, gradients, outside: total - clock.inside });
  }
  const counted = times.slice(1);
  const step_ms = median(counted.map(({ step }) => step));
  const peak_rss_mb = peakMegabytes();
  const traffic = tally?.traffic();
  await program.session.release();
  await state.release();
  await engine.dispose();
  return {
    step_ms,
    ...(traffic !== undefined ? {} : {
      gradients_ms: median(counted.map(({ gradients }) => gradients)),
      update_ms: median(counted.map(({ step, gradients }) => step - gradients)),
    }),
    outside_share: median(counted.map(({ step, outside }) => outside / step)),
    tokens_per_s: batchSize * length / step_ms * 1000,
    session_ms,
    peak_rss_mb,
    ...(traffic === undefined ? {} : {
      gpu_launches: traffic.launches,
      gpu_submits: traffic.submits,
      gpu_upload_kb: traffic.uploadedBytes / 1000,
      gpu_sizes_kb: traffic.uniformBytes / 1000,
      gpu_download_kb: traffic.downloadedBytes / 1000,
      gpu_readbacks: traffic.readbacks,
      gpu_peak_mb: traffic.peakBytes / 1e6,
    }),
  };
}

const [name = "gpt2", device, steps, threads, products, fp16] = Deno.args;
const settings = {
  device: device as Device,
  steps: Number(steps),
  threads: Number(threads),
  fp16: fp16 === "true",
};
const figures = await measure(name, settings);
const alone = products === "true" ? await timeProducts(name, settings) : {};
console.log(JSON.stringify({ ...figures, ...alone }));
// Threads of the WebAssembly engine would keep the process.
Deno.exit(0);
