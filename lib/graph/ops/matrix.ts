/**
 * Matrix products.
 *
 * @module
 */

import { InternalError } from "../../base/errors.ts";
import { productOperands } from "./autocast.ts";
import { add, type Named } from "./elementwise.ts";
import type { Tensor } from "../ir/tensor.ts";

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
 * `alpha * a x b` over the last two axes; leading axes broadcast. A product of float16 operands is float32;
 * inside {@linkcode Graph.autocast} operands are made so.
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
  const operands = a.graph.autocasts ? productOperands(a, b, { transA }) : [a, b];
  return single(
    a.graph.add("MatMul", operands, { ...named, attributes: { transA, transB, alpha } }),
  );
}

/**
 * `x weight + bias`.
 *
 * @param x `[rows, in]`.
 * @param options.weight `[in, out]`, as GPT-2 stores it (transformers' `Conv1D`), or with `transB` `[out, in]`, as
 * torch's `Linear` does.
 * @param options.bias `[out]`.
 * @returns `[rows, out]`.
 */
export function gemm(
  x: Tensor,
  options: Named & {
    readonly weight: Tensor;
    readonly bias: Tensor;
    readonly transB?: boolean;
  },
): Tensor {
  const { weight, bias, transB = false, ...named } = options;
  // Sums stay float32, those of the bias's gradient too.
  if (x.graph.autocasts) return add(matmul(x, weight, { transB }), bias, named);
  return single(x.graph.add("Linear", [x, weight, bias], { ...named, attributes: { transB } }));
}

function single(outputs: readonly Tensor[]): Tensor {
  const [output] = outputs;
  if (output === undefined) throw new InternalError("a product has one output");
  return output;
}
