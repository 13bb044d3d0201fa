import assert from "node:assert/strict";
import { schedule, SCHEDULES } from "../../lib/optim/schedules.ts";

// transformers' get_scheduler with num_warmup_steps=3, num_training_steps=10: factors of steps 0 to 11
const RISE = [0, 0.333333, 0.666667, 1];
const TABLE: Record<string, number[]> = {
  linear: [...RISE, 0.857143, 0.714286, 0.571429, 0.428571, 0.285714, 0.142857, 0, 0],
  cosine: [...RISE, 0.950484, 0.811745, 0.61126, 0.38874, 0.188255, 0.049516, 0, 0.049516],
  cosine_with_restarts: [...RISE, 0.950484, 0.811745, 0.61126, 0.38874, 0.188255, 0.049516, 0, 0],
  constant: Array(12).fill(1),
  constant_with_warmup: [...RISE, 1, 1, 1, 1, 1, 1, 1, 1],
  inverse_sqrt: [
    ...RISE,
    0.866025,
    0.774597,
    0.707107,
    0.654654,
    0.612372,
    0.57735,
    0.547723,
    0.522233,
  ],
};

for (const name of SCHEDULES) {
  Deno.test(`the schedule ${name} is transformers'`, () => {
    const factor = schedule(name, { warmupSteps: 3, maxSteps: 10 });
    TABLE[name]!.forEach((value, step) =>
      assert.ok(Math.abs(factor(step) - value) < 1e-6, `step ${step}: ${factor(step)}`)
    );
  });
}

Deno.test("a schedule without warm-up starts at the peak", () => {
  for (const name of SCHEDULES) {
    assert.equal(schedule(name, { warmupSteps: 0, maxSteps: 4 })(0), 1);
  }
});

Deno.test("schedule() names the schedule that was meant", () => {
  assert.throws(
    () => schedule("linaer", { warmupSteps: 0, maxSteps: 1 }),
    /did you mean "linear"/,
  );
});
