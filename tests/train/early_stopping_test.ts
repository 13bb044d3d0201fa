import assert from "node:assert/strict";
import type { CallbackContext } from "../../lib/train/loop/callbacks.ts";
import { planTraining } from "../../lib/train/arguments/arguments.ts";
import { earlyStoppingCallback } from "../../lib/train/loop/early_stopping.ts";
import { initialState, type LogEntry } from "../../lib/train/loop/trainer_state.ts";
import { ARGUMENTS } from "./fixture.ts";

/** transformers' EarlyStoppingCallback: patience, threshold, greater_is_better, metrics, when it stops. */
const TABLE: [number, number, boolean, number[], number | null][] = [
  [1, 0, false, [3.02, 2.9, 2.62, 2.84, 2.44, 2.38, 2.0, 2.14, 2.27, 2.19, 2.13, 2.14], 4],
  [2, 0, false, [3.05, 2.88, 2.68, 2.59, 2.39, 2.44, 2.05, 2.08, 2.08, 2.05, 2.09, 2.07], 9],
  [2, 0.1, false, [3.24, 2.82, 3.06, 2.58, 2.67, 2.34, 2.2, 2.14, 2.28, 2.04, 2.2, 2.09], 9],
  [3, 0.05, false, [3.34, 3.16, 2.68, 2.5, 2.21, 2.12, 2.02, 2.12, 2.29, 2.11, 2.09, 2.14], 10],
  [2, 0.05, true, [
    -3.14,
    -3.17,
    -2.96,
    -2.48,
    -2.32,
    -2.34,
    -2.28,
    -2.19,
    -2.13,
    -2.29,
    -2.0,
    -2.02,
  ], 7],
  // A metric that is none is no better than what came before, and no later one is compared with it.
  [2, 0, false, [NaN, 3, NaN, 2, 2.5, NaN, 1], 6],
  [2, 0, false, [Infinity, Infinity, 3, NaN, NaN], 5],
  [1, 0, true, [NaN, -3, -Infinity], 3],
];

/** The number of the evaluation that stops, where the run was cut off after `cut` of them. */
function stopsAt(
  [patience, threshold, greater, metrics]: typeof TABLE[number],
  cut: number,
): number | null {
  const args = {
    ...ARGUMENTS,
    early_stopping_threshold: threshold,
    greater_is_better: greater,
  };
  const plan = planTraining(args, 8);
  const state = initialState(args, plan);
  const control = { shouldLog: false, shouldEvaluate: false, shouldSave: false, shouldStop: false };
  const context: CallbackContext = { args, plan, state, control, speed: { tokensPerSecond: 0 } };
  let callback = earlyStoppingCallback(patience);
  for (const [i, eval_loss] of metrics.entries()) {
    if (i === cut) {
      callback = earlyStoppingCallback(patience);
      callback.onTrainBegin?.(context);
    }
    const entry: LogEntry = { eval_loss, epoch: i + 1, step: i + 1 };
    state.log_history.push(entry);
    callback.onEvaluate?.(context, entry);
    if (control.shouldStop) return i + 1;
  }
  return null;
}

for (const row of TABLE) {
  const [patience, threshold, greater, metrics, expected] = row;
  Deno.test(
    `early stopping is transformers' with patience ${patience}, threshold ${threshold}` +
      (greater ? ", more being better" : "") + ", also where the run was cut off",
    () => {
      for (let cut = 0; cut < metrics.length; cut++) assert.equal(stopsAt(row, cut), expected);
    },
  );
}
