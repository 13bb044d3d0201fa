/**
 * Gradual unfreezing: the callback that has further parameters trained when their epoch begins.
 *
 * @module
 */
import type { CallbackContext, TrainerCallback } from "./callbacks.ts";
import type { TrainingState } from "../state/state.ts";

/**
 * Begins to train each group of parameters at its epoch. A run that goes on from the middle of an epoch has
 * the groups of the epochs before trained already, as `begun` of its state says.
 *
 * @param options `epochs`: of groups 1, 2, …, ascending. `onChange`: programs that were compiled for fewer
 * gradients are of no more use.
 */
export function unfreezeCallback(options: {
  readonly epochs: readonly number[];
  readonly state: Pick<TrainingState, "begun" | "unfreeze">;
  readonly onChange: (group: number) => void | Promise<void>;
}): TrainerCallback {
  const { epochs, state, onChange } = options;
  return {
    async onEpochBegin(
      _context: CallbackContext,
      { epoch, updates }: { readonly epoch: number; readonly updates: number },
    ): Promise<void> {
      for (let group = state.begun.length; (epochs[group - 1] ?? Infinity) <= epoch; group++) {
        state.unfreeze({ updates });
        await onChange(group);
      }
    },
  };
}
