/**
 * Training losses. B batch, T tokens, V vocabulary.
 *
 * @module
 */

import * as ops from "../graph/ops/mod.ts";
import type { Tensor } from "../graph/ir/tensor.ts";

/** How a loss is taken. */
export interface LossOptions {
  /**
   * float32 scalar that the summed loss is divided by: the number of predicted tokens of the whole accumulated
   * batch, so that accumulating gradients gives those of one large batch. Absent: the tokens of this one.
   */
  readonly denominator?: Tensor | undefined;
  /** Label smoothing as in transformers' `LabelSmoother`. Default 0. */
  readonly smoothing?: number | undefined;
}

/** A loss and how many tokens it was taken over. */
export interface Loss {
  /** float32 scalar. */
  readonly loss: Tensor;
  /** float32 scalar: how many labels were predicted. */
  readonly tokens: Tensor;
}

/**
 * The cross entropy of predicting each next token. The labels are shifted by one, not the logits, which are
 * too large to copy.
 *
 * @param logits float32 `[B, T, V]`.
 * @param labels int32 `[B, T]`, the tokens themselves; -100 where nothing is to be predicted.
 * @returns The sum over predicted tokens divided by the denominator.
 */
export function causalLmLoss(logits: Tensor, labels: Tensor, options: LossOptions = {}): Loss {
  const [batch = 0, length = 0, vocabulary = 0] = logits.shape;
  const { graph } = logits;
  return graph.scope("loss", () => {
    const end = graph.constant(new Int32Array(batch).fill(-100), {
      type: "int32",
      shape: [batch, 1],
      name: "end",
    });
    const shifted = length === 1
      ? end
      : ops.concat([ops.slice(labels, { axis: 1, start: 1, end: length }), end], { axis: 1 });
    return meanCrossEntropy(ops.reshape(logits, [-1, vocabulary]), {
      ...options,
      labels: ops.reshape(shifted, [-1]),
    });
  });
}

/**
 * The mean cross entropy over the labels that count.
 *
 * @param logits float32 `[N, V]`.
 * @param options.labels int32 `[N]`, negative where nothing is to be predicted.
 */
export function meanCrossEntropy(
  logits: Tensor,
  options: LossOptions & { readonly labels: Tensor },
): Loss {
  const { labels, denominator, smoothing = 0 } = options;
  const rows = ops.crossEntropy(logits, { labels, smoothing, name: "cross_entropy" });
  const counted = ops.cast(ops.not(ops.less(labels, 0)), "float32");
  const tokens = ops.reduceSum(counted, { name: "tokens" });
  const total = ops.reduceSum(rows, { name: "total" });
  return { loss: ops.div(total, denominator ?? ops.max(tokens, 1), { name: "mean" }), tokens };
}
