/**
 * The options of the `train` stage: names, meanings and defaults of transformers' `TrainingArguments`. What
 * has to hold between them is in `train_rules.ts`.
 *
 * @module
 */
import { z } from "temper";

const probability = z.number().min(0).max(1);

/** A number of steps, or a share of all steps. */
const steps = z.union([z.int().min(1), z.number().gt(0).lt(1)]);

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

const unfreezing = z.strictObject({
  epoch: z.int().min(1).describe("epoch at whose start they begin to be trained, counted from 0"),
  modules: z.array(z.string().min(1)).min(1).describe("patterns as in `freeze`, of parts of it"),
});

/** Adapters, by the names of peft's `LoraConfig`. */
const lora = z.strictObject({
  r: z.int().min(1).default(8).describe("rank of the adapters"),
  lora_alpha: z.number().positive().default(8).describe("adapters are scaled by lora_alpha / r"),
  lora_dropout: z.number().min(0).lt(1).default(0).describe("dropout of the adapters' inputs"),
  target_modules: z.union([z.literal("all-linear"), z.array(z.string().min(1)).min(1)])
    .default(["c_attn"])
    .describe(
      "layers that get an adapter, by the end of their names: c_attn, c_fc, mlp.c_proj, …; " +
        "all-linear for every one but the output layer",
    ),
  bias: z.literal("none").default("none").describe("biases are not trained"),
});

/** Settings of schedules, by the names of transformers and, for plateaus, of torch. */
const lrSchedulerKwargs = z.strictObject({
  num_cycles: z.number().positive().optional()
    .describe("cosine: waves, default 0.5; cosine_with_restarts: whole cycles, default 1"),
  power: z.number().positive().optional().describe("polynomial: the exponent; default 1"),
  lr_end: z.number().min(0).optional()
    .describe("polynomial: the rate at the end, below learning_rate; default 1e-7"),
  timescale: z.int().min(1).optional()
    .describe("inverse_sqrt: its time scale in steps; default warmup_steps, or 10,000"),
  mode: z.enum(["min", "max"]).optional()
    .describe("reduce_lr_on_plateau: whether less or more of the metric is better; default min"),
  factor: z.number().positive().lt(1).optional()
    .describe("reduce_lr_on_plateau: what the rate is multiplied by; default 0.1"),
  patience: z.int().min(0).optional()
    .describe("reduce_lr_on_plateau: evaluations without improvement that pass; default 10"),
  threshold: z.number().min(0).optional()
    .describe("reduce_lr_on_plateau: by how much a value has to be better; default 1e-4"),
  threshold_mode: z.enum(["rel", "abs"]).optional()
    .describe(
      "reduce_lr_on_plateau: threshold is a share of the best, or a difference; default rel",
    ),
  cooldown: z.int().min(0).optional()
    .describe("reduce_lr_on_plateau: evaluations after a reduction that do not count; default 0"),
  min_lr: z.number().min(0).optional()
    .describe("reduce_lr_on_plateau: the rate never falls below; default 0"),
  eps: z.number().min(0).optional()
    .describe("reduce_lr_on_plateau: smaller reductions are left out; default 1e-8"),
});

