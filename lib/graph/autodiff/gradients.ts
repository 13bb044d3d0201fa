/**
 * The backward rule of each operation: from the gradients of a node's outputs to those of its operands.
 * One table, so that a new operation that lacks a rule does not compile. A rule may return a gradient in the
 * broadcast shape; `autodiff.ts` sums it down to the operand's.
 *
 * @module
 */

import { InternalError } from "../../base/errors.ts";
import { widened } from "../ops/autocast.ts";
import { gatedActivationSlope } from "./gated_gradient.ts";
import { listAttribute, numberAttribute } from "../ir/infer.ts";
import * as ops from "../ops/mod.ts";
import { type GraphNode, type Op, sameShape, type Tensor } from "../ir/tensor.ts";

/** What a rule sees of a node during the backward pass. */
export interface Backward {
  readonly node: GraphNode;
  /** The gradient of the first output. */
  readonly upstream: Tensor;
  /** The gradient of output `index`, zeros where nothing depends on it. */
  upstreamOf(index: number): Tensor;
}

/** Gradients of the operands, in their order; undefined where there is none. */
export type GradientRule = (backward: Backward) => readonly (Tensor | undefined)[];

function input(node: GraphNode, index: number): Tensor {
  const tensor = node.inputs[index];
  if (tensor === undefined) throw new InternalError(`${node.name} has no operand ${index}`);
  return tensor;
}

function output(node: GraphNode, index: number): Tensor {
  const tensor = node.outputs[index];
  if (tensor === undefined) throw new InternalError(`${node.name} has no output ${index}`);
  return tensor;
}

/** A rule of one operand from `(dy, x, y) -> dx`. */
function unary(rule: (dy: Tensor, x: Tensor, y: Tensor) => Tensor): GradientRule {
  return ({ node, upstream }) => [rule(upstream, input(node, 0), output(node, 0))];
}

/** A rule of two operands from `(dy, a, b, y) -> [da, db]`. */
function binary(
  rule: (dy: Tensor, a: Tensor, b: Tensor, y: Tensor) => readonly (Tensor | undefined)[],
): GradientRule {
  return ({ node, upstream }) => rule(upstream, input(node, 0), input(node, 1), output(node, 0));
}

/** Min and Max: the gradient goes to the operand that was chosen, to the first of equal ones. */
function chosen(second: (a: Tensor, b: Tensor) => Tensor): GradientRule {
  return binary((dy, a, b) => {
    const isSecond = second(a, b);
    return [
      ops.where(isSecond, { then: 0, else: dy }),
      ops.where(isSecond, { then: dy, else: 0 }),
    ];
  });
}

/** Spreads a reduced gradient over the axes that were reduced. */
function unreduce(dy: Tensor, node: GraphNode): Tensor {
  const { shape } = input(node, 0);
  const axes = listAttribute(node.attributes, "axes");
  const kept = shape.map((size, axis) => axes.includes(axis) ? 1 : size);
  return ops.expand(ops.reshape(dy, kept), shape);
}

function reducedCount(node: GraphNode): number {
  const { shape } = input(node, 0);
  return listAttribute(node.attributes, "axes").reduce((n, axis) => n * (shape[axis] ?? 1), 1);
}

/** A tensor of zeros that costs nothing to store. */
function zeros(like: Tensor, shape: readonly number[]): Tensor {
  return ops.expand(ops.scalar(like.graph, 0, { type: like.type }), shape);
}

const matmul: GradientRule = ({ node, upstream }) => {
  const [a, b] = [input(node, 0), input(node, 1)];
  const alpha = numberAttribute(node.attributes, "alpha");
  const { transA: ta, transB: tb } = node.attributes;
  const [transA, transB] = [ta === true, tb === true];
  // Factors of its rows are cheaper applied to the operands than to a gradient that is wider than these.
  const wide = !transA && (upstream.shape.at(-1) ?? 1) > 2 * (a.shape.at(-1) ?? 1);
  const { matrix: dy, rows } = wide ? rowFactors(upstream) : { matrix: upstream, rows: undefined };
  const scaled = (t: Tensor): Tensor => rows === undefined ? t : ops.mul(widened(t), rows);
  const products = (): Tensor[] => [
    transA
      ? ops.matmul(b, dy, { transA: transB, transB: true, alpha })
      : scaled(ops.matmul(dy, b, { transB: !transB, alpha })),
    transB
      ? ops.matmul(dy, scaled(a), { transA: true, transB: transA, alpha })
      : ops.matmul(scaled(a), dy, { transA: !transA, alpha }),
  ];
  return a.type === "float16" ? a.graph.autocast(products) : products();
};

/** Attributes of a cast to float16. */
const HALF = { to: "float16" };

