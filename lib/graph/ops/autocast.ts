/**
 * Mixed precision as torch.autocast has it: inside {@linkcode Graph.autocast} matrix products take their
 * operands as float16, and everything else (normalization, softmax, losses, sums of gradients) stays float32.
 * The policy is here, in one place; models know nothing of it.
 *
 * float16 is a format of operands alone. A product of two such matrices has a float32 result, as on tensor
 * cores, and its gradients are products of the same kind with float32 results: no gradient is kept in float16,
 * and weights are cast in the graph from float32 masters. (torch keeps products and their gradients in float16.)
 *
 * @module
 */

import { cast } from "./elementwise.ts";
import type { Op, Tensor } from "../ir/tensor.ts";

/**
 * A product over a longer inner axis (that of a vocabulary, in the gradient of a model's output layer) stays
 * float32: in float16 it is summed up in so many parts (`half_product.ts`) that nothing would be won.
 */
const LONGEST = 8192;

/** Operations that move elements and leave them as they are: a cast goes before them, not after. */
const MOVES: ReadonlySet<Op> = new Set(["Reshape", "Transpose", "Split", "Slice", "Concat"]);

/**
 * The operands of a product as mixed precision has them: both float16, or both float32.
 *
 * @param a The left matrix; `options.transA`: used transposed.
 * @param b The right one.
 */
export function productOperands(
  a: Tensor,
  b: Tensor,
  { transA = false }: { readonly transA?: boolean },
): [Tensor, Tensor] {
  const inner = a.shape.at(transA ? -2 : -1) ?? 1;
  return inner > LONGEST ? [widened(a), widened(b)] : [halved(a), halved(b)];
}

/** The tensor in float32: what it was cast from, where it was. */
export function widened(x: Tensor): Tensor {
  const [origin] = x.node?.op === "Cast" ? x.node.inputs : [];
  return origin?.type === "float32" ? origin : cast(x, "float32");
}

/** The tensor in float16. What is then only moved is moved in half the bytes. */
function halved(x: Tensor): Tensor {
  const { node, graph } = x;
  if (x.type !== "float32" || node === undefined || !MOVES.has(node.op)) return cast(x, "float16");
  const parts = graph.add(node.op, node.inputs.map(halved), {
    attributes: node.attributes,
    name: `half/${node.name.split("/").at(-1)}`,
  });
  return parts[node.outputs.indexOf(x)] ?? cast(x, "float16");
}
