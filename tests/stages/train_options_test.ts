import assert from "node:assert/strict";
import { schedule } from "../../lib/optim/schedules.ts";
import { EVENTS_FILE } from "../../lib/train/loop/tensorboard.ts";
import train from "../../stages/train.ts";
import { BASE, baseRun, equal, type Outcome, run, values } from "./train_run.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** Options that change the weights, and what of the others they go with. */
const CHANGES: [Record<string, unknown>, Record<string, unknown>][] = [
  [{ optim: "sgd" }, {}],
  [{ optim: "adafactor" }, {}],
  [{ optim_args: { momentum: 0.9 } }, { optim: "sgd" }],
  [{ optim_args: { momentum: 0.9, dampening: 0.5 } }, {
    optim: "sgd",
    optim_args: { momentum: 0.9 },
  }],
  [{ optim_args: { momentum: 0.9, nesterov: true } }, {
    optim: "sgd",
    optim_args: { momentum: 0.9 },
  }],
  [{ weight_decay: 0.5 }, { optim: "sgd" }],
  [{ weight_decay: 0.5 }, { optim: "adafactor" }],
  [{ label_smoothing_factor: 0.1 }, {}],
  [{ data_seed: 7 }, {}],
  [{ group_by_length: true }, {}],
];
for (const [change, beside] of CHANGES) {
  const text = (given: Record<string, unknown>): string =>
    JSON.stringify(given).replaceAll('"', "").slice(1, -1);
  Deno.test(`train heeds ${text(change)}${text(beside) && ` beside ${text(beside)}`}`, async () => {
    const [changed, plain] = [await run({ ...beside, ...change }), await run(beside)];
    assert.ok(!equal(changed.bytes, plain.bytes));
  });
}

Deno.test("train takes adamw_torch for adamw", async () => {
  assert.ok(equal((await run({ optim: "adamw_torch" })).bytes, (await baseRun()).bytes));
});

Deno.test("train gives the same bytes with adafactor, with one thread and with two", async () => {
  const given = { optim: "adafactor", gradient_accumulation_steps: 2 };
  const [a, b] = [await run(given), await run(given, { threads: 1 })];
  assert.ok(equal(a.bytes, b.bytes));
});

Deno.test("train smoothes the loss that it trains with, and no evaluation", async () => {
  const first = async (given: Record<string, unknown>): Promise<[number, number]> => {
    const { losses, state } = await run({ max_steps: 1, eval_on_start: true, ...given });
    return [losses[0]!, values(state, "eval_loss")[0]!];
  };
  const [[none, evaluated], [some, again], [double]] = [
    await first({}),
    await first({ label_smoothing_factor: 0.2 }),
    await first({ label_smoothing_factor: 0.4 }),
  ];
  assert.notEqual(none, some);
  assert.ok(Math.abs((double - none) - 2 * (some - none)) < 1e-6, "it is a share of the loss");
  assert.equal(evaluated, again);
});

/** Schedules with settings, from outside: the rates of four steps. */
const SETTINGS: [string, Record<string, number>][] = [
  ["cosine", { num_cycles: 1.5 }],
  ["cosine_with_restarts", { num_cycles: 2 }],
  ["polynomial", { power: 2, lr_end: 0.1 }],
  ["inverse_sqrt", { timescale: 2 }],
];
for (const [name, kwargs] of SETTINGS) {
  Deno.test(`train follows ${name} with lr_scheduler_kwargs`, async () => {
    const given = { max_steps: 4, learning_rate: 0.5, lr_scheduler_type: name };
    const rates = async (extra: Record<string, unknown>): Promise<number[]> =>
      values((await run({ ...given, ...extra })).state, "learning_rate");
    const factor = schedule(name, { warmupSteps: 0, maxSteps: 4, learningRate: 0.5, kwargs });
    const got = await rates({ lr_scheduler_kwargs: kwargs });
    assert.deepEqual(got, [0, 1, 2, 3].map((step) => 0.5 * factor(step)));
    assert.notDeepEqual(got, await rates({}));
  });
}

