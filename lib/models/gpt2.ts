/**
 * GPT-2 (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"), as transformers'
 * `GPT2LMHeadModel` computes it: parameters under their checkpoint names, the forward pass for training and
 * scoring, and the same pass with cached keys and values for decoding.
 *
 * B batch, T tokens, D width, H heads, K = D / H, L cached positions, V vocabulary. Left out: cross attention.
 * `reorder_and_upcast_attn` changes nothing in float32.
 *
 * @module
 */

import { InternalError, UserError } from "../base/errors.ts";
import type { TensorGraph } from "../graph/ir/tensor.ts";
import * as ops from "../graph/ops/mod.ts";
import type { Tensor } from "../graph/ir/tensor.ts";
import { ACTIVATIONS } from "./activations.ts";
import { dropout, type DropoutSource } from "./dropout.ts";
import type { DecodeInputs } from "./family.ts";
import type { Gpt2Config } from "./gpt2_config.ts";
import {
  attention,
  causalBias,
  linear,
  mergeHeads,
  paddingBias,
  splitJointHeads,
} from "./layers.ts";
import { parameterLookup, type ParameterSpec } from "./parameters.ts";

export { type Gpt2Config, parseGpt2Config } from "./gpt2_config.ts";

/** The last layer's states, and what decoding keeps. */
export interface Gpt2States {
  /** Normalized, `[B, T, D]`. */
  readonly hidden: Tensor;
  /** Keys and values of this run's own tokens alone, `[B, H, T, K]` a layer, for the host to keep. */
  readonly present: { readonly keys: readonly Tensor[]; readonly values: readonly Tensor[] };
}

/** The parameters in the order of transformers' `named_parameters()`. */
export function gpt2Parameters(config: Gpt2Config): ParameterSpec[] {
  const { n_embd: width, n_inner: inner, initializer_range: std } = config;
  const matrix = (name: string, shape: number[]): ParameterSpec => (
    { name, shape, init: "normal", std, decay: true }
  );
  // The layers that write into the residual stream start smaller, since 2 n_layer of them add up.
  const residual = (name: string, shape: number[]): ParameterSpec => (
    { name, shape, init: "residual", std: std / Math.sqrt(2 * config.n_layer), decay: true }
  );
  const vector = (name: string, size: number, init: "zeros" | "ones"): ParameterSpec => (
    { name, shape: [size], init, decay: false }
  );
  const norm = (name: string): ParameterSpec[] => [
    vector(`${name}.weight`, width, "ones"),
    vector(`${name}.bias`, width, "zeros"),
  ];
  const blocks = Array.from({ length: config.n_layer }, (_, layer) => {
    const prefix = `transformer.h.${layer}`;
    return [
      ...norm(`${prefix}.ln_1`),
      matrix(`${prefix}.attn.c_attn.weight`, [width, 3 * width]),
      vector(`${prefix}.attn.c_attn.bias`, 3 * width, "zeros"),
      residual(`${prefix}.attn.c_proj.weight`, [width, width]),
      vector(`${prefix}.attn.c_proj.bias`, width, "zeros"),
      ...norm(`${prefix}.ln_2`),
      matrix(`${prefix}.mlp.c_fc.weight`, [width, inner]),
      vector(`${prefix}.mlp.c_fc.bias`, inner, "zeros"),
      residual(`${prefix}.mlp.c_proj.weight`, [inner, width]),
      vector(`${prefix}.mlp.c_proj.bias`, width, "zeros"),
    ];
  });
  return [
    matrix("transformer.wte.weight", [config.vocab_size, width]),
    matrix("transformer.wpe.weight", [config.n_positions, width]),
    ...blocks.flat(),
    ...norm("transformer.ln_f"),
    ...config.tie_word_embeddings ? [] : [matrix("lm_head.weight", [config.vocab_size, width])],
  ];
}

/**
 * Adds GPT-2's forward pass to a graph.
 *
 * Training and scoring: pass `inputIds`, and `attentionMask` where rows are padded.
 *
 * Decoding, in steps of T tokens (T = 1 after the prompt): the host keeps a key and a value array
 * `[B, H, L, K]` for each layer, of fixed capacity L, and feeds them with a mask of the filled slots and the
 * `positionIds` of the new tokens. The run returns logits (`logitsAt: "last"`) and `present`, the keys and
 * values of the T new tokens; the host copies those into the next free slots and sets their mask to 1. Slots
 * need not be in order, since positions are learned and added to the embeddings. New tokens see all filled
 * slots and, among themselves, only earlier ones. The prompt is read by the same form with no `past`.
 *
 * @param graph The graph under construction.
 * @param config The model's settings.
 * @param inputs See {@linkcode DecodeInputs}.
 * @returns Logits, `[B, T, V]` or `[B, V]` as `logitsAt` says, and all that {@linkcode gpt2Hidden} gives.
 * @throws {UserError} where the sequence is longer than the model has positions.
 */
