import assert from "node:assert/strict";
import { openEngine } from "../../lib/runtime/engine.ts";
import type { Engine, Session, SessionOptions } from "../../lib/runtime/session/session.ts";
import type { TrainerCallback } from "../../lib/train/loop/callbacks.ts";
import { trainModel, type TrainModelResult } from "../../lib/train/run.ts";
import { ARGUMENTS, writeRows } from "./fixture.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** An engine that writes down the shapes of batches that it is given. */
function watched(engine: Engine, shapes: string[]): Engine {
  return {
    ...engine,
    async createSession(onnx: Uint8Array, options?: SessionOptions): Promise<Session> {
      const session = await engine.createSession(onnx, options);
      const run: Session["run"] = (feeds, fetches) => {
        const kind = "loss_denominator" in feeds ? "train" : "evaluate";
        if (feeds.input_ids !== undefined) shapes.push(`${kind} ${feeds.input_ids.dims}`);
        return session.run(feeds, fetches);
      };
      return { ...session, run };
    },
  };
}

interface Setting {
  readonly rows: number[][];
  readonly args?: Partial<typeof ARGUMENTS>;
  readonly config?: { readonly [field: string]: number };
  readonly callbacks?: TrainerCallback[];
  readonly signal?: AbortSignal;
}

async function run(
  { rows, args, config, callbacks = [], signal }: Setting,
): Promise<TrainModelResult & { shapes: string[]; output: string }> {
  const data = await writeRows({ train: rows, validation: rows }, { vocabSize: 10 });
  const shapes: string[] = [];
  const output = await temporaryDirectory();
  const engine = await openEngine("cpu", { threads: 1 });
  try {
    const result = await trainModel({
      engine: watched(engine, shapes),
      data,
      model: undefined,
      config: { model_type: "gpt2", n_layer: 1, n_head: 1, n_embd: 4, n_positions: 100, ...config },
      configOverrides: undefined,
      args: { ...ARGUMENTS, per_device_train_batch_size: 2, logging_steps: 1, ...args },
      output,
      log: () => {},
      progress: () => {},
      callbacks,
      ...(signal === undefined ? {} : { signal }),
    });
    return { ...result, shapes, output };
  } finally {
    await engine.dispose();
  }
}

const row = (length: number): number[] => Array.from({ length }, (_, i) => i % 10);

Deno.test("train() computes short batches in short programs, and full batches only", async () => {
  const { shapes } = await run({
    rows: [row(90), row(88), row(10), row(5), row(40)],
    args: { num_train_epochs: 1, per_device_train_batch_size: 1 },
  });
  assert.deepEqual([...shapes].sort(), [
    "train 1,24",
    "train 1,24",
    "train 1,48",
    "train 1,96",
    "train 1,96",
  ]);
  const three = await run({ rows: [row(5), row(6), row(7)], args: { num_train_epochs: 1 } });
  assert.deepEqual(three.shapes, ["train 2,8", "train 2,8"]);
});

Deno.test("train() evaluates in batches of the size that is asked for", async () => {
  const { shapes } = await run({
    rows: [row(5), row(6), row(7)],
    args: { max_steps: 1, eval_strategy: "epoch", per_device_eval_batch_size: 3 },
  });
  assert.deepEqual(shapes, ["train 2,8", "evaluate 3,8"]);
});

Deno.test("train() passes over rows of one token without harm", async () => {
  const { state, shapes } = await run({
    rows: [[3], [4], [5], row(4)],
    args: { num_train_epochs: 1, per_device_train_batch_size: 1 },
  });
  assert.equal(state.global_step, 4);
  assert.deepEqual(shapes, ["train 1,8"]);
  assert.equal(state.log_history.filter((entry) => entry.loss === 0).length, 3);
});

Deno.test("train() takes the mean of losses over the steps that have one", async () => {
  const run4 = async (logging_steps: number): Promise<Record<string, number>[]> => {
    const { state } = await run({
      rows: [[3], row(4), [5], row(6)],
      args: { num_train_epochs: 1, per_device_train_batch_size: 1, logging_steps },
    });
    return state.log_history;
  };
  const each = (await run4(1)).flatMap(({ loss = 0 }) => loss === 0 ? [] : [loss]);
  assert.equal(each.length, 2);
  const mean = (each[0]! + each[1]!) / 2;
  const [entry, end] = await run4(4);
  assert.ok(Math.abs(entry!.loss! - mean) < 1e-12, `${entry!.loss} and not ${mean}`);
  assert.ok(Math.abs(end!.train_loss! - mean) < 1e-12, `${end!.train_loss} and not ${mean}`);
});

Deno.test("train() takes the first update for AdamW's first, however many steps had nothing to learn", async () => {
  const weights = async (rows: number[][]): Promise<Uint8Array> => {
    const { output } = await run({
      rows,
      config: { resid_pdrop: 0, embd_pdrop: 0, attn_pdrop: 0 },
      args: { num_train_epochs: 1, per_device_train_batch_size: 1, lr_scheduler_type: "constant" },
    });
    return await Deno.readFile(`${output}/model.safetensors`);
  };
  assert.deepEqual(await weights([[3], [4], [5], [6], [7], row(4)]), await weights([row(4)]));
});

Deno.test("train() tells callbacks of everything in order and heeds them", async () => {
  const events: string[] = [];
  const callback: TrainerCallback = {
    onTrainBegin: () => void events.push("begin"),
    onStepEnd({ state, control }): void {
      events.push(`step ${state.global_step}`);
      if (state.global_step === 3) control.shouldStop = true;
    },
    onEpochEnd: () => void events.push("epoch"),
    onLog: (_, entry) => void events.push("eval_loss" in entry ? "log evaluation" : "log"),
    onEvaluate: () => void events.push("evaluate"),
    onTrainEnd: () => void events.push("end"),
  };
  const { state } = await run({
    rows: [row(3), row(4), row(5), row(6)],
    args: { num_train_epochs: 9, eval_strategy: "epoch" },
    callbacks: [callback],
  });
  assert.equal(state.global_step, 3);
  assert.deepEqual(events, [
    "begin",
    ...["step 1", "log", "step 2", "log", "epoch", "evaluate", "log evaluation"],
    ...["step 3", "log", "epoch", "evaluate", "log evaluation", "end"],
  ]);
});

Deno.test("train() stops when it is told to", async () => {
  const controller = new AbortController();
  const rows = [row(3), row(4), row(5), row(6)];
  const stop: TrainerCallback = {
    onStepEnd: ({ state }) => state.global_step === 2 ? controller.abort() : undefined,
  };
  await assert.rejects(
    run({ rows, callbacks: [stop], signal: controller.signal }),
    { name: "AbortError" },
  );
});
