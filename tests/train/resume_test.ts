import assert from "node:assert/strict";
import { checkpointNumbers } from "../../lib/train/state/checkpoint_folders.ts";
import { randomStream } from "../../lib/base/random.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import type { Device } from "../../lib/base/device.ts";
import { planTraining, type TrainingArguments } from "../../lib/train/arguments/arguments.ts";
import type { CallbackState, TrainerCallback } from "../../lib/train/loop/callbacks.ts";
import { type LoopPosition, openCheckpoints } from "../../lib/train/loop/resume.ts";
import { trainModel } from "../../lib/train/run.ts";
import { initialState } from "../../lib/train/loop/trainer_state.ts";
import { ARGUMENTS, writeRows } from "./fixture.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { onDevice } from "../fixtures/webgpu.ts";

/** 11 rows of uneven length, one of them too short to teach anything; 3 to evaluate on. */
async function writeData(
  seed: number,
  { longest = 8, classes = false }: { longest?: number; classes?: boolean } = {},
): Promise<string> {
  const random = randomStream(seed);
  const row = (_: unknown, i: number): number[] =>
    Array.from(
      { length: i === 5 ? 1 : i === 6 ? longest : 2 + random.nextBelow(longest - 1) },
      () => random.nextBelow(20),
    );
  const splits = {
    train: Array.from({ length: 11 }, row),
    validation: Array.from({ length: 3 }, row),
  };
  const odd = { names: ["even", "odd"], of: (row: readonly number[]) => row.length % 2 };
  return await writeRows(splits, { vocabSize: 20, ...(classes ? { classes: odd } : {}) });
}

interface Setting {
  readonly args: Partial<TrainingArguments>;
  readonly data: string;
  readonly device?: Device;
  readonly resume?: string;
  readonly callbacks?: readonly TrainerCallback[];
  readonly signal?: AbortSignal;
}

interface Outcome {
  readonly files: Readonly<Record<string, string>>;
  readonly log: readonly string[];
  readonly progress: readonly (readonly [number, number])[];
}

/** Trains to the end; what of a folder counts is every byte of every file. */
async function run(setting: Setting): Promise<Outcome> {
  const { device = "cpu", data, args, resume, callbacks = [], signal } = setting;
  const output = await temporaryDirectory();
  const log: string[] = [];
  const progress: [number, number][] = [];
  const engine = await openEngine(device, { threads: 2 });
  try {
    await trainModel({
      engine,
      data,
      model: undefined,
      config: { model_type: "gpt2", n_layer: 1, n_head: 2, n_embd: 8, n_positions: 24 },
      configOverrides: undefined,
      args: {
        ...ARGUMENTS,
        learning_rate: 1e-2,
        per_device_train_batch_size: 2,
        num_train_epochs: 2,
        logging_steps: 3,
        save_steps: 1,
        ...args,
      },
      output,
      resume,
      log: (line) => log.push(line),
      progress: (done, total) => progress.push([done, total]),
      callbacks,
      ...(signal === undefined ? {} : { signal }),
    });
  } finally {
    await engine.dispose();
  }
  return { files: await filesOf(output), log, progress };
}

/** Every byte of every file below a folder, by path. */
async function filesOf(folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (!isDirectory) files[name] = (await Deno.readFile(path)).toHex();
    else {for (const [below, bytes] of Object.entries(await filesOf(path))) {
        files[`${name}/${below}`] = bytes;
      }}
  }
  return files;
}

/** Ends a run as a kill does: after some steps of its own, before its last one is saved. */
function killAfter(steps: number): TrainerCallback {
  let done = 0;
  return {
    onStepEnd(): void {
      if (++done === steps) throw new Error("killed");
    },
  };
}

