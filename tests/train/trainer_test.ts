/**
 * Whole runs beside transformers' Trainer 5.23 on PyTorch 2.13, numbers as it logged them: options of optimizer,
 * schedule, evaluation and best model. Each epoch is one batch, so that the order of rows does not matter.
 * (The labels of Trainer's first tokens are -100, which makes its count of tokens the one it means.)
 */
import assert from "node:assert/strict";
import type { TokenRows } from "../../lib/data/tokens/rows.ts";
import { openModel } from "../../lib/models/open.ts";
import { loadCheckpoint, loadConfig } from "../../lib/checkpoint/load.ts";
import { saveCheckpoint } from "../../lib/checkpoint/save.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import { type Engine, float32 } from "../../lib/runtime/session/session.ts";
import type { TrainingArguments } from "../../lib/train/arguments/arguments.ts";
import { evaluateRows } from "../../lib/train/loop/evaluate.ts";
import { trainModel } from "../../lib/train/run.ts";
import { ARGUMENTS, splitOf, writeRows } from "./fixture.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const CONFIG = {
  model_type: "gpt2",
  architectures: ["GPT2LMHeadModel"],
  vocab_size: 24,
  n_positions: 8,
  n_embd: 8,
  n_layer: 1,
  n_head: 2,
  resid_pdrop: 0,
  embd_pdrop: 0,
  attn_pdrop: 0,
  bos_token_id: 0,
  eos_token_id: 0,
};

interface Expected {
  readonly loss: number[];
  readonly grad_norm: number[];
  readonly learning_rate: number[];
  /** [step, loss]. */
  readonly eval_loss: number[][];
  /** best_metric and best_global_step; null where Trainer keeps none. */
  readonly best: number[] | null;
  /** Loss of the model that training ends with; null where Trainer smoothes it. */
  readonly end: number | null;
}

const RUNS: [string, Partial<TrainingArguments>, Expected][] = [
  ["sgd", {
    "optim": "sgd",
    "optim_args": { "momentum": 0.9, "dampening": 0, "nesterov": true },
    "learning_rate": 0.5,
    "weight_decay": 0.1,
    "max_steps": 5,
    "max_grad_norm": 0.5,
  }, {
    "loss": [3.426761, 3.167503, 2.963464, 2.772973, 2.66847],
    "grad_norm": [1.864257, 1.109277, 0.6573379, 0.4763803, 0.3620186],
    "learning_rate": [0.5, 0.4, 0.3, 0.2, 0.1],
    "eval_loss": [],
    "best": null,
    "end": 2.99065,
  }],
  ["adafactor", {
    "optim": "adafactor",
    "learning_rate": 0.02,
    "weight_decay": 0.05,
    "max_steps": 5,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 1,
  }, {
    "loss": [3.426761, 3.426762, 3.271546, 3.095059, 2.962208],
    "grad_norm": [1.864257, 1.864257, 2.014862, 1.004999, 0.9368793],
    "learning_rate": [0.0, 0.02, 0.01707107, 0.01, 0.002928932],
    "eval_loss": [],
    "best": null,
    "end": 3.316974,
  }],
  ["smoothing", {
    "label_smoothing_factor": 0.2,
    "learning_rate": 0.02,
    "max_steps": 4,
    "lr_scheduler_type": "polynomial",
    "lr_scheduler_kwargs": { "power": 2, "lr_end": 0.001 },
  }, {
    "loss": [3.422436, 3.29065, 3.141295, 3.094061],
    "grad_norm": [1.59717, 2.048387, 0.8922986, 0.9728561],
    "learning_rate": [0.02, 0.0116875, 0.00575, 0.0021875],
    "eval_loss": [],
    "best": null,
    "end": null,
  }],
  ["plateau", {
    "learning_rate": 0.3,
    "max_steps": 8,
    "lr_scheduler_type": "reduce_lr_on_plateau",
    "lr_scheduler_kwargs": { "factor": 0.5, "patience": 1, "threshold": 0.05, "cooldown": 1 },
    "eval_strategy": "steps",
    "eval_steps": 1,
    "eval_on_start": true,
  }, {
    "loss": [3.426761, 2.628837, 3.056022, 2.675385, 2.673279, 2.643094, 2.535994, 2.468388],
    "grad_norm": [
      1.864257,
      1.910609,
      0.9973671,
      0.8091164,
      0.6702043,
      0.6546295,
      0.434862,
      0.1271409,
    ],
    "learning_rate": [0.3, 0.3, 0.3, 0.3, 0.3, 0.15, 0.15, 0.15],
    "eval_loss": [
      [0, 3.349892],
      [1, 3.362194],
      [2, 3.308044],
      [3, 3.16964],
      [4, 4.172029],
      [5, 4.57538],
      [6, 4.455697],
      [7, 4.263325],
      [8, 4.170927],
    ],
    "best": [3.16964, 3],
    "end": 4.170927,
  }],
  ["best", {
    "learning_rate": 0.1,
    "max_steps": 12,
    "eval_strategy": "steps",
    "eval_steps": 1,
    "save_strategy": "steps",
    "save_steps": 1,
    "load_best_model_at_end": true,
    "early_stopping_patience": 3,
    "early_stopping_threshold": 0.01,
  }, {
    "loss": [3.426761, 3.030477, 2.851232, 2.651299],
    "grad_norm": [1.864257, 2.026514, 1.41458, 0.4413958],
    "learning_rate": [0.1, 0.09166667, 0.08333333, 0.075],
    "eval_loss": [[1, 3.198704], [2, 3.455301], [3, 3.513623], [4, 3.651887]],
    "best": [3.198704, 1],
    "end": 3.198704,
  }],
  ["sparse", {
    "learning_rate": 0.1,
    "max_steps": 9,
    "eval_strategy": "steps",
    "eval_steps": 2,
    "save_strategy": "steps",
    "save_steps": 4,
    "load_best_model_at_end": true,
    "eval_on_start": true,
  }, {
    "loss": [
      3.426761,
      3.030477,
      2.849646,
      2.648834,
      2.609825,
      2.546274,
      2.488753,
      2.45257,
      2.431876,
    ],
    "grad_norm": [
      1.864257,
      2.026514,
      1.404806,
      0.4223022,
      0.4581501,
      0.3892963,
      0.3122427,
      0.2768112,
      0.2674298,
    ],
    "learning_rate": [
      0.1,
      0.08888889,
      0.07777778,
      0.06666667,
      0.05555556,
      0.04444444,
      0.03333333,
      0.02222222,
      0.01111111,
    ],
    "eval_loss": [[0, 3.349892], [2, 3.448598], [4, 3.617039], [6, 3.726153], [8, 3.781352], [
      9,
      3.790887,
    ]],
    "best": [3.448598, 2],
    "end": 3.790887,
  }],
  ["greater", {
    "learning_rate": 0.1,
    "max_steps": 5,
    "eval_strategy": "epoch",
    "save_strategy": "best",
    "load_best_model_at_end": true,
    "greater_is_better": true,
    "metric_for_best_model": "loss",
  }, {
    "loss": [3.426761, 3.030477, 2.844452, 2.650424, 2.613199],
    "grad_norm": [1.864257, 2.026514, 1.341761, 0.376801, 0.4061606],
    "learning_rate": [0.1, 0.08, 0.06, 0.04, 0.02],
    "eval_loss": [[1, 3.198704], [2, 3.423199], [3, 3.397868], [4, 3.494162], [5, 3.525428]],
    "best": [3.525428, 5],
    "end": 3.525428,
  }],
];