export function gpt2Forward(
  graph: TensorGraph,
  config: Gpt2Config,
  inputs: DecodeInputs,
): Gpt2States & { readonly logits: Tensor } {
  const states = gpt2Hidden(graph, config, inputs);
  const param = parameterLookup(inputs.params);
  const head = param(config.tie_word_embeddings ? "transformer.wte.weight" : "lm_head.weight");
  return { ...states, logits: headLogits(states.hidden, { head, at: inputs.logitsAt ?? "all" }) };
}

/** The pass of {@linkcode gpt2Forward} up to the head: `GPT2Model`. */
export function gpt2Hidden(
  graph: TensorGraph,
  config: Gpt2Config,
  inputs: DecodeInputs,
): Gpt2States {
  const { inputIds, attentionMask, past } = inputs;
  const [, length = 0] = inputIds.shape;
  if (length > config.n_positions) {
    throw new UserError({
      what:
        `sequences of ${length} tokens do not fit a GPT-2 with n_positions: ${config.n_positions}`,
      remedy: "shorten them (max_length) or choose a model with more positions",
    });
  }
  const param = parameterLookup(inputs.params);
  let hidden = graph.scope("embeddings", () => embeddings(graph, { config, inputs }));
  const causal = length === 1 ? undefined : causalBias(graph, length);
  const padding = attentionMask === undefined ? undefined : paddingBias(attentionMask);
  const bias = causal === undefined || padding === undefined
    ? causal ?? padding
    : ops.add(causal, padding, { name: "attention_bias" });
  const pastBias = past === undefined ? undefined : paddingBias(past.mask);
  const [keys, values]: [Tensor[], Tensor[]] = [[], []];
  for (let layer = 0; layer < config.n_layer; layer++) {
    const build = (x: Tensor, source: DropoutSource | undefined): ReturnType<typeof block> =>
      graph.scope(`h${layer}`, () => {
        const own = { ...inputs, dropout: source };
        return block(x, { config, inputs: own, layer, bias, pastBias });
      });
    const out = build(hidden, inputs.dropout);
    inputs.segments?.push({
      input: hidden,
      output: out.hidden,
      build: (x, source) => build(x, source).hidden,
    });
    hidden = out.hidden;
    keys.push(out.keys);
    values.push(out.values);
  }
  hidden = layerNorm(hidden, { config, param, name: "transformer.ln_f" });
  return { hidden, present: { keys, values } };
}

/** Token plus position embeddings: [B, T] -> [B, T, D]. */
function embeddings(
  graph: TensorGraph,
  { config, inputs }: { config: Gpt2Config; inputs: DecodeInputs },
): Tensor {
  const { inputIds, positionIds } = inputs;
  const param = parameterLookup(inputs.params, "transformer.");
  const [, length = 0] = inputIds.shape;
  const tokens = ops.gather(param("wte.weight"), inputIds, { name: "tokens" });
  const table = param("wpe.weight");
  const positions = positionIds === undefined
    ? ops.slice(table, { axis: 0, start: 0, end: length, name: "positions" })
    : ops.gather(table, positionIds, { name: "positions" });
  if (positions.graph !== graph) throw new InternalError("parameters belong to another graph");
  const sum = ops.add(tokens, positions, { name: "sum" });
  return dropout(sum, { rate: config.embd_pdrop, site: "embd", source: inputs.dropout });
}

interface BlockOptions {
  readonly config: Gpt2Config;
  readonly inputs: DecodeInputs;
  readonly layer: number;
  readonly bias: Tensor | undefined;
  readonly pastBias: Tensor | undefined;
}

