/**
 * The model of a run with its first weights: read from a folder or drawn, with adapters beside its layers
 * where LoRA is asked for, and parted into what is trained and what is frozen.
 *
 * @module
 */
import type { JsonObject } from "../base/json.ts";
import type { Tokens } from "../data/tokens/tokens.ts";
import { UserError } from "../base/errors.ts";
import { type CausalLm, causalLm } from "../models/causal_lm.ts";
import { loadCheckpoint, loadConfig } from "../checkpoint/load.ts";
import { type LoraModel, loraModel } from "../models/lora.ts";
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
  readonly model: CausalLm;
  /** The same model, where only adapters are trained. */
  readonly lora: LoraModel | undefined;
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
  const base = causalLm(
    dir === undefined
      ? { ...fromTokens(options.info), ...config }
      : { ...await loadConfig(dir), ...configOverrides },
  );
  const lora = args.lora === undefined ? undefined : loraModel(base, args.lora);
  const model = lora ?? base;
  const trained = lora === undefined
    ? chooseTrained(base, args, options.plan.epochs)
    : { groupOf: new Map(lora.adapters.map(({ name }) => [name, 0])), epochs: [] };
  const weights = makeWeights(model.parameters, trained.groupOf);
  // A parameter's number is that in the whole model: each has random numbers of its own.
  const drawn = dir === undefined ? model.parameters : lora?.adapters ?? [];
  for (const parameter of drawn) {
    const { data: values } = weights.view(parameter.name);
    const index = model.parameters.indexOf(parameter);
    initializeParameter(parameter, { values, seed: args.seed, index });
  }
  if (dir === undefined) return { model, lora, trained, weights };
  const { unused } = await loadCheckpoint(dir, {
    names: model.names,
    parameters: () => base.parameters,
    into: ({ name }) => weights.view(name).data,
  });
  if (unused.length > 0) log(`not used of the model's tensors: ${unused.join(", ")}`);
  return { model, lora, trained, weights };
}

function chooseTrained(
  { parameters, names: { prefix } }: CausalLm,
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