/** Takes a product with a column `[N, 1]` apart. */
function rowFactors(gradient: Tensor): { matrix: Tensor; rows: Tensor | undefined } {
  const { node, shape: [count] } = gradient;
  const [matrix, rows] = node?.op === "Mul" ? node.inputs : [];
  return matrix !== undefined && rows !== undefined && gradient.shape.length === 2 &&
      sameShape(matrix.shape, gradient.shape) && sameShape(rows.shape, [count ?? 0, 1])
    ? { matrix, rows }
    : { matrix: gradient, rows: undefined };
}

const slice: GradientRule = ({ node, upstream: dy }) => {
  const { shape } = input(node, 0);
  const axis = numberAttribute(node.attributes, "axis");
  const start = numberAttribute(node.attributes, "start");
  const after = (shape[axis] ?? 0) - numberAttribute(node.attributes, "end");
  const padding = (size: number): Tensor[] =>
    size === 0 ? [] : [zeros(dy, shape.map((full, i) => i === axis ? size : full))];
  return [ops.concat([...padding(start), dy, ...padding(after)], { axis })];
};

const concat: GradientRule = ({ node, upstream: dy }) => {
  const axis = numberAttribute(node.attributes, "axis");
  const sizes = node.inputs.map((part) => part.shape[axis] ?? 0);
  return ops.split(dy, { axis, sizes });
};

const split: GradientRule = ({ node, upstreamOf }) => {
  const axis = numberAttribute(node.attributes, "axis");
  return [ops.concat(node.outputs.map((_, index) => upstreamOf(index)), { axis })];
};

const gather: GradientRule = ({ node, upstream: dy }) => {
  const [table, ids] = [input(node, 0), input(node, 1)];
  const [rows = 0, ...rest] = table.shape;
  const width = rest.reduce((a, b) => a * b, 1);
  const flat = ops.scatterAdd(zeros(table, [rows, width]), {
    ids: ops.reshape(ids, [-1]),
    rows: ops.reshape(dy, [-1, width]),
  });
  return [ops.reshape(flat, table.shape), undefined];
};

/** dx = y (dy - sum(dy y)), over the last axis. */
const softmax: GradientRule = unary((dy, _x, y) =>
  ops.mul(ops.sub(dy, attendedDot(dy, y) ?? rowDot(dy, y)), y)
);

/** Sums of the products along the last axis: [..., N] and [..., N] -> [..., 1]. */
function rowDot(a: Tensor, b: Tensor): Tensor {
  return ops.reduceSum(ops.mul(a, b), { axes: [-1], keepdims: true });
}

/**
 * `rowDot(dw, w)` for attention's weights, where `dw = (dy values^T) mask` and `w mask` went into
 * `y = (w mask) values`: the same as `rowDot(dy, y)`, which is far smaller (Dao et al., arXiv 2205.14135,
 * appendix B.2). Undefined elsewhere.
 */
function attendedDot(dw: Tensor, w: Tensor): Tensor | undefined {
  const { graph } = w;
  const [product, mask] = dw.node?.op === "Mul" ? dw.node.inputs : [dw];
  const { node } = product ?? dw;
  const [dy, values] = node?.op === "MatMul" ? node.inputs : [];
  if (node === undefined || dy === undefined || values === undefined) return undefined;
  const { transA, transB, alpha = 1 } = node.attributes;
  const mixed = mask === undefined ? w : graph.find("Mul", [w, mask]);
  if (mixed === undefined || transA === true || transB !== true) return undefined;
  const operand = values.type === "float16" ? graph.find("Cast", [mixed], HALF) : mixed;
  const y = operand &&
    graph.find("MatMul", [operand, values], { transA: false, transB: false, alpha });
  return y === undefined ? undefined : rowDot(widened(dy), y);
}

/**
 * With n = (x - mean) inv: dx = inv (d - mean(d) - n mean(d n)) where d = dy scale; dscale = sum(dy n).
 * The means over the width are taken as products with `scale / D`, which spares passes over [N, D].
 */
const layerNorm: GradientRule = ({ node, upstream: dy }) => {
  const [x, scale] = [input(node, 0), input(node, 1)];
  const [mean, inverse] = [output(node, 1), output(node, 2)];
  const width = x.shape.at(-1) ?? 1;
  const rows = x.shape.slice(0, -1).map((_, axis) => axis);
  const normal = ops.mul(ops.sub(x, mean), inverse);
  const product = ops.mul(dy, normal);
  const column = ops.reshape(scale, [width, 1]);
  const rowMean = (t: Tensor): Tensor =>
    ops.reshape(
      ops.matmul(ops.reshape(t, [-1, width]), column, { alpha: 1 / width }),
      inverse.shape,
    );
  const centred = ops.sub(ops.mul(dy, scale), rowMean(dy));
  return [
    ops.mul(ops.sub(centred, ops.mul(normal, rowMean(product))), inverse),
    ops.reduceSum(product, { axes: rows }),
    ops.reduceSum(dy, { axes: rows }),
  ];
};

