/**
 * The architecture of a model from scratch, `config`, by the names of `GPT2Config`, and what of a loaded
 * model's may be replaced, `config_overrides`.
 *
 * @module
 */
import { z } from "zod";
import type { Rule } from "./rule.ts";

const probability = z.number().min(0).max(1);

const config = z.strictObject({
  model_type: z.literal("gpt2").describe("the architecture: gpt2"),
  vocab_size: z.int().min(1).optional().describe("default: that of the tokenizer"),
  n_positions: z.int().min(1).optional().describe("longest sequence in tokens; default 1024"),
  n_embd: z.int().min(1).optional().describe("width; default 768"),
  n_layer: z.int().min(1).optional().describe("blocks; default 12"),
  n_head: z.int().min(1).optional().describe("attention heads, a divisor of n_embd; default 12"),
  n_inner: z.int().min(1).optional().describe("width of the feed-forward layer; default 4 n_embd"),
  activation_function: z.string().optional().describe("default gelu_new"),
  resid_pdrop: probability.optional().describe("dropout after each sublayer; default 0.1"),
  embd_pdrop: probability.optional().describe("dropout of the embeddings; default 0.1"),
  attn_pdrop: probability.optional().describe("dropout of attention weights; default 0.1"),
  layer_norm_epsilon: z.number().positive().optional().describe("default 1e-5"),
  initializer_range: z.number().positive().optional()
    .describe("standard deviation of the first weights; default 0.02"),
  bos_token_id: z.int().min(0).optional().describe("default: that of the tokenizer"),
  eos_token_id: z.int().min(0).optional().describe("default: that of the tokenizer"),
  pad_token_id: z.int().min(0).optional().describe("default: that of the tokenizer"),
}).refine(({ n_embd = 768, n_head = 12 }) => n_embd % n_head === 0, {
  path: ["n_head"],
  message: "a divisor of n_embd (768 where it is left out)",
});

/** Fields that may differ from the loaded model's: they shape training, not the weights. */
const configOverrides = z.strictObject({
  resid_pdrop: probability.optional().describe("dropout after each sublayer"),
  embd_pdrop: probability.optional().describe("dropout of the embeddings"),
  attn_pdrop: probability.optional().describe("dropout of attention weights"),
});

/** Options of the model's architecture. */
export const configOptions = {
  config: config.optional()
    .describe("architecture of a model from scratch, in place of the input `model`"),
  config_overrides: configOverrides.optional()
    .describe("settings of the input `model` to train with instead of its own"),
};

type Given = z.output<z.ZodObject<typeof configOptions>>;

/** What has to hold between them. */
export const configRules: readonly Rule<Given>[] = [
  {
    path: ["config_overrides"],
    message: "left out where `config` is given: it changes the input `model`",
    holds: (given) => given.config === undefined || given.config_overrides === undefined,
  },
];
