/**
 * Every option of a training run: names, meanings and defaults of transformers' `TrainingArguments`, each
 * concept in a file beside this one. This is all that is loaded to check a pipeline, so nothing heavy is
 * imported here.
 *
 * @module
 */
import { z } from "zod";
import { acrossOptions } from "../../base/across_options.ts";
import { computationOptions } from "./computation.ts";
import { evaluationOptions, evaluationRules } from "./evaluation.ts";
import { freezeOptions, freezeRules } from "./freeze.ts";
import { configOptions, configRules } from "./model_config.ts";
import { loggingOptions, reportOptions } from "./logging.ts";
import { loraOptions, loraRules } from "./lora.ts";
import { optimizerOptions, optimizerRules } from "./optimizer.ts";
import type { Rule } from "./rule.ts";
import { resultOptions, savingOptions, savingRules } from "./saving.ts";
import { scheduleOptions, scheduleRules } from "./schedule.ts";
import { seedOptions } from "./seeds.ts";

/** Each option by itself, in the order of the documentation. */
const options = z.object({
  ...configOptions,
  ...scheduleOptions,
  ...optimizerOptions,
  ...loggingOptions,
  ...evaluationOptions,
  ...savingOptions,
  ...computationOptions,
  ...freezeOptions,
  ...loraOptions,
  ...resultOptions,
  ...seedOptions,
  ...reportOptions,
});

/** The options of a run, checked, with the defaults that no other option decides. */
export type TrainOptions = z.output<typeof options>;

const RULES: readonly Rule<TrainOptions>[] = [
  ...optimizerRules,
  ...scheduleRules,
  ...evaluationRules,
  ...savingRules,
  ...configRules,
  ...freezeRules,
  ...loraRules,
];

/** The options of a run, and what has to hold between them. */
export const trainOptions: typeof options = RULES.reduce(
  (schema, { path, message, holds }) =>
    schema.refine(holds, { path: [...path], message, ...acrossOptions }),
  options,
);