/** Evaluates each step at a rate at which evaluations soon get worse. */
const EVALUATED = { max_steps: 10, learning_rate: 0.3, eval_strategy: "steps", eval_steps: 1 };

Deno.test("train lowers its rate on plateaus of the metric as told", async () => {
  const rates = async (kwargs: Record<string, unknown>): Promise<number[]> =>
    values(
      (await run({
        ...EVALUATED,
        lr_scheduler_type: "reduce_lr_on_plateau",
        lr_scheduler_kwargs: kwargs,
      })).state,
      "learning_rate",
    );
  // Nothing is ever better by so much, after the first.
  const never = { factor: 0.5, threshold: 0.999 };
  const halves = (...exponents: number[]): number[] => exponents.map((n) => 0.3 * 0.5 ** n);
  const close = (got: number[], expected: number[]): void =>
    got.forEach((rate, i) => assert.ok(Math.abs(rate - expected[i]!) < 1e-12, `${got}`));
  close(await rates({ ...never, patience: 1 }), halves(0, 0, 0, 1, 1, 2, 2, 3, 3, 4));
  close(await rates({ ...never, patience: 2 }), halves(0, 0, 0, 0, 1, 1, 1, 2, 2, 2));
  close(
    await rates({ ...never, patience: 1, cooldown: 1 }),
    halves(0, 0, 0, 1, 1, 1, 2, 2, 2, 3),
  );
  assert.equal(Math.min(...await rates({ ...never, patience: 0, min_lr: 0.1 })), 0.1);
});

/** The step with the lowest (or highest) of some figures of an outcome's evaluations. */
function extreme({ state }: Outcome, pick: (...values: number[]) => number): number {
  const losses = values(state, "eval_loss");
  return losses.indexOf(pick(...losses)) + 1;
}

Deno.test("train ends with the model of the best evaluation where asked", async () => {
  const rate = { learning_rate: 0.6, lr_scheduler_type: "constant" };
  const saving = { ...EVALUATED, ...rate, save_strategy: "steps", save_steps: 1 };
  const last = await run(saving);
  const best = await run({ ...saving, load_best_model_at_end: true });
  const step = extreme(best, Math.min);
  assert.ok(step < 10, "evaluations get worse");
  assert.equal(best.state.best_global_step, step);
  assert.ok(!equal(best.bytes, last.bytes));
  assert.match(best.log.join("\n"), new RegExp(`the model is that of step ${step}`));
  const figure = best.summary.find((e) => e.type === "figure" && /perplexity/.test(e.label));
  const perplexity = values(best.state, "eval_perplexity")[step - 1];
  assert.equal(figure?.type === "figure" && figure.value, perplexity);
  // The same run, ended there, has that model.
  const short = await run({ ...saving, max_steps: step });
  assert.ok(equal(best.bytes, short.bytes));
  const byBest = { ...saving, save_strategy: "best", save_steps: undefined };
  const other = await run({ ...byBest, load_best_model_at_end: true });
  assert.ok(equal(other.bytes, best.bytes));
  const greatest = await run({
    ...saving,
    load_best_model_at_end: true,
    greater_is_better: true,
  });
  assert.equal(greatest.state.best_global_step, extreme(greatest, Math.max));
  assert.ok(!equal(greatest.bytes, best.bytes));
});

Deno.test("train compares by metric_for_best_model", async () => {
  const given = { ...EVALUATED, metric_for_best_model: "perplexity" };
  const { state } = await run(given);
  assert.equal(state.best_metric, Math.min(...values(state, "eval_perplexity")));
});

Deno.test("train stops early where evaluations do not get better by the threshold", async () => {
  const steps = async (given: Record<string, unknown>): Promise<number> =>
    (await run({ ...EVALUATED, ...given })).state.global_step;
  assert.equal(await steps({}), 10);
  assert.equal(await steps({ early_stopping_patience: 1, early_stopping_threshold: 99 }), 2);
  assert.equal(await steps({ early_stopping_patience: 3, early_stopping_threshold: 99 }), 4);
  const { state } = await run(EVALUATED);
  const losses = values(state, "eval_loss");
  const worse = losses.findIndex((loss, i) => i > 0 && loss >= Math.min(...losses.slice(0, i)));
  assert.equal(await steps({ early_stopping_patience: 1 }), worse + 1);
});