/** Weights that are a formula of the parameter's rank among the names and of the element. */
async function writeModel(): Promise<string> {
  const dir = await temporaryDirectory();
  const model = openModel(CONFIG);
  const sorted = model.parameters.map(({ name }) => name).sort();
  const tensors = model.parameters.map(({ name, shape }) => {
    const rank = sorted.indexOf(name);
    const one = name.includes("ln_") && name.endsWith("weight") ? 1 : 0;
    const size = shape.reduce((product, dim) => product * dim, 1);
    const data = Float32Array.from(
      { length: size },
      (_, i) => 0.2 * Math.sin(12.9898 * (i + 1) + 78.233 * (rank + 1)) + one,
    );
    return [name, { shape, data }] as const;
  });
  await saveCheckpoint(dir, { config: model.config, tensors });
  return dir;
}

const rows = (first: number, count: number): number[][] =>
  Array.from(
    { length: count },
    (_, row) =>
      Array.from({ length: 6 }, (_, i) =>
        ((first + row) * 5 + i * i * 3 + (first + row) * i * 7) % 24),
  );

for (const [title, args, expected] of RUNS) {
  // The gradient of a key's bias is zero but for rounding errors. Adafactor makes steps of full length out of
  // them, and they count for the root mean square that the other biases are scaled by.
  const tolerance = args.optim === "adafactor" ? 4e-3 : 2e-4;
  const close = (got: number, value: number, what: string): void =>
    assert.ok(
      Math.abs(got - value) < tolerance * Math.max(1, value),
      `${what}: ${got}, not ${value}`,
    );
  Deno.test(`train() logs what Trainer does: ${title}`, async () => {
    const [train, validation] = [rows(0, 6), rows(6, 3)];
    const data = await writeRows({ train, validation }, { vocabSize: 24 });
    const [model, output] = [await writeModel(), await temporaryDirectory()];
    const engine = await openEngine("cpu", { threads: 1 });
    const { state } = await trainModel({
      engine,
      data,
      model,
      config: undefined,
      configOverrides: undefined,
      args: { ...ARGUMENTS, per_device_train_batch_size: 6, logging_steps: 1, ...args },
      output,
      log: () => {},
      progress: () => {},
    });
    for (const name of ["loss", "grad_norm", "learning_rate"] as const) {
      const got = state.log_history.flatMap((entry) => entry[name] ?? []);
      assert.equal(got.length, expected[name].length, `${name}: ${got}`);
      got.forEach((value, i) => close(value, expected[name][i]!, `${name} of step ${i + 1}`));
    }
    const evaluated = state.log_history.filter((entry) => "eval_loss" in entry);
    assert.deepEqual(evaluated.map(({ step }) => step), expected.eval_loss.map(([step]) => step));
    evaluated.forEach(({ eval_loss }, i) =>
      close(eval_loss!, expected.eval_loss[i]![1]!, `evaluation ${i}`)
    );
    if (expected.best !== null) {
      close(state.best_metric!, expected.best[0]!, "best_metric");
      assert.equal(state.best_global_step, expected.best[1]);
    }
    if (expected.end !== null) {
      close(
        await lossOf(output, { engine, validation: splitOf(validation) }),
        expected.end,
        "loss of the result",
      );
    }
    await engine.dispose();
  });
}

async function lossOf(
  dir: string,
  { engine, validation }: { engine: Engine; validation: TokenRows },
): Promise<number> {
  const model = openModel(await loadConfig(dir));
  const { tensors } = await loadCheckpoint(dir, { model });
  const feeds = Object.fromEntries(
    [...tensors].map(([name, { shape, data }]) => [name, float32(data, shape)]),
  );
  const { loss, counted } = await evaluateRows(
    { model, engine, feeds },
    validation,
    { batchSize: 3 },
  );
  return loss / counted;
}
