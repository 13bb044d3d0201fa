/**
 * When a run writes checkpoints to go on from, and how the weights of its result are saved.
 *
 * @module
 */
import { z } from "zod";
import type { EvaluationGiven } from "./evaluation.ts";
import { intervalSteps, intervalStrategy } from "./interval.ts";
import type { LoggingGiven } from "./logging.ts";
import type { Rule } from "./rule.ts";

/** `save_steps` where it is left out, which it has to be without `save_strategy: steps`. */
export const SAVE_STEPS = 500;

/** Options of checkpoints. */
export const savingOptions = {
  save_strategy: z.enum([...intervalStrategy.options, "best"]).default("steps")
    .describe(
      "when to write a checkpoint that the next run goes on from where this one is killed: never, every " +
        "`save_steps`, every epoch, after each evaluation that is the best so far; unless never also from time to time, at most 2 % of it. " +
        "The result is the same bytes whatever happens",
    ),
  save_steps: intervalSteps.optional()
    .describe(
      "steps between checkpoints with `save_strategy: steps`, below 1 a share of all steps; " +
        `default ${SAVE_STEPS}`,
    ),
  save_total_limit: z.int().min(1).optional()
    .describe(
      "checkpoints that are kept while training goes on (a finished result has none); default 2, the " +
        "newest and the one before it. The weights for `load_best_model_at_end` are kept besides",
    ),
};

/** Options of the result's files. */
export const resultOptions = {
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
};

type Given = z.output<z.ZodObject<typeof savingOptions>>;

/** Whether steps are a multiple of others, both counted or both shares, as TrainingArguments has it. */
function isMultiple(steps: number, of: number): boolean {
  if (steps < 1 && of < 1) return Math.round(steps * 1e6) % Math.max(1, Math.round(of * 1e6)) === 0;
  return steps >= 1 && of >= 1 && steps % of === 0;
}

/** What has to hold between them, evaluations and log entries. */
export const savingRules: readonly Rule<Given & EvaluationGiven & LoggingGiven>[] = [
  {
    path: ["load_best_model_at_end"],
    message:
      "false, or go with an eval_strategy and the same save_strategy, or save_strategy: best",
    holds: (given) =>
      !given.load_best_model_at_end || (given.eval_strategy !== "no" &&
        (given.save_strategy === given.eval_strategy || given.save_strategy === "best")),
  },
  {
    path: ["save_steps"],
    message: "a multiple of eval_steps where load_best_model_at_end is true; " +
      "where one is a share of all steps, the other too",
    holds: (given) =>
      !given.load_best_model_at_end || given.save_strategy !== "steps" ||
      isMultiple(given.save_steps ?? SAVE_STEPS, given.eval_steps ?? given.logging_steps),
  },
  {
    path: ["save_strategy"],
    message: "another, or go with an eval_strategy: best is about evaluations",
    holds: (given) => given.save_strategy !== "best" || given.eval_strategy !== "no",
  },
  {
    path: ["save_steps"],
    message: "left out, or go with save_strategy: steps",
    holds: (given) => given.save_steps === undefined || given.save_strategy === "steps",
  },
  {
    path: ["save_total_limit"],
    message: "left out, or go with a save_strategy",
    holds: (given) => given.save_total_limit === undefined || given.save_strategy !== "no",
  },
];
