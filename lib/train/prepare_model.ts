/**
 * The model of a run with its first weights: read from a folder or drawn, with a new head where the folder's
 * model has another task, with adapters beside its layers where LoRA is asked for, and parted into what is trained
 * and what is frozen.
 *
 * @module
 */
import type { JsonObject } from "../base/json.ts";
import type { Tokens } from "../data/tokens/tokens.ts";
import { nearest, UserError } from "../base/errors.ts";
import { loadCheckpoint, loadConfig } from "../checkpoint/load.ts";
import { savedHeads } from "../checkpoint/save_adapter.ts";
import type { Task } from "../models/architecture.ts";
import { classFields, classNames, countClasses } from "../models/classes.ts";
import { isShare } from "../models/config.ts";
import { type OpenModel, openModel } from "../models/open.ts";
import { architectureOf, taskOf } from "../models/registry.ts";
import type { TrainingArguments, TrainingPlan } from "./arguments/arguments.ts";
import { type TrainedParameters, trainedParameters } from "./arguments/freeze.ts";
import { initializeParameter } from "./state/initialize.ts";
import { makeWeights, type Weights } from "./state/weights.ts";

/** Where a model comes from and how it is to be trained. */
export interface ModelSource {
  /** Folder of the model to go on from; exactly one of this and `config`. */
  readonly model: string | undefined;
  /** Fields of the config of a model from scratch. */
  readonly config: JsonObject | undefined;
  /** Fields to replace in the config of `model`. */
  readonly configOverrides: JsonObject | undefined;
  readonly args: TrainingArguments;
  readonly log: (message: string) => void;
}

/** A model that is ready to be trained. */
export interface PreparedModel {
  readonly model: OpenModel;
  readonly trained: TrainedParameters;
  readonly weights: Weights;
}

/**
 * Opens or makes the model.
 *
 * @param source Where it comes from.
 * @param options What is known of the tokens, and how long the run is.
 * @throws {UserError} where the options do not go together or do not fit the model, or its folder is damaged.
 */
export async function prepareModel(
  source: ModelSource,
  options: { readonly info: Tokens["info"]; readonly plan: TrainingPlan },
): Promise<PreparedModel> {
  const { model: dir, config, configOverrides, args, log } = source;
  if ((dir === undefined) === (config === undefined)) {
    throw new UserError({
      what: dir === undefined
        ? "cannot train: there is neither an input `model` nor the option `config`"
        : "cannot train: there are both an input `model` and the option `config`",
      requirement: "exactly one of them",
      remedy: "inputs: { model: … } goes on from a model; " +
        "with: { config: { model_type: gpt2, … } } makes one from scratch",
    });
  }
  if (dir === undefined && configOverrides !== undefined) {
    throw new UserError({
      what: "cannot train: `config_overrides` changes an input `model`, and there is none",
      remedy: "put its fields into `config`",
    });
  }
  const given = dir === undefined
    ? { ...fromTokens(options.info), ...config }
    : overridden(await loadConfig(dir), configOverrides);
  const { labels } = options.info;
  const task = taskFor(given, labels);
  const model = openModel(
    labels === undefined ? given : { ...given, ...classConfig(given, { ...options.info, labels }) },
    { task, lora: args.lora },
  );
  const heads = savedHeads(model);
  const { parameters, adapters } = model;
  const trained = adapters === undefined ? chooseTrained(model, args, options.plan.epochs) : {
    groupOf: new Map(
      [...adapters.parameters.map(({ name }) => name), ...heads].map((name) => [name, 0]),
    ),
    epochs: [],
  };
  const weights = makeWeights(parameters, trained.groupOf);
  const added = adapters?.parameters ?? [];
  const { unused = [], missing = parameters.map(({ name }) => name) } = dir === undefined
    ? {}
    : await loadCheckpoint(dir, {
      model: { names: model.names, parameters: parameters.filter((one) => !added.includes(one)) },
      // The folder's model has the same head, or one for another task.
      mayLack: hasHead(given, model.task) ? [] : heads,
      into: ({ name }) => weights.view(name).data,
    });
  if (unused.length > 0) log(`not used of the model's tensors: ${unused.join(", ")}`);
  if (dir !== undefined && missing.length > 0) log(`new, to be trained: ${missing.join(", ")}`);
  const drawn = new Set([...missing, ...added.map(({ name }) => name)]);
  // A parameter's number is that in the whole model: each has random numbers of its own.
  for (const [index, parameter] of parameters.entries()) {
    if (!drawn.has(parameter.name)) continue;
    const { data: values } = weights.view(parameter.name);
    initializeParameter(parameter, { values, seed: args.seed, index });
  }
  return { model, trained, weights };
}

