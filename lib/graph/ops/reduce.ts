/**
 * Sums, means and maxima over axes.
 *
 * @module
 */

import { InternalError } from "../../base/errors.ts";
import type { Named } from "./elementwise.ts";
import type { Op, Tensor } from "../ir/tensor.ts";

/** Which axes to reduce. */
export interface ReduceOptions extends Named {
  /** Axes, negative ones from the end. All where absent. */
  readonly axes?: readonly number[];
  /** Keep reduced axes with size 1. Default false. */
  readonly keepdims?: boolean;
}

function reduce(op: Op, x: Tensor, options: ReduceOptions): Tensor {
  const { axes, keepdims = false, ...named } = options;
  const all = axes ?? x.shape.map((_, axis) => axis);
  const sorted = all.map((axis) => axis < 0 ? axis + x.shape.length : axis).sort((a, b) => a - b);
  const [output] = x.graph.add(op, [x], { ...named, attributes: { axes: sorted, keepdims } });
  if (output === undefined) throw new InternalError(`${op} has one output`);
  return output;
}

/** The sum over axes. */
export function reduceSum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce("ReduceSum", x, options);
}

/** The sum of squares over axes. */
export function reduceSumSquare(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce("ReduceSumSquare", x, options);
}

/** The mean over axes. */
export function reduceMean(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce("ReduceMean", x, options);
}

/** The largest element over axes; it is not differentiated. */
export function reduceMax(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce("ReduceMax", x, options);
}
