/**
 * GPT-2 as the rooms above see it: `GPT2LMHeadModel` and `GPT2ForSequenceClassification`.
 *
 * @module
 */
import type { JsonObject } from "../base/json.ts";
import { GPT2_NAMES } from "../checkpoint/load.ts";
import type { CausalLm, ModelFamily, SequenceClassifier } from "./family.ts";
import { type Gpt2Config, gpt2Forward, gpt2Parameters, parseGpt2Config } from "./gpt2.ts";
import {
  classifyForward,
  classifyParameters,
  GPT2_CLASSIFIER_NAMES,
  parseClassifierConfig,
} from "./gpt2_classifier.ts";

const MODEL_TYPE = "gpt2";
const ARCHITECTURES = {
  causalLm: "GPT2LMHeadModel",
  classifier: "GPT2ForSequenceClassification",
} as const;

/** The models of `model_type: gpt2`. */
export const GPT2_FAMILY: ModelFamily = {
  modelType: MODEL_TYPE,
  architectures: ARCHITECTURES,
  causalLm(json: JsonObject): CausalLm {
    const config = parseGpt2Config(json);
    return {
      modelType: MODEL_TYPE,
      config: written(config, json, ARCHITECTURES.causalLm),
      parameters: gpt2Parameters(config),
      // An output layer of its own is a parameter, not a copy of the embedding.
      names: config.tie_word_embeddings ? GPT2_NAMES : { ...GPT2_NAMES, tied: {} },
      linearModules: linearModules(config),
      vocabSize: config.vocab_size,
      positions: config.n_positions,
      cache: {
        layers: config.n_layer,
        heads: config.n_head,
        headWidth: config.n_embd / config.n_head,
      },
      forward: (graph, inputs) => gpt2Forward(graph, config, inputs).logits,
      decode: (graph, inputs) => gpt2Forward(graph, config, inputs),
    };
  },
  classifier(json: JsonObject): SequenceClassifier {
    const config = parseClassifierConfig(json);
    const { classes: _, ...fields } = config;
    return {
      modelType: MODEL_TYPE,
      config: written(fields, json, ARCHITECTURES.classifier),
      parameters: classifyParameters(config),
      names: GPT2_CLASSIFIER_NAMES,
      linearModules: linearModules(config),
      vocabSize: config.vocab_size,
      positions: config.n_positions,
      classes: config.classes,
      forward: (graph, inputs) => classifyForward(graph, config, inputs),
    };
  },
};

function linearModules(config: Gpt2Config): string[] {
  return gpt2Parameters(config)
    .filter(({ name, shape }) => shape.length === 2 && name.startsWith("transformer.h."))
    .map(({ name }) => name.slice(0, -".weight".length));
}

/** config.json with every default written out. */
function written(config: object, json: JsonObject, architecture: string): JsonObject {
  return {
    ...config,
    // null says "four times the width" and stays that when the width is changed.
    n_inner: null,
    ...json,
    model_type: MODEL_TYPE,
    architectures: [architecture],
  };
}
