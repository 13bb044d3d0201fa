/**
 * Normalization as a layer of a model: the operation with its parameters.
 *
 * @module
 */
import type { Tensor } from "../../graph/ir/tensor.ts";
import * as ops from "../../graph/ops/mod.ts";
import type { Build } from "../build/build.ts";
import { ONES, ZEROS } from "../build/parameters.ts";

/**
 * Layer normalization over the last axis, with `NAME.weight` and `NAME.bias`.
 *
 * @param x `[..., D]`.
 */
export function layerNorm(b: Build, name: string, x: Tensor, epsilon: number): Tensor {
  const width = x.shape.at(-1) ?? 0;
  const scale = b.param(`${name}.weight`, [width], ONES);
  const bias = b.param(`${name}.bias`, [width], ZEROS);
  return ops.layerNorm(x, { scale, bias, epsilon, name });
}
