import assert from "node:assert/strict";
import { planTraining } from "../../lib/train/arguments/arguments.ts";
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
  const intervals = (given: Partial<typeof ARGUMENTS>): number[] => {
    const { loggingSteps, evalSteps, saveSteps } = planTraining({ ...ARGUMENTS, ...given }, 24);
    return [loggingSteps, evalSteps, saveSteps];
  };
  assert.deepEqual(intervals({}), [500, 500, 500]);
  assert.deepEqual(intervals({ logging_steps: 7, save_steps: 4 }), [7, 7, 4]);
  assert.deepEqual(intervals({ logging_steps: 0.1, save_steps: 0.5 }), [1, 1, 5]);
  assert.deepEqual(intervals({ logging_steps: 2, eval_steps: 0.34 }), [2, 4, 500]);
});
