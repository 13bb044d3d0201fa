/**
 * Types and shapes of every operation's outputs, from its operands and attributes. Broadcasting is NumPy's.
 * A mismatch is a bug in a model, so it throws with the operation, the node's name and each operand.
 *
 * @module
 */

import { InternalError } from "../../base/errors.ts";
import {
  type Attributes,
  type DataType,
  describe,
  type Op,
  sizeOf,
  type TensorType,
} from "./tensor.ts";

/** An operand as inference sees it. */
type Operand = TensorType & { readonly name?: string };

/** A node before it has outputs. */
export interface NodeDraft {
  readonly op: Op;
  readonly name: string;
  readonly inputs: readonly Operand[];
  readonly attributes: Attributes;
}

type Rule = (draft: NodeDraft) => TensorType[];

/**
 * The outputs of a node.
 *
 * @throws InternalError where operands do not fit the operation.
 */
export function infer(draft: NodeDraft): TensorType[] {
  return RULES[draft.op](draft);
}

/** An attribute that is a number; `fallback` where it is absent. */
export function numberAttribute(attributes: Attributes, name: string, fallback?: number): number {
  const value = attributes[name] ?? fallback;
  if (typeof value !== "number") throw new InternalError(`attribute "${name}" is not a number`);
  return value;
}

/** An attribute that is a list of numbers. */
export function listAttribute(attributes: Attributes, name: string): readonly number[] {
  const value = attributes[name];
  if (!Array.isArray(value)) throw new InternalError(`attribute "${name}" is not a list`);
  return value;
}

/** The shape of two operands broadcast against each other; undefined where they do not fit. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return undefined;
    shape.push(left === 1 ? right : left);
  }
  return shape;
}

function fail(draft: NodeDraft, requirement: string): never {
  const operands = draft.inputs.map(describe).join(", ");
  const attributes = Object.entries(draft.attributes).map(([key, value]) => ` ${key}=${value}`);
  throw new InternalError(
    `${draft.op} "${draft.name}"${attributes.join("")}: ${requirement}: got ${operands}`,
  );
}

function operand(draft: NodeDraft, index: number): Operand {
  return draft.inputs[index] ?? fail(draft, `operand ${index} is missing`);
}

function sameTypes(draft: NodeDraft, from = 0): void {
  const types = new Set(draft.inputs.slice(from).map((input) => input.type));
  if (types.size > 1) fail(draft, "operands must have one element type");
}

function requireType(draft: NodeDraft, index: number, type: DataType): void {
  if (operand(draft, index).type !== type) fail(draft, `operand ${index} must be ${type}`);
}

function binary(result?: DataType): Rule {
  return (draft) => {
    sameTypes(draft);
    const [a, b] = [operand(draft, 0), operand(draft, 1)];
    const shape = broadcast(a.shape, b.shape) ?? fail(draft, "shapes must broadcast");
    return [{ type: result ?? a.type, shape }];
  };
}

function unary(type?: DataType): Rule {
  return (draft) => {
    if (type !== undefined) requireType(draft, 0, type);
    const x = operand(draft, 0);
    return [{ type: x.type, shape: x.shape }];
  };
}

function reduce(draft: NodeDraft): TensorType[] {
  const x = operand(draft, 0);
  const axes = listAttribute(draft.attributes, "axes");
  if (axes.some((axis) => axis < 0 || axis >= x.shape.length)) fail(draft, "axes must exist");
  const keep = draft.attributes.keepdims === true;
  const shape = x.shape.flatMap((size, axis) => axes.includes(axis) ? (keep ? [1] : []) : [size]);
  return [{ type: x.type, shape }];
}

function matmul(draft: NodeDraft): TensorType[] {
  sameTypes(draft);
  const [a, b] = [operand(draft, 0).shape, operand(draft, 1).shape];
  if (a.length < 2 || b.length < 2) fail(draft, "operands must be matrices");
  const [rows, inner] = oriented(a, draft.attributes.transA === true);
  const [innerB, columns] = oriented(b, draft.attributes.transB === true);
  if (inner !== innerB) fail(draft, "inner sizes must be equal");
  const batch = broadcast(a.slice(0, -2), b.slice(0, -2)) ??
    fail(draft, "batch sizes must broadcast");
  const { type } = operand(draft, 0);
  // Products of float16 are summed up in float32.
  return [{ type: type === "float16" ? "float32" : type, shape: [...batch, rows, columns] }];
}

/** The last two sizes of a shape, swapped where the matrix is used transposed. */
function oriented(shape: readonly number[], transposed: boolean): [number, number] {
  const [rows, columns] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  return transposed ? [columns, rows] : [rows, columns];
}

