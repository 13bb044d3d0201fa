/**
 * The model families by the `model_type` of a config.json. A family is what the rooms above need to know of
 * an architecture: how its config is read, its parameters, and its graph.
 *
 * @module
 */

import type { JsonObject } from "../data/json_file.ts";
import { nearest, UserError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { type CheckpointNames, GPT2_NAMES } from "./checkpoint.ts";
import {
  type Gpt2Config,
  gpt2Forward,
  type Gpt2Inputs,
  type Gpt2Outputs,
  gpt2Parameters,
  parseGpt2Config,
} from "./gpt2.ts";
import type { ParameterSpec } from "./parameters.ts";

/** An architecture that predicts each next token. */
export interface CausalLmFamily {
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** The class that opens it in transformers, for `architectures` in config.json. */
  readonly architecture: string;
  /** How checkpoints of a config name things. */
  names(config: Gpt2Config): CheckpointNames;
  /** Reads a config; throws UserError for settings that are not supported. */
  parse(json: JsonObject): Gpt2Config;
  /** The trainable parameters in the reference's order. */
  parameters(config: Gpt2Config): ParameterSpec[];
  /** Adds the forward pass to a graph. */
  forward(graph: Graph, config: Gpt2Config, inputs: Gpt2Inputs): Gpt2Outputs;
}

const FAMILIES: Readonly<Record<string, CausalLmFamily>> = {
  gpt2: {
    modelType: "gpt2",
    architecture: "GPT2LMHeadModel",
    // An output layer of its own is a parameter, not a copy of the embedding.
    names: (config) => config.tie_word_embeddings ? GPT2_NAMES : { ...GPT2_NAMES, tied: {} },
    parse: parseGpt2Config,
    parameters: gpt2Parameters,
    forward: gpt2Forward,
  },
};

/** The accepted values of `model_type`. */
const MODEL_TYPES: readonly string[] = Object.keys(FAMILIES);

/**
 * The family of a config.json.
 *
 * @param json The parsed file.
 * @throws UserError where `model_type` is missing or of no known family.
 *
 * @example
 * ```ts
 * import { causalLmFamily } from "./registry.ts";
 * if (causalLmFamily({ model_type: "gpt2" }).architecture !== "GPT2LMHeadModel") throw new Error();
 * ```
 */
export function causalLmFamily(json: JsonObject): CausalLmFamily {
  const type = json.model_type;
  const family = typeof type === "string" && Object.hasOwn(FAMILIES, type)
    ? FAMILIES[type]
    : undefined;
  if (family !== undefined) return family;
  throw new UserError({
    what: type === undefined
      ? "the model's config.json has no model_type"
      : `the model's config.json has model_type: ${JSON.stringify(type)}`,
    requirement: `it must be one of ${MODEL_TYPES.join(", ")}`,
    nearest: typeof type === "string" ? nearest(type, MODEL_TYPES) : undefined,
  });
}
