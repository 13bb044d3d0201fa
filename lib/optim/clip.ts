/**
 * Gradient clipping by the global norm, as `torch.nn.utils.clip_grad_norm_`.
 *
 * @module
 */

import * as ops from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";

/** torch's guard against dividing by a norm of zero. */
const GUARD = 1e-6;

/**
 * What all gradients are multiplied by.
 *
 * @param norm Their joint Euclidean norm.
 * @param maxNorm The longest allowed; 0 for no limit.
 *
 * @example
 * ```ts
 * import { clipFactor } from "./clip.ts";
 * if (clipFactor(0.5, 1) !== 1 || clipFactor(7, 0) !== 1) throw new Error();
 * ```
 */
export function clipFactor(norm: number, maxNorm: number): number {
  return maxNorm > 0 ? Math.min(1, maxNorm / (norm + GUARD)) : 1;
}

/** The sum of the squares of all elements: float32 scalar. Sum these over tensors and take the root. */
export function sumOfSquares(gradient: Tensor): Tensor {
  const flat = ops.reshape(gradient, [-1]);
  return ops.reduceSum(ops.mul(flat, flat), { name: "sum_of_squares" });
}
