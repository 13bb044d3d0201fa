/**
 * Attention and its masks. B batch, T tokens, H heads, K width of a head, L cached positions.
 *
 * @module
 */

import type { Tensor, TensorGraph } from "../../graph/ir/tensor.ts";
import * as ops from "../../graph/ops/mod.ts";
import { dropout, type DropoutSource, unscaledDropout } from "./dropout.ts";

/** Added to scores that must not be attended to; twice it is still finite in float32. */
const MASKED = -1e9;

/** [1, 1, T, T]: 0 where key <= query, a large negative number where the key lies ahead. */
export function causalBias(graph: TensorGraph, length: number): Tensor {
  const data = Float32Array.from(
    { length: length * length },
    (_, i) => i % length > Math.floor(i / length) ? MASKED : 0,
  );
  return graph.constant(data, {
    type: "float32",
    shape: [1, 1, length, length],
    name: "causal_bias",
  });
}

/**
 * An additive bias from a mask of keys.
 *
 * @param mask int32 `[B, T]`, 1 where a key may be attended to and 0 where it is padding.
 * @returns float32 `[B, 1, 1, T]`.
 */
export function paddingBias(mask: Tensor): Tensor {
  const [batch = 0, length = 0] = mask.shape;
  const hidden = ops.sub(1, ops.cast(mask, "float32"));
  return ops.reshape(ops.mul(hidden, MASKED, { name: "padding_bias" }), [batch, 1, 1, length]);
}

/** Keys and values of earlier positions, kept by the host. */
export interface PastAttention {
  /** `[B, H, L, K]`. */
  readonly keys: Tensor;
  /** `[B, H, L, K]`. */
  readonly values: Tensor;
  /** Added to the scores against them: `[B, 1, 1, L]`. */
  readonly bias: Tensor;
}

/** What {@linkcode attention} needs beside the queries. */
export interface AttentionOptions {
  /** `[B, H, T, K]`. */
  readonly keys: Tensor;
  /** `[B, H, T, K]`. */
  readonly values: Tensor;
  /** The factor on the scores, such as `1 / sqrt(K)`. */
  readonly scale: number;
  /** Added to the scores, broadcast over `[B, H, T, T]`. */
  readonly bias?: Tensor | undefined;
  /** Whether the bias hides every key ahead of its query, so that those need not be looked at. */
  readonly causal?: boolean;
  readonly past?: PastAttention | undefined;
  readonly dropout: {
    readonly rate: number;
    readonly site: string;
    readonly source: DropoutSource | undefined;
  };
}

/**
 * Scaled dot-product attention (Vaswani et al., arXiv 1706.03762). With `past`, the scores of old and new keys
 * are joined, never the keys themselves: the large cached tensors are read once and copied nowhere.
 *
 * @param queries `[B, H, T, K]`.
 * @returns `[B, H, T, K]`.
 */
export function attention(queries: Tensor, options: AttentionOptions): Tensor {
  const { keys, values, scale, bias, past } = options;
  if (past === undefined) return attendInBlocks(queries, options);
  // (B, H, T, K) x (B, H, K, T) -> (B, H, T, T)
  let scores = ops.matmul(queries, keys, { transB: true, alpha: scale, name: "scores" });
  if (bias !== undefined) scores = ops.add(scores, bias, { name: "masked" });
  const old = ops.matmul(queries, past.keys, { transB: true, alpha: scale, name: "past_scores" });
  const joined = ops.concat([ops.add(old, past.bias), scores], { axis: -1 }); // (B, H, T, L + T)
  const weights = dropout(ops.softmax(joined, { name: "weights" }), options.dropout);
  const sizes = [past.keys.shape[2] ?? 0, keys.shape[2] ?? 0];
  const [onPast, onNew] = ops.split(weights, { axis: -1, sizes });
  if (onPast === undefined || onNew === undefined) return weights;
  return ops.add(
    ops.matmul(onPast, past.values, { name: "past_mixed" }),
    ops.matmul(onNew, values, { name: "new_mixed" }),
    { name: "mixed" },
  );
}

/** Queries of a block, and the most blocks that a sequence is cut into. */
const BLOCK = { least: 128, most: 4 };

/**
 * Attention in blocks of queries: where keys ahead of a query are hidden, a block needs no scores against
 * those behind its end, which of four blocks saves three eighths of all work on scores.
 */
function attendInBlocks(queries: Tensor, options: AttentionOptions): Tensor {
  const { keys, values, bias, causal = false } = options;
  const [, , length = 0] = queries.shape;
  const count = causal ? Math.max(1, Math.min(BLOCK.most, Math.floor(length / BLOCK.least))) : 1;
  if (count === 1) return attend(queries, { ...options, keys, values });
  const size = Math.ceil(length / count);
  const sizes = Array.from({ length: count }, (_, i) => Math.min(size, length - i * size));
  const cut = (x: Tensor): readonly Tensor[] => ops.split(x, { axis: 2, sizes });
  const [keyParts, valueParts] = [cut(keys), cut(values)];
  const mixed = cut(queries).map((part, index) => {
    const last = index === count - 1;
    const seen = (x: Tensor, parts: readonly Tensor[]): Tensor =>
      last ? x : ops.concat(parts.slice(0, index + 1), { axis: 2 });
    const [start, end] = [index * size, Math.min(length, (index + 1) * size)];
    return attend(part, {
      ...options,
      keys: seen(keys, keyParts),
      values: seen(values, valueParts),
      bias: bias && biasBlock(bias, { start, end }),
      dropout: { ...options.dropout, site: `${options.dropout.site}/${index}` },
    });
  });
  return ops.concat(mixed, { axis: 2, name: "mixed" });
}

/** The part of a bias `[.., T or 1, T]` for the queries from `start` to `end` and the keys before `end`. */
function biasBlock(bias: Tensor, { start, end }: { start: number; end: number }): Tensor {
  const rows = bias.shape.at(-2) === 1 ? bias : ops.slice(bias, { axis: -2, start, end });
  return ops.slice(rows, { axis: -1, start: 0, end });
}

/** All queries against all keys. */
function attend(
  queries: Tensor,
  { keys, values, scale, bias, dropout: drop }: AttentionOptions,
): Tensor {
  // (B, H, T, K) x (B, H, K, T) -> (B, H, T, T)
  let scores = ops.matmul(queries, keys, { transB: true, alpha: scale, name: "scores" });
  if (bias !== undefined) scores = ops.add(scores, bias, { name: "masked" });
  const { kept, factor } = unscaledDropout(ops.softmax(scores, { name: "weights" }), drop);
  return ops.matmul(kept, values, { alpha: factor, name: "mixed" }); // (B, H, T, T) x (B, H, T, K)
}