Deno.test("train evaluates before the first step where asked", async () => {
  const { state } = await run({ eval_on_start: true });
  const evaluated = state.log_history.filter((entry) => "eval_loss" in entry);
  assert.deepEqual(evaluated.map(({ step }) => step), [0]);
  assert.equal(state.log_history[0]?.step, 0);
  assert.equal(state.best_metric, null, "it is of no model that training made");
});

Deno.test("train logs by epochs, or not at all, where asked", async () => {
  const steps = async (given: Record<string, unknown>): Promise<number[]> =>
    (await run({ max_steps: 5, ...given })).state.log_history
      .filter((entry) => "loss" in entry).map((entry) => entry.step);
  assert.deepEqual(await steps({ logging_strategy: "epoch" }), [3, 5]);
  assert.deepEqual(await steps({ logging_strategy: "no" }), []);
  const { summary, state } = await run({ logging_strategy: "no" });
  const [figure] = summary;
  assert.equal(figure?.type === "figure" && figure.value, values(state, "train_loss")[0]);
});

Deno.test("train logs the mean loss of an epoch with logging_strategy epoch", async () => {
  const { losses } = await run({ max_steps: 3 });
  const epoch = await run({ max_steps: 3, logging_strategy: "epoch" });
  const mean = losses.reduce((sum, loss) => sum + loss, 0) / 3;
  assert.ok(Math.abs(epoch.losses[0]! - mean) < 1e-12);
});

Deno.test("train's log lines have speed and the time that is left", async () => {
  const { log } = await baseRun();
  const lines = log.filter((line) => line.startsWith("step "));
  assert.equal(lines.length, 3);
  for (const line of lines) {
    assert.match(
      line,
      /^step \d of 3: loss [\d.e-]+, grad_norm [\d.e-]+, learning_rate [\d.e-]+, epoch [\d.]+, \d+ tokens\/s, \d+ s left$/,
    );
  }
});

Deno.test("train writes checkpoints as often, and keeps as many, as asked", async () => {
  const kept = async (given: Record<string, unknown>): Promise<string[]> => {
    const resume = await temporaryDirectory();
    await run({ max_steps: 5, ...given }, { resume });
    return [...Deno.readDirSync(resume)].map(({ name }) => name).sort();
  };
  const steps = (...numbers: number[]): string[] => numbers.map((step) => `checkpoint-${step}`);
  const each = { save_steps: 1 };
  assert.deepEqual(await kept(each), steps(4, 5));
  assert.deepEqual(await kept({ ...each, save_total_limit: 1 }), steps(5));
  assert.deepEqual(await kept({ ...each, save_total_limit: 4 }), steps(2, 3, 4, 5));
  assert.deepEqual(await kept({ save_steps: 2 }), steps(2, 4));
  assert.deepEqual(await kept({ save_steps: 0.4 }), steps(2, 4));
  assert.deepEqual(await kept({ save_strategy: "epoch" }), steps(3, 5));
  assert.deepEqual(await kept({ save_strategy: "no" }), []);
  const best = { save_strategy: "best", eval_strategy: "steps", eval_steps: 1, learning_rate: 0.6 };
  assert.deepEqual(await kept({ ...best, lr_scheduler_type: "constant" }), steps(1, 2));
});

Deno.test("train writes events for tensorboard where asked, the same each time", async () => {
  const events = async (given: Record<string, unknown>): Promise<Uint8Array | undefined> =>
    await Deno.readFile(`${(await run(given)).dir}/${EVENTS_FILE}`).catch(() => undefined);
  assert.equal(await events({}), undefined);
  assert.equal(await events({ report_to: "none" }), undefined);
  const [a, b] = [
    await events({ report_to: "tensorboard" }),
    await events({ report_to: ["tensorboard"] }),
  ];
  assert.ok(a !== undefined && b !== undefined && equal(a, b));
  const text = new TextDecoder("latin1").decode(a);
  for (const tag of ["train/loss", "train/grad_norm", "train/learning_rate", "train/epoch"]) {
    assert.equal(text.split(tag).length - 1, tag === "train/epoch" ? 4 : 3, tag);
  }
});

