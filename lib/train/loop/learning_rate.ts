/**
 * The learning rate of each step that a run's settings ask for.
 *
 * @module
 */
import { reduceOnPlateau } from "../../optim/plateau.ts";
import { type Schedule, schedule } from "../../optim/schedules.ts";
import type { TrainingArguments, TrainingPlan } from "../arguments/arguments.ts";
import { PLATEAU } from "../arguments/schedule.ts";
import { metricOf } from "./best_model.ts";
import type { CallbackContext, TrainerCallback } from "./callbacks.ts";
import type { LogEntry } from "./trainer_state.ts";

/** A schedule, with what it needs to know of the run. */
export interface LearningRates {
  /** Factor of `learning_rate` for the next step. */
  readonly schedule: Schedule;
  readonly callbacks: readonly TrainerCallback[];
}

/**
 * Opens the schedule of a run.
 *
 * @throws {UserError} where the schedule has no such name or setting.
 */
export function learningRates(args: TrainingArguments, plan: TrainingPlan): LearningRates {
  const { learning_rate: learningRate, lr_scheduler_kwargs: kwargs } = args;
  if (args.lr_scheduler_type !== PLATEAU) {
    return {
      schedule: schedule(args.lr_scheduler_type, { ...plan, learningRate, kwargs }),
      callbacks: [],
    };
  }
  const plateau = reduceOnPlateau(learningRate, kwargs);
  const note = (entry: LogEntry): void => {
    // Trainer leaves out the evaluation before the first step.
    if (entry.step > 0) plateau.step(metricOf(args, entry));
  };
  return {
    schedule: () => plateau.learningRate / learningRate,
    callbacks: [{
      // What it remembers follows from the evaluations, so a run that goes on goes on with it.
      onTrainBegin({ state }: CallbackContext): void {
        for (const entry of state.log_history) if ("eval_loss" in entry) note(entry);
      },
      onEvaluate: (_context: CallbackContext, entry: LogEntry): void => note(entry),
    }],
  };
}
