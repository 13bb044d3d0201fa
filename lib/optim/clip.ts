/**
 * Gradient clipping by the global norm, as `torch.nn.utils.clip_grad_norm_`.
 *
 * @module
 */

import * as ops from "../graph/ops/mod.ts";
import { sizeOf, type Tensor } from "../graph/ir/tensor.ts";

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

/** Elements of a row at most, and at least where all rows are to be equal. */
const ROW = { most: 4096, least: 64 };

/**
 * The sum of the squares of all elements of all tensors: float32 scalar; its root is their joint norm. Summed up
 * in rows first: a GPU takes one group of threads for a result, however much goes into it.
 */
export function sumOfSquares(tensors: readonly Tensor[]): Tensor {
  const sums = tensors.flatMap((tensor) =>
    rows(tensor).map((matrix) => ops.reduceSumSquare(matrix, { axes: [1] }))
  );
  return ops.reduceSum(ops.concat(sums, { axis: 0 }), { name: "sum_of_squares" });
}

/** All elements as a matrix of rows that are not too long, or as one and what is left over. */
function rows(tensor: Tensor): Tensor[] {
  const size = sizeOf(tensor.shape);
  for (let row = Math.min(size, ROW.most); row >= Math.min(size, ROW.least); row--) {
    if (size % row === 0) return [ops.reshape(tensor, [size / row, row])];
  }
  const rest = size % ROW.most;
  return ops.split(ops.reshape(tensor, [-1]), { axis: 0, sizes: [size - rest, rest] })
    .flatMap(rows);
}