/** A config with fields replaced that its architecture has. */
function overridden(config: JsonObject, overrides: JsonObject = {}): JsonObject {
  const { modelType, config: { shape } } = architectureOf(config);
  for (const name of Object.keys(overrides)) {
    if (name in shape) continue;
    const shares = Object.entries(shape).filter(([, field]) => isShare(field)).map(([key]) => key);
    throw new UserError({
      what: `cannot train: config_overrides has ${name}, and a ${modelType} has no such field`,
      requirement: `it has ${shares.join(", ")}`,
      nearest: nearest(name, shares),
    });
  }
  return { ...config, ...overrides };
}

/**
 * What is to be learned: classes where the rows have them, else what the model is for.
 *
 * @throws {UserError} where a classifier is to learn from rows without classes.
 */
function taskFor(config: JsonObject, labels: readonly string[] | undefined): Task | undefined {
  if (labels !== undefined) return "sequence_classification";
  const task = taskOf(config);
  if (task !== "sequence_classification") return task;
  throw new UserError({
    what: `cannot train: the model is a classifier (${config.architectures}), ` +
      "and the rows of `data` have no classes",
    remedy: "set label_column in the tokenize stage, or give the stage a language model",
  });
}

/** Whether a model is of the class of a task, so that its folder has the head; of others the base is taken over. */
function hasHead(config: JsonObject, task: Task): boolean {
  const [name] = Array.isArray(config.architectures) ? config.architectures : [];
  return name !== undefined && name === architectureOf(config).heads[task];
}

/** Fields of the config of a classifier that follow from the data. */
function classConfig(
  config: JsonObject,
  info: Tokens["info"] & { readonly labels: readonly string[] },
): JsonObject {
  const { labels, pad_token_id: pad } = info;
  if (labels.length < 2) {
    throw new UserError({
      what: `cannot train: all rows of the data are of one class (${labels.join(", ")})`,
      requirement: "a classifier needs at least two",
      remedy: "look at label_column of the tokenize stage",
    });
  }
  const known = hasHead(config, "sequence_classification") ? classNames(config) : undefined;
  const isDefault = known?.every((name, id) => name === `LABEL_${id}`) ?? true;
  const count = hasHead(config, "sequence_classification")
    ? countClasses(architectureOf(config).title, config)
    : labels.length;
  if (count !== labels.length || (!isDefault && String(known) !== String(labels))) {
    throw new UserError({
      what:
        `cannot train: the model has ${count} classes (${known?.join(", ") ?? "without names"}), ` +
        `the data ${labels.length} (${labels.join(", ")})`,
      requirement: "the same classes in the same order (id2label in the model's config.json)",
      remedy: "train from the base model, or rename the labels with filter",
    });
  }
  return { ...classFields(labels), pad_token_id: config.pad_token_id ?? pad };
}

function chooseTrained(
  { parameters, names: { prefix } }: OpenModel,
  { freeze = [], unfreeze = [] }: TrainingArguments,
  epochs: number,
): TrainedParameters {
  const names = parameters.map(({ name }) => name);
  return trainedParameters({ names, prefix }, { freeze, unfreeze, epochs });
}

/** What a model from scratch takes over from its tokenizer. */
function fromTokens(info: Tokens["info"]): JsonObject {
  return {
    vocab_size: info.vocab_size,
    bos_token_id: info.bos_token_id,
    eos_token_id: info.eos_token_id,
    pad_token_id: info.pad_token_id,
  };
}