/** Runs and is killed after some steps, the last of which is not saved, again and again until it ends. */
async function runKilled(setting: Setting, steps = 3): Promise<Outcome & { attempts: number }> {
  const resume = await temporaryDirectory();
  for (let attempts = 1;; attempts++) {
    assert.ok(attempts < 50, "it gets nowhere");
    try {
      const callbacks = [...setting.callbacks ?? [], killAfter(steps)];
      return { ...await run({ ...setting, resume, callbacks }), attempts };
    } catch (error) {
      assert.equal((error as Error).message, "killed");
    }
  }
}

/** Settings in which a state of its own could be lost. */
const SETTINGS: Record<string, Partial<TrainingArguments>> = {
  "dropout, moments and rows of a token": {},
  "batches summed up, with a rest at the end of an epoch": { gradient_accumulation_steps: 4 },
  "evaluation by steps": { eval_strategy: "steps", eval_steps: 2, logging_first_step: true },
  "evaluation by epochs": { eval_strategy: "epoch", num_train_epochs: 3, save_strategy: "epoch" },
  "an end in the middle of an epoch": { max_steps: 8, eval_strategy: "epoch" },
  "warm-up and cosine": { lr_scheduler_type: "cosine", warmup_steps: 4, weight_decay: 0.1 },
  "clipped gradients": { max_grad_norm: 0.01, adam_epsilon: 0.1 },
  "parameters that thaw": {
    freeze: ["wte", "h.0"],
    unfreeze: [{ epoch: 1, modules: ["h.0.mlp"] }],
    num_train_epochs: 3,
  },
  "sgd with momentum": {
    optim: "sgd",
    optim_args: { momentum: 0.9, dampening: 0, nesterov: false },
  },
  "adafactor": { optim: "adafactor" },
  "the best model, found early": {
    load_best_model_at_end: true,
    metric_for_best_model: "eval_loss",
    eval_strategy: "steps",
    eval_steps: 1,
    learning_rate: 0.2,
    early_stopping_patience: 3,
    num_train_epochs: 9,
  },
  "a plateau": {
    lr_scheduler_type: "reduce_lr_on_plateau",
    lr_scheduler_kwargs: { patience: 0, factor: 0.5 },
    eval_strategy: "steps",
    eval_steps: 1,
    learning_rate: 0.05,
    max_steps: 8,
  },
  "checkpoints of the best models alone": {
    eval_strategy: "steps",
    eval_steps: 1,
    learning_rate: 1e-3,
    save_strategy: "best",
    max_steps: 7,
  },
  "groups of like length, smoothed labels, TensorBoard": {
    group_by_length: true,
    label_smoothing_factor: 0.1,
    report_to: ["tensorboard"],
    eval_strategy: "epoch",
    data_seed: 3,
  },
  "LoRA's adapters": {
    lora: { r: 2, lora_alpha: 4, lora_dropout: 0.2, target_modules: ["c_attn"], bias: "none" },
  },
  "a classifier with adapters, the best by accuracy": {
    lora: { r: 2, lora_alpha: 4, lora_dropout: 0.2, target_modules: ["c_attn"], bias: "none" },
    load_best_model_at_end: true,
    metric_for_best_model: "accuracy",
    greater_is_better: true,
    eval_strategy: "steps",
    eval_steps: 1,
  },
  "a classifier": { eval_strategy: "epoch" },
};

for (const [i, [what, args]] of Object.entries(SETTINGS).entries()) {
  Deno.test(`a run killed again and again ends with the same bytes: ${what}`, async () => {
    const classes = what.startsWith("a classifier");
    const data = await writeData(i, { longest: i === 0 ? 16 : 8, classes });
    const undisturbed = await run({ data, args });
    // In one of them two steps, so that it goes on from every step there is.
    const steps = args.save_strategy !== undefined ? 7 : i === 1 ? 2 : 4;
    const killed = await runKilled({ data, args }, steps);
    assert.deepEqual(killed.files, undisturbed.files);
    assert.ok(killed.attempts >= 2, `${killed.attempts} attempts`);
    const [start, total] = killed.progress[0]!;
    assert.ok(start > 0);
    assert.ok(killed.log.includes(`resumed at step ${start} of ${total}`), killed.log.join("\n"));
  });
}

