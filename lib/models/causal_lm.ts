/**
 * A causal language model as training and evaluation see it, whatever its architecture: its config,
 * its parameters and its forward pass.
 *
 * @module
 */
import { nearest, UserError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type CheckpointNames, GPT2_NAMES, type JsonObject } from "./checkpoint.ts";
import type { DropoutSource } from "./dropout.ts";
import { gpt2Forward, gpt2Parameters, parseGpt2Config } from "./gpt2.ts";
import type { ParameterSpec } from "./parameters.ts";

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

/** model_type -> how to make it of its config. */
const FAMILIES: Readonly<Record<string, (config: JsonObject) => CausalLm>> = { gpt2 };

/**
 * Makes a model of its config.
 *
 * @param config A parsed config.json; absent fields take transformers' defaults.
 * @throws {UserError} where its `model_type` is not known or a field cannot be.
 */
export function causalLm(config: JsonObject): CausalLm {
  const type = config.model_type;
  const family = typeof type === "string" && Object.hasOwn(FAMILIES, type)
    ? FAMILIES[type]
    : undefined;
  if (family === undefined) {
    const names = Object.keys(FAMILIES);
    throw new UserError({
      what: type === undefined
        ? "the model's config has no model_type"
        : `models of the type ${JSON.stringify(type)} cannot be trained or evaluated`,
      nearest: typeof type === "string" ? nearest(type, names) : undefined,
      requirement: `a causal language model: ${names.join(", ")}`,
    });
  }
  return family(config);
}

function gpt2(config: JsonObject): CausalLm {
  const parsed = parseGpt2Config(config);
  return {
    config: {
      ...parsed,
      // null says "four times the width" and stays that when the width is changed.
      n_inner: null,
      ...config,
      model_type: "gpt2",
      architectures: ["GPT2LMHeadModel"],
    },
    parameters: gpt2Parameters(parsed),
    names: parsed.tie_word_embeddings ? GPT2_NAMES : { ...GPT2_NAMES, tied: {} },
    vocabSize: parsed.vocab_size,
    positions: parsed.n_positions,
    forward: (graph, inputs) => gpt2Forward(graph, parsed, inputs).logits,
  };
}
