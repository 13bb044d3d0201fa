/**
 * The optimizer that a run's settings ask for.
 *
 * @module
 */
import { adafactor } from "../../optim/adafactor.ts";
import { adamw } from "../../optim/adamw.ts";
import type { Optimizer } from "../../optim/optimizer.ts";
import { sgd } from "../../optim/sgd.ts";
import type { TrainingArguments } from "./arguments.ts";

/** Sets an optimizer up as `Trainer` does. */
export function optimizerOf(args: TrainingArguments): Optimizer {
  const weightDecay = args.weight_decay;
  switch (args.optim) {
    case "adamw":
    case "adamw_torch":
      return adamw({
        weightDecay,
        beta1: args.adam_beta1,
        beta2: args.adam_beta2,
        epsilon: args.adam_epsilon,
      });
    case "sgd": {
      const { momentum = 0, dampening = 0, nesterov = false } = args.optim_args ?? {};
      return sgd({ weightDecay, momentum, dampening, nesterov });
    }
    case "adafactor":
      return adafactor({ weightDecay });
  }
}
