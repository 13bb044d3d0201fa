/**
 * Reverse-mode differentiation: walks the nodes backwards, applies each one's rule and sums what meets at a
 * tensor. Only nodes on a path from `wrt` to the loss take part. Gradients are float32, whatever they belong
 * to. The backward pass is ordinary nodes of the same graph, so it is compiled, shared and pruned like any
 * other.
 *
 * @module
 */

import { InternalError } from "../../base/errors.ts";
import { type Backward, GRADIENTS } from "./gradients.ts";
import * as ops from "../ops/mod.ts";
import { describe, type GraphNode, isFloat, sameShape, type Tensor } from "../ir/tensor.ts";

/**
 * The gradient of a scalar with respect to tensors.
 *
 * @param loss A float32 scalar (one element).
 * @param wrt Tensors of the same graph; zeros are returned for one that the loss does not depend on.
 * @returns A tensor of the same shape for each of `wrt`, named `grad/...` after what it belongs to.
 * @throws InternalError where the loss is no scalar, or a node on the way has no gradient.
 *
 * @example
 * ```ts
 * import { Graph } from "../ir/graph.ts";
 * import { gradients } from "./autodiff.ts";
 * import { mul, reduceSum } from "../ops/mod.ts";
 * const graph = new Graph();
 * const x = graph.input("x", { type: "float32", shape: [3] });
 * const [dx] = gradients(reduceSum(mul(x, x)), [x]);
 * if (dx?.shape[0] !== 3) throw new Error();
 * ```
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  if (loss.type !== "float32" || loss.shape.some((size) => size !== 1)) {
    throw new InternalError(`only a scalar has gradients: got ${describe(loss)}`);
  }
  const { graph } = loss;
  const one = graph.scope("grad", () => ops.expand(ops.scalar(graph, 1), loss.shape));
  const found = backpropagate(new Map([[loss, one]]), { wrt });
  return graph.scope(
    "grad",
    () => wrt.map((tensor, i) => found[i] ?? zerosLike(tensor)),
  );
}

/**
 * Carries gradients from tensors back to what they depend on.
 *
 * @param upstream The gradient of each tensor where to start.
 * @param options `wrt`: tensors of the same graph; `until`: those that count as inputs, so that nothing before
 * them takes part.
 * @returns A gradient of the same shape for each of `wrt`; undefined where nothing depends on it.
 */
export function backpropagate(
  upstream: ReadonlyMap<Tensor, Tensor>,
  options: { readonly wrt: readonly Tensor[]; readonly until?: readonly Tensor[] },
): (Tensor | undefined)[] {
  const { wrt, until = [] } = options;
  const found = new Map(upstream);
  const [first] = upstream.keys();
  if (first === undefined) return wrt.map(() => undefined);
  const between = pathNodes([...upstream.keys()], { wrt, until: new Set(until) });
  return first.graph.scope("grad", () => {
    for (const node of between) backward(node, found);
    return wrt.map((tensor) => found.get(tensor));
  });
}

/** The nodes that depend on `wrt` and that the ends depend on, users before their operands. */
function pathNodes(
  ends: readonly Tensor[],
  { wrt, until }: { readonly wrt: readonly Tensor[]; readonly until: ReadonlySet<Tensor> },
): GraphNode[] {
  const dependent = new Set<Tensor>(wrt);
  const forward: GraphNode[] = [];
  for (const node of ends[0]?.graph.nodes ?? []) {
    if (!node.inputs.some((tensor) => dependent.has(tensor))) continue;
    // Integers and bools end every path; so do operations without a rule.
    const outputs = node.outputs.filter((tensor) => isFloat(tensor.type));
    if (outputs.length === 0) continue;
    for (const tensor of outputs) dependent.add(tensor);
    forward.push(node);
  }
  const needed = new Set<Tensor>(ends);
  const between: GraphNode[] = [];
  for (const node of forward.reverse()) {
    if (!node.outputs.some((tensor) => needed.has(tensor) && !until.has(tensor))) continue;
    for (const tensor of node.inputs) if (dependent.has(tensor)) needed.add(tensor);
    between.push(node);
  }
  return between;
}

function backward(node: GraphNode, found: Map<Tensor, Tensor>): void {
  const upstream = node.outputs.map((tensor) => found.get(tensor));
  if (upstream.every((gradient) => gradient === undefined)) return;
  const rule = GRADIENTS[node.op];
  if (rule === null) throw new InternalError(`${node.op} "${node.name}" has no gradient`);
  const upstreamOf = (index: number): Tensor => {
    const tensor = node.outputs[index];
    if (tensor === undefined) throw new InternalError(`${node.name} has no output ${index}`);
    return upstream[index] ?? zerosLike(tensor);
  };
  const { graph } = node.inputs[0] ?? upstreamOf(0);
  graph.scope(node.name, () => {
    const view: Backward = { node, upstreamOf, upstream: upstreamOf(0) };
    rule(view).forEach((gradient, index) => {
      const operand = node.inputs[index];
      if (gradient === undefined || operand === undefined || !isFloat(operand.type)) return;
      const fitted = sumTo(gradient, operand.shape);
      const before = found.get(operand);
      found.set(operand, before === undefined ? fitted : sumGradients(before, fitted));
    });
  });
}

/** Gradients are float32, those of float16 too. */
function zerosLike({ graph, shape }: Tensor): Tensor {
  return ops.expand(ops.scalar(graph, 0), shape);
}

/** Sums a gradient over the axes that broadcasting had added or stretched. */
function sumTo(gradient: Tensor, shape: readonly number[]): Tensor {
  if (sameShape(gradient.shape, shape)) return gradient;
  const added = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((size, axis) =>
    axis < added || (shape[axis - added] === 1 && size !== 1) ? [axis] : []
  );
  const summed = axes.length === 0 ? gradient : ops.reduceSum(gradient, { axes, keepdims: true });
  // A gradient smaller than its operand stands for one value repeated.
  return ops.expand(ops.reshape(summed, summed.shape.slice(Math.max(0, added))), shape);
}

/**
 * The sum of two gradients. Rows scattered into zeros are scattered into the other summand instead: for tied
 * embeddings that spares two passes over the largest tensor of the model.
 */
export function sumGradients(a: Tensor, b: Tensor): Tensor {
  const [rowsA, rowsB] = [scattered(a), scattered(b)];
  if (rowsB !== undefined) return ops.scatterAdd(a, rowsB);
  if (rowsA !== undefined) return ops.scatterAdd(b, rowsA);
  return ops.add(a, b);
}

function scattered(gradient: Tensor): { ids: Tensor; rows: Tensor } | undefined {
  const { node } = gradient;
  if (node?.op !== "ScatterAdd") return undefined;
  const [table, ids, rows] = node.inputs;
  const origin = table?.node?.op === "Expand" ? table.node.inputs[0] : undefined;
  const isZero = origin !== undefined && gradient.graph.constantData(origin)?.[0] === 0;
  return isZero && ids !== undefined && rows !== undefined ? { ids, rows } : undefined;
}
