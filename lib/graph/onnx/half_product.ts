/**
 * How a product of two float16 matrices with a float32 result is spelled in ONNX operators.
 *
 * ONNX has no such product, and WebGPU's kernels add up in float16, too: their error grows with the root of the
 * inner size (measured with ONNX Runtime 1.30 on normal data, relative to the root mean square of the result:
 * 0.4 % for 768, 0.8 % for 3072, 3 % for 50257; where all summands have a sign, sums of 50257 stop growing and
 * lose more than half). So the inner axis is cut into runs; the products of runs are widened and summed up in
 * float32. What is left of the error is that of one run: 0.25 % whatever the size. Of the whole gradient of two
 * blocks of GPT-2 768 wide, over 512 tokens, that is 1.3 % of its norm (2.3 % where nothing is cut; PyTorch on a
 * CPU, which adds up in float32: 0.2 % in float16 and 1.8 % in bfloat16).
 *
 * @module
 */

import { InternalError } from "../../base/errors.ts";
import { numberAttribute } from "../ir/infer.ts";
import type { Emitter } from "./emitter.ts";
import { ELEMENT_TYPE } from "./onnx.ts";
import { type GraphNode, sizeOf } from "../ir/tensor.ts";

/** Summands that are added up in float16. */
const RUN = 256;

/**
 * Elements of all runs' products that may be there at once, 128 MiB as they are and 256 widened; where there
 * would be more, they are summed up one after the other.
 */
const MOST_PARTIAL = 2 ** 26;

/** One operand: its compiled name, its shape as it lies, and whether it is used transposed. */
interface Matrix {
  readonly name: string;
  readonly shape: readonly number[];
  readonly transposed: boolean;
}

/** Lowers a `MatMul` of float16 operands. */
export function halfProduct(emitter: Emitter, node: GraphNode): void {
  const { a, b } = scaledOperands(emitter, node);
  const [output] = node.outputs;
  if (output === undefined) throw new InternalError(`${node.name} has no output`);
  const result = emitter.name(output);
  const inner = a.shape.at(a.transposed ? -2 : -1) ?? 1;
  const least = Math.ceil(inner / RUN);
  const runs = evenRuns(inner, least);
  if (least === 1) widen(emitter, product(emitter, a, b), result);
  else if (runs !== undefined && runs * sizeOf(output.shape) <= MOST_PARTIAL) {
    const left = cut(emitter, a, { runs, inner: a.transposed ? -2 : -1 });
    const right = cut(emitter, b, { runs, inner: b.transposed ? -1 : -2 });
    const axis = emitter.constant([output.shape.length - 2], "int64");
    emitter.emit("ReduceSum", [widen(emitter, product(emitter, left, right)), axis], {
      outputs: [result],
      attributes: { keepdims: false },
    });
  } else {
    const [left, right] = [
      slices(emitter, a, a.shape.length - (a.transposed ? 2 : 1)),
      slices(emitter, b, b.shape.length - (b.transposed ? 1 : 2)),
    ];
    left.reduce<string | undefined>((sum, part, i) => {
      const wide = widen(emitter, product(emitter, part, right[i]!));
      const outputs = i === left.length - 1 ? { outputs: [result] } : {};
      return sum === undefined ? wide : emitter.emit("Add", [sum, wide], outputs);
    }, undefined);
  }
}

/** The operands, the smaller one times the factor of the product. */
function scaledOperands(emitter: Emitter, node: GraphNode): { a: Matrix; b: Matrix } {
  const [a, b] = node.inputs;
  if (a === undefined || b === undefined) throw new InternalError(`${node.name} lacks an operand`);
  const alpha = numberAttribute(node.attributes, "alpha");
  const scaled = (name: string): string =>
    alpha === 1 ? name : emitter.emit("Mul", [name, emitter.constant([alpha], "float16", [])]);
  const first = sizeOf(a.shape) <= sizeOf(b.shape);
  const [left, right] = [emitter.name(a), emitter.name(b)];
  const { transA, transB } = node.attributes;
  return {
    a: { name: first ? scaled(left) : left, shape: a.shape, transposed: transA === true },
    b: { name: first ? right : scaled(right), shape: b.shape, transposed: transB === true },
  };
}

/** The number of runs of one length, at least `least`; undefined where they would have to be very short. */
function evenRuns(inner: number, least: number): number | undefined {
  for (let runs = least; runs <= 2 * least; runs++) if (inner % runs === 0) return runs;
  return undefined;
}

/** Cuts the inner axis into runs of one length: [..., M, K] -> [..., runs, M, K / runs]. */
function cut(
  emitter: Emitter,
  { name, shape, transposed }: Matrix,
  { runs, inner }: { readonly runs: number; readonly inner: -1 | -2 },
): Matrix {
  const [rows = 1, columns = 1] = shape.slice(-2);
  const batch = shape.slice(0, -2);
  const apart = inner === -1
    ? [...batch, rows, runs, columns / runs]
    : [...batch, runs, rows / runs, columns];
  const reshaped = emitter.emit("Reshape", [name, emitter.constant(apart, "int64")]);
  if (inner === -2) return { name: reshaped, shape: apart, transposed };
  // Runs go before rows, and what is used transposed is turned in the same pass.
  const axes = batch.map((_, axis) => axis);
  const [row, run, column] = [axes.length, axes.length + 1, axes.length + 2];
  const perm = [...axes, run, ...(transposed ? [column, row] : [row, column])];
  return {
    name: emitter.emit("Transpose", [reshaped], { attributes: { perm } }),
    shape: perm.map((axis) => apart[axis] ?? 1),
    transposed: false,
  };
}

/** The runs of a matrix along its inner axis, the last one with what is left. */
function slices(emitter: Emitter, { name, shape, transposed }: Matrix, axis: number): Matrix[] {
  const inner = shape[axis] ?? 0;
  return Array.from({ length: Math.ceil(inner / RUN) }, (_, i) => {
    const [start, end] = [i * RUN, Math.min(inner, (i + 1) * RUN)];
    const bounds = [start, end, axis].map((value) => emitter.constant([value], "int64"));
    const part = emitter.emit("Slice", [name, ...bounds]);
    return { name: part, shape: shape.with(axis, end - start), transposed };
  });
}

function product(emitter: Emitter, a: Matrix, b: Matrix): string {
  if (a.shape.length === 2 && b.shape.length === 2 && (a.transposed || b.transposed)) {
    return emitter.emit("Gemm", [a.name, b.name], {
      attributes: { transA: a.transposed, transB: b.transposed },
    });
  }
  return emitter.emit("MatMul", [turned(emitter, a), turned(emitter, b)]);
}

function turned(emitter: Emitter, { name, shape, transposed }: Matrix): string {
  if (!transposed) return name;
  const { length: rank } = shape;
  const axes = shape.map((_, axis) => axis);
  const perm = [...axes.slice(0, -2), rank - 1, rank - 2];
  return emitter.emit("Transpose", [name], { attributes: { perm } });
}

function widen(emitter: Emitter, name: string, output?: string): string {
  return emitter.emit("Cast", [name], {
    attributes: { to: ELEMENT_TYPE.float32 },
    ...(output === undefined ? {} : { outputs: [output] }),
  });
}