function linear(draft: NodeDraft): TensorType[] {
  sameTypes(draft);
  requireType(draft, 0, "float32");
  const [x, weight, bias] = [operand(draft, 0), operand(draft, 1), operand(draft, 2)];
  const transB = draft.attributes.transB === true;
  const [inputs, out = 0] = transB ? weight.shape.toReversed() : weight.shape;
  if (x.shape.length !== 2 || weight.shape.length !== 2 || x.shape[1] !== inputs) {
    fail(draft, `x must be [rows, in] and the weight ${transB ? "[out, in]" : "[in, out]"}`);
  }
  if (bias.shape.length !== 1 || bias.shape[0] !== out) fail(draft, "the bias must be [out]");
  return [{ type: x.type, shape: [x.shape[0] ?? 0, out] }];
}

function concat(draft: NodeDraft): TensorType[] {
  sameTypes(draft);
  const first = operand(draft, 0);
  const axis = numberAttribute(draft.attributes, "axis");
  const shape = [...first.shape];
  shape[axis] = 0;
  for (const input of draft.inputs) {
    const fits = input.shape.length === shape.length &&
      input.shape.every((size, i) => i === axis || size === shape[i]);
    if (!fits) fail(draft, `shapes must agree but for axis ${axis}`);
    shape[axis] = (shape[axis] ?? 0) + (input.shape[axis] ?? 0);
  }
  return [{ type: first.type, shape }];
}

function slice(draft: NodeDraft): TensorType[] {
  const x = operand(draft, 0);
  const axis = numberAttribute(draft.attributes, "axis");
  const start = numberAttribute(draft.attributes, "start");
  const end = numberAttribute(draft.attributes, "end");
  if (!(start >= 0 && start < end && end <= (x.shape[axis] ?? -1))) {
    fail(draft, "the slice must lie inside its axis");
  }
  return [{ type: x.type, shape: x.shape.map((size, i) => i === axis ? end - start : size) }];
}

function split(draft: NodeDraft): TensorType[] {
  const x = operand(draft, 0);
  const axis = numberAttribute(draft.attributes, "axis");
  const sizes = listAttribute(draft.attributes, "sizes");
  if (sizes.reduce((a, b) => a + b, 0) !== x.shape[axis]) fail(draft, "sizes must fill the axis");
  return sizes.map((part) => ({
    type: x.type,
    shape: x.shape.map((size, i) => i === axis ? part : size),
  }));
}

function reshape(draft: NodeDraft): TensorType[] {
  const shape = listAttribute(draft.attributes, "shape");
  const x = operand(draft, 0);
  if (sizeOf(shape) !== sizeOf(x.shape)) fail(draft, "the number of elements must stay");
  return [{ type: x.type, shape }];
}

function expand(draft: NodeDraft): TensorType[] {
  const shape = listAttribute(draft.attributes, "shape");
  const x = operand(draft, 0);
  const result = broadcast(x.shape, shape);
  if (result === undefined || result.some((size, i) => size !== shape[i])) {
    fail(draft, "the operand must broadcast to the shape");
  }
  return [{ type: x.type, shape }];
}

function transpose(draft: NodeDraft): TensorType[] {
  const x = operand(draft, 0);
  const perm = listAttribute(draft.attributes, "perm");
  if (perm.length !== x.shape.length || new Set(perm).size !== perm.length) {
    fail(draft, "perm must name each axis once");
  }
  return [{ type: x.type, shape: perm.map((axis) => x.shape[axis] ?? fail(draft, "bad axis")) }];
}

