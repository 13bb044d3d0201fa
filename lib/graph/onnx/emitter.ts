/**
 * What a lowering writes to: the list of ONNX operator calls that a graph becomes.
 *
 * @module
 */
import type { DataType, Target, Tensor } from "../ir/tensor.ts";
import type { OnnxAttribute } from "./onnx.ts";

/** What a lowering writes to. */
export interface Emitter {
  /** The engine to write for. */
  readonly target: Target;
  /** The compiled name of a tensor. */
  name(tensor: Tensor): string;
  /** Adds an operator call and returns the name of its first output. */
  emit(
    op: string,
    inputs: readonly string[],
    options?: {
      readonly outputs?: readonly string[];
      readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
      readonly domain?: string;
    },
  ): string;
  /** A small initializer; equal ones are shared. A list where `shape` is absent. */
  constant(values: readonly number[], type: DataType, shape?: readonly number[]): string;
}
