/**
 * Adafactor (Shazeer and Stern, arXiv 1804.04235) with the arithmetic of transformers' `Adafactor` as
 * Trainer sets it up: `scale_parameter=False`, `relative_step=False`, no first moment. Of a matrix's
 * squared gradients only the means of rows and columns are kept, of a vector's all.
 *
 * Left out: steps relative to the parameter or to time, the first moment.
 *
 * @module
 */

import * as ops from "../graph/ops/mod.ts";
import type { Tensor } from "../graph/ir/tensor.ts";
import type { OptimizedTensor, Optimizer, OptimizerStep } from "./optimizer.ts";

/** Keeps squared gradients from being zero: the first of transformers' `eps`. */
const EPSILON = 1e-30;

/** How the memory of squared gradients grows: beta2 of step t is `1 - t^DECAY_RATE` (section 7.2). */
const DECAY_RATE = -0.8;

/** Updates with a root mean square beyond this are scaled down to it (section 6). */
const CLIP_THRESHOLD = 1;

/**
 * Adafactor. Its update is no matter of single elements: tensors are updated whole. Large ones are read often
 * and copied seldom: factors that are one for all elements, for a row or for a column are multiplied
 * before they meet the gradient, and the root mean square of an update is taken without making it.
 */
export function adafactor(settings: { readonly weightDecay: number }): Optimizer {
  return {
    name: "adafactor",
    elementwise: false,
    slots: (shape): Record<string, readonly number[]> =>
      shape.length < 2 ? { square: shape } : {
        row: shape.slice(0, -1),
        column: [...shape.slice(0, -2), ...shape.slice(-1)],
      },
    scalars: ["scale", "squared_scale", "rate", "keep", "beta2", "one_minus_beta2"],
    undecayed: { keep: 1 },
    feeds({ step, learningRate, scale }: OptimizerStep): Record<string, number> {
      const forgotten = step ** DECAY_RATE;
      return {
        scale,
        squared_scale: scale * scale,
        rate: learningRate,
        keep: 1 - learningRate * settings.weightDecay,
        beta2: 1 - forgotten,
        one_minus_beta2: forgotten,
      };
    },
    update(tensor: OptimizedTensor, { gradient, scalars }): OptimizedTensor {
      const s = scalars as Readonly<Record<string, Tensor>>;
      const squared = ops.mul(gradient, gradient);
      /** A slot after this step, of the mean of squared gradients. */
      const average = (slot: Tensor, mean: Tensor): Tensor => {
        const value = ops.add(ops.mul(mean, s.squared_scale!), EPSILON);
        return ops.add(ops.mul(slot, s.beta2!), ops.mul(value, s.one_minus_beta2!));
      };
      /** What the direction, gradient by its deviation, is multiplied by; `mean` is of its squares. */
      const factor = (mean: Tensor): Tensor => {
        const rms = ops.sqrt(ops.mul(mean, s.squared_scale!));
        const limit = ops.max(ops.div(rms, CLIP_THRESHOLD), 1);
        return ops.div(ops.mul(s.scale!, s.rate!), limit);
      };
      const kept = ops.mul(tensor.parameter, s.keep!);
      const { shape } = gradient;
      if (shape.length < 2) {
        const square = average(tensor.slots.square!, squared);
        const mean = ops.reduceMean(ops.div(squared, square));
        const direction = ops.div(gradient, ops.sqrt(square));
        const change = ops.mul(direction, factor(mean));
        return { parameter: ops.sub(kept, change), slots: { square } };
      }
      const row = average(tensor.slots.row!, ops.reduceMean(squared, { axes: [-1] })); // [.., R]
      const column = average(tensor.slots.column!, ops.reduceMean(squared, { axes: [-2] })); // [.., C]
      const share = ops.div(row, ops.reduceMean(row, { axes: [-1], keepdims: true }));
      const rows = ops.reshape(ops.reciprocal(share), [...shape.slice(0, -1), 1]);
      const columns = ops.reciprocal(column);
      const [leading, width] = [shape.slice(0, -2), shape.slice(-1)];
      // [.., R, C] x [.., C, 1] -> [.., R, 1]: sums over a row of squared gradients by their column's.
      const sums = ops.matmul(squared, ops.reshape(columns, [...leading, ...width, 1]));
      const mean = ops.div(ops.reduceMean(ops.mul(sums, rows)), width[0]!);
      const perRow = ops.mul(ops.sqrt(rows), factor(mean)); // [.., R, 1]
      const perColumn = ops.reshape(ops.sqrt(columns), [...leading, 1, ...width]);
      const change = ops.mul(ops.mul(gradient, perRow), perColumn);
      return { parameter: ops.sub(kept, change), slots: { row, column } };
    },
  };
}