function gather(draft: NodeDraft): TensorType[] {
  requireType(draft, 1, "int32");
  const [table, ids] = [operand(draft, 0), operand(draft, 1)];
  if (table.shape.length < 1) fail(draft, "the table must have rows");
  return [{ type: table.type, shape: [...ids.shape, ...table.shape.slice(1)] }];
}

function scatterAdd(draft: NodeDraft): TensorType[] {
  requireType(draft, 1, "int32");
  const [table, ids, rows] = [operand(draft, 0), operand(draft, 1), operand(draft, 2)];
  const fits = table.shape.length === 2 && ids.shape.length === 1 && rows.shape.length === 2 &&
    rows.shape[0] === ids.shape[0] && rows.shape[1] === table.shape[1];
  if (!fits) fail(draft, "the table must be [V, D], the ids [N] and the rows [N, D]");
  return [{ type: table.type, shape: table.shape }];
}

function layerNorm(draft: NodeDraft): TensorType[] {
  requireType(draft, 0, "float32");
  const x = operand(draft, 0);
  const width = x.shape.at(-1);
  for (const index of [1, 2]) {
    const { shape } = operand(draft, index);
    if (shape.length !== 1 || shape[0] !== width) {
      fail(draft, "scale and bias must have the width of x");
    }
  }
  const statistic: TensorType = { type: x.type, shape: [...x.shape.slice(0, -1), 1] };
  return [{ type: x.type, shape: x.shape }, statistic, statistic];
}

function crossEntropy(draft: NodeDraft): TensorType[] {
  requireType(draft, 0, "float32");
  requireType(draft, 1, "int32");
  const [logits, labels] = [operand(draft, 0), operand(draft, 1)];
  if (
    logits.shape.length !== 2 || labels.shape.length !== 1 || logits.shape[0] !== labels.shape[0]
  ) fail(draft, "logits must be [N, V] and labels [N]");
  return [{ type: logits.type, shape: labels.shape }, { type: logits.type, shape: logits.shape }];
}

const RULES: Readonly<Record<Op, Rule>> = {
  Add: binary(),
  Sub: binary(),
  Mul: binary(),
  Div: binary(),
  Pow: binary(),
  Min: binary(),
  Max: binary(),
  Equal: binary("bool"),
  Less: binary("bool"),
  And: binary("bool"),
  Not: unary("bool"),
  Neg: unary(),
  Abs: unary(),
  Exp: unary("float32"),
  Log: unary("float32"),
  Sqrt: unary("float32"),
  Tanh: unary("float32"),
  Erf: unary("float32"),
  Relu: unary("float32"),
  Sigmoid: unary("float32"),
  Reciprocal: unary("float32"),
  Cast: (draft) => [{
    type: draft.attributes.to as DataType,
    shape: operand(draft, 0).shape,
  }],
  Where: (draft) => {
    requireType(draft, 0, "bool");
    sameTypes(draft, 1);
    const [condition, a, b] = [operand(draft, 0), operand(draft, 1), operand(draft, 2)];
    const branches = broadcast(a.shape, b.shape) ?? fail(draft, "shapes must broadcast");
    const shape = broadcast(condition.shape, branches) ?? fail(draft, "shapes must broadcast");
    return [{ type: a.type, shape }];
  },
  GatedActivation: (draft) => {
    requireType(draft, 0, "float32");
    const x = operand(draft, 0);
    return [{ type: x.type, shape: x.shape }, { type: x.type, shape: x.shape }];
  },
  MatMul: matmul,
  Linear: linear,
  ReduceSum: reduce,
  ReduceSumSquare: reduce,
  ReduceMean: reduce,
  ReduceMax: reduce,
  Reshape: reshape,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Expand: expand,
  Gather: gather,
  ScatterAdd: scatterAdd,
  Softmax: unary("float32"),
  LayerNorm: layerNorm,
  CrossEntropy: crossEntropy,
  CrossEntropyGradient: (draft) => [{
    type: "float32",
    shape: operand(draft, 0).shape,
  }],
};
