/**
 * How each operation is spelled in ONNX operators, per engine. What the engines lack (measured with ONNX
 * Runtime 1.30): WebGPU has no FusedMatMul, OneHot, Or, no Slice of integers and no 64-bit casts; there, ScatterND and
 * ScatterElements add in no fixed order, so rows are scattered by a product with a one-hot matrix.
 *
 * @module
 */

import { InternalError } from "../../base/errors.ts";
import type { GatedActivation } from "../ops/elementwise.ts";
import { GELU_TANH } from "../autodiff/gated_gradient.ts";
import { halfProduct } from "./half_product.ts";
import { listAttribute, numberAttribute } from "../ir/infer.ts";
import type { Emitter } from "./emitter.ts";
import { CONTRIB_DOMAIN, ELEMENT_TYPE, type OnnxAttribute } from "./onnx.ts";
import {
  type DataType,
  type GraphNode,
  isFloat,
  type Op,
  sizeOf,
  type Tensor,
} from "../ir/tensor.ts";

type Lowering = (emitter: Emitter, node: GraphNode) => void;

function part(list: readonly Tensor[], index: number): Tensor {
  const tensor = list[index];
  if (tensor === undefined) throw new InternalError(`a node lacks its tensor ${index}`);
  return tensor;
}

function names(emitter: Emitter, list: readonly Tensor[]): string[] {
  return list.map((tensor) => emitter.name(tensor));
}

/** The operation is an ONNX operator of the same meaning. */
function direct(
  attributesOf: (node: GraphNode) => Readonly<Record<string, OnnxAttribute>> = () => ({}),
): Lowering {
  return (emitter, node) => {
    emitter.emit(node.op, names(emitter, node.inputs), {
      outputs: names(emitter, node.outputs),
      attributes: attributesOf(node),
    });
  };
}

/** The operation is an ONNX operator that takes a list of int64 as its second operand. */
function withList(listOf: (node: GraphNode) => readonly number[]): Lowering {
  return (emitter, node) => {
    const list = emitter.constant(listOf(node), "int64");
    const [x] = names(emitter, node.inputs);
    emitter.emit(node.op, [x ?? "", list], { outputs: names(emitter, node.outputs) });
  };
}

const reduce: Lowering = (emitter, node) => {
  const axes = emitter.constant(listAttribute(node.attributes, "axes"), "int64");
  emitter.emit(node.op, [emitter.name(part(node.inputs, 0)), axes], {
    outputs: names(emitter, node.outputs),
    attributes: { keepdims: node.attributes.keepdims === true },
  });
};

/** From this many rows on, the transposed product is computed. */
const TALL = 8192;

/** `a^T b` with far more rows than columns: the gradient of an embedding. */
function isTall({ inputs, outputs, attributes }: GraphNode): boolean {
  const [rows = 0, columns = 0] = part(outputs, 0).shape;
  return attributes.transA === true && attributes.transB === false &&
    part(inputs, 0).shape.length === 2 && part(inputs, 1).shape.length === 2 &&
    rows >= TALL && columns < rows;
}

const matmul: Lowering = (emitter, node) => {
  const [a, b] = [part(node.inputs, 0), part(node.inputs, 1)];
  if (a.type === "float16") return halfProduct(emitter, node);
  const outputs = names(emitter, node.outputs);
  const { transA = false, transB = false } = node.attributes;
  const alpha = numberAttribute(node.attributes, "alpha");
  const plain = transA === false && transB === false && alpha === 1;
  if (plain) {
    emitter.emit("MatMul", names(emitter, [a, b]), { outputs });
  } else if (emitter.target === "cpu" && isTall(node)) {
    // Rows of a matrix this wide lie pages apart: the product runs a third faster along them than across.
    const factor = alpha === 1 ? emitter.name(b) : emitter.emit("Mul", [
      emitter.name(b),
      emitter.constant([alpha], "float32", []),
    ]);
    const left = emitter.emit("Transpose", [factor], { attributes: { perm: [1, 0] } });
    const product = emitter.emit("MatMul", [left, emitter.name(a)]);
    emitter.emit("Transpose", [product], { outputs, attributes: { perm: [1, 0] } });
  } else if (a.shape.length === 2 && b.shape.length === 2) {
    emitter.emit("Gemm", names(emitter, [a, b]), {
      outputs,
      attributes: { transA, transB, alpha: { float: alpha } },
    });
  } else if (emitter.target === "cpu") {
    emitter.emit("FusedMatMul", names(emitter, [a, b]), {
      outputs,
      domain: CONTRIB_DOMAIN,
      attributes: { transA, transB, alpha: { float: alpha } },
    });
  } else {
    const left = swapped(emitter, a, transA === true);
    const right = swapped(emitter, b, transB === true);
    if (alpha === 1) emitter.emit("MatMul", [left, right], { outputs });
    else {
      // The factor goes to the smaller operand, not to the product, which is the largest of the three.
      const factor = emitter.constant([alpha], "float32", []);
      const small = sizeOf(a.shape) <= sizeOf(b.shape);
      const scaled = emitter.emit("Mul", [small ? left : right, factor]);
      emitter.emit("MatMul", small ? [scaled, right] : [left, scaled], { outputs });
    }
  }
};

