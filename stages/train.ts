/**
 * The `train` stage: fine-tunes a causal language model, or trains one from scratch.
 *
 * @module
 */
import { acrossOptions, defineStage, type Misuse, z } from "temper";

const probability = z.number().min(0).max(1);

/** Fields of a GPT-2 config, by the names of `GPT2Config`. */
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

const options = z.object({
  config: config.optional()
    .describe("architecture of a model from scratch, in place of the input `model`"),
  config_overrides: configOverrides.optional()
    .describe("settings of the input `model` to train with instead of its own"),
  learning_rate: z.number().positive().default(5e-5).describe("highest learning rate of AdamW"),
  per_device_train_batch_size: z.int().min(1).default(8).describe("rows in a batch"),
  per_device_eval_batch_size: z.int().min(1).default(8).describe("rows in a batch of evaluation"),
  gradient_accumulation_steps: z.int().min(1).default(1)
    .describe("batches whose gradients are summed up for one step"),
  num_train_epochs: z.number().positive().default(3).describe("passes over the train split"),
  max_steps: z.int().min(-1).refine((steps) => steps !== 0, { message: "-1 or at least 1" })
    .default(-1).describe("steps in place of `num_train_epochs`; -1 for none"),
  warmup_steps: z.int().min(0).default(0)
    .describe("steps in which the learning rate rises from 0"),
  warmup_ratio: probability.default(0)
    .describe("share of all steps that is warm-up, where `warmup_steps` is 0"),
  lr_scheduler_type: z.enum([
    "linear",
    "cosine",
    "cosine_with_restarts",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
  ]).default("linear")
    .describe("how the learning rate goes on after warm-up, by the names of transformers"),
  weight_decay: z.number().min(0).default(0)
    .describe("decoupled weight decay of matrices; biases and layer norms have none"),
  adam_beta1: z.number().min(0).lt(1).default(0.9).describe("decay of AdamW's first moment"),
  adam_beta2: z.number().min(0).lt(1).default(0.999).describe("decay of AdamW's second moment"),
  adam_epsilon: z.number().positive().default(1e-8).describe("keeps AdamW from dividing by 0"),
  max_grad_norm: z.number().min(0).default(1)
    .describe("gradients that are longer (over all parameters) are scaled down; 0 for no limit"),
  logging_steps: z.int().min(1).default(500)
    .describe("an entry of `log_history` every so many steps; the last step always has one"),
  logging_first_step: z.boolean().default(false).describe("an entry for the first step too"),
  include_tokens_per_second: z.boolean().default(false)
    .describe(
      "writes `tokens_per_second` into `log_history`; the log has it anyway. " +
        "With it the artifact differs from run to run",
    ),
  eval_strategy: z.enum(["no", "steps", "epoch"]).default("no")
    .describe("when to evaluate on the split `validation`: never, every `eval_steps`, every epoch"),
  eval_steps: z.int().min(1).optional()
    .describe("steps between evaluations with `eval_strategy: steps`; default `logging_steps`"),
  seed: z.int().min(0).optional()
    .describe("decides first weights, order of rows and dropout; default the pipeline's seed"),
});

const checkedOptions = options.refine(
  (given) => given.eval_steps === undefined || given.eval_strategy === "steps",
  { path: ["eval_steps"], message: "left out, or go with eval_strategy: steps", ...acrossOptions },
).refine((given) => given.lr_scheduler_type !== "constant" || given.warmup_steps === 0, {
  path: ["warmup_steps"],
  message: "0, or go with lr_scheduler_type: constant_with_warmup",
  ...acrossOptions,
}).refine((given) => given.lr_scheduler_type !== "constant" || given.warmup_ratio === 0, {
  path: ["warmup_ratio"],
  message: "0, or go with lr_scheduler_type: constant_with_warmup",
  ...acrossOptions,
}).refine((given) => given.config === undefined || given.config_overrides === undefined, {
  path: ["config_overrides"],
  message: "left out where `config` is given: it changes the input `model`",
  ...acrossOptions,
});

export default defineStage({
  doc: `Trains a causal language model with AdamW, from a model folder or from scratch.

Reads tokens and, to go on from, a model (\`model\`); without one the option \`config\` says what to make.
Trains on the split \`train\` (on all rows where they were never split). Options have the names, meanings
and defaults of transformers' \`TrainingArguments\`; a step's loss is the mean over all tokens it predicts,
whatever the batch size and accumulation.

Writes a Hugging Face model folder: \`config.json\`, \`model.safetensors\` (float32),
\`generation_config.json\`, the tokenizer's files, and \`trainer_state.json\` with \`log_history\` (loss,
grad_norm, learning_rate, epoch, step). On the native engine the same seed gives the same bytes.

\`\`\`yaml
tuned:
  uses: train
  inputs: { data: tokens, model: base }
  with: { learning_rate: 2.0e-5, per_device_train_batch_size: 2, num_train_epochs: 3, eval_strategy: epoch }
small:
  uses: train
  inputs: { data: tokens }
  with: { config: { model_type: gpt2, n_layer: 4, n_head: 4, n_embd: 192, n_positions: 128 }, learning_rate: 1.0e-3 }
\`\`\``,
  inputs: { data: "tokens", model: "model?" },
  output: "model",
  compute: true,
  options: checkedOptions,
  check({ options, inputs }): Misuse | undefined {
    const hasModel = inputs.includes("model");
    if (hasModel !== (options.config === undefined)) {
      return {
        what: hasModel
          ? "there are both an input `model` and the option `config`"
          : "there is neither an input `model` nor the option `config`",
        requirement: "exactly one of them",
        remedy: "inputs: { model: … } goes on from a model; " +
          "with: { config: { model_type: gpt2, … } } makes one from scratch",
      };
    }
    return undefined;
  },
  async run(context): Promise<void> {
    const { openEngine } = await import("../lib/runtime/engine.ts");
    const { trainCausalLm } = await import("../lib/train/train_causal_lm.ts");
    const { inputs, output, options, seed, device, threads, log, progress, summary, signal } =
      context;
    const { config, config_overrides: configOverrides, ...args } = options;
    const engine = await openEngine(device, { threads });
    try {
      log(engine.description);
      const result = await trainCausalLm({
        engine,
        data: inputs.data!.path,
        model: inputs.model?.path,
        config,
        configOverrides,
        args: { ...args, eval_steps: args.eval_steps, seed: args.seed ?? seed },
        output: output.path,
        log,
        progress,
        signal,
      });
      const perplexity = result.evalPerplexity;
      summary({ type: "figure", label: "training loss", value: result.finalLoss });
      if (perplexity !== undefined) {
        summary({ type: "figure", label: "validation perplexity", value: perplexity });
      }
    } finally {
      await engine.dispose();
    }
  },
});
