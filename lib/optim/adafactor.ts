/**
 * Adafactor (Shazeer and Stern, arXiv 1804.04235) with the arithmetic of transformers' `Adafactor` as
 * Trainer sets it up: `scale_parameter=False`, `relative_step=False`, no first moment. Of a matrix's
 * squared gradients only the means of rows and columns are kept, of a vector's all.
 *
 * Left out: steps relative to the parameter or to time, the first moment.
 *
 * @module
 */

import * as ops from "../graph/ops.ts";
import { sizeOf, type Tensor } from "../graph/tensor.ts";
import type { OptimizedTensor, Optimizer, OptimizerStep } from "./optimizer.ts";

/** Keeps squared gradients from being zero: the first of transformers' `eps`. */
const EPSILON = 1e-30;

/** How the memory of squared gradients grows: beta2 of step t is `1 - t^DECAY_RATE` (section 7.2). */
const DECAY_RATE = -0.8;

/** Updates with a root mean square beyond this are scaled down to it (section 6). */
const CLIP_THRESHOLD = 1;

/** Adafactor. Its update is no matter of single elements: tensors are updated whole. */
export function adafactor(settings: { readonly weightDecay: number }): Optimizer {
  return {
    name: "adafactor",
    elementwise: false,
    slots: (shape): Record<string, readonly number[]> =>
      shape.length < 2 ? { square: shape } : {
        row: shape.slice(0, -1),
        column: [...shape.slice(0, -2), ...shape.slice(-1)],
      },
    scalars: ["scale", "rate", "keep", "beta2", "one_minus_beta2"],
    undecayed: { keep: 1 },
    feeds({ step, learningRate, scale }: OptimizerStep): Record<string, number> {
      const forgotten = step ** DECAY_RATE;
      return {
        scale,
        rate: learningRate,
        keep: 1 - learningRate * settings.weightDecay,
        beta2: 1 - forgotten,
        one_minus_beta2: forgotten,
      };
    },
    update({ parameter, slots }: OptimizedTensor, options): OptimizedTensor {
      const s = options.scalars as Readonly<Record<string, Tensor>>;
      const { shape } = parameter;
      const gradient = ops.mul(options.gradient, s.scale!);
      const squared = ops.add(ops.mul(gradient, gradient), EPSILON);
      const average = (slot: Tensor, value: Tensor): Tensor =>
        ops.add(ops.mul(slot, s.beta2!), ops.mul(value, s.one_minus_beta2!));
      let next: Record<string, Tensor>;
      let direction: Tensor;
      if (shape.length < 2) {
        const square = average(slots.square!, squared);
        next = { square };
        direction = ops.div(gradient, ops.sqrt(square));
      } else {
        const row = average(slots.row!, ops.reduceMean(squared, { axes: [-1] })); // [.., R]
        const column = average(slots.column!, ops.reduceMean(squared, { axes: [-2] })); // [.., C]
        next = { row, column };
        const share = ops.div(row, ops.reduceMean(row, { axes: [-1], keepdims: true }));
        const rows = ops.reshape(ops.reciprocal(ops.sqrt(share)), [...shape.slice(0, -1), 1]);
        const columns = ops.reshape(
          ops.reciprocal(ops.sqrt(column)),
          [...shape.slice(0, -2), 1, ...shape.slice(-1)],
        );
        direction = ops.mul(ops.mul(rows, columns), gradient);
      }
      const flat = ops.reshape(direction, [sizeOf(shape)]);
      const rms = ops.sqrt(ops.reduceMean(ops.mul(flat, flat)));
      const limit = ops.max(ops.div(rms, CLIP_THRESHOLD), 1);
      const change = ops.mul(ops.div(direction, limit), s.rate!);
      return { parameter: ops.sub(ops.mul(parameter, s.keep!), change), slots: next };
    },
  };
}