function swapped(emitter: Emitter, matrix: Tensor, swap: boolean): string {
  const name = emitter.name(matrix);
  if (!swap) return name;
  const rank = matrix.shape.length;
  const perm = matrix.shape.map((_, axis) =>
    axis === rank - 1 ? rank - 2 : axis === rank - 2 ? rank - 1 : axis
  );
  return emitter.emit("Transpose", [name], { attributes: { perm } });
}

const gatedActivation: Lowering = (emitter, node) => {
  const [y = "", gate = ""] = names(emitter, node.outputs);
  const x = emitter.name(part(node.inputs, 0));
  const scalar = (value: number): string => emitter.constant([value], "float32", []);
  const kind = node.attributes.kind as GatedActivation;
  switch (kind) {
    case "silu":
      emitter.emit("Sigmoid", [x], { outputs: [gate] });
      break;
    case "gelu_tanh": {
      const square = emitter.emit("Mul", [x, x]);
      const cubic = emitter.emit("Mul", [square, scalar(GELU_TANH.cubic)]);
      const factor = emitter.emit("Add", [cubic, scalar(GELU_TANH.linear)]);
      emitter.emit("Sigmoid", [emitter.emit("Mul", [factor, x])], { outputs: [gate] });
      break;
    }
    case "gelu": {
      const erf = emitter.emit("Erf", [emitter.emit("Mul", [x, scalar(Math.SQRT1_2)])]);
      const half = emitter.emit("Mul", [erf, scalar(0.5)]);
      emitter.emit("Add", [half, scalar(0.5)], { outputs: [gate] });
      break;
    }
    default:
      throw new InternalError(`no lowering for the activation ${kind satisfies never}`);
  }
  emitter.emit("Mul", [x, gate], { outputs: [y] });
};

const scatterAdd: Lowering = (emitter, node) => {
  const [table, ids, rows] = [part(node.inputs, 0), part(node.inputs, 1), part(node.inputs, 2)];
  const outputs = names(emitter, node.outputs);
  const [vocabulary = 0] = table.shape;
  const [count = 0] = ids.shape;
  const column = emitter.emit("Reshape", [
    emitter.name(ids),
    emitter.constant([count, 1], "int64"),
  ]);
  if (emitter.target === "webgpu") {
    const numbers = emitter.constant([...Array(vocabulary).keys()], "int32", [1, vocabulary]);
    const oneHot = emitter.emit("Cast", [emitter.emit("Equal", [column, numbers])], {
      attributes: { to: ELEMENT_TYPE.float32 },
    });
    emitter.emit("Gemm", [oneHot, ...names(emitter, [rows, table])], {
      outputs,
      attributes: { transA: true },
    });
    return;
  }
  const indices = emitter.emit("Expand", [column, emitter.constant(rows.shape, "int64")]);
  emitter.emit("ScatterElements", [emitter.name(table), indices, emitter.name(rows)], {
    outputs,
    attributes: { axis: 0, reduction: "add" },
  });
};

/** The label as a row number that exists, and 1 or 0 for whether it counts; both `[N, 1]`. */
function labelColumns(emitter: Emitter, labels: Tensor): { safe: string; valid: string } {
  const column = emitter.emit("Reshape", [
    emitter.name(labels),
    emitter.constant([labels.shape[0] ?? 0, 1], "int64"),
  ]);
  const zero = emitter.constant([0], "int32", []);
  const ignored = emitter.emit("Less", [column, zero]);
  const valid = emitter.emit("Cast", [emitter.emit("Not", [ignored])], {
    attributes: { to: ELEMENT_TYPE.float32 },
  });
  return { safe: emitter.emit("Max", [column, zero]), valid };
}

/**
 * log sum exp(x) = max(x) - log(max(softmax(x))): the probabilities are needed backwards anyway, so the loss
 * costs two maxima and no further pass that writes [N, V].
 */
const crossEntropy: Lowering = (emitter, node) => {
  const [logits, labels] = [part(node.inputs, 0), part(node.inputs, 1)];
  const [rows = "", probabilities = ""] = names(emitter, node.outputs);
  const smoothing = numberAttribute(node.attributes, "smoothing");
  const x = emitter.name(logits);
  const axis = emitter.constant([1], "int64");
  emitter.emit("Softmax", [x], { outputs: [probabilities], attributes: { axis: 1 } });
  const largest = emitter.emit("ReduceMax", [x, axis]);
  const log = emitter.emit("Log", [emitter.emit("ReduceMax", [probabilities, axis])]);
  const { safe, valid } = labelColumns(emitter, labels);
  let chosen = emitter.emit("GatherElements", [x, safe], { attributes: { axis: 1 } });
  if (smoothing > 0) {
    const scale = (value: string, factor: number): string =>
      emitter.emit("Mul", [value, emitter.constant([factor], "float32", [])]);
    const mean = emitter.emit("ReduceMean", [x, axis]);
    chosen = emitter.emit("Add", [scale(chosen, 1 - smoothing), scale(mean, smoothing)]);
  }
  const loss = emitter.emit("Sub", [emitter.emit("Sub", [largest, chosen]), log]);
  const counted = emitter.emit("Mul", [loss, valid]);
  emitter.emit("Reshape", [counted, emitter.constant(labels.shape, "int64")], { outputs: [rows] });
};

