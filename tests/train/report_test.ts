import assert from "node:assert/strict";
import { planTraining } from "../../lib/train/arguments/arguments.ts";
import { type CallbackContext, reportCallback } from "../../lib/train/loop/callbacks.ts";
import { initialState } from "../../lib/train/loop/trainer_state.ts";
import { ARGUMENTS } from "./fixture.ts";

/** The line of a step, where training began at `from` and a step takes so many seconds. */
function line(from: number, { step, seconds }: { step: number; seconds: number }): string {
  const args = { ...ARGUMENTS, max_steps: 1000 };
  const plan = planTraining(args, 80);
  const state = initialState(args, plan);
  const control = { shouldLog: false, shouldEvaluate: false, shouldSave: false, shouldStop: false };
  const speed = { tokensPerSecond: 1234.5 };
  const context: CallbackContext = { args, plan, state, control, speed };
  const lines: string[] = [];
  let time = 5000;
  const callback = reportCallback({
    progress: () => {},
    log: (text) => lines.push(text),
    now: () => time,
  });
  state.global_step = from;
  callback.onTrainBegin?.(context);
  time += (step - from) * seconds * 1000;
  callback.onLog?.(context, {
    loss: 2.5,
    grad_norm: 0.25,
    learning_rate: 5e-5,
    epoch: 1.5,
    step,
  });
  return lines.join("\n");
}

Deno.test("the log line of a step has all its figures and the time left", () => {
  assert.equal(
    line(0, { step: 400, seconds: 0.01 }),
    "step 400 of 1000: loss 2.5, grad_norm 0.25, learning_rate 5.000e-5, epoch 1.5, 1235 tokens/s, 6 s left",
  );
});

Deno.test("the time left counts the steps since training began or went on", () => {
  const left = (text: string): string => /[^,]*(?= left$)/.exec(text)?.[0].trim() ?? "";
  assert.equal(left(line(0, { step: 500, seconds: 0.5 })), "4 min 10 s");
  assert.equal(left(line(490, { step: 500, seconds: 0.5 })), "4 min 10 s");
  assert.equal(left(line(0, { step: 400, seconds: 12.5 })), "2 h 05 min");
  assert.equal(left(line(0, { step: 1000, seconds: 1 })), "0 s");
});