/** (probabilities - target) times a column; a product that follows takes the column out again. */
const crossEntropy: GradientRule = ({ node, upstream: dy }) => {
  const [labels, probabilities] = [input(node, 1), output(node, 1)];
  const [difference] = dy.graph.add("CrossEntropyGradient", [probabilities, labels], {
    attributes: node.attributes,
  });
  if (difference === undefined) throw new InternalError("a node has at least one output");
  const counted = ops.mul(dy, ops.cast(ops.not(ops.less(labels, 0)), "float32"));
  return [ops.mul(difference, ops.reshape(counted, [-1, 1])), undefined];
};

/** Every operation's rule; null where results carry no gradient. */
export const GRADIENTS: Readonly<Record<Op, GradientRule | null>> = {
  Add: binary((dy) => [dy, dy]),
  Sub: binary((dy) => [dy, ops.neg(dy)]),
  Mul: binary((dy, a, b) => [ops.mul(dy, b), ops.mul(dy, a)]),
  Div: binary((dy, _a, b, y) => {
    const da = ops.div(dy, b);
    return [da, ops.neg(ops.mul(da, y))];
  }),
  Pow: binary((dy, a, b, y) => [
    ops.mul(dy, ops.mul(ops.pow(a, ops.sub(b, 1)), b)),
    ops.mul(dy, ops.mul(y, ops.log(a))),
  ]),
  Min: chosen((a, b) => ops.less(b, a)),
  Max: chosen((a, b) => ops.less(a, b)),
  Equal: null,
  Less: null,
  And: null,
  Not: null,
  Neg: unary((dy) => ops.neg(dy)),
  Abs: unary((dy, x) => ops.where(ops.less(x, 0), { then: ops.neg(dy), else: dy })),
  Exp: unary((dy, _x, y) => ops.mul(dy, y)),
  Log: unary((dy, x) => ops.div(dy, x)),
  Sqrt: unary((dy, _x, y) => ops.mul(ops.div(dy, y), 0.5)),
  Tanh: unary((dy, _x, y) => ops.mul(dy, ops.sub(1, ops.mul(y, y)))),
  Erf: unary((dy, x) =>
    ops.mul(dy, ops.mul(ops.exp(ops.neg(ops.mul(x, x))), 2 / Math.sqrt(Math.PI)))
  ),
  Relu: unary((dy, x) => ops.where(ops.less(0, x), { then: dy, else: 0 })),
  Sigmoid: unary((dy, _x, y) => ops.mul(dy, ops.mul(y, ops.sub(1, y)))),
  Reciprocal: unary((dy, _x, y) => ops.neg(ops.mul(dy, ops.mul(y, y)))),
  // Between floats (no other is on a path); gradients are float32 on both sides.
  Cast: unary((dy) => dy),
  Where: ({ node, upstream: dy }) => [
    undefined,
    ops.where(input(node, 0), { then: dy, else: 0 }),
    ops.where(input(node, 0), { then: 0, else: dy }),
  ],
  GatedActivation: ({ node, upstream: dy }) => [ops.mul(dy, gatedActivationSlope(node))],
  MatMul: matmul,
  Linear: ({ node, upstream: dy }) => {
    const [x, weight, transB] = [input(node, 0), input(node, 1), node.attributes.transB === true];
    return [
      ops.matmul(dy, weight, { transB: !transB }),
      transB ? ops.matmul(dy, x, { transA: true }) : ops.matmul(x, dy, { transA: true }),
      ops.reduceSum(dy, { axes: [0] }),
    ];
  },
  ReduceSum: ({ node, upstream: dy }) => [unreduce(dy, node)],
  ReduceSumSquare: ({ node, upstream: dy }) => [
    ops.mul(ops.mul(input(node, 0), 2), unreduce(dy, node)),
  ],
  ReduceMean: ({ node, upstream: dy }) => [
    unreduce(ops.mul(dy, 1 / reducedCount(node)), node),
  ],
  ReduceMax: null,
  Reshape: unary((dy, x) => ops.reshape(dy, x.shape)),
  Transpose: ({ node, upstream: dy }) => {
    const perm = listAttribute(node.attributes, "perm");
    return [ops.transpose(dy, perm.map((_, axis) => perm.indexOf(axis)))];
  },
  Concat: concat,
  Split: split,
  Slice: slice,
  Expand: unary((dy) => dy),
  Gather: gather,
  ScatterAdd: ({ node, upstream: dy }) => [dy, undefined, ops.gather(dy, input(node, 1))],
  Softmax: softmax,
  LayerNorm: layerNorm,
  CrossEntropy: crossEntropy,
  CrossEntropyGradient: null,
};
