/**
 * GPT-2's config.json: which fields matter, their defaults (those of transformers' `GPT2Config`) and which
 * settings cannot be computed. Fields that do not change the model's output are passed over.
 *
 * @module
 */

import type { JsonObject } from "../base/json.ts";
import { nearest, UserError } from "../base/errors.ts";
import { type Activation, ACTIVATIONS, isActivation } from "./activations.ts";

/**
 * Most layers: far more than any model has, and few enough to be listed before they are looked for in a
 * checkpoint, which a config that lies about them would otherwise delay without end.
 */
const MOST_LAYERS = 4096;

/** The settings of a GPT-2 model, checked. */
export interface Gpt2Config {
  readonly vocab_size: number;
  /** Most positions. */
  readonly n_positions: number;
  /** Width D. */
  readonly n_embd: number;
  readonly n_layer: number;
  readonly n_head: number;
  /** Width inside the feed-forward layers; 4 D where the file says null. */
  readonly n_inner: number;
  readonly activation_function: Activation;
  readonly resid_pdrop: number;
  readonly embd_pdrop: number;
  readonly attn_pdrop: number;
  readonly layer_norm_epsilon: number;
  /** Standard deviation of first weights. */
  readonly initializer_range: number;
  /** Divide scores by the root of a head's width. */
  readonly scale_attn_weights: boolean;
  /** Divide scores by the number of the layer, from 1, as well. */
  readonly scale_attn_by_inverse_layer_idx: boolean;
  /** Whether the output layer is the token embedding. */
  readonly tie_word_embeddings: boolean;
}

/**
 * Reads a parsed config.json.
 *
 * @param json The object; absent fields take transformers' defaults.
 * @throws {UserError} for a field of the wrong type or range, and for settings that are not supported.
 *
 * @example
 * ```ts
 * import { parseGpt2Config } from "./gpt2_config.ts";
 * if (parseGpt2Config({ n_embd: 64, n_head: 4 }).n_inner !== 256) throw new Error();
 * ```
 */
export function parseGpt2Config(json: JsonObject): Gpt2Config {
  const read = reader(json);
  if (json.add_cross_attention === true) {
    throw new UserError({
      what: "the GPT-2 config has add_cross_attention: true",
      requirement: "only decoders without an encoder are supported",
    });
  }
  const width = read.count("n_embd", 768);
  const heads = read.count("n_head", 12);
  if (width % heads !== 0) {
    throw new UserError({
      what: `the GPT-2 config has n_embd: ${width} and n_head: ${heads}`,
      requirement: "n_embd must be a multiple of n_head",
    });
  }
  const layers = read.count("n_layer", 12);
  if (layers > MOST_LAYERS) {
    throw new UserError({
      what: `the GPT-2 config has n_layer: ${layers}`,
      requirement: `n_layer must be at most ${MOST_LAYERS}`,
    });
  }
  return {
    vocab_size: read.count("vocab_size", 50257),
    n_positions: read.count("n_positions", read.count("n_ctx", 1024)),
    n_embd: width,
    n_layer: layers,
    n_head: heads,
    n_inner: json.n_inner === null ? 4 * width : read.count("n_inner", 4 * width),
    activation_function: activation(json.activation_function ?? "gelu_new"),
    resid_pdrop: read.share("resid_pdrop", 0.1),
    embd_pdrop: read.share("embd_pdrop", 0.1),
    attn_pdrop: read.share("attn_pdrop", 0.1),
    layer_norm_epsilon: read.positive("layer_norm_epsilon", 1e-5),
    initializer_range: read.positive("initializer_range", 0.02),
    scale_attn_weights: read.flag("scale_attn_weights", true),
    scale_attn_by_inverse_layer_idx: read.flag("scale_attn_by_inverse_layer_idx", false),
    tie_word_embeddings: read.flag("tie_word_embeddings", true),
  };
}

function activation(name: unknown): Activation {
  if (typeof name === "string" && isActivation(name)) return name;
  throw new UserError({
    what: `the GPT-2 config has activation_function: ${JSON.stringify(name)}`,
    requirement: `it must be one of ${Object.keys(ACTIVATIONS).join(", ")}`,
    nearest: typeof name === "string" ? nearest(name, Object.keys(ACTIVATIONS)) : undefined,
  });
}

function reader(json: JsonObject): {
  count(name: string, fallback: number): number;
  share(name: string, fallback: number): number;
  positive(name: string, fallback: number): number;
  flag(name: string, fallback: boolean): boolean;
} {
  const number = (name: string, fallback: number, fits: (value: number) => boolean) =>
  (
    requirement: string,
  ): number => {
    const value = json[name] ?? fallback;
    if (typeof value === "number" && fits(value)) return value;
    throw wrong(name, value, requirement);
  };
  return {
    count: (name, fallback) =>
      number(name, fallback, (value) => Number.isInteger(value) && value > 0)(
        "a whole number above 0",
      ),
    share: (name, fallback) =>
      number(name, fallback, (value) => value >= 0 && value <= 1)("a number from 0 to 1"),
    positive: (name, fallback) =>
      number(name, fallback, (value) => value > 0 && Number.isFinite(value))("a number above 0"),
    flag: (name, fallback) => {
      const value = json[name] ?? fallback;
      if (typeof value === "boolean") return value;
      throw wrong(name, value, "true or false");
    },
  };
}

function wrong(name: string, value: unknown, requirement: string): UserError {
  return new UserError({
    what: `the GPT-2 config has ${name}: ${JSON.stringify(value)}`,
    requirement: `${name} must be ${requirement}`,
  });
}
