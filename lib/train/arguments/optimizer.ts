/**
 * What a step makes smaller and how: the optimizer, its decay and clipping, and the smoothing of the loss.
 *
 * @module
 */
import { z } from "zod";
import type { Rule } from "./rule.ts";

/** Options of AdamW alone, with their defaults. */
const ADAM = { adam_beta1: 0.9, adam_beta2: 0.999, adam_epsilon: 1e-8 };

/** Options of the optimizer. */
export const optimizerOptions = {
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
  adam_beta1: z.number().min(0).lt(1).default(ADAM.adam_beta1)
    .describe("decay of AdamW's first moment"),
  adam_beta2: z.number().min(0).lt(1).default(ADAM.adam_beta2)
    .describe("decay of AdamW's second moment"),
  adam_epsilon: z.number().positive().default(ADAM.adam_epsilon)
    .describe("keeps AdamW from dividing by 0"),
  max_grad_norm: z.number().min(0).default(1)
    .describe("gradients that are longer (over all parameters) are scaled down; 0 for no limit"),
  label_smoothing_factor: z.number().min(0).lt(1).default(0)
    .describe(
      "share of the training loss that is taken over the whole vocabulary evenly; " +
        "evaluations are without it, so that their perplexity is one",
    ),
};

type Given = z.output<z.ZodObject<typeof optimizerOptions>>;

/** What has to hold between them. */
export const optimizerRules: readonly Rule<Given>[] = [
  {
    path: ["optim_args"],
    message: "left out, or go with optim: sgd",
    holds: (given) => given.optim_args === undefined || given.optim === "sgd",
  },
  {
    path: ["optim_args", "nesterov"],
    message: "false, or go with a momentum and without dampening",
    holds: ({ optim_args: sgd }) => !sgd?.nesterov || (sgd.momentum > 0 && sgd.dampening === 0),
  },
  {
    path: ["optim_args", "dampening"],
    message: "0, or go with a momentum",
    holds: ({ optim_args: sgd }) => !sgd?.dampening || sgd.momentum > 0,
  },
  {
    path: ["optim"],
    message: "adamw, or go without adam_beta1, adam_beta2 and adam_epsilon",
    holds: (given) =>
      !(given.optim === "sgd" || given.optim === "adafactor") ||
      Object.entries(ADAM).every(([name, value]) => given[name as keyof typeof ADAM] === value),
  },
];