/** Each option by itself. */
export const options = z.object({
  config: config.optional()
    .describe("architecture of a model from scratch, in place of the input `model`"),
  config_overrides: configOverrides.optional()
    .describe("settings of the input `model` to train with instead of its own"),
  learning_rate: z.number().positive().default(5e-5).describe("highest learning rate"),
  per_device_train_batch_size: z.int().min(1).default(8).describe("rows in a batch"),
  per_device_eval_batch_size: z.int().min(1).default(8).describe("rows in a batch of evaluation"),
  gradient_accumulation_steps: z.int().min(1).default(1)
    .describe("batches whose gradients are summed up for one step"),
  num_train_epochs: z.number().positive().default(3).describe("passes over the train split"),
  max_steps: z.int().min(-1).refine((steps) => steps !== 0, { message: "-1 or at least 1" })
    .default(-1).describe("steps in place of `num_train_epochs`; -1 for none"),
  warmup_steps: z.union([z.int().min(0), z.number().gt(0).lt(1)]).default(0)
    .describe("steps in which the learning rate rises from 0; below 1 a share of all steps"),
  warmup_ratio: probability.default(0)
    .describe("share of all steps that is warm-up, where `warmup_steps` is 0"),
  lr_scheduler_type: z.enum([
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
    "reduce_lr_on_plateau",
  ]).default("linear")
    .describe(
      "how the learning rate goes on after warm-up, by the names of transformers; " +
        "reduce_lr_on_plateau has none and follows `metric_for_best_model` of the evaluations",
    ),
  lr_scheduler_kwargs: lrSchedulerKwargs.optional()
    .describe("settings of that `lr_scheduler_type`"),
  optim: z.enum(["adamw", "adamw_torch", "sgd", "adafactor"]).default("adamw")
    .describe(
      "the optimizer: `adamw` (also called `adamw_torch`), `sgd`, or `adafactor` with its factored " +
        "moments, set up as Trainer does (`scale_parameter` and `relative_step` off)",
    ),
  optim_args: z.strictObject({
    momentum: z.number().min(0).lt(1).default(0).describe("share of the last change that goes on"),
    dampening: z.number().min(0).max(1).default(0)
      .describe("what a gradient loses on its way into the momentum"),
    nesterov: z.boolean().default(false).describe("Nesterov's momentum"),
  }).optional().describe("settings of `optim: sgd`, those of torch.optim.SGD"),
  weight_decay: z.number().min(0).default(0)
    .describe(
      "weight decay of matrices; biases and layer norms have none. Decoupled from the gradient " +
        "but with `sgd`",
    ),
  adam_beta1: z.number().min(0).lt(1).default(0.9).describe("decay of AdamW's first moment"),
  adam_beta2: z.number().min(0).lt(1).default(0.999).describe("decay of AdamW's second moment"),
  adam_epsilon: z.number().positive().default(1e-8).describe("keeps AdamW from dividing by 0"),
  max_grad_norm: z.number().min(0).default(1)
    .describe("gradients that are longer (over all parameters) are scaled down; 0 for no limit"),
  label_smoothing_factor: z.number().min(0).lt(1).default(0)
    .describe(
      "share of the training loss that is taken over the whole vocabulary evenly; " +
        "evaluations are without it, so that their perplexity is one",
    ),
  logging_strategy: z.enum(["no", "steps", "epoch"]).default("steps")
    .describe("when `log_history` gets an entry: never, every `logging_steps`, every epoch"),
  logging_steps: steps.default(500)
    .describe(
      "steps between entries with `logging_strategy: steps`, below 1 a share of all steps; " +
        "the last step then always has one",
    ),
  logging_first_step: z.boolean().default(false).describe("an entry for the first step too"),
  include_tokens_per_second: z.boolean().default(false)
    .describe(
      "writes `tokens_per_second` into `log_history`; the log has it anyway. " +
        "With it the artifact differs from run to run",
    ),
  eval_strategy: z.enum(["no", "steps", "epoch"]).default("no")
    .describe("when to evaluate on the split `validation`: never, every `eval_steps`, every epoch"),
  eval_steps: steps.optional()
    .describe(
      "steps between evaluations with `eval_strategy: steps`, below 1 a share of all steps; " +
        "default `logging_steps`",
    ),
  eval_on_start: z.boolean().default(false).describe("evaluate before the first step too"),
  load_best_model_at_end: z.boolean().default(false)
    .describe(
      "the result is the model of the best evaluation at which a checkpoint was due, in place of the last; " +
        "`save_strategy` must be that of evaluation, or best",
    ),
  metric_for_best_model: z.enum(["loss", "eval_loss", "perplexity", "eval_perplexity"]).optional()
    .describe(
      "what of an evaluation says which is best, when to stop early and when the learning rate falls; " +
        "default loss",
    ),
  greater_is_better: z.boolean().optional()
    .describe(
      "whether more of `metric_for_best_model` is better; default false, since it is true of no " +
        "metric that there is (TrainingArguments takes it for true of a perplexity)",
    ),
  early_stopping_patience: z.int().min(1).optional()
    .describe(
      "training ends after so many evaluations in a row that are no better than the best before; default never",
    ),
  early_stopping_threshold: z.number().min(0).default(0)
    .describe("by how much an evaluation has to be better to count for `early_stopping_patience`"),
  save_strategy: z.enum(["no", "steps", "epoch", "best"]).default("steps")
    .describe(
      "when to write a checkpoint that the next run goes on from where this one is killed: never, every " +
        "`save_steps`, every epoch, after each evaluation that is the best so far; unless never also from time to time, at most 2 % of it. " +
        "The result is the same bytes whatever happens",
    ),
  save_steps: steps.optional()
    .describe(
      "steps between checkpoints with `save_strategy: steps`, below 1 a share of all steps; default 500",
    ),
  save_total_limit: z.int().min(1).optional()
    .describe(
      "checkpoints that are kept while training goes on (a finished result has none); default 2, the " +
        "newest and the one before it. The weights for `load_best_model_at_end` are kept besides",
    ),
  gradient_checkpointing: z.boolean().default(false)
    .describe(
      "computes the inner states of each block again in the backward pass in place of keeping them: " +
        "less memory and the same numbers, for about a third more time",
    ),
  fp16: z.boolean().default(false)
    .describe(
      "mixed precision, as torch.autocast and GradScaler have it: matrix products take float16; weights, " +
        "their updates, normalization, softmax, the loss and evaluations stay float32. The loss is scaled by " +
        "65536 at first; a step whose gradient overflows is skipped (logged without grad_norm) and halves " +
        "that, 2000 in a row without one double it. Needs --device webgpu on a GPU with shader-f16",
    ),
  freeze: z.array(z.string().min(1)).default([])
    .describe(
      'modules or parameters that are not trained: wte, h.0, h.0-5 (both included), h.*.mlp, "*.bias"; ' +
        "no gradient is computed for them, and their weights stay to the bit",
    ),
  unfreeze: z.array(unfreezing).default([])
    .describe(
      "parts of `freeze` to train from a later epoch on, with an optimizer that starts anew for them: " +
        "[{ epoch: 1, modules: [h.5] }, …]",
    ),
  lora: lora.optional()
    .describe(
      "trains adapters of low rank (LoRA) and leaves the input `model` as it is; the result has them " +
        "merged into its weights, and by themselves, for peft, in its folder adapter",
    ),
  save_dtype: z.enum(["float32", "float16", "bfloat16"]).default("float32")
    .describe(
      "number format of the weights in the result, rounded when training is over; float32 loses nothing",
    ),
  max_shard_size: z.union([z.int().min(1), z.string().regex(/^[1-9][0-9]*[KMG]i?B$/)])
    .default("50GB")
    .describe(
      "most bytes of weights in a file of the result, as a number or in KB, MB, GB, KiB, MiB or GiB; " +
        "more are saved as shards with `model.safetensors.index.json`",
    ),
  seed: z.int().min(0).optional()
    .describe("decides first weights, order of rows and dropout; default the pipeline's seed"),
  data_seed: z.int().min(0).optional()
    .describe("decides the order of rows in place of `seed`"),
  group_by_length: z.boolean().default(false)
    .describe("batches of rows of like length, with less padding; random but for that"),
  report_to: z.union([z.enum(["none", "tensorboard"]), z.array(z.enum(["tensorboard"]))])
    .default("none")
    .describe(
      "tensorboard writes an event file beside `trainer_state.json`; the time of an event is its step, " +
        "in seconds, so that the same run gives the same bytes",
    ),
});