/** What would do nothing, or cannot be done, beside the other options. */
const REFUSED: [Record<string, unknown>, RegExp][] = [
  [{ optim: "adam" }, /adamw/],
  [{ optim_args: { momentum: 0.9 } }, /go with optim: sgd/],
  [{ optim: "sgd", optim_args: { nesterov: true } }, /go with a momentum/],
  [{ optim: "sgd", optim_args: { dampening: 0.1 } }, /go with a momentum/],
  [{ optim: "sgd", adam_beta1: 0.8 }, /without adam_beta1/],
  [{ optim: "adafactor", adam_epsilon: 1e-6 }, /without adam_beta1/],
  [{ lr_scheduler_kwargs: { num_cycles: 2 } }, /settings of this lr_scheduler_type/],
  [
    { lr_scheduler_type: "cosine_with_restarts", lr_scheduler_kwargs: { num_cycles: 1.5 } },
    /a whole number/,
  ],
  [
    { lr_scheduler_type: "polynomial", lr_scheduler_kwargs: { lr_end: 0.5 } },
    /less than learning_rate/,
  ],
  [{ lr_scheduler_type: "reduce_lr_on_plateau" }, /go with an eval_strategy/],
  [
    { lr_scheduler_type: "reduce_lr_on_plateau", eval_strategy: "epoch", warmup_steps: 2 },
    /has a warm-up/,
  ],
  [{ metric_for_best_model: "loss" }, /it is about evaluations/],
  [{ metric_for_best_model: "bleu", eval_strategy: "epoch" }, /perplexity/],
  [{ greater_is_better: true }, /it is about evaluations/],
  [{ early_stopping_patience: 2 }, /it is about evaluations/],
  [{ early_stopping_threshold: 0.1 }, /go with early_stopping_patience/],
  [{ load_best_model_at_end: true }, /go with an eval_strategy and the same save_strategy/],
  [{ load_best_model_at_end: true, eval_strategy: "epoch" }, /the same save_strategy/],
  [
    { load_best_model_at_end: true, eval_strategy: "steps", eval_steps: 2, save_steps: 3 },
    /a multiple of eval_steps/,
  ],
  [
    { load_best_model_at_end: true, eval_strategy: "steps", eval_steps: 0.2, save_steps: 0.3 },
    /a multiple of eval_steps/,
  ],
  [
    { load_best_model_at_end: true, eval_strategy: "steps", eval_steps: 0.25, save_steps: 500 },
    /where one is a share of all steps, the other too/,
  ],
  [{ save_strategy: "best" }, /best is about evaluations/],
  [{ save_strategy: "epoch", save_steps: 3 }, /go with save_strategy: steps/],
  [{ save_strategy: "no", save_total_limit: 3 }, /go with a save_strategy/],
  [{ report_to: ["wandb"] }, /tensorboard/],
];
for (const [given, message] of REFUSED) {
  Deno.test(`train refuses ${JSON.stringify(given).replaceAll('"', "")}`, () => {
    const result = train.options.safeParse({ ...BASE, ...given });
    assert.equal(result.success, false);
    assert.match(result.error?.message ?? "", message);
  });
}

Deno.test("train refuses options of any wrong type, whatever is beside them", () => {
  const beside = {
    lora: {},
    freeze: ["h"],
    unfreeze: [{ epoch: 1, modules: ["h.0"] }],
    optim: "sgd",
    optim_args: { momentum: 0.9 },
    lr_scheduler_type: "polynomial",
    lr_scheduler_kwargs: { lr_end: 0 },
    load_best_model_at_end: true,
  };
  for (const name of Object.keys(train.options.shape)) {
    for (const wrong of [null, -3, "?", [null], { unknown: 1 }]) {
      for (const others of [BASE, { ...BASE, ...beside }]) {
        const { success } = train.options.safeParse({ ...others, [name]: wrong });
        assert.equal(success, false, `${name}: ${JSON.stringify(wrong)}`);
      }
    }
  }
});
