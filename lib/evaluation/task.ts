/**
 * What a model folder is for, and which metrics and options of an evaluation fit that.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { loadConfig } from "../checkpoint/load.ts";
import { openModel } from "../models/open.ts";
import { CLASSIFIER_METRICS, LANGUAGE_MODEL_METRICS } from "../metrics/names.ts";

/** The tasks that can be evaluated. */
export type EvaluatedTask = "causal_lm" | "sequence_classification";

const WORDS: Readonly<Record<EvaluatedTask, string>> = {
  causal_lm: "a language model",
  sequence_classification: "a classifier",
};

const METRICS: Readonly<Record<EvaluatedTask, readonly string[]>> = {
  causal_lm: LANGUAGE_MODEL_METRICS,
  sequence_classification: CLASSIFIER_METRICS,
};

/** Options that say how a language model is measured. */
const LANGUAGE_MODEL_OPTIONS = [
  "max_length",
  "stride",
  "num_examples",
  "prompt_tokens",
  "max_new_tokens",
  "do_sample",
  "temperature",
  "top_k",
  "top_p",
];

/** What a model folder is for, by the class that its config.json names; a language model where it names none. */
async function evaluatedTask(dir: string): Promise<EvaluatedTask> {
  const { task } = openModel(await loadConfig(dir));
  return task === "sequence_classification" ? task : "causal_lm";
}

/**
 * The task of the models that are compared.
 *
 * @throws {UserError} where they are for different tasks.
 */
export async function commonTask(
  { model, baseline }: { readonly model: string; readonly baseline: string | undefined },
): Promise<EvaluatedTask> {
  const task = await evaluatedTask(model);
  const other = baseline === undefined ? task : await evaluatedTask(baseline);
  if (other === task) return task;
  throw new UserError({
    what: `the model is ${WORDS[task]} and the baseline ${WORDS[other]}: nothing can be compared`,
    remedy: "leave the input `baseline` out, or give one for the same task",
  });
}

/**
 * The metrics to compute.
 *
 * @param task What the model is for.
 * @param options The stage's; `metrics` undefined for all that fit.
 * @throws {UserError} where a metric or an option does not fit the task.
 */
export function fittingMetrics(
  task: EvaluatedTask,
  options: Readonly<Record<string, unknown>> & { readonly metrics?: readonly string[] | undefined },
): readonly string[] {
  const metrics = options.metrics ?? METRICS[task];
  const stranger = metrics.find((name) => !METRICS[task].includes(name));
  if (stranger !== undefined) {
    throw new UserError({
      what: `the model is ${WORDS[task]}, and ${stranger} says nothing about one`,
      requirement: `metrics of ${METRICS[task].join(", ")}`,
      remedy: "leave `metrics` out to have all of them",
    });
  }
  if (task === "causal_lm") return metrics;
  const idle = LANGUAGE_MODEL_OPTIONS.find((name) => options[name] ?? false);
  if (idle === undefined) return metrics;
  throw new UserError({
    what: `the model is ${WORDS[task]}, and the option \`${idle}\` is about language models`,
    remedy: `leave ${idle} out`,
  });
}
