/**
 * The settings of a training run, by the names, meanings and defaults of transformers'
 * `TrainingArguments`, and what follows from them: how many steps there are and when things happen.
 *
 * @module
 */

import type { LoraConfig } from "../../models/lora.ts";
import type { Unfreezing } from "./freeze.ts";

import type { LrSchedulerKwargs } from "./learning_rate.ts";
import type { OptimArgs, OptimizerName } from "./optimizers.ts";

/** When something that happens during training happens. */
export type IntervalStrategy = "no" | "steps" | "epoch";

/** Settings of a run. Units are optimizer steps, tokens or rows as named. */
export interface TrainingArguments {
  /** Peak learning rate. */
  readonly learning_rate: number;
  readonly per_device_train_batch_size: number;
  readonly per_device_eval_batch_size: number;
  /** Batches whose gradients are summed up for one step. */
  readonly gradient_accumulation_steps: number;
  /** Passes over the data; a part of one where not whole. */
  readonly num_train_epochs: number;
  /** Where positive: how many steps, instead of `num_train_epochs`. */
  readonly max_steps: number;
  /** A share of all steps where below 1. */
  readonly warmup_steps: number;
  /** Share of all steps, where `warmup_steps` is 0. */
  readonly warmup_ratio: number;
  /** A name of `optim/schedules`, or `reduce_lr_on_plateau`. */
  readonly lr_scheduler_type: string;
  /** Settings of that schedule; absent ones have their defaults. */
  readonly lr_scheduler_kwargs: LrSchedulerKwargs | undefined;
  readonly optim: OptimizerName;
  /** With `optim: sgd`. */
  readonly optim_args: OptimArgs | undefined;
  readonly weight_decay: number;
  readonly adam_beta1: number;
  readonly adam_beta2: number;
  readonly adam_epsilon: number;
  /** Longest allowed gradient (L2 norm over all parameters); 0 for no limit. */
  readonly max_grad_norm: number;
  /** Share of the training loss that is taken over the whole vocabulary evenly. */
  readonly label_smoothing_factor: number;
  readonly logging_strategy: IntervalStrategy;
  /** With `logging_strategy: steps`; this and the other intervals are a share of all steps where below 1. */
  readonly logging_steps: number;
  /** Whether the first step gets an entry too. */
  readonly logging_first_step: boolean;
  /** Whether entries say how fast training went. Off: the files of a run are the same each time. */
  readonly include_tokens_per_second: boolean;
  readonly eval_strategy: IntervalStrategy;
  /** With `eval_strategy: steps`; `logging_steps` where undefined. */
  readonly eval_steps: number | undefined;
  /** Evaluate before the first step too. */
  readonly eval_on_start: boolean;
  /** End with the weights of the best evaluation that a checkpoint was due at. */
  readonly load_best_model_at_end: boolean;
  /** A name of `best_model.ts`. */
  readonly metric_for_best_model: string;
  readonly greater_is_better: boolean;
  /** Evaluations without improvement after which training ends. Default: it never does. */
  readonly early_stopping_patience: number | undefined;
  /** By how much an evaluation has to be better to be an improvement. */
  readonly early_stopping_threshold: number;
  /** When a checkpoint is written to go on from after a kill; time asks for further ones, unless `no`. */
  readonly save_strategy: IntervalStrategy | "best";
  /** With `save_strategy: steps`. */
  readonly save_steps: number;
  /** Checkpoints that are kept while training goes on. */
  readonly save_total_limit: number;
  /** Computes the states of blocks again in the backward pass in place of keeping them. Default false. */
  readonly gradient_checkpointing?: boolean;
  /** Mixed precision: matrix products of float16 with weights of float32. Default false. */
  readonly fp16?: boolean;
  /** Patterns of parameters that are not trained; see `freeze.ts`. Default none. */
  readonly freeze?: readonly string[];
  /** Parts of `freeze` that are trained from an epoch on. Default none. */
  readonly unfreeze?: readonly Unfreezing[];
  /** Train adapters of these settings alone. */
  readonly lora?: LoraConfig | undefined;
  /** Decides the order of rows, dropout and the weights of a model from scratch. */
  readonly seed: number;
  /** Decides the order of rows in place of `seed`. */
  readonly data_seed: number | undefined;
  /** Batches of rows of like length. */
  readonly group_by_length: boolean;
  /** Files beside `trainer_state.json` that tell of the run. */
  readonly report_to: readonly "tensorboard"[];
}

/** How a run goes, in numbers. */
export interface TrainingPlan {
  /** Batches of one epoch. */
  readonly batchesPerEpoch: number;
  /** Steps of one epoch; the last may have fewer batches. */
  readonly stepsPerEpoch: number;
  /** Epochs that are begun. */
  readonly epochs: number;
  /** Steps of the whole run. */
  readonly maxSteps: number;
  readonly warmupSteps: number;
  /** Steps between log entries, evaluations and checkpoints, each with its strategy `steps`. */
  readonly loggingSteps: number;
  readonly evalSteps: number;
  readonly saveSteps: number;
}

/**
 * Counts a run's steps, as `Trainer` does.
 *
 * @param args The settings.
 * @param rows Rows of the training split, at least 1.
 */
export function planTraining(args: TrainingArguments, rows: number): TrainingPlan {
  const batchesPerEpoch = Math.ceil(rows / args.per_device_train_batch_size);
  const stepsPerEpoch = Math.ceil(batchesPerEpoch / args.gradient_accumulation_steps);
  const maxSteps = args.max_steps > 0
    ? args.max_steps
    : Math.ceil(args.num_train_epochs * stepsPerEpoch);
  const steps = (given: number): number => given < 1 ? Math.ceil(given * maxSteps) : given;
  return {
    batchesPerEpoch,
    stepsPerEpoch,
    epochs: Math.ceil(maxSteps / stepsPerEpoch),
    maxSteps,
    warmupSteps: args.warmup_steps > 0
      ? steps(args.warmup_steps)
      : Math.ceil(args.warmup_ratio * maxSteps),
    loggingSteps: steps(args.logging_steps),
    evalSteps: steps(args.eval_steps ?? args.logging_steps),
    saveSteps: steps(args.save_steps),
  };
}
