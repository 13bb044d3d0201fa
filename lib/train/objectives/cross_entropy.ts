/**
 * The loss that objectives over classes share, of words and of labels alike.
 *
 * @module
 */
import * as ops from "../../graph/ops/mod.ts";
import type { Tensor } from "../../graph/ir/tensor.ts";
import type { LossOptions } from "./objective.ts";

/**
 * The cross entropy over the labels that count, summed and divided by the denominator.
 *
 * @param logits float32 `[N, V]`.
 * @param options.labels int32 `[N]`, negative where nothing is to be predicted.
 * @returns float32 scalar.
 */
export function meanCrossEntropy(
  logits: Tensor,
  options: LossOptions & { readonly labels: Tensor },
): Tensor {
  const { labels, denominator, smoothing = 0 } = options;
  const rows = ops.crossEntropy(logits, { labels, smoothing, name: "cross_entropy" });
  return ops.div(ops.reduceSum(rows, { name: "total" }), denominator, { name: "mean" });
}