for (const device of ["wasm", "webgpu"] as const) {
  Deno.test({
    ...onDevice(device, `a run that was killed ends with the same bytes on ${device}`),
    async fn(): Promise<void> {
      const data = await writeData(20);
      const args = { gradient_accumulation_steps: 2, max_steps: 3 };
      const { files } = await run({ data, args, device });
      const killed = await runKilled({ data, args, device });
      assert.deepEqual(killed.files, files);
      assert.equal(killed.attempts, 2);
    },
  });
}

Deno.test("a damaged checkpoint is told of and not used; the one before it is", async () => {
  const data = await writeData(30);
  const resume = await temporaryDirectory();
  const { files } = await run({ data, args: {} });
  await assert.rejects(run({ data, args: {}, resume, callbacks: [killAfter(6)] }));
  assert.deepEqual(await checkpointNumbers(resume), [5, 4]);
  await Deno.truncate(`${resume}/checkpoint-5/arrays.f32`, 999);
  const again = await run({ data, args: {}, resume });
  assert.match(
    again.log.join("\n"),
    /the checkpoint of step 5 is not used: arrays.f32 has 999 bytes/,
  );
  assert.match(again.log.join("\n"), /resumed at step 4 of 12/);
  assert.deepEqual(again.files, files);
});

Deno.test("where every checkpoint is damaged or of other work, training begins at the beginning", async () => {
  const data = await writeData(31);
  const resume = await temporaryDirectory();
  await assert.rejects(run({ data, args: { seed: 9 }, resume, callbacks: [killAfter(4)] }));
  await Deno.remove(`${resume}/checkpoint-3/checkpoint.json`);
  const { files } = await run({ data, args: {} });
  const again = await run({ data, args: {}, resume });
  assert.match(
    again.log.join("\n"),
    /step 3 is not used.*\n.*step 2 is not used: it is of other work/,
  );
  assert.equal(again.progress[0]![0], 1);
  assert.deepEqual(again.files, files);
});

Deno.test("save_strategy, save_steps: when checkpoints are written; with no they are not read either", async () => {
  const data = await writeData(32);
  const kept = async (args: Partial<TrainingArguments>): Promise<number[]> => {
    const resume = await temporaryDirectory();
    await assert.rejects(run({ data, args, resume, callbacks: [killAfter(11)] }));
    return await checkpointNumbers(resume);
  };
  assert.deepEqual(await kept({ save_steps: 4 }), [8, 4]);
  assert.deepEqual(await kept({ save_strategy: "epoch" }), [6]);
  assert.deepEqual(await kept({ save_strategy: "no" }), []);
  const resume = await temporaryDirectory();
  await assert.rejects(run({ data, args: {}, resume, callbacks: [killAfter(4)] }));
  assert.equal((await run({ data, args: { save_strategy: "no" }, resume })).progress[0]![0], 1);
});

Deno.test("a run that is told to stop puts down how far it has come, whatever save_steps says", async () => {
  const data = await writeData(33);
  const resume = await temporaryDirectory();
  const controller = new AbortController();
  const stop: TrainerCallback = {
    onStepEnd: ({ state }) => state.global_step === 4 ? controller.abort() : undefined,
  };
  const args = { save_steps: 100 };
  const { signal } = controller;
  await assert.rejects(run({ data, args, resume, callbacks: [stop], signal }), {
    name: "AbortError",
  });
  assert.deepEqual(await checkpointNumbers(resume), [4]);
});

/** Stops training when the loss was higher than the lowest so far twice, and notes which weights were best. */
function patience(): TrainerCallback & { readonly seen: CallbackState[] } {
  let [best, worse] = [Infinity, 0];
  let weights = new Float32Array(3);
  const seen: CallbackState[] = [];
  return {
    name: "patience",
    seen,
    stateOf: () => ({ values: { best, worse }, arrays: new Map([["weights", weights]]) }),
    restore(state): void {
      seen.push(state);
      [best, worse] = [Number(state.values.best), Number(state.values.worse)];
      weights = state.arrays!.get("weights")!;
    },
    onStepEnd({ state, control }, { loss }): void {
      if (loss < best) [best, worse, weights] = [loss, 0, new Float32Array(3).fill(loss)];
      else if (++worse === 4) control.shouldStop = true;
      assert.ok(worse < 5, `went on after the stop at ${state.global_step}`);
    },
  };
}