/** One transformer block, normalization first: [B, T, D] -> [B, T, D]. */
function block(
  x: Tensor,
  options: BlockOptions,
): { hidden: Tensor; keys: Tensor; values: Tensor } {
  const { config, inputs, layer } = options;
  const { graph } = x;
  const param = parameterLookup(inputs.params, `transformer.h.${layer}.`);
  const drop = (y: Tensor, part: string): Tensor =>
    dropout(y, {
      rate: config.resid_pdrop,
      site: `h${layer}/${part}/resid`,
      source: inputs.dropout,
    });
  const attended = graph.scope("attn", () => {
    const normal = layerNorm(x, { config, param, name: "ln_1" });
    const heads = selfAttention(normal, options);
    const out = project(heads.out, { inputs, layer, module: "attn.c_proj", name: "proj" });
    return { ...heads, out: drop(out, "attn") };
  });
  const middle = ops.add(x, attended.out, { name: "attn_residual" });
  const fed = graph.scope("mlp", () => {
    const normal = layerNorm(middle, { config, param, name: "ln_2" });
    const wide = project(normal, { inputs, layer, module: "mlp.c_fc", name: "fc" }); // [B, T, 4D]
    const active = ACTIVATIONS[config.activation_function](wide);
    return drop(project(active, { inputs, layer, module: "mlp.c_proj", name: "proj" }), "mlp");
  });
  const hidden = ops.add(middle, fed, { name: "mlp_residual" });
  return { hidden, keys: attended.keys, values: attended.values };
}

/** A linear layer of a block, with what an adapter adds to it. */
function project(
  x: Tensor,
  options: Pick<BlockOptions, "inputs" | "layer"> & {
    readonly module: string;
    readonly name: string;
  },
): Tensor {
  const { inputs, layer, module, name } = options;
  const full = `transformer.h.${layer}.${module}`;
  const param = parameterLookup(inputs.params, `${full}.`);
  const found = inputs.adapters?.get(full);
  const adapter = found && ((rows: Tensor): Tensor => found(rows, inputs.dropout));
  return linear(x, { weight: param("weight"), bias: param("bias"), adapter, name });
}

function selfAttention(
  x: Tensor,
  options: BlockOptions,
): { out: Tensor; keys: Tensor; values: Tensor } {
  const { config, inputs, layer, bias, pastBias } = options;
  const { n_head: heads, n_embd: width } = config;
  const joint = project(x, { inputs, layer, module: "attn.c_attn", name: "qkv" }); // [B, T, 3D]
  const [queries, keys, values] = splitJointHeads(joint, { parts: 3, heads }); // [B, H, T, K]
  if (queries === undefined || keys === undefined || values === undefined) {
    throw new InternalError("the joint projection has three parts");
  }
  const depth = config.scale_attn_by_inverse_layer_idx ? layer + 1 : 1;
  const pastKeys = inputs.past?.keys[layer];
  const pastValues = inputs.past?.values[layer];
  const past = pastKeys === undefined || pastValues === undefined || pastBias === undefined
    ? undefined
    : { keys: pastKeys, values: pastValues, bias: pastBias };
  const mixed = attention(queries, {
    keys,
    values,
    scale: (config.scale_attn_weights ? 1 / Math.sqrt(width / heads) : 1) / depth,
    bias,
    causal: true,
    past,
    dropout: {
      rate: config.attn_pdrop,
      site: `h${layer}/attn/weights`,
      source: inputs.dropout,
    },
  });
  return { out: mergeHeads(mixed), keys, values };
}

function layerNorm(
  x: Tensor,
  options: { config: Gpt2Config; param: (name: string) => Tensor; name: string },
): Tensor {
  const { config, param, name } = options;
  return ops.layerNorm(x, {
    scale: param(`${name}.weight`),
    bias: param(`${name}.bias`),
    epsilon: config.layer_norm_epsilon,
    name: name.split(".").at(-1) ?? name,
  });
}

/** Scores of all words: hidden x head^T. */
function headLogits(
  hidden: Tensor,
  { head, at }: { head: Tensor; at: "all" | "last" | Tensor },
): Tensor {
  const [batch = 0, length = 0, width = 0] = hidden.shape;
  const [vocabulary = 0] = head.shape;
  const rows = ops.reshape(hidden, [batch * length, width]);
  if (at === "all") {
    const all = ops.matmul(rows, head, { transB: true, name: "lm_head" }); // [B T, V]
    return ops.reshape(all, [batch, length, vocabulary]);
  }
  if (at === "last") {
    const last = ops.slice(hidden, { axis: 1, start: length - 1, end: length });
    return ops.matmul(ops.reshape(last, [batch, width]), head, { transB: true, name: "lm_head" });
  }
  const starts = hidden.graph.constant(
    Int32Array.from({ length: batch }, (_, row) => row * length),
    { type: "int32", shape: [batch], name: "row_starts" },
  );
  const chosen = ops.gather(rows, ops.add(starts, at)); // [B, D]
  return ops.matmul(chosen, head, { transB: true, name: "lm_head" });
}
