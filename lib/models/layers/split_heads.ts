/**
 * Between states and the heads of attention. B batch, T tokens, H heads, K width of a head.
 *
 * @module
 */
import type { Tensor } from "../../graph/ir/tensor.ts";
import * as ops from "../../graph/ops/mod.ts";

/** [B, T, H K] -> [B, H, T, K]. */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch = 0, length = 0, width = 0] = x.shape;
  return ops.transpose(ops.reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

/** [B, T, N H K] -> N times [B, H, T, K], all moved in one pass. */
export function splitJointHeads(
  x: Tensor,
  { parts, heads }: { readonly parts: number; readonly heads: number },
): readonly Tensor[] {
  const [batch = 0, length = 0, width = 0] = x.shape;
  const size = width / parts / heads;
  const apart = ops.reshape(x, [batch, length, parts, heads, size]);
  const moved = ops.transpose(apart, [2, 0, 3, 1, 4]); // [N, B, H, T, K]
  return ops.split(moved, { axis: 0, sizes: Array(parts).fill(1), name: "split" })
    .map((part) => ops.reshape(part, [batch, heads, length, size]));
}

/** [B, H, T, K] -> [B, T, H K]. */
export function mergeHeads(x: Tensor): Tensor {
  const [batch = 0, heads = 0, length = 0, width = 0] = x.shape;
  return ops.reshape(ops.transpose(x, [0, 2, 1, 3]), [batch, length, heads * width]);
}
