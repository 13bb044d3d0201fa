/**
 * Stochastic gradient descent with momentum, with the arithmetic of `torch.optim.SGD`: weight decay is
 * added to the gradient, the first step's momentum is the gradient itself, undamped.
 *
 * Left out: maximize.
 *
 * @module
 */

import * as ops from "../graph/ops/mod.ts";
import type { Tensor } from "../graph/ir/tensor.ts";
import type { OptimizedTensor, Optimizer, OptimizerStep } from "./optimizer.ts";

/** Settings that do not change during a run. */
export interface SgdSettings {
  readonly weightDecay: number;
  /** How much of the last change goes on; 0 keeps no state. */
  readonly momentum: number;
  /** What a gradient loses on its way into the momentum. */
  readonly dampening: number;
  /** Nesterov momentum: look ahead by one step. */
  readonly nesterov: boolean;
}

/**
 * SGD: `g' = g + decay p`, `b' = momentum b + (1 - dampening) g'` (`b' = g'` at first),
 * `p' = p - lr b'`, or `p' = p - lr (g' + momentum b')` with Nesterov's momentum.
 */
export function sgd(settings: SgdSettings): Optimizer {
  const { weightDecay, momentum, dampening, nesterov } = settings;
  const remembers = momentum !== 0;
  return {
    name: "sgd",
    elementwise: true,
    slots: (shape): Record<string, readonly number[]> => remembers ? { momentum: shape } : {},
    scalars: ["scale", "rate", "weight_decay", ...(remembers ? ["inflow"] : [])],
    undecayed: { weight_decay: 0 },
    feeds: ({ step, learningRate, scale }: OptimizerStep): Record<string, number> => ({
      scale,
      rate: learningRate,
      weight_decay: weightDecay,
      ...(remembers ? { inflow: step === 1 ? 1 : 1 - dampening } : {}),
    }),
    update({ parameter, slots }: OptimizedTensor, options): OptimizedTensor {
      const s = options.scalars as Readonly<Record<string, Tensor>>;
      const gradient = ops.add(
        ops.mul(options.gradient, s.scale!),
        ops.mul(parameter, s.weight_decay!),
      );
      if (!remembers) {
        return { parameter: ops.sub(parameter, ops.mul(gradient, s.rate!)), slots: {} };
      }
      const buffer = ops.add(ops.mul(slots.momentum!, momentum), ops.mul(gradient, s.inflow!));
      const change = nesterov ? ops.add(gradient, ops.mul(buffer, momentum)) : buffer;
      return {
        parameter: ops.sub(parameter, ops.mul(change, s.rate!)),
        slots: { momentum: buffer },
      };
    },
  };
}
