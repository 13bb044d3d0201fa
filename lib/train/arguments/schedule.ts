/**
 * How long a run is and at which learning rates: batches, epochs, warm-up and the schedule after it.
 *
 * @module
 */
import { z } from "zod";
import { LR_END, SCHEDULES } from "../../optim/schedules.ts";
import type { EvaluationGiven } from "./evaluation.ts";
import type { Rule } from "./rule.ts";

/** The name of the schedule that follows evaluations. */
export const PLATEAU = "reduce_lr_on_plateau";

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

/** Options of a run's length and its learning rates. */
export const scheduleOptions = {
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
  warmup_ratio: z.number().min(0).max(1).default(0)
    .describe("share of all steps that is warm-up, where `warmup_steps` is 0"),
  lr_scheduler_type: z.enum([...SCHEDULES, PLATEAU]).default("linear")
    .describe(
      "how the learning rate goes on after warm-up, by the names of transformers; " +
        "reduce_lr_on_plateau has none and follows `metric_for_best_model` of the evaluations",
    ),
  lr_scheduler_kwargs: lrSchedulerKwargs.optional()
    .describe("settings of that `lr_scheduler_type`"),
};

type Given = z.output<z.ZodObject<typeof scheduleOptions>>;

/** Which of `lr_scheduler_kwargs` each schedule has. */
const SCHEDULE_SETTINGS: Readonly<
  Partial<Record<Given["lr_scheduler_type"], readonly string[]>>
> = {
  cosine: ["num_cycles"],
  cosine_with_restarts: ["num_cycles"],
  polynomial: ["power", "lr_end"],
  inverse_sqrt: ["timescale"],
  [PLATEAU]: [
    ...["mode", "factor", "patience", "threshold", "threshold_mode", "cooldown", "min_lr", "eps"],
  ],
};

/** Schedules that have no warm-up. */
const UNWARMED: readonly string[] = ["constant", PLATEAU];

/** What has to hold between them. */
export const scheduleRules: readonly Rule<Given & EvaluationGiven>[] = [
  {
    path: ["lr_scheduler_kwargs"],
    message: "left out, or hold settings of this lr_scheduler_type: " +
      Object.entries(SCHEDULE_SETTINGS).map(([name, keys]) => `${keys.join(", ")} (${name})`)
        .join("; "),
    holds: ({ lr_scheduler_type: type, lr_scheduler_kwargs: kwargs }) =>
      Object.keys(kwargs ?? {}).every((key) => SCHEDULE_SETTINGS[type]?.includes(key)),
  },
  {
    path: ["lr_scheduler_kwargs", "num_cycles"],
    message: "a whole number where lr_scheduler_type is cosine_with_restarts",
    holds: ({ lr_scheduler_type: type, lr_scheduler_kwargs: kwargs }) =>
      type !== "cosine_with_restarts" || Number.isInteger(kwargs?.num_cycles ?? 1),
  },
  {
    path: ["lr_scheduler_kwargs", "lr_end"],
    message: "less than learning_rate",
    holds: ({ lr_scheduler_type: type, lr_scheduler_kwargs: kwargs, learning_rate: peak }) =>
      type !== "polynomial" || (kwargs?.lr_end ?? LR_END) < peak,
  },
  ...(["warmup_steps", "warmup_ratio"] as const).map((name): Rule<Given> => ({
    path: [name],
    message: "0, or go with a lr_scheduler_type that has a warm-up, such as constant_with_warmup",
    holds: (given) => given[name] === 0 || !UNWARMED.includes(given.lr_scheduler_type),
  })),
  {
    path: ["lr_scheduler_type"],
    message: "another, or go with an eval_strategy: reduce_lr_on_plateau follows evaluations",
    holds: (given) => given.lr_scheduler_type !== PLATEAU || given.eval_strategy !== "no",
  },
];
