/**
 * Softmax, layer normalization and the cross entropy of a softmax.
 *
 * @module
 */

import { InternalError } from "../../base/errors.ts";
import type { Named } from "./elementwise.ts";
import type { Tensor } from "../ir/tensor.ts";

/** Softmax over the last axis. */
export function softmax(x: Tensor, options: Named = {}): Tensor {
  return first(x.graph.add("Softmax", [x], options));
}

/**
 * Layer normalization over the last axis (Ba, Kiros and Hinton, arXiv 1607.06450). The engine's mean and
 * inverse deviation are kept for the backward pass.
 *
 * @param x `[..., D]`.
 * @param options.scale `[D]`; `options.bias` `[D]`; `options.epsilon` added to the variance.
 */
export function layerNorm(
  x: Tensor,
  options: Named & { readonly scale: Tensor; readonly bias: Tensor; readonly epsilon: number },
): Tensor {
  const { scale, bias, epsilon, ...named } = options;
  return first(x.graph.add("LayerNorm", [x, scale, bias], { ...named, attributes: { epsilon } }));
}

/**
 * The negative log likelihood of each row's label under the softmax of its logits; 0 where the label is
 * negative (-100: nothing to predict). Stable: the largest logit is subtracted first. Not differentiable twice.
 *
 * @param logits float32 `[N, V]`.
 * @param options.labels int32 `[N]`, each below V.
 * @param options.smoothing Weight of the mean over all labels against the label itself (transformers'
 *   `LabelSmoother`). Default 0.
 * @returns float32 `[N]`.
 */
export function crossEntropy(
  logits: Tensor,
  options: Named & { readonly labels: Tensor; readonly smoothing?: number },
): Tensor {
  const { labels, smoothing = 0, ...named } = options;
  const attributes = { smoothing };
  return first(logits.graph.add("CrossEntropy", [logits, labels], { ...named, attributes }));
}

function first(outputs: readonly Tensor[]): Tensor {
  const [output] = outputs;
  if (output === undefined) throw new InternalError("a node has at least one output");
  return output;
}
