/**
 * What has to hold between the options of the `train` stage. Options that would do nothing beside others are
 * refused.
 *
 * @module
 */
import { acrossOptions, type z } from "temper";
import { options } from "./train_options.ts";

/** What has to hold between options, and where the mistake is if it does not. */
interface Rule {
  readonly path: readonly string[];
  readonly message: string;
  readonly holds: (given: z.output<typeof options>) => boolean;
}

/** Options that only AdamW has, with their defaults. */
const ADAM = { adam_beta1: 0.9, adam_beta2: 0.999, adam_epsilon: 1e-8 };

/** Which of `lr_scheduler_kwargs` each schedule has. */
const SCHEDULE_SETTINGS: Readonly<Record<string, readonly string[]>> = {
  cosine: ["num_cycles"],
  cosine_with_restarts: ["num_cycles"],
  polynomial: ["power", "lr_end"],
  inverse_sqrt: ["timescale"],
  reduce_lr_on_plateau: [
    ...["mode", "factor", "patience", "threshold", "threshold_mode", "cooldown", "min_lr", "eps"],
  ],
};

/** Whether steps are a multiple of others, both counted or both shares, as TrainingArguments has it. */
function isMultiple(steps: number, of: number): boolean {
  if (steps < 1 && of < 1) return Math.round(steps * 1e6) % Math.max(1, Math.round(of * 1e6)) === 0;
  return steps >= 1 && of >= 1 && steps % of === 0;
}

/** Schedules that have no warm-up. */
const UNWARMED = ["constant", "reduce_lr_on_plateau"];

const RULES: readonly Rule[] = [
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
      given.optim.startsWith("adamw") ||
      Object.entries(ADAM).every(([name, value]) => given[name as keyof typeof ADAM] === value),
  },
  {
    path: ["lr_scheduler_kwargs"],
    message: "left out, or hold settings of this lr_scheduler_type: " +
      Object.entries(SCHEDULE_SETTINGS).map(([name, keys]) => `${keys.join(", ")} (${name})`)
        .join("; "),
    holds: ({ lr_scheduler_type: type, lr_scheduler_kwargs: kwargs = {} }) =>
      Object.keys(kwargs).every((key) => SCHEDULE_SETTINGS[type]?.includes(key)),
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
      type !== "polynomial" || (kwargs?.lr_end ?? 1e-7) < peak,
  },
  ...(["warmup_steps", "warmup_ratio"] as const).map((name): Rule => ({
    path: [name],
    message: "0, or go with a lr_scheduler_type that has a warm-up, such as constant_with_warmup",
    holds: (given) => given[name] === 0 || !UNWARMED.includes(given.lr_scheduler_type),
  })),
  {
    path: ["lr_scheduler_type"],
    message: "another, or go with an eval_strategy: reduce_lr_on_plateau follows evaluations",
    holds: (given) =>
      given.lr_scheduler_type !== "reduce_lr_on_plateau" || given.eval_strategy !== "no",
  },
  {
    path: ["eval_steps"],
    message: "left out, or go with eval_strategy: steps",
    holds: (given) => given.eval_steps === undefined || given.eval_strategy === "steps",
  },
  ...(["metric_for_best_model", "greater_is_better", "early_stopping_patience"] as const)
    .map((name): Rule => ({
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
      isMultiple(given.save_steps ?? 500, given.eval_steps ?? given.logging_steps),
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
  {
    path: ["config_overrides"],
    message: "left out where `config` is given: it changes the input `model`",
    holds: (given) => given.config === undefined || given.config_overrides === undefined,
  },
  {
    path: ["unfreeze"],
    message: "left out, or go with `freeze`, which names what is frozen first",
    holds: (given) => given.unfreeze.length === 0 || given.freeze.length > 0,
  },
  {
    path: ["freeze"],
    message: "left out where `lora` is given: it freezes the whole model but its adapters",
    holds: (given) => given.lora === undefined || given.freeze.length === 0,
  },
  {
    path: ["lora"],
    message:
      "left out where `config` is given: adapters need an input `model` that has learnt something",
    holds: (given) => given.lora === undefined || given.config === undefined,
  },
];

/** The options of `train`, and what has to hold between them. */
export const trainOptions: typeof options = RULES.reduce(
  (schema, { path, message, holds }) =>
    schema.refine(holds, { path: [...path], message, ...acrossOptions }),
  options,
);
