/**
 * Operations that move elements without changing them.
 *
 * @module
 */

import { InternalError } from "../../base/errors.ts";
import type { Named } from "./elementwise.ts";
import { type Attributes, type Op, sameShape, sizeOf, type Tensor } from "../ir/tensor.ts";

function apply(op: Op, inputs: readonly Tensor[], attributes: Attributes, named: Named): Tensor {
  const [output] = inputs[0]?.graph.add(op, inputs, { ...named, attributes }) ?? [];
  if (output === undefined) throw new InternalError(`${op} needs an operand`);
  return output;
}

function positive(x: Tensor, axis: number): number {
  return axis < 0 ? axis + x.shape.length : axis;
}

/**
 * The same elements in another shape; one size may be -1 and follows from the rest.
 *
 * @returns `x` itself where it has that shape already.
 */
export function reshape(x: Tensor, shape: readonly number[], options: Named = {}): Tensor {
  const known = shape.filter((size) => size !== -1).reduce((a, b) => a * b, 1);
  const full = shape.map((size) => size === -1 ? sizeOf(x.shape) / known : size);
  if (sameShape(full, x.shape)) return x;
  // Of two in a row the second says it all; often it leads back to where the first began.
  const [before] = x.node?.op === "Reshape" ? x.node.inputs : [];
  if (before !== undefined) return reshape(before, full, options);
  return apply("Reshape", [x], { shape: full }, options);
}

/** Axis `i` of the result is axis `perm[i]` of `x`. */
export function transpose(x: Tensor, perm: readonly number[], options: Named = {}): Tensor {
  if (perm.every((axis, i) => axis === i)) return x;
  return apply("Transpose", [x], { perm: [...perm] }, options);
}

/** Tensors one after the other along an axis. */
export function concat(
  parts: readonly Tensor[],
  options: Named & { readonly axis: number },
): Tensor {
  const [first] = parts;
  if (first === undefined) throw new InternalError("concat needs at least one tensor");
  if (parts.length === 1) return first;
  const { axis, ...named } = options;
  return apply("Concat", parts, { axis: positive(first, axis) }, named);
}

/** Consecutive parts of `x` along an axis, of the given sizes. */
export function split(
  x: Tensor,
  options: Named & { readonly axis: number; readonly sizes: readonly number[] },
): readonly Tensor[] {
  const { axis, sizes, ...named } = options;
  const attributes = { axis: positive(x, axis), sizes: [...sizes] };
  return x.graph.add("Split", [x], { ...named, attributes });
}

/** The elements `start` (inclusive) to `end` (exclusive) along an axis; `x` itself where that is all. */
export function slice(
  x: Tensor,
  options: Named & { readonly axis: number; readonly start: number; readonly end: number },
): Tensor {
  const { start, end, ...named } = options;
  const axis = positive(x, options.axis);
  if (start === 0 && end === x.shape[axis]) return x;
  const { axis: _, ...rest } = named;
  return apply("Slice", [x], { axis, start, end }, rest);
}

/** `x` repeated to a larger shape, as broadcasting would. */
export function expand(x: Tensor, shape: readonly number[], options: Named = {}): Tensor {
  return sameShape(x.shape, shape) ? x : apply("Expand", [x], { shape: [...shape] }, options);
}
