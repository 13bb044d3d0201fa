/**
 * GPT-2 with a classification head, as transformers' `GPT2ForSequenceClassification` (5.x) computes it: a
 * linear layer without a bias over the state of each row's last token that is no padding.
 *
 * B batch, T tokens, D width, C classes. Left out: `problem_type` other than single_label_classification,
 * and so models of one class, which are regressions.
 *
 * @module
 */
import type { JsonObject } from "../base/json.ts";
import { UserError } from "../base/errors.ts";
import type { TensorGraph } from "../graph/ir/tensor.ts";
import * as ops from "../graph/ops/mod.ts";
import type { Tensor } from "../graph/ir/tensor.ts";
import { type CheckpointNames, GPT2_NAMES } from "../checkpoint/load.ts";
import type { ForwardInputs } from "./family.ts";
import { type Gpt2Config, gpt2Hidden, gpt2Parameters, parseGpt2Config } from "./gpt2.ts";
import { parameterLookup, type ParameterSpec } from "./parameters.ts";

const HEAD = "score.weight";
const SINGLE_LABEL = "single_label_classification";

/** The settings of a GPT-2 classifier, checked. */
export interface Gpt2ClassifierConfig extends Gpt2Config {
  /** C: the labels of `id2label`, else `num_labels`, else 2. */
  readonly classes: number;
  /** The token that rows are padded with; without one only single rows can be classified. */
  readonly pad_token_id: number | null;
}

/** Names of `GPT2ForSequenceClassification`; a language model's output layer is passed over. */
export const GPT2_CLASSIFIER_NAMES: CheckpointNames = {
  ...GPT2_NAMES,
  buffers: [...GPT2_NAMES.buffers, /^lm_head\.weight$/],
  heads: [HEAD],
  tied: {},
};

/**
 * Reads a parsed config.json.
 *
 * @param json The object; absent fields take transformers' defaults.
 * @throws {UserError} as `parseGpt2Config`, for labels that cannot be counted, and for other problem types.
 */
export function parseClassifierConfig(json: JsonObject): Gpt2ClassifierConfig {
  const config = parseGpt2Config(json);
  const { problem_type: problem = null, pad_token_id: pad = null } = json;
  if (problem !== null && problem !== SINGLE_LABEL) {
    throw new UserError({
      what: `the GPT-2 config has problem_type: ${JSON.stringify(problem)}`,
      requirement: `only ${SINGLE_LABEL} is supported`,
    });
  }
  const classes = countClasses(json);
  if (typeof classes !== "number" || !Number.isSafeInteger(classes) || classes < 2) {
    throw new UserError({
      what: `the GPT-2 config has num_labels: ${JSON.stringify(classes)}`,
      requirement: "a classifier needs at least 2 labels (one label is a regression)",
      remedy: 'give it id2label: {"0": "negative", "1": "positive"}',
    });
  }
  const { vocab_size: words } = config;
  if (pad !== null && !(typeof pad === "number" && Number.isInteger(pad) && pad >= 0)) {
    throw new UserError({
      what: `the GPT-2 config has pad_token_id: ${JSON.stringify(pad)}`,
      requirement: `it must be the id of a token (0 to ${words - 1}) or null`,
    });
  }
  return { ...config, classes, pad_token_id: pad };
}

/** transformers writes `id2label` where there are other than two labels; where both are there, it wins. */
function countClasses({ id2label, num_labels: count }: JsonObject): unknown {
  if (id2label === undefined || id2label === null) return count ?? 2;
  return typeof id2label === "object" ? Object.keys(id2label).length : id2label;
}

/** The parameters in the order of transformers' `named_parameters()`. */
export function classifyParameters(config: Gpt2ClassifierConfig): ParameterSpec[] {
  const { n_embd: width, classes, initializer_range: std } = config;
  return [
    ...gpt2Parameters({ ...config, tie_word_embeddings: true }),
    { name: HEAD, shape: [classes, width], init: "normal", std, decay: true },
  ];
}

/**
 * Adds the forward pass to a graph.
 *
 * @returns float32 `[B, C]`.
 * @throws {UserError} where several rows are given and the config names no token for padding.
 */
export function classifyForward(
  graph: TensorGraph,
  config: Gpt2ClassifierConfig,
  inputs: ForwardInputs,
): Tensor {
  const { inputIds } = inputs;
  const [batch = 0, length = 0] = inputIds.shape;
  const { hidden } = gpt2Hidden(graph, config, inputs); // [B, T, D]
  const rows = ops.reshape(hidden, [batch * length, config.n_embd]);
  const last = graph.scope("pool", () => lastTokens(graph, { inputIds, pad: config.pad_token_id }));
  const pooled = ops.gather(rows, last, { name: "pooled" }); // [B, D]
  const score = parameterLookup(inputs.params)(HEAD);
  return ops.matmul(pooled, score, { transB: true, name: "score" }); // (B, D) x (D, C) -> (B, C)
}

/**
 * For each row the place of its last token that is not padding, counted over all rows: int32 `[B]`. A row of
 * nothing but padding has its first, as the reference's argmax of zeros.
 */
function lastTokens(
  graph: TensorGraph,
  { inputIds, pad }: { readonly inputIds: Tensor; readonly pad: number | null },
): Tensor {
  const [batch = 0, length = 0] = inputIds.shape;
  const starts = (offset: number): Tensor =>
    graph.constant(Int32Array.from({ length: batch }, (_, row) => row * length + offset), {
      type: "int32",
      shape: [batch],
      name: "row_starts",
    });
  if (pad === null) {
    if (batch === 1) return starts(length - 1);
    throw new UserError({
      what: `cannot classify ${batch} rows at once: the model's config has no pad_token_id`,
      remedy: "set pad_token_id, or classify one row at a time",
    });
  }
  const places = graph.constant(Float32Array.from({ length }, (_, place) => place), {
    type: "float32",
    shape: [1, length],
    name: "places",
  });
  const kept = ops.cast(ops.not(ops.equal(inputIds, pad)), "float32"); // [B, T]
  // Places are exact in float32; not every engine takes the maximum of integers.
  const last = ops.reduceMax(ops.mul(kept, places), { axes: [1] }); // [B]
  return ops.add(ops.cast(last, "int32"), starts(0), { name: "last" });
}
