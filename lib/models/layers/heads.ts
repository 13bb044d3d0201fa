/**
 * What heads on top of a stack of blocks share. B batch, T tokens, D width, V vocabulary, C classes.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import type { Tensor } from "../../graph/ir/tensor.ts";
import * as ops from "../../graph/ops/mod.ts";
import type { Build } from "../build/build.ts";

/**
 * Scores of all words at the positions that are asked for: `hidden x table^T`.
 *
 * @param hidden `[B, T, D]`.
 * @param table `[V, D]`: the output layer, or the token embedding that it is tied to.
 * @returns `[B, T, V]`, or `[B, 1, V]` where one position a row is asked for.
 */
export function wordScores(b: Build, hidden: Tensor, table: Tensor): Tensor {
  const asked = b.asked(hidden);
  const [batch = 0, length = 0, width = 0] = asked.shape;
  const rows = ops.reshape(asked, [batch * length, width]);
  const scores = ops.matmul(rows, table, { transB: true, name: "lm_head" }); // [B T, V]
  return ops.reshape(scores, [batch, length, table.shape[0] ?? 0]);
}

/**
 * The state of each row's last token that is no padding, as decoders are classified by. A row of nothing but
 * padding has its first, as the reference's argmax of zeros.
 *
 * @param hidden `[B, T, D]`.
 * @param options `inputIds`: int32 `[B, T]`; `pad`: the token that rows are padded with.
 * @returns `[B, D]`.
 * @throws {UserError} where several rows are given and there is no token for padding.
 */
export function lastTokenState(
  hidden: Tensor,
  { inputIds, pad }: { readonly inputIds: Tensor; readonly pad: number | null },
): Tensor {
  const { graph } = hidden;
  const [batch = 0, length = 0, width = 0] = hidden.shape;
  const rows = ops.reshape(hidden, [batch * length, width]);
  const starts = (offset: number): Tensor =>
    graph.constant(Int32Array.from({ length: batch }, (_, row) => row * length + offset), {
      type: "int32",
      shape: [batch],
      name: "row_starts",
    });
  if (pad === null) {
    if (batch === 1) return ops.gather(rows, starts(length - 1), { name: "pooled" });
    throw new UserError({
      what: `cannot classify ${batch} rows at once: the model's config has no pad_token_id`,
      remedy: "set pad_token_id, or classify one row at a time",
    });
  }
  return graph.scope("pool", () => {
    const places = graph.constant(Float32Array.from({ length }, (_, place) => place), {
      type: "float32",
      shape: [1, length],
      name: "places",
    });
    const kept = ops.cast(ops.not(ops.equal(inputIds, pad)), "float32"); // [B, T]
    // Places are exact in float32; not every engine takes the maximum of integers.
    const last = ops.reduceMax(ops.mul(kept, places), { axes: [1] }); // [B]
    return ops.gather(rows, ops.add(ops.cast(last, "int32"), starts(0)), { name: "pooled" });
  });
}

/** The state of each row's first token, as encoders are classified by: `[B, T, D]` -> `[B, D]`. */
export function firstTokenState(hidden: Tensor): Tensor {
  const [batch = 0, , width = 0] = hidden.shape;
  const first = ops.slice(hidden, { axis: 1, start: 0, end: 1, name: "first" });
  return ops.reshape(first, [batch, width]);
}
