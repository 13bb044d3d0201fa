/**
 * GPT-2 (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"), as transformers'
 * `GPT2LMHeadModel` and `GPT2ForSequenceClassification` (5.x) compute it: blocks that normalize first, learned
 * positions, weights kept as `[in, out]`. The classifier is a linear layer without a bias over the state of each
 * row's last token that is no padding.
 *
 * B batch, T tokens, D width, H heads, K = D / H, V vocabulary, C classes. Left out: cross attention.
 * `reorder_and_upcast_attn` changes nothing in float32.
 *
 * @module
 */
import { z } from "zod";
import { InternalError, UserError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { Tensor } from "../graph/ir/tensor.ts";
import * as ops from "../graph/ops/mod.ts";
import type { Architecture, Inputs, Model, Task } from "./architecture.ts";
import type { Build } from "./build/build.ts";
import { countClasses, paddingToken } from "./classes.ts";
import * as field from "./config.ts";
import { ACTIVATIONS } from "./layers/activations.ts";
import { mergeHeads, splitJointHeads } from "./layers/split_heads.ts";
import { lastTokenState, wordScores } from "./layers/heads.ts";
import { layerNorm } from "./layers/normalization.ts";
import { normal } from "./build/parameters.ts";

const TITLE = "GPT-2";

const HEADS = {
  causal_lm: "GPT2LMHeadModel",
  sequence_classification: "GPT2ForSequenceClassification",
} as const;

const config = z.object({
  vocab_size: field.count("V, the size of the vocabulary", 50257),
  n_positions: field.count("most positions", 1024),
  n_embd: field.count("D, the width of the states", 768),
  n_layer: field.layerCount("blocks", 12),
  n_head: field.count("H, attention heads", 12),
  n_inner: z.int("a whole number above 0").positive("a whole number above 0").nullable()
    .describe("width inside the feed-forward layers; null: 4 n_embd").default(null),
  activation_function: field.activation("the activation of the feed-forward layers", "gelu_new"),
  resid_pdrop: field.share("dropout of what blocks add", 0.1),
  embd_pdrop: field.share("dropout of the embeddings", 0.1),
  attn_pdrop: field.share("dropout of attention weights", 0.1),
  layer_norm_epsilon: field.positive("added to variances", 1e-5),
  initializer_range: field.positive("standard deviation of first weights", 0.02),
  scale_attn_weights: field.flag("divide scores by the root of a head's width", true),
  scale_attn_by_inverse_layer_idx: field.flag(
    "divide scores by the number of the layer, from 1, as well",
    false,
  ),
  tie_word_embeddings: field.flag("whether the output layer is the token embedding", true),
  pad_token_id: field.tokenId("the token that rows are padded with", null),
}).refine(...field.multipleOf("n_embd", "n_head"));

type Config = z.output<typeof config>;

/** The models of `model_type: gpt2`. */
export const GPT2: Architecture = {
  modelType: "gpt2",
  title: TITLE,
  config,
  heads: HEADS,
  loraTargets: ["c_attn"],
  open,
};

function open(json: JsonObject, task: Task): Model {
  if (json.add_cross_attention === true) {
    throw new UserError({
      what: `the ${TITLE} config has add_cross_attention: true`,
      requirement: "only decoders without an encoder are supported",
    });
  }
  // Old files name the positions twice.
  const settings = field.readConfig(TITLE, config, {
    ...json,
    n_positions: json.n_positions ?? json.n_ctx ?? null,
  });
  const common = {
    config: { ...settings, ...json },
    fields: ["input_ids"],
    vocabSize: settings.vocab_size,
    maxPositions: settings.n_positions,
  };
  // The causal masks were once saved with the weights.
  const buffers = /(^|\.)attn\.(masked_)?bias$/;
  if (task === "causal_lm") {
    const tied = { "lm_head.weight": "transformer.wte.weight" };
    return {
      ...common,
      names: {
        prefix: "transformer.",
        ignored: [buffers],
        heads: ["lm_head.weight"],
        tied: settings.tie_word_embeddings ? tied : {},
      },
      forward: (b, inputs) => languageModel(b, settings, inputs),
      decoding: { starts: "prompt" },
    };
  }
  if (task !== "sequence_classification") throw new InternalError(`${TITLE} has no ${task}`);
  const classes = countClasses(TITLE, json);
  const pad = paddingToken(TITLE, settings);
  return {
    ...common,
    classes,
    names: {
      prefix: "transformer.",
      ignored: [buffers, /^lm_head\.weight$/],
      heads: ["score.weight"],
      tied: {},
    },
    forward(b, inputs): Tensor {
      const { hidden } = stack(b, settings, inputs);
      const state = lastTokenState(hidden, { inputIds: inputs.input_ids!, pad }); // [B, D]
      const init = normal(settings.initializer_range);
      return b.linear("score", state, { out: classes, layout: "out_in", bias: false, init });
    },
  };
}

function languageModel(b: Build, config: Config, inputs: Inputs): Tensor {
  const { hidden, words } = stack(b, config, inputs);
  const { tie_word_embeddings: tied, initializer_range: std } = config;
  return wordScores(b, hidden, tied ? words : b.param("lm_head.weight", words.shape, normal(std)));
}

/** `GPT2Model`: the normalized states of the last block, `[B, T, D]`, and the token embedding `[V, D]`. */
function stack(b: Build, config: Config, inputs: Inputs): { hidden: Tensor; words: Tensor } {
  const { n_embd: width, n_positions: most, layer_norm_epsilon: epsilon } = config;
  const base = b.at("transformer");
  const init = normal(config.initializer_range);
  const ids = inputs.input_ids!; // [B, T]
  const [, length = 0] = ids.shape;
  if (length > most) {
    throw new UserError({
      what: `sequences of ${length} tokens do not fit a ${TITLE} with n_positions: ${most}`,
      remedy: "shorten them (max_length) or choose a model with more positions",
    });
  }
  const words = base.param("wte.weight", [config.vocab_size, width], init);
  const table = base.param("wpe.weight", [most, width], init);
  const places = inputs.position_ids === undefined
    ? ops.slice(table, { axis: 0, start: 0, end: length, name: "positions" })
    : ops.gather(table, inputs.position_ids, { name: "positions" });
  const sum = ops.add(ops.gather(words, ids, { name: "tokens" }), places); // [B, T, D]
  let hidden = b.dropout(sum, config.embd_pdrop, "embd");
  for (let layer = 0; layer < config.n_layer; layer++) {
    const at = base.at(`h.${layer}`);
    hidden = at.block([hidden], (b, x) => [block(b, x!, { config, layer })])[0]!;
  }
  return { hidden: layerNorm(base, "ln_f", hidden, epsilon), words };
}

/** One block: [B, T, D] -> [B, T, D]. */
function block(b: Build, x: Tensor, options: { config: Config; layer: number }): Tensor {
  const { config, layer } = options;
  const { n_embd: width, n_head: heads, resid_pdrop: rate, layer_norm_epsilon: epsilon } = config;
  const init = normal(config.initializer_range);
  // What writes into the residual stream starts smaller, since 2 n_layer of them add up.
  const residual = normal(config.initializer_range / Math.sqrt(2 * config.n_layer));
  const layout = "in_out";

  const normed = layerNorm(b, "ln_1", x, epsilon);
  const joint = b.linear("attn.c_attn", normed, { out: 3 * width, layout, init }); // [B, T, 3D]
  const [queries, keys, values] = splitJointHeads(joint, { parts: 3, heads }); // [B, H, T, K]
  const depth = config.scale_attn_by_inverse_layer_idx ? layer + 1 : 1;
  const mixed = b.attention(queries!, {
    keys: keys!,
    values: values!,
    scale: (config.scale_attn_weights ? 1 / Math.sqrt(width / heads) : 1) / depth,
    causal: true,
    dropout: config.attn_pdrop,
    slot: `h${layer}/attn`,
  });
  const attended = b.linear("attn.c_proj", mergeHeads(mixed), {
    out: width,
    layout,
    init: residual,
  });
  const middle = ops.add(x, b.dropout(attended, rate, `h${layer}/attn/resid`));

  const inner = config.n_inner ?? 4 * width;
  const wide = b.linear("mlp.c_fc", layerNorm(b, "ln_2", middle, epsilon), {
    out: inner,
    layout,
    init,
  });
  const active = ACTIVATIONS[config.activation_function](wide);
  const fed = b.linear("mlp.c_proj", active, { out: width, layout, init: residual });
  return ops.add(middle, b.dropout(fed, rate, `h${layer}/mlp/resid`));
}
