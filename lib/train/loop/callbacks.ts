/**
 * What may happen beside the loop: objects with a method for each event, called in order.
 *
 * The loop itself logs and evaluates through these, so that what comes later (early stopping, saving in
 * between, tracking) is another object and no change of the loop. Modelled on `TrainerCallback`.
 *
 * @module
 */
import type { JsonObject } from "../../base/json.ts";
import type { TrainingArguments, TrainingPlan } from "../arguments/arguments.ts";
import type { LogEntry, TrainerState } from "./trainer_state.ts";

/** What a callback may ask of the loop; the loop clears each wish when it has met it. */
export interface TrainerControl {
  /** Write a log entry after this step. */
  shouldLog: boolean;
  /** Evaluate after this step. */
  shouldEvaluate: boolean;
  /** Write a checkpoint after this step. */
  shouldSave: boolean;
  /** End training after this step. */
  shouldStop: boolean;
}

/** What callbacks see. */
export interface CallbackContext {
  readonly args: TrainingArguments;
  readonly plan: TrainingPlan;
  readonly state: TrainerState;
  readonly control: TrainerControl;
  /** Speed of the steps of the newest log entry; for people, not part of the state. */
  readonly speed: { tokensPerSecond: number };
}

/** What a callback remembers, for a checkpoint. */
export interface CallbackState {
  /** Plain data. Any number, also infinite ones, comes back as it was. */
  readonly values: JsonObject;
  /** Large things, such as the best weights so far. */
  readonly arrays?: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
}

/** Events of a run. Each may be absent, each may take its time. */
export interface TrainerCallback {
  /** Names it in a checkpoint; needed beside `stateOf`, and no other callback's. */
  readonly name?: string;
  /**
   * What it remembers from one step to the next. A callback that remembers anything of consequence has it
   * and `restore`: a run that goes on after a kill must end as if it had never been killed.
   */
  stateOf?(): CallbackState | Promise<CallbackState>;
  /** Takes up what `stateOf` gave. Called before `onTrainBegin`. */
  restore?(state: CallbackState): void | Promise<void>;
  onTrainBegin?(context: CallbackContext): void | Promise<void>;
  /** Before the first batch of an epoch, counted from 0, and where a run goes on in the middle of one; `updates` that the optimizer has made so far. */
  onEpochBegin?(
    context: CallbackContext,
    at: { readonly epoch: number; readonly updates: number },
  ): void | Promise<void>;
  /** After the parameters of a step were updated; `state.global_step` counts it. `loss` is the step's. */
  onStepEnd?(context: CallbackContext, step: { readonly loss: number }): void | Promise<void>;
  onEpochEnd?(context: CallbackContext): void | Promise<void>;
  /** An entry was added to `state.log_history`. */
  onLog?(context: CallbackContext, entry: LogEntry): void | Promise<void>;
  onEvaluate?(context: CallbackContext, entry: LogEntry): void | Promise<void>;
  onTrainEnd?(context: CallbackContext): void | Promise<void>;
}

/**
 * Decides when to log, evaluate and save: every `logging_steps`, every `eval_steps` or epoch, every
 * `save_steps` or epoch; and to log and evaluate at the end, so that the last losses are never lost. The first callback of every run.
 */
export const scheduleCallback: TrainerCallback = {
  onStepEnd({ args, state, plan, control }: CallbackContext): void {
    const step = state.global_step;
    const last = step >= plan.maxSteps;
    if (args.logging_strategy === "steps" && (step % plan.loggingSteps === 0 || last)) {
      control.shouldLog = true;
    }
    if (step === 1 && args.logging_first_step) control.shouldLog = true;
    if (args.eval_strategy === "steps" && step % plan.evalSteps === 0) {
      control.shouldEvaluate = true;
    }
    if (args.save_strategy === "steps" && step % plan.saveSteps === 0) control.shouldSave = true;
    if (last) {
      control.shouldStop = true;
      if (args.eval_strategy !== "no") control.shouldEvaluate = true;
    }
  },
  onEpochEnd({ args, control }: CallbackContext): void {
    if (args.logging_strategy === "epoch") control.shouldLog = true;
    if (args.eval_strategy === "epoch") control.shouldEvaluate = true;
    if (args.save_strategy === "epoch") control.shouldSave = true;
  },
};

/**
 * Reports each step as progress, and each entry as a line of the log.
 *
 * @param report Where to.
 */
export function reportCallback(report: {
  readonly progress: (done: number, total: number, unit: string) => void;
  readonly log: (message: string) => void;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}): TrainerCallback {
  const now = report.now ?? ((): number => performance.now());
  let begun = { step: 0, time: 0 };
  return {
    onTrainBegin({ state }: CallbackContext): void {
      begun = { step: state.global_step, time: now() };
    },
    onStepEnd({ state, plan }: CallbackContext): void {
      report.progress(state.global_step, plan.maxSteps, "steps");
    },
    onLog({ plan, speed }: CallbackContext, entry: LogEntry): void {
      const { step, ...rest } = entry;
      const figures = Object.entries(rest).map(([name, value]) => `${name} ${figure(value)}`);
      if ("loss" in entry) {
        figures.push(`${Math.round(speed.tokensPerSecond)} tokens/s`);
        const perStep = (now() - begun.time) / (step - begun.step);
        figures.push(`${duration((plan.maxSteps - step) * perStep)} left`);
      }
      report.log(`step ${step} of ${plan.maxSteps}: ${figures.join(", ")}`);
    },
  };
}

/** The two largest units of a time: `2 h 05 min`, `4 min 10 s`, `7 s`. */
function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const padded = (value: number): string => String(value).padStart(2, "0");
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${padded(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${padded(Math.floor(seconds / 60) % 60)} min`;
}

function figure(value: number): string {
  return Math.abs(value) < 1e-3 && value !== 0 ? value.toExponential(3) : String(+value.toFixed(4));
}
