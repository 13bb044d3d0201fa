/**
 * The learning rate of each step that a run's settings ask for.
 *
 * @module
 */
import { type PlateauSettings, reduceOnPlateau } from "../../optim/plateau.ts";
import { type Schedule, schedule, type ScheduleKwargs } from "../../optim/schedules.ts";
import type { TrainingArguments, TrainingPlan } from "./arguments.ts";
import { metricOf } from "../loop/best_model.ts";
import type { CallbackContext, TrainerCallback } from "../loop/callbacks.ts";
import type { LogEntry } from "../loop/trainer_state.ts";

/** Settings of schedules: those of a kind of curve, or of `reduce_lr_on_plateau`. */
export interface LrSchedulerKwargs extends ScheduleKwargs, PlateauSettings {}

/** The name of the schedule that follows evaluations. */
export const PLATEAU = "reduce_lr_on_plateau";

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
