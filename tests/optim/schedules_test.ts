import assert from "node:assert/strict";
import { schedule, type ScheduleKwargs, SCHEDULES } from "../../lib/optim/schedules.ts";

// transformers' get_scheduler with num_warmup_steps=3, num_training_steps=10: factors of steps 0 to 11
const RISE = [0, 0.333333, 0.666667, 1];
const TABLE: Record<string, number[]> = {
  linear: [...RISE, 0.857143, 0.714286, 0.571429, 0.428571, 0.285714, 0.142857, 0, 0],
  cosine: [...RISE, 0.950484, 0.811745, 0.61126, 0.38874, 0.188255, 0.049516, 0, 0.049516],
  cosine_with_restarts: [...RISE, 0.950484, 0.811745, 0.61126, 0.38874, 0.188255, 0.049516, 0, 0],
  constant: Array(12).fill(1),
  constant_with_warmup: [...RISE, 1, 1, 1, 1, 1, 1, 1, 1],
  // from a peak of 1
  polynomial: [...RISE, 0.857143, 0.714286, 0.571429, 0.428571, 0.285714, 0.142857, 0, 0],
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

/** get_scheduler(name, SGD(lr), warmup, steps, kwargs) of transformers 5.23: factors of steps 0, 1, … */
const WITH_KWARGS: [string, number, number, number, ScheduleKwargs, number[]][] = [
  ["cosine", 1, 2, 8, { "num_cycles": 1.25 }, [
    0.0,
    0.5,
    1.0,
    0.6294095,
    0.0669873,
    0.1464466,
    0.75,
    0.9829629,
    0.5,
    0.0170371,
  ]],
  ["cosine_with_restarts", 1, 1, 9, { "num_cycles": 3 }, [
    0.0,
    1.0,
    0.6913417,
    0.1464466,
    0.9619398,
    0.5,
    0.0380602,
    0.8535534,
    0.3086583,
    0.0,
    0.0,
  ]],
  ["polynomial", 1, 2, 8, {}, [
    0.0,
    0.5,
    1.0,
    0.8333333,
    0.6666667,
    0.5000001,
    0.3333334,
    0.1666667,
    1e-07,
    1e-07,
  ]],
  ["polynomial", 0.5, 2, 8, { "power": 2, "lr_end": 0.1 }, [
    0.0,
    0.5,
    1.0,
    0.7555556,
    0.5555556,
    0.4,
    0.2888889,
    0.2222222,
    0.2,
    0.2,
  ]],
  ["polynomial", 0.01, 0, 6, { "power": 0.5, "lr_end": 0.001 }, [
    1.0,
    0.9215838,
    0.8348469,
    0.7363961,
    0.6196152,
    0.4674235,
    0.1,
    0.1,
  ]],
  ["inverse_sqrt", 1, 2, 6, { "timescale": 5 }, [
    0.0,
    0.5,
    1.0,
    0.9128709,
    0.8451543,
    0.7905694,
    0.745356,
    0.7071068,
  ]],
  ["inverse_sqrt", 1, 0, 4, { "timescale": 3 }, [
    1.0,
    0.8660254,
    0.7745967,
    0.7071068,
    0.6546537,
    0.6123724,
  ]],
];
for (const [name, learningRate, warmupSteps, maxSteps, kwargs, expected] of WITH_KWARGS) {
  Deno.test(`the schedule ${name} heeds ${JSON.stringify(kwargs)} at a peak of ${learningRate}`, () => {
    const factor = schedule(name, { warmupSteps, maxSteps, learningRate, kwargs });
    expected.forEach((value, step) =>
      assert.ok(
        Math.abs(factor(step) - value) < 1e-6,
        `step ${step}: ${factor(step)}, not ${value}`,
      )
    );
  });
}

Deno.test("polynomial refuses to end above where it begins", () => {
  assert.throws(
    () => schedule("polynomial", { warmupSteps: 0, maxSteps: 1, learningRate: 1e-8 }),
    /falls from learning_rate to a smaller lr_end/,
  );
});
