/**
 * Ends a run whose evaluations have stopped getting better: transformers' `EarlyStoppingCallback`.
 *
 * What it remembers follows from the evaluations in `log_history`, so a run that goes on after it was cut
 * off counts as if it never had been.
 *
 * @module
 */
import type { TrainingArguments } from "../arguments/arguments.ts";
import { isBetter, metricOf } from "./best_model.ts";
import type { CallbackContext, TrainerCallback } from "./callbacks.ts";
import type { LogEntry } from "./trainer_state.ts";

/**
 * Stops after `early_stopping_patience` evaluations in a row of which none was better than the best before
 * it by more than `early_stopping_threshold`.
 *
 * @param patience Evaluations, at least 1.
 */
export function earlyStoppingCallback(patience: number): TrainerCallback {
  let best: number | null = null;
  let bad = 0;
  const note = (args: TrainingArguments, entry: LogEntry): void => {
    const value = metricOf(args, entry);
    const better = isBetter(args, { value, best });
    const enough = best === null || Math.abs(value - best) > args.early_stopping_threshold;
    bad = best === null || (better && enough) ? 0 : bad + 1;
    // What came before training counts for nobody's best, as in Trainer.
    if (entry.step === 0) return;
    best = better ? value : best ?? (args.greater_is_better ? -Infinity : Infinity);
  };
  return {
    onTrainBegin({ args, state }: CallbackContext): void {
      for (const entry of state.log_history) if ("eval_loss" in entry) note(args, entry);
    },
    onEvaluate({ args, control }: CallbackContext, entry: LogEntry): void {
      note(args, entry);
      if (bad >= patience) control.shouldStop = true;
    },
  };
}
