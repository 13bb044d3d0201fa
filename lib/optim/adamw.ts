/**
 * AdamW (Loshchilov and Hutter, arXiv 1711.05101), with the arithmetic of `torch.optim.AdamW`, as an
 * elementwise graph over any shape: chunks of a flat arena on the host, or each parameter's buffer on a GPU.
 * All that changes from step to step is fed as scalars, so a graph is compiled once per shape.
 *
 * Left out: amsgrad, maximize.
 *
 * @module
 */

import * as ops from "../graph/ops/mod.ts";
import type { Tensor } from "../graph/ir/tensor.ts";
import type { OptimizedTensor, Optimizer, OptimizerStep } from "./optimizer.ts";

/** Settings that do not change during a run. */
export interface AdamwSettings {
  /** Decay of the first moment, the running mean of gradients. */
  readonly beta1: number;
  /** Decay of the second moment, the running mean of squared gradients. */
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled weight decay; biases and normalization have none. */
  readonly weightDecay: number;
}

/** Names of the scalar inputs of an update. */
const SCALARS = [
  "keep",
  "beta1",
  "gradient_share",
  "beta2",
  "root_share",
  "epsilon",
  "step_size",
] as const;

type Scalar = typeof SCALARS[number];

/**
 * AdamW: `m' = beta1 m + (1 - beta1) g`, `v' = beta2 v + (1 - beta2) g^2`,
 * `p' = (1 - lr decay) p - lr / (1 - beta1^t) m' / (sqrt(v') / sqrt(1 - beta2^t) + epsilon)`,
 * with the last fraction expanded by `sqrt(1 - beta2^t)` and the clip factor on the gradient taken into its
 * shares, which spares passes over the elements. Scalars are computed in double precision, as torch does.
 */
export function adamw(settings: AdamwSettings): Optimizer {
  const { beta1, beta2, epsilon, weightDecay } = settings;
  return {
    name: "adamw",
    elementwise: true,
    slots: (shape): Record<string, readonly number[]> => ({ m: shape, v: shape }),
    scalars: SCALARS,
    undecayed: { keep: 1 },
    feeds({ step, learningRate, scale }: OptimizerStep): Record<Scalar, number> {
      const correction = Math.sqrt(1 - beta2 ** step);
      return {
        keep: 1 - learningRate * weightDecay,
        beta1,
        gradient_share: scale * (1 - beta1),
        beta2,
        root_share: scale * Math.sqrt(1 - beta2),
        epsilon: epsilon * correction,
        step_size: learningRate * correction / (1 - beta1 ** step),
      };
    },
    update({ parameter, slots }: OptimizedTensor, { gradient, scalars }): OptimizedTensor {
      const s = scalars as Readonly<Record<Scalar, Tensor>>;
      const m = ops.add(ops.mul(slots.m!, s.beta1), ops.mul(gradient, s.gradient_share));
      const root = ops.mul(gradient, s.root_share);
      const v = ops.add(ops.mul(slots.v!, s.beta2), ops.mul(root, root));
      const change = ops.mul(ops.div(m, ops.add(ops.sqrt(v), s.epsilon)), s.step_size);
      return { parameter: ops.sub(ops.mul(parameter, s.keep), change), slots: { m, v } };
    },
  };
}
