/**
 * When a run is evaluated, and what follows from it: the best model, an early end.
 *
 * @module
 */
import { z } from "zod";
import { METRICS } from "../objectives/registry.ts";
import { intervalSteps, intervalStrategy } from "./interval.ts";
import type { Rule } from "./rule.ts";

/** Options of evaluations. */
export const evaluationOptions = {
  eval_strategy: intervalStrategy.default("no")
    .describe("when to evaluate on the split `validation`: never, every `eval_steps`, every epoch"),
  eval_steps: intervalSteps.optional()
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
  metric_for_best_model: z.enum(
    Object.keys(METRICS).flatMap((name) => [name, `eval_${name}`]),
  ).optional()
    .describe(
      "what of an evaluation says which is best, when to stop early and when the learning rate falls; " +
        "default loss",
    ),
  greater_is_better: z.boolean().optional()
    .describe(
      "whether more of `metric_for_best_model` is better; default true of accuracy, false of loss and " +
        "perplexity (of which TrainingArguments takes it for true)",
    ),
  early_stopping_patience: z.int().min(1).optional()
    .describe(
      "training ends after so many evaluations in a row that are no better than the best before; default never",
    ),
  early_stopping_threshold: z.number().min(0).default(0)
    .describe("by how much an evaluation has to be better to count for `early_stopping_patience`"),
};

/** These options, checked. */
export type EvaluationGiven = z.output<z.ZodObject<typeof evaluationOptions>>;

/** What has to hold between them. */
export const evaluationRules: readonly Rule<EvaluationGiven>[] = [
  {
    path: ["eval_steps"],
    message: "left out, or go with eval_strategy: steps",
    holds: (given) => given.eval_steps === undefined || given.eval_strategy === "steps",
  },
  ...(["metric_for_best_model", "greater_is_better", "early_stopping_patience"] as const)
    .map((name): Rule<EvaluationGiven> => ({
      path: [name],
      message: "left out, or go with an eval_strategy: it is about evaluations",
      holds: (given) => given[name] === undefined || given.eval_strategy !== "no",
    })),
  {
    path: ["early_stopping_threshold"],
    message: "0, or go with early_stopping_patience",
    holds: (given) =>
      given.early_stopping_threshold === 0 || given.early_stopping_patience !== undefined,
  },
];
