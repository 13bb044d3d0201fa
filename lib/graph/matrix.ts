/**
 * Matrix products.
 *
 * @module
 */

import { InternalError } from "../errors.ts";
import type { Named } from "./elementwise.ts";
import type { Tensor } from "./tensor.ts";

/** How {@linkcode matmul} reads its operands. */
export interface MatMulOptions extends Named {
  /** Use `a` with its last two axes swapped. */
  readonly transA?: boolean;
  /** Use `b` with its last two axes swapped. */
  readonly transB?: boolean;
  /** A factor on the product. Default 1. */
  readonly alpha?: number;
}

/**
 * `alpha * a x b` over the last two axes; leading axes broadcast.
 *
 * @param a `[..., M, K]`, or `[..., K, M]` with `transA`.
 * @param b `[..., K, N]`, or `[..., N, K]` with `transB`.
 * @returns `[..., M, N]`.
 */
export function matmul(
  a: Tensor,
  b: Tensor,
  options: MatMulOptions = {},
): Tensor {
  const { transA = false, transB = false, alpha = 1, ...named } = options;
  return single(a.graph.add("MatMul", [a, b], { ...named, attributes: { transA, transB, alpha } }));
}

/**
 * `x weight + bias`, the weight stored as GPT-2 does (transformers' `Conv1D`).
 *
 * @param x `[rows, in]`.
 * @param options.weight `[in, out]`.
 * @param options.bias `[out]`.
 * @returns `[rows, out]`.
 */
export function gemm(
  x: Tensor,
  options: Named & { readonly weight: Tensor; readonly bias: Tensor },
): Tensor {
  const { weight, bias, ...named } = options;
  return single(x.graph.add("Linear", [x, weight, bias], named));
}

function single(outputs: readonly Tensor[]): Tensor {
  const [output] = outputs;
  if (output === undefined) throw new InternalError("a product has one output");
  return output;
}
