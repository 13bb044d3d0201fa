/**
 * From a graph to the bytes that an engine opens: lowered to the operations that the engine has, then encoded.
 *
 * @module
 */
import { InternalError } from "../../base/errors.ts";
import type { Graph } from "../ir/graph.ts";
import type { Target } from "../ir/tensor.ts";
import { lower } from "./lower.ts";
import { encodeModel } from "./onnx.ts";

/** How {@linkcode toOnnx} compiles. */
export interface CompileOptions {
  /** The engine to compile for; operations it lacks are spelled in others. Default `cpu`. */
  readonly target?: Target;
}

/**
 * Compiles to the bytes of an ONNX ModelProto: only what the declared outputs need, all declared inputs.
 *
 * @throws {InternalError} where no output is declared.
 *
 * @example
 * ```ts
 * import { Graph } from "../ir/graph.ts";
 * import { mul } from "../ops/mod.ts";
 * import { toOnnx } from "./compile.ts";
 * const graph = new Graph("double");
 * graph.output("y", mul(graph.input("x", { type: "float32", shape: [3] }), 2));
 * if (toOnnx(graph).length === 0) throw new Error();
 * ```
 */
export function toOnnx(graph: Graph, options: CompileOptions = {}): Uint8Array<ArrayBuffer> {
  if (graph.outputs.size === 0) throw new InternalError(`graph "${graph.name}" has no outputs`);
  return encodeModel(lower(graph, options.target ?? "cpu"));
}
