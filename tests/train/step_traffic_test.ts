/**
 * What a training step moves to and from a GPU: its batch and a few scalars up, two numbers down, whatever the
 * size of the model. So weights, gradients and moments stay there.
 */
import assert from "node:assert/strict";
import { openEngine } from "../../lib/runtime/engine.ts";
import type { GpuTraffic } from "../../lib/runtime/session/traffic.ts";
import type {
  AnyTensor,
  DeviceTensor,
  Engine,
  Session,
  SessionOptions,
} from "../../lib/runtime/session/session.ts";
import { writeTokens } from "../../lib/data/tokens/tokens.ts";
import type { TrainingArguments } from "../../lib/train/arguments/arguments.ts";
import { trainModel } from "../../lib/train/run.ts";
import { countSteps, describeTraffic } from "../../lib/train/loop/step_traffic.ts";
import type { TrainingState } from "../../lib/train/state/state.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { ARGUMENTS, splitOf } from "./fixture.ts";
import { onDevice } from "../fixtures/webgpu.ts";

const [BATCH, LENGTH] = [2, 8];
/** Ids and targets, int32. */
const BATCH_BYTES = 2 * 4 * BATCH * LENGTH;
/** Denominator, seed, and what the optimizer is fed with; the loss and the squares, padded to 16 bytes. */
const [SCALAR_BYTES, FIGURE_BYTES] = [64, 16];

const SMALL = { n_layer: 1, n_head: 2, n_embd: 8, n_positions: LENGTH };
const LARGE = { n_layer: 2, n_head: 2, n_embd: 24, n_positions: LENGTH };

async function writeData(): Promise<string> {
  const dir = await temporaryDirectory();
  const rows = Array.from(
    { length: 16 },
    (_, row) => Array.from({ length: LENGTH }, (_, i) => (row * 5 + i * 3) % 40),
  );
  await writeTokens(dir, {
    info: {
      vocab_size: 40,
      max_length: null,
      packed: false,
      eos_token_id: 0,
      bos_token_id: 0,
      pad_token_id: 0,
      tokenizer: { source: "trained", type: "BPE" },
    },
    splits: { train: splitOf(rows) },
  });
  return dir;
}

/** Traffic of each step but the first, of which a part is preparation, and the log. */
async function run(
  config: Record<string, number>,
  { args = {}, wrap = (engine) => engine }: {
    args?: Partial<TrainingArguments>;
    wrap?: (engine: Engine) => Engine;
  } = {},
): Promise<{ steps: Record<keyof GpuTraffic, number>[]; logged: string[] }> {
  const engine = await openEngine("webgpu", { threads: 1 });
  const reads: GpuTraffic[] = [];
  const logged: string[] = [];
  await trainModel({
    engine: wrap(engine),
    data: await writeData(),
    model: undefined,
    config: { model_type: "gpt2", resid_pdrop: 0.1, embd_pdrop: 0, attn_pdrop: 0, ...config },
    configOverrides: undefined,
    args: {
      ...ARGUMENTS,
      weight_decay: 0.1,
      max_steps: 4,
      per_device_train_batch_size: BATCH,
      save_strategy: "no",
      ...args,
    },
    output: await temporaryDirectory(),
    log: (line) => logged.push(line),
    progress: () => {},
    callbacks: [{ onStepEnd: () => void reads.push(engine.traffic!.read()) }],
  });
  await engine.dispose();
  assert.equal(reads.length, 4);
  const names = Object.keys(reads[0]!) as (keyof GpuTraffic)[];
  const steps = reads.slice(1).map((read, i) =>
    Object.fromEntries(names.map((name) => [name, read[name] - reads[i]![name]])) as Record<
      keyof GpuTraffic,
      number
    >
  );
  return { steps, logged };
}

function assertStays(steps: readonly Record<keyof GpuTraffic, number>[], batches = 1): void {
  for (const step of steps) {
    const { uploadedBytes: up, downloadedBytes: down } = step;
    assert.ok(up >= batches * BATCH_BYTES, `${up} bytes up are less than the batch`);
    assert.ok(up <= batches * (BATCH_BYTES + SCALAR_BYTES), `${up} bytes up`);
    assert.ok(down > 0 && down <= FIGURE_BYTES, `${down} bytes down`);
    assert.equal(step.readbacks, 1);
    assert.ok(step.bufferBytes <= FIGURE_BYTES, `${step.bufferBytes} bytes of new buffers`);
    assert.equal(step.launches, steps[0]!.launches);
    assert.equal(step.submits, steps[0]!.submits);
  }
}

function gpuTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ ...onDevice("webgpu", name), fn });
}