/** probabilities - target. */
const crossEntropyGradient: Lowering = (emitter, node) => {
  const [probabilities, labels] = [part(node.inputs, 0), part(node.inputs, 1)];
  const smoothing = numberAttribute(node.attributes, "smoothing");
  const { safe } = labelColumns(emitter, labels);
  let spread = emitter.name(probabilities);
  if (smoothing > 0) {
    const share = emitter.constant([smoothing / (probabilities.shape[1] ?? 1)], "float32", []);
    spread = emitter.emit("Sub", [spread, share]);
  }
  const count = labels.shape[0] ?? 0;
  const taken = emitter.constant(Array(count).fill(smoothing - 1), "float32", [count, 1]);
  emitter.emit("ScatterElements", [spread, safe, taken], {
    outputs: names(emitter, node.outputs),
    attributes: { axis: 1, reduction: "add" },
  });
};

const slice: Lowering = (emitter, node) => {
  const x = part(node.inputs, 0);
  const outputs = names(emitter, node.outputs);
  const [axis, start, end] = ["axis", "start", "end"].map((name) =>
    numberAttribute(node.attributes, name)
  ) as [number, number, number];
  if (emitter.target === "webgpu" && !isFloat(x.type)) {
    const kept = emitter.constant(
      Array.from({ length: end - start }, (_, i) => start + i),
      "int32",
    );
    emitter.emit("Gather", [emitter.name(x), kept], { outputs, attributes: { axis } });
    return;
  }
  const bounds = [start, end, axis].map((value) => emitter.constant([value], "int64"));
  emitter.emit("Slice", [emitter.name(x), ...bounds], { outputs });
};

/** Tensors that WebGPU joins at once: each is a buffer bound to a shader, of which adapters promise various numbers. */
const MOST_JOINED = 28;

const concat: Lowering = (emitter, node) => {
  const attributes = { axis: numberAttribute(node.attributes, "axis") };
  let parts = names(emitter, node.inputs);
  while (emitter.target === "webgpu" && parts.length > MOST_JOINED) {
    const joined: string[] = [];
    for (let at = 0; at < parts.length; at += MOST_JOINED) {
      const bundle = parts.slice(at, at + MOST_JOINED);
      joined.push(
        bundle.length === 1 ? bundle[0]! : emitter.emit("Concat", bundle, { attributes }),
      );
    }
    parts = joined;
  }
  emitter.emit("Concat", parts, { outputs: names(emitter, node.outputs), attributes });
};

/** Every operation's spelling. */
export const LOWERINGS: Readonly<Record<Op, Lowering>> = {
  Add: direct(),
  Sub: direct(),
  Mul: direct(),
  Div: direct(),
  Pow: direct(),
  Min: direct(),
  Max: direct(),
  Equal: direct(),
  Less: direct(),
  And: direct(),
  Not: direct(),
  Neg: direct(),
  Abs: direct(),
  Exp: direct(),
  Log: direct(),
  Sqrt: direct(),
  Tanh: direct(),
  Erf: direct(),
  Relu: direct(),
  Sigmoid: direct(),
  Reciprocal: direct(),
  Cast: direct((node) => ({ to: ELEMENT_TYPE[node.attributes.to as DataType] })),
  Where: direct(),
  GatedActivation: gatedActivation,
  MatMul: matmul,
  Linear: (emitter, node) => {
    emitter.emit("Gemm", names(emitter, node.inputs), {
      outputs: names(emitter, node.outputs),
      attributes: node.attributes.transB === true ? { transB: 1 } : {},
    });
  },
  ReduceSum: reduce,
  ReduceSumSquare: reduce,
  ReduceMean: reduce,
  ReduceMax: reduce,
  Reshape: withList((node) => listAttribute(node.attributes, "shape")),
  Transpose: direct((node) => ({ perm: listAttribute(node.attributes, "perm") })),
  Concat: concat,
  Split: (emitter, node) => {
    const sizes = emitter.constant(listAttribute(node.attributes, "sizes"), "int64");
    emitter.emit("Split", [emitter.name(part(node.inputs, 0)), sizes], {
      outputs: names(emitter, node.outputs),
      attributes: { axis: numberAttribute(node.attributes, "axis") },
    });
  },
  Slice: slice,
  Expand: withList((node) => listAttribute(node.attributes, "shape")),
  Gather: direct(() => ({ axis: 0 })),
  ScatterAdd: scatterAdd,
  Softmax: direct(() => ({ axis: -1 })),
  LayerNorm: (emitter, node) => {
    emitter.emit("LayerNormalization", names(emitter, node.inputs), {
      outputs: names(emitter, node.outputs),
      attributes: { axis: -1, epsilon: { float: numberAttribute(node.attributes, "epsilon") } },
    });
  },
  CrossEntropy: crossEntropy,
  CrossEntropyGradient: crossEntropyGradient,
};
