/**
 * What a model's parameters are: names as in a Hugging Face checkpoint, shapes, how they start and whether
 * weight decay applies.
 *
 * @module
 */

import { InternalError } from "../base/errors.ts";
import type { Graph } from "../graph/ir/graph.ts";
import type { Tensor } from "../graph/ir/tensor.ts";

/** One trainable tensor of a model. */
export interface ParameterSpec {
  /** The name in the checkpoint, such as `transformer.h.0.attn.c_attn.weight`. */
  readonly name: string;
  readonly shape: readonly number[];
  /**
   * How it starts: drawn from a normal distribution (`residual` likewise, with a smaller `std`) or from a
   * uniform one, or constant.
   */
  readonly init: "normal" | "zeros" | "ones" | "residual" | "uniform";
  /** Standard deviation of `normal` and `residual`. */
  readonly std?: number;
  /** `uniform` lies between minus this and this. */
  readonly bound?: number;
  /** Whether weight decay applies: matrices yes, biases and normalization no (transformers' Trainer). */
  readonly decay: boolean;
}

/** Declares a graph input for each parameter, under its checkpoint name. */
export function parameterInputs(
  graph: Graph,
  specs: readonly ParameterSpec[],
): Map<string, Tensor> {
  return new Map(
    specs.map(({ name, shape }) => [name, graph.input(name, { type: "float32", shape })]),
  );
}

/**
 * Stores each parameter in the model file as a constant, for inference.
 *
 * @param graph The graph under construction.
 * @param specs The parameters.
 * @param valueOf The elements of a parameter by its name.
 */
export function parameterConstants(
  graph: Graph,
  specs: readonly ParameterSpec[],
  valueOf: (name: string) => Float32Array,
): Map<string, Tensor> {
  return new Map(
    specs.map(({ name, shape }) => [
      name,
      graph.initializer(name, valueOf(name), { type: "float32", shape }),
    ]),
  );
}

/** Reads parameters by name; a missing one is a bug of the caller. */
export function parameterLookup(
  params: ReadonlyMap<string, Tensor>,
  prefix = "",
): (name: string) => Tensor {
  return (name) => {
    const tensor = params.get(prefix + name);
    if (tensor === undefined) throw new InternalError(`no parameter "${prefix + name}"`);
    return tensor;
  };
}
