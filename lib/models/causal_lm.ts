/**
 * A causal language model as training and evaluation see it, whatever its architecture: its config,
 * its parameters and its forward pass.
 *
 * @module
 */
import type { JsonObject } from "../data/json_file.ts";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { CheckpointNames } from "./checkpoint.ts";
import type { DropoutSource } from "./dropout.ts";
import type { ParameterSpec } from "./parameters.ts";
import { causalLmFamily } from "./registry.ts";

/** A causal language model without its weights. */
export interface CausalLm {
  /** Content of config.json, with every default written out. */
  readonly config: JsonObject;
  readonly parameters: readonly ParameterSpec[];
  /** How its checkpoints name things. */
  readonly names: CheckpointNames;
  readonly vocabSize: number;
  /** Longest sequence it can read. */
  readonly positions: number;
  /**
   * Adds its forward pass to a graph.
   *
   * @param graph The graph under construction.
   * @param inputs `params` by name, `inputIds` int32 [B, T], and `dropout` where it is to be on.
   * @returns Logits, float32 [B, T, V].
   */
  forward(
    graph: Graph,
    inputs: {
      readonly params: ReadonlyMap<string, Tensor>;
      readonly inputIds: Tensor;
      readonly dropout?: DropoutSource;
    },
  ): Tensor;
}

/**
 * Makes a model of its config.
 *
 * @param config A parsed config.json; absent fields take transformers' defaults.
 * @throws {UserError} where its `model_type` is not known or a field cannot be.
 */
export function causalLm(config: JsonObject): CausalLm {
  const family = causalLmFamily(config);
  const parsed = family.parse(config);
  return {
    config: {
      ...parsed,
      // null says "four times the width" and stays that when the width is changed.
      n_inner: null,
      ...config,
      model_type: family.modelType,
      architectures: [family.architecture],
    },
    parameters: family.parameters(parsed),
    names: family.names(parsed),
    vocabSize: parsed.vocab_size,
    positions: parsed.n_positions,
    forward: (graph, inputs) => family.forward(graph, parsed, inputs).logits,
  };
}
