/**
 * The values and nodes that a {@linkcode Graph} is made of. Shapes are static: a graph is compiled for one
 * batch size and one length, so that every size, every broadcast and every gradient is known while building.
 *
 * @module
 */
import type { Device } from "../../base/device.ts";

/** Element types; ids and labels are int32, since the WebGPU engine has no 64-bit integers. */
export type DataType = "float32" | "float16" | "int32" | "int64" | "bool";

/** Where a graph will run. What each engine lacks is known to {@linkcode lower} alone. */
export type Target = Device;

/** The operations of the graph. Each has an inference rule, a lowering and a gradient rule (or none). */
export type Op =
  | "Add"
  | "Sub"
  | "Mul"
  | "Div"
  | "Pow"
  | "Min"
  | "Max"
  | "Equal"
  | "Less"
  | "And"
  | "Not"
  | "Neg"
  | "Abs"
  | "Exp"
  | "Log"
  | "Sqrt"
  | "Tanh"
  | "Erf"
  | "Relu"
  | "Sigmoid"
  | "Reciprocal"
  | "Cast"
  | "Where"
  | "GatedActivation"
  | "MatMul"
  | "Linear"
  | "ReduceSum"
  | "ReduceSumSquare"
  | "ReduceMean"
  | "ReduceMax"
  | "Reshape"
  | "Transpose"
  | "Concat"
  | "Split"
  | "Slice"
  | "Expand"
  | "Gather"
  | "ScatterAdd"
  | "Softmax"
  | "LayerNorm"
  | "CrossEntropy"
  | "CrossEntropyGradient";

/** The value of an attribute of a node. */
export type Attribute = number | string | boolean | readonly number[];

/** The attributes of a node, by name. */
export type Attributes = Readonly<Record<string, Attribute>>;

/** Type and shape of a tensor. */
export interface TensorType {
  /** The element type. */
  readonly type: DataType;
  /** The size of each dimension; `[]` is a scalar. */
  readonly shape: readonly number[];
}

/** What operations ask of the graph that their operands belong to; `Graph` is its one implementation. */
export interface TensorGraph {
  /** All nodes, operands before their users. */
  readonly nodes: readonly GraphNode[];
  /** Whether products being added take float16 operands. */
  readonly autocasts: boolean;
  /** Runs `body` with the matrix products that it adds in mixed precision. */
  autocast<T>(body: () => T): T;
  /** The elements of a constant; undefined for any other tensor. */
  constantData(tensor: Tensor): ConstantData | undefined;
  /** Adds a node, or finds the equal one; gives its outputs. */
  add(
    op: Op,
    inputs: readonly Tensor[],
    options?: { readonly attributes?: Attributes; readonly name?: string },
  ): readonly Tensor[];
  /** The first output of a node that is there already. */
  find(op: Op, inputs: readonly Tensor[], attributes?: Attributes): Tensor | undefined;
  /** A value fixed at compile time. */
  constant(data: ConstantData, type: TensorType & { readonly name?: string }): Tensor;
  /** Runs `body` with names that begin with `name/`. */
  scope<T>(name: string, body: () => T): T;
}

/** One value in a graph: an input, a constant, or an output of a node. */
export interface Tensor extends TensorType {
  /** The graph that the tensor belongs to; tensors of two graphs cannot meet. */
  readonly graph: TensorGraph;
  /** Position in the order of creation; an operand is always older than its result. */
  readonly id: number;
  /** Unique, readable name in the compiled graph, such as `h0/attn/scores`. */
  readonly name: string;
  /** The node that computes it; undefined for inputs and constants. */
  readonly node?: GraphNode;
}

/** One operation applied to tensors. */
export interface GraphNode {
  readonly op: Op;
  /** Unique, readable name; that of its first output. */
  readonly name: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly attributes: Attributes;
}

/** An operand: a tensor, or a number that becomes a scalar constant of the other operand's type. */
export type Operand = Tensor | number;

/** The flat elements of a constant; float16 as its raw 16 bits. */
export type ConstantData = Float32Array | Uint16Array | Int32Array | BigInt64Array | Uint8Array;

/**
 * The number of elements of a shape.
 *
 * @example
 * ```ts
 * import { sizeOf } from "./tensor.ts";
 * if (sizeOf([2, 3]) !== 6 || sizeOf([]) !== 1) throw new Error();
 * ```
 */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Whether elements are real numbers: those that gradients flow through. */
export function isFloat(type: DataType): boolean {
  return type === "float32" || type === "float16";
}

/** Numbers as the elements of a constant. */
export function elementsOf(type: DataType, values: readonly number[]): ConstantData {
  switch (type) {
    case "float32":
      return Float32Array.from(values);
    case "float16":
      return new Uint16Array(Float16Array.from(values).buffer);
    case "int32":
      return Int32Array.from(values);
    case "int64":
      return BigInt64Array.from(values, BigInt);
    case "bool":
      return Uint8Array.from(values, (value) => value === 0 ? 0 : 1);
  }
}

/** True where both shapes have the same dimensions. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** `float32 [2, 3] "h0/mlp/fc"`: a tensor as error messages show it. */
export function describe(tensor: TensorType & { readonly name?: string }): string {
  const name = tensor.name === undefined ? "" : ` "${tensor.name}"`;
  return `${tensor.type} [${tensor.shape.join(", ")}]${name}`;
}