gpuTest(
  "a step on webgpu brings its batch and takes loss and norm, whatever the model",
  async () => {
    const small = await run(SMALL);
    const large = await run(LARGE);
    for (const { steps } of [small, large]) assertStays(steps);
    for (const name of ["uploadedBytes", "downloadedBytes", "readbacks"] as const) {
      assert.equal(small.steps[0]![name], large.steps[0]![name], name);
    }
    assert.ok(large.steps[0]!.launches > small.steps[0]!.launches);
    // A layer more is launches of its matrices more: what is small goes through the optimizer as one.
    assert.ok(large.steps[0]!.launches < 2 * small.steps[0]!.launches);

    const line = small.logged.find((text) => text.startsWith("a step on the GPU"));
    const { launches, submits } = small.steps[0]!;
    assert.match(
      line ?? "",
      new RegExp(`GPU: ${launches} launches in ${submits} submits, 0\\.1\\d kB`),
    );
    assert.match(line ?? "", /, 0\.02 kB down in 1 readback; at most \d+ MB of GPU memory$/);
  },
);

gpuTest("batches that are summed up on webgpu bring themselves and take nothing more", async () => {
  const { steps } = await run(SMALL, { args: { gradient_accumulation_steps: 2 } });
  assertStays(steps, 2);
});

gpuTest("a step of lora on webgpu leaves the frozen weights there, too", async () => {
  const targets = { target_modules: ["c_attn", "c_proj"], bias: "none" as const };
  const lora = { r: 2, lora_alpha: 4, lora_dropout: 0.1, ...targets };
  const { steps } = await run(SMALL, { args: { lora } });
  assertStays(steps);
});

gpuTest("a weight that is downloaded in a step is counted", async () => {
  const name = "transformer.wte.weight";
  const bytes = 40 * SMALL.n_embd * 4;
  const wrap = (engine: Engine): Engine => ({
    ...engine,
    async createSession(onnx: Uint8Array, options?: SessionOptions): Promise<Session> {
      const session = await engine.createSession(onnx, options);
      return {
        ...session,
        async run(
          feeds: Readonly<Record<string, AnyTensor>>,
          fetches?: Readonly<Record<string, AnyTensor>>,
        ): Promise<Record<string, AnyTensor>> {
          const weight = feeds[name];
          if (weight !== undefined) await engine.memory!.download(weight as DeviceTensor);
          return session.run(feeds, fetches);
        },
      };
    },
  });
  const { steps } = await run(SMALL, { wrap });
  assert.throws(() => assertStays(steps), /bytes down/);
  assert.equal(steps[0]!.downloadedBytes, bytes + FIGURE_BYTES);
  assert.equal(steps[0]!.readbacks, 2);
});

Deno.test("countSteps() leaves out the first step and what happens between steps", async () => {
  const counts = {
    launches: 0,
    submits: 0,
    uploadedBytes: 0,
    uniformBytes: 0,
    readbacks: 0,
    downloadedBytes: 0,
    copiedBytes: 0,
    clears: 0,
    buffers: 0,
    bufferBytes: 0,
    allocatedBytes: 0,
    peakBytes: 5e6,
  };
  const begun = [0];
  const inner = {
    get begun(): readonly number[] {
      return begun;
    },
    accumulate: () => Promise.resolve(void (counts.launches += 10, counts.uploadedBytes += 3000)),
    update: () => {
      counts.submits++;
      counts.readbacks++;
      counts.downloadedBytes += 16;
      return Promise.resolve({ loss: 2, norm: 1 });
    },
  } as unknown as TrainingState;
  const { state, traffic } = countSteps(inner, { read: () => ({ ...counts }) });
  const program = {} as Parameters<TrainingState["accumulate"]>[0];
  const step = async (batches: number): Promise<void> => {
    for (let batch = 0; batch < batches; batch++) await state.accumulate(program, {});
    assert.deepEqual(await state.update({ step: 1, learningRate: 1 }), { loss: 2, norm: 1 });
  };
  await step(5);
  assert.equal(traffic(), undefined);
  await step(2);
  counts.launches += 1000; // an evaluation
  await step(1);
  const found = traffic();
  assert.deepEqual(found, {
    launches: 15,
    submits: 1,
    uploadedBytes: 4500,
    uniformBytes: 0,
    readbacks: 1,
    downloadedBytes: 16,
    bufferBytes: 0,
    steps: 2,
    peakBytes: 5e6,
  });
  begun.push(7);
  assert.deepEqual(state.begun, [0, 7]);
  assert.equal(
    describeTraffic(found!),
    "a step on the GPU: 15 launches in 1 submits, 4.5 kB up (and 0.00 kB of launches' sizes), " +
      "0.02 kB down in 1 readback; at most 5 MB of GPU memory",
  );
});
