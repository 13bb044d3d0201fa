/**
 * What a run has to tell: `trainer_state.json` in the layout of transformers' `TrainerState`.
 *
 * @module
 */
import { writeJsonObject } from "../../base/json_file.ts";
import type { TrainingArguments, TrainingPlan } from "../arguments/arguments.ts";

/** One entry of `log_history`; numbers under the names that Trainer uses. */
export interface LogEntry {
  /** Epochs done, with the part of the current one. */
  readonly epoch: number;
  /** Optimizer steps done. */
  readonly step: number;
  /** loss, grad_norm, learning_rate, tokens_per_second; eval_loss, eval_perplexity, …; train_loss, …. */
  readonly [name: string]: number;
}

/** The state of a run, growing while it goes on. */
export interface TrainerState {
  epoch: number;
  global_step: number;
  max_steps: number;
  num_train_epochs: number;
  train_batch_size: number;
  logging_steps: number;
  eval_steps: number;
  save_steps: number;
  /** Tokens fed to the model, without padding. */
  num_input_tokens_seen: number;
  /** Lowest `eval_loss` so far; null before the first evaluation. */
  best_metric: number | null;
  /** The step at which it was. */
  best_global_step: number | null;
  best_model_checkpoint: null;
  is_world_process_zero: true;
  is_local_process_zero: true;
  log_history: LogEntry[];
}

/** The state of a run that has not begun. */
export function initialState(args: TrainingArguments, plan: TrainingPlan): TrainerState {
  return {
    epoch: 0,
    global_step: 0,
    max_steps: plan.maxSteps,
    num_train_epochs: plan.epochs,
    train_batch_size: args.per_device_train_batch_size,
    logging_steps: plan.loggingSteps,
    eval_steps: plan.evalSteps,
    save_steps: plan.saveSteps,
    num_input_tokens_seen: 0,
    best_metric: null,
    best_global_step: null,
    best_model_checkpoint: null,
    is_world_process_zero: true,
    is_local_process_zero: true,
    log_history: [],
  };
}

/** Writes `trainer_state.json`. */
export async function writeTrainerState(dir: string, state: TrainerState): Promise<void> {
  await writeJsonObject(`${dir}/trainer_state.json`, state);
}
