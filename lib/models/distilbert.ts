/**
 * DistilBERT (Sanh et al., arXiv 1910.01108), as transformers' `DistilBertForSequenceClassification` (5.x) computes
 * it: an encoder whose blocks normalize last, learned positions, no token types. Classification looks at the state
 * of the first token.
 *
 * B batch, T tokens, D width, H heads, K = D / H, C classes. Left out: the head for masked words.
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
import { countClasses } from "./classes.ts";
import * as field from "./config.ts";
import { ACTIVATIONS } from "./layers/activations.ts";
import { mergeHeads, splitHeads } from "./layers/split_heads.ts";
import { firstTokenState } from "./layers/heads.ts";
import { layerNorm } from "./layers/normalization.ts";
import { normal } from "./build/parameters.ts";

const TITLE = "DistilBERT";

/** Added to variances; no field of the config. */
const EPSILON = 1e-12;

const config = z.object({
  vocab_size: field.count("V, the size of the vocabulary", 30522),
  max_position_embeddings: field.count("most positions", 512),
  dim: field.count("D, the width of the states", 768),
  n_layers: field.layerCount("blocks", 6),
  n_heads: field.count("H, attention heads", 12),
  hidden_dim: field.count("width inside the feed-forward layers", 3072),
  activation: field.activation("the activation of the feed-forward layers", "gelu"),
  dropout: field.share("dropout of embeddings and feed-forward layers", 0.1),
  attention_dropout: field.share("dropout of attention weights", 0.1),
  seq_classif_dropout: field.share("dropout before the scores of classes", 0.2),
  initializer_range: field.positive("standard deviation of first weights", 0.02),
  sinusoidal_pos_embds: field.flag("whether first positions are sine waves", false),
  pad_token_id: field.tokenId("the token that rows are padded with", 0),
}).refine(...field.multipleOf("dim", "n_heads"));

type Config = z.output<typeof config>;

/** The models of `model_type: distilbert`. */
export const DISTILBERT: Architecture = {
  modelType: "distilbert",
  title: TITLE,
  config,
  heads: { sequence_classification: "DistilBertForSequenceClassification" },
  loraTargets: ["q_lin", "v_lin"],
  open,
};

function open(json: JsonObject, task: Task): Model {
  if (task !== "sequence_classification") throw new InternalError(`${TITLE} has no ${task}`);
  const settings = field.readConfig(TITLE, config, json);
  const classes = countClasses(TITLE, json);
  return {
    config: { ...settings, ...json },
    fields: ["input_ids", "attention_mask"],
    vocabSize: settings.vocab_size,
    maxPositions: settings.max_position_embeddings,
    classes,
    names: {
      prefix: "distilbert.",
      // The head for masked words that checkpoints of the language model have.
      ignored: [/^vocab_(transform|layer_norm|projector)\./],
      heads: [
        "pre_classifier.weight",
        "pre_classifier.bias",
        "classifier.weight",
        "classifier.bias",
      ],
      tied: {},
    },
    forward: (b, inputs) => classify(b, { config: settings, classes, inputs }),
  };
}

/** Logits [B, C]. */
function classify(
  b: Build,
  { config, classes, inputs }: { config: Config; classes: number; inputs: Inputs },
): Tensor {
  const layout = "out_in";
  const init = normal(config.initializer_range);
  const state = firstTokenState(encode(b.at("distilbert"), config, inputs)); // [B, D]
  const wide = b.linear("pre_classifier", state, { out: config.dim, layout, init });
  const pooled = b.dropout(ops.relu(wide), config.seq_classif_dropout, "classifier");
  return b.linear("classifier", pooled, { out: classes, layout, init });
}

/** `DistilBertModel`: [B, T] -> [B, T, D]. */
function encode(b: Build, config: Config, inputs: Inputs): Tensor {
  const { dim, max_position_embeddings: most } = config;
  const init = normal(config.initializer_range);
  const ids = inputs.input_ids!; // [B, T]
  const [, length = 0] = ids.shape;
  if (length > most) {
    throw new UserError({
      what:
        `sequences of ${length} tokens do not fit a ${TITLE} with max_position_embeddings: ${most}`,
      remedy: "shorten them (max_length) or choose a model with more positions",
    });
  }
  const at = b.at("embeddings");
  const words = at.param("word_embeddings.weight", [config.vocab_size, dim], init);
  const table = at.param(
    "position_embeddings.weight",
    [most, dim],
    config.sinusoidal_pos_embds ? { kind: "sinusoidal" } : init,
  );
  const places = ops.slice(table, { axis: 0, start: 0, end: length });
  const sum = ops.add(ops.gather(words, ids), places); // [B, T, D]
  const normed = layerNorm(at, "LayerNorm", sum, EPSILON);
  let hidden = b.dropout(normed, config.dropout, "embeddings");
  for (let layer = 0; layer < config.n_layers; layer++) {
    const at = b.at(`transformer.layer.${layer}`);
    hidden = at.block([hidden], (b, x) => [block(b, x!, { config, layer })])[0]!;
  }
  return hidden;
}

/** One block: [B, T, D] -> [B, T, D]. */
function block(b: Build, x: Tensor, options: { config: Config; layer: number }): Tensor {
  const { config, layer } = options;
  const { dim, n_heads: heads, hidden_dim: inner } = config;
  const dense = { layout: "out_in", init: normal(config.initializer_range) } as const;
  const project = (name: string): Tensor =>
    splitHeads(b.linear(`attention.${name}`, x, { out: dim, ...dense }), heads); // [B, H, T, K]
  const mixed = b.attention(project("q_lin"), {
    keys: project("k_lin"),
    values: project("v_lin"),
    scale: 1 / Math.sqrt(dim / heads),
    dropout: config.attention_dropout,
    slot: `layer${layer}/attention`,
  });
  const attended = b.linear("attention.out_lin", mergeHeads(mixed), { out: dim, ...dense });
  const middle = layerNorm(b, "sa_layer_norm", ops.add(attended, x), EPSILON);
  const wide = ACTIVATIONS[config.activation](
    b.linear("ffn.lin1", middle, { out: inner, ...dense }),
  );
  const narrow = b.linear("ffn.lin2", wide, { out: dim, ...dense });
  const fed = b.dropout(narrow, config.dropout, `layer${layer}/ffn`);
  return layerNorm(b, "output_layer_norm", ops.add(fed, middle), EPSILON);
}