Deno.test("what callbacks remember comes back, arrays and infinite numbers too, and a stop stays one", async () => {
  const data = await writeData(34);
  const args = { learning_rate: 0.3, num_train_epochs: 9 };
  const undisturbed = await run({ data, args, callbacks: [patience()] });
  const killed = await runKilled({ data, args, callbacks: [] }, 1000);
  assert.notDeepEqual(killed.files, undisturbed.files, "it stopped early");
  const resume = await temporaryDirectory();
  let seen: CallbackState[] = [];
  for (let attempt = 0;; attempt++) {
    const callback = patience();
    try {
      const { files } = await run({ data, args, resume, callbacks: [callback, killAfter(2)] });
      assert.deepEqual(files, undisturbed.files);
      assert.ok(attempt > 3);
      break;
    } catch (error) {
      if ((error as Error).message !== "killed") throw error;
    }
    seen = [...seen, ...callback.seen];
  }
  for (const { values, arrays } of seen) {
    assert.equal(arrays!.get("weights")![0], Math.fround(Number(values.best)));
  }
});

Deno.test("checkpoints that nobody asked for take 2 % of the time at most", async () => {
  const dir = await temporaryDirectory();
  let [time, cost] = [0, 100];
  const array = {
    name: "parameter/a",
    elements: 1,
    read(): Promise<Float32Array<ArrayBuffer>> {
      time += cost;
      return Promise.resolve(new Float32Array(1));
    },
    write: () => {},
  };
  const checkpoints = openCheckpoints({
    dir,
    identity: 1,
    log: () => {},
    now: () => time,
    interval: 1000,
  });
  const trainer = initialState(ARGUMENTS, planTraining({ ...ARGUMENTS, max_steps: 1000 }, 8));
  const state = { begun: [0], persistent: () => [array], unfreeze: () => {} };
  const position: LoopPosition = {
    lossSum: 0,
    batches: 0,
    updates: 0,
    evaluatedAt: -1,
    stops: false,
    lossSteps: 0,
    log: { tokens: 0, loss: 0, steps: 0, lossSteps: 0, busy: 0 },
  };
  const at: number[] = [];
  const parts = { state, trainer, callbacks: [], position };
  for (let step = 1; step <= 400; step++) {
    time += 100;
    trainer.global_step = step;
    await checkpoints.save(parts, { asked: false, stopping: false });
    if ((await checkpointNumbers(dir))[0] === step) at.push(step);
    if (step === 200) cost = 10;
  }
  // The first after a second; then every 50 times 100 ms; then, from the one that took 10 ms, every second.
  assert.deepEqual(at.slice(0, 5), [10, 60, 110, 160, 210]);
  assert.deepEqual(at.slice(5, 8), [220, 230, 240]);
  await checkpoints.save({ ...parts, trainer: { ...trainer, global_step: 401 } }, {
    asked: true,
    stopping: false,
  });
  assert.equal((await checkpointNumbers(dir))[0], 401, "unless it is asked for");
});

Deno.test("a checkpoint that cannot be written is told of and ends no training", async () => {
  const data = await writeData(35);
  const { files } = await run({ data, args: {} });
  const resume = await temporaryDirectory();
  const removed: TrainerCallback = { onTrainBegin: () => Deno.remove(resume) };
  const again = await run({ data, args: {}, resume, callbacks: [removed] });
  assert.deepEqual(again.files, files);
  assert.match(
    again.log.join("\n"),
    /no checkpoint could be written at step 1: .*; training goes on/,
  );
});
