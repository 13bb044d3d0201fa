/**
 * Which evaluation was the best, and the weights it was of: `load_best_model_at_end` as `Trainer` has it.
 * Weights are taken along where a checkpoint is due and the newest evaluation is the best so far; so, as
 * there, a best evaluation between two checkpoints leaves the weights of the best one before it.
 *
 * @module
 */
import type { TrainingArguments } from "../arguments/arguments.ts";
import type { CallbackContext, CallbackState, TrainerCallback } from "./callbacks.ts";
import type { PersistentArray } from "../state/persistent.ts";
import type { TrainingState } from "../state/state.ts";
import type { LogEntry, TrainerState } from "./trainer_state.ts";

/** The value that `metric_for_best_model` names, of an evaluation's entry. */
export function metricOf(
  { metric_for_best_model: metric }: Pick<TrainingArguments, "metric_for_best_model">,
  entry: LogEntry,
): number {
  return entry[metric.startsWith("eval_") ? metric : `eval_${metric}`] ?? NaN;
}

/**
 * Whether a value is better than the best so far, `null` where there is none. What is no number, or the worst
 * there is, is not, as in Trainer.
 */
export function isBetter(
  { greater_is_better: greater }: Pick<TrainingArguments, "greater_is_better">,
  { value, best }: { readonly value: number; readonly best: number | null },
): boolean {
  return greater ? value > (best ?? -Infinity) : value < (best ?? Infinity);
}

/**
 * Writes down an evaluation that is the best so far.
 *
 * @returns Whether it is.
 */
export function noteBest(args: TrainingArguments, trainer: TrainerState, entry: LogEntry): boolean {
  const value = metricOf(args, entry);
  if (!isBetter(args, { value, best: trainer.best_metric })) return false;
  trainer.best_metric = value;
  trainer.best_global_step = entry.step;
  return true;
}

/** The best weights of a run. */
export interface BestModel {
  /** Takes note of evaluations; comes after every callback that compares with the best before. */
  readonly callback: TrainerCallback;
  /**
   * Puts the best weights into the state.
   *
   * @returns The step they are of; undefined where none were taken, the state then stays as it is.
   */
  putBack(): number | undefined;
}

/**
 * Takes note of the best evaluation, and keeps its weights in memory where they are to be loaded at the end.
 *
 * @param state Where they are taken from and put back.
 */
export function keepBestModel(state: Pick<TrainingState, "persistent">): BestModel {
  const weights = (): PersistentArray[] =>
    state.persistent().filter(({ name }) => name.startsWith("parameter/"));
  let copies = new Map<string, Float32Array<ArrayBuffer>>();
  let step: number | undefined;
  return {
    callback: {
      name: "best_model",
      stateOf: (): CallbackState => ({
        values: step === undefined ? {} : { step },
        arrays: copies,
      }),
      restore({ values, arrays }: CallbackState): void {
        if (typeof values.step !== "number") return;
        step = values.step;
        copies = new Map(arrays);
      },
      async onEvaluate(context: CallbackContext, entry: LogEntry): Promise<void> {
        const { args, plan, state: trainer, control } = context;
        // Trainer evaluates before the first step for the log alone.
        if (entry.step === 0 || !noteBest(args, trainer, entry)) return;
        if (args.save_strategy === "best") control.shouldSave = true;
        const isSaved = control.shouldSave || trainer.global_step >= plan.maxSteps;
        if (!args.load_best_model_at_end || !isSaved) return;
        for (const { name, elements, read } of weights()) {
          let copy = copies.get(name);
          if (copy === undefined) copies.set(name, copy = new Float32Array(elements));
          copy.set(await read());
        }
        step = trainer.global_step;
      },
    },
    putBack(): number | undefined {
      if (step !== undefined) { for (const { name, write } of weights()) write(copies.get(name)!); }
      return step;
    },
  };
}
