/**
 * Operations that work on each element alone, broadcasting their operands as NumPy does.
 *
 * @module
 */

import { InternalError } from "../../base/errors.ts";
import type { TensorGraph } from "../ir/tensor.ts";
import { type DataType, elementsOf, type Op, type Operand, type Tensor } from "../ir/tensor.ts";

/** The name for a result; the operation's own where absent. */
export interface Named {
  /** The result's name inside the current scope. */
  readonly name?: string;
}

/** A scalar constant of the graph. */
export function scalar(
  graph: TensorGraph,
  value: number,
  options: { readonly type?: DataType } = {},
): Tensor {
  const type = options.type ?? "float32";
  const name = String(value).replace("-", "minus_");
  return graph.constant(elementsOf(type, [value]), { type, shape: [], name });
}

/** Operands as tensors: a number takes the element type of the first tensor among them. */
function tensors(operands: readonly Operand[]): Tensor[] {
  const model = operands.find((operand) => typeof operand !== "number");
  if (model === undefined) throw new InternalError("an operation needs at least one tensor");
  return operands.map((operand) =>
    typeof operand === "number" ? scalar(model.graph, operand, { type: model.type }) : operand
  );
}

function apply(op: Op, operands: readonly Operand[], options: Named): Tensor {
  const inputs = tensors(operands);
  return only(inputs[0], op, inputs, options);
}

function only(
  first: Tensor | undefined,
  op: Op,
  inputs: readonly Tensor[],
  options: Named & { attributes?: Record<string, number | string | boolean | readonly number[]> },
): Tensor {
  const output = first?.graph.add(op, inputs, options)[0];
  if (output === undefined) throw new InternalError(`${op} has no output`);
  return output;
}

/** `a + b`. */
export function add(a: Operand, b: Operand, options: Named = {}): Tensor {
  return apply("Add", [a, b], options);
}

/** `a - b`. */
export function sub(a: Operand, b: Operand, options: Named = {}): Tensor {
  return apply("Sub", [a, b], options);
}

/** `a * b`; int32 wraps around on every engine. */
export function mul(a: Operand, b: Operand, options: Named = {}): Tensor {
  return apply("Mul", [a, b], options);
}

/** `a / b`; integers are cut off towards zero. */
export function div(a: Operand, b: Operand, options: Named = {}): Tensor {
  return apply("Div", [a, b], options);
}

/** `a` to the power of `b`; a gradient of `b` asks for an `a` above 0. */
export function pow(a: Operand, b: Operand, options: Named = {}): Tensor {
  return apply("Pow", [a, b], options);
}

/** The smaller of both; where they are equal the gradient goes to `a`. */
export function min(a: Operand, b: Operand, options: Named = {}): Tensor {
  return apply("Min", [a, b], options);
}

/** The larger of both; where they are equal the gradient goes to `a`. */
export function max(a: Operand, b: Operand, options: Named = {}): Tensor {
  return apply("Max", [a, b], options);
}

/** `a == b` as bool. */
export function equal(a: Operand, b: Operand, options: Named = {}): Tensor {
  return apply("Equal", [a, b], options);
}

/** `a < b` as bool. */
export function less(a: Operand, b: Operand, options: Named = {}): Tensor {
  return apply("Less", [a, b], options);
}

/** `a && b` of two bool tensors. */
export function and(a: Tensor, b: Tensor, options: Named = {}): Tensor {
  return apply("And", [a, b], options);
}

/** `!x` of a bool tensor. */
export function not(x: Tensor, options: Named = {}): Tensor {
  return apply("Not", [x], options);
}

/** `-x`. */
export function neg(x: Tensor, options: Named = {}): Tensor {
  return apply("Neg", [x], options);
}

/** `|x|`. */
export function abs(x: Tensor, options: Named = {}): Tensor {
  return apply("Abs", [x], options);
}

/** `e` to the power of `x`. */
export function exp(x: Tensor, options: Named = {}): Tensor {
  return apply("Exp", [x], options);
}

/** The natural logarithm. */
export function log(x: Tensor, options: Named = {}): Tensor {
  return apply("Log", [x], options);
}

/** The square root. */
export function sqrt(x: Tensor, options: Named = {}): Tensor {
  return apply("Sqrt", [x], options);
}

/** The hyperbolic tangent. */
export function tanh(x: Tensor, options: Named = {}): Tensor {
  return apply("Tanh", [x], options);
}

/** The error function. */
export function erf(x: Tensor, options: Named = {}): Tensor {
  return apply("Erf", [x], options);
}

/** `max(x, 0)`. */
export function relu(x: Tensor, options: Named = {}): Tensor {
  return apply("Relu", [x], options);
}

/** `1 / (1 + e^-x)`. */
export function sigmoid(x: Tensor, options: Named = {}): Tensor {
  return apply("Sigmoid", [x], options);
}

/** `1 / x`. */
export function reciprocal(x: Tensor, options: Named = {}): Tensor {
  return apply("Reciprocal", [x], options);
}

/** The same values in another element type; nothing is added where it has that type already. */
export function cast(x: Tensor, to: DataType, options: Named = {}): Tensor {
  if (x.type === to) return x;
  return only(x, "Cast", [x], { ...options, attributes: { to } });
}

/** `condition ? a : b`, element by element. */
export function where(
  condition: Tensor,
  branches: { readonly then: Operand; readonly else: Operand; readonly name?: string },
): Tensor {
  const [then, otherwise] = [branches.then, branches.else];
  const model = [then, otherwise].find((operand) => typeof operand !== "number");
  const type = typeof model === "object" ? model.type : "float32";
  const inputs = [then, otherwise].map((operand) =>
    typeof operand === "number" ? scalar(condition.graph, operand, { type }) : operand
  );
  return only(condition, "Where", [condition, ...inputs], pick(branches.name));
}

function pick(name: string | undefined): Named {
  return name === undefined ? {} : { name };
}

/**
 * Activations of the form `x * gate(x)`.
 *
 * `gelu`: the gate is the normal distribution function. `gelu_tanh`: its approximation by tanh, which is
 * `sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3))` (Hendrycks and Gimpel, arXiv 1606.08415). `silu`: sigmoid.
 */
export type GatedActivation = "gelu" | "gelu_tanh" | "silu";

/** `x * gate(x)`; the backward pass reuses the gate. */
export function gatedActivation(
  x: Tensor,
  options: Named & { readonly kind: GatedActivation },
): Tensor {
  const { kind, ...named } = options;
  return only(x, "GatedActivation", [x], { ...named, attributes: { kind } });
}
