import assert from "node:assert/strict";
import { planTraining, trainingArguments } from "../../lib/train/arguments/arguments.ts";
import { trainOptions } from "../../lib/train/arguments/options.ts";
import { ARGUMENTS } from "./fixture.ts";

Deno.test("planTraining() counts steps as Trainer does", () => {
  const cases: [Partial<typeof ARGUMENTS>, number, [number, number, number, number, number]][] = [
    // rows -> batches and steps of an epoch, epochs, steps, warm-up
    [{}, 16, [2, 2, 3, 6, 0]],
    [{}, 17, [3, 3, 3, 9, 0]],
    [{}, 1, [1, 1, 3, 3, 0]],
    [{ gradient_accumulation_steps: 4 }, 80, [10, 3, 3, 9, 0]],
    [{ gradient_accumulation_steps: 100 }, 80, [10, 1, 3, 3, 0]],
    [{ num_train_epochs: 0.5 }, 24, [3, 3, 1, 2, 0]],
    [{ max_steps: 7 }, 24, [3, 3, 3, 7, 0]],
    [{ warmup_steps: 5, warmup_ratio: 0.5 }, 24, [3, 3, 3, 9, 5]],
    [{ warmup_ratio: 0.25 }, 24, [3, 3, 3, 9, 3]],
    [{ warmup_ratio: 1 }, 24, [3, 3, 3, 9, 9]],
    [{ warmup_steps: 1 }, 24, [3, 3, 3, 9, 1]],
    [{ warmup_steps: 0.2, warmup_ratio: 0.9 }, 24, [3, 3, 3, 9, 2]],
  ];
  for (const [given, rows, expected] of cases) {
    const plan = planTraining({ ...ARGUMENTS, ...given }, rows);
    assert.deepEqual(
      [
        plan.batchesPerEpoch,
        plan.stepsPerEpoch,
        plan.epochs,
        plan.maxSteps,
        plan.warmupSteps,
      ],
      expected,
      JSON.stringify(given),
    );
  }
});

Deno.test("planTraining() takes intervals below 1 for shares of all steps, rounded up", () => {
  const intervals = (given: Record<string, number>): number[] => {
    const options = trainOptions.parse({ eval_strategy: "steps", ...given });
    const args = trainingArguments(options, { seed: 1 });
    const { loggingSteps, evalSteps, saveSteps } = planTraining(args, 24);
    return [loggingSteps, evalSteps, saveSteps];
  };
  assert.deepEqual(intervals({}), [500, 500, 500]);
  assert.deepEqual(intervals({ logging_steps: 7, save_steps: 4 }), [7, 7, 4]);
  assert.deepEqual(intervals({ logging_steps: 0.1, save_steps: 0.5 }), [1, 1, 5]);
  assert.deepEqual(intervals({ logging_steps: 2, eval_steps: 0.34 }), [2, 4, 500]);
});

Deno.test("trainingArguments() settles what depends on other options and on the pipeline", () => {
  const settled = (given: Record<string, unknown>) =>
    trainingArguments(trainOptions.parse(given), { seed: 7 });
  const { eval_steps, save_total_limit, metric_for_best_model, seed, report_to } = settled({});
  assert.deepEqual(
    [eval_steps, save_total_limit, metric_for_best_model, seed, report_to],
    [500, 2, "loss", 7, []],
  );
  assert.equal(settled({ seed: 0 }).seed, 0);
  assert.deepEqual(settled({ report_to: "tensorboard" }).report_to, ["tensorboard"]);
  assert.deepEqual(settled({ report_to: ["tensorboard"] }).report_to, ["tensorboard"]);
});
