/**
 * The settings of a training run with every default in place, and what follows from them: how many steps
 * there are and when things happen.
 *
 * @module
 */
import type { configOptions } from "./model_config.ts";
import { METRICS } from "../objectives/registry.ts";
import type { TrainOptions } from "./options.ts";
import { type resultOptions, SAVE_STEPS } from "./saving.ts";

/** The options that say how a run goes; the others say which model is trained and how it is written. */
export type RunOptions = Omit<
  TrainOptions,
  keyof typeof configOptions | keyof typeof resultOptions
>;

/** Options whose default depends on others, or on the pipeline. */
type Defaulted =
  | "eval_steps"
  | "save_steps"
  | "save_total_limit"
  | "metric_for_best_model"
  | "greater_is_better"
  | "seed";

/**
 * Settings of a run: the options of `options.ts`, each documented there. Intervals (`logging_steps`,
 * `eval_steps`, `save_steps`, `warmup_steps`) below 1 are shares of all steps.
 */
export type TrainingArguments =
  & Readonly<Omit<RunOptions, Defaulted | "report_to">>
  & { readonly [name in Defaulted]: NonNullable<RunOptions[name]> }
  & { readonly report_to: readonly "tensorboard"[] };

/**
 * Settles what options leave open.
 *
 * @param options Checked options.
 * @param pipeline The seed where the options have none.
 */
export function trainingArguments(
  options: RunOptions,
  pipeline: { readonly seed: number },
): TrainingArguments {
  const metric = options.metric_for_best_model ?? "loss";
  const isGain = METRICS[metric.replace(/^eval_/, "")] === "more";
  return {
    ...options,
    eval_steps: options.eval_steps ?? options.logging_steps,
    save_steps: options.save_steps ?? SAVE_STEPS,
    save_total_limit: options.save_total_limit ?? 2,
    metric_for_best_model: metric,
    greater_is_better: options.greater_is_better ?? isGain,
    seed: options.seed ?? pipeline.seed,
    report_to: [options.report_to].flat().filter((name) => name !== "none"),
  };
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
    evalSteps: steps(args.eval_steps),
    saveSteps: steps(args.save_steps),
  };
}
