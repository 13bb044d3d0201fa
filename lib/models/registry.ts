/**
 * The architectures by the `model_type` of a config.json: one line for each.
 *
 * @module
 */
import { nearest, UserError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { type Architecture, type Task, TASKS } from "./architecture.ts";
import { DISTILBERT } from "./distilbert.ts";
import { GPT2 } from "./gpt2.ts";

/** Every architecture. */
export const ARCHITECTURES: readonly Architecture[] = [
  DISTILBERT,
  GPT2,
];

/**
 * The architecture of a config.json.
 *
 * @param config The parsed file.
 * @throws {UserError} where `model_type` is missing or not known.
 *
 * @example
 * ```ts
 * import { architectureOf } from "./registry.ts";
 * const { heads } = architectureOf({ model_type: "gpt2" });
 * if (heads.causal_lm !== "GPT2LMHeadModel") throw new Error();
 * ```
 */
export function architectureOf({ model_type: type }: JsonObject): Architecture {
  const types = ARCHITECTURES.map(({ modelType }) => modelType);
  const found = ARCHITECTURES.find(({ modelType }) => modelType === type);
  if (found !== undefined) return found;
  throw new UserError({
    what: type === undefined
      ? "the model's config.json has no model_type"
      : `the model's config.json has model_type: ${JSON.stringify(type)}`,
    requirement: `it must be one of ${types.join(", ")}`,
    nearest: typeof type === "string" ? nearest(type, types) : undefined,
  });
}

/**
 * The task of the class that a config.json names in `architectures`.
 *
 * @returns undefined where it names none, or the base model without a head.
 * @throws {UserError} where it names a class that isn't supported.
 */
export function taskOf(config: JsonObject): Task | undefined {
  const { heads } = architectureOf(config);
  const [name] = Array.isArray(config.architectures) ? config.architectures : [];
  const task = TASKS.find((task) => heads[task] !== undefined && heads[task] === name);
  if (task !== undefined || name === undefined || isBaseModel(name)) return task;
  throw new UserError({
    what: `the model's config.json has architectures: ${JSON.stringify([name])}`,
    requirement: `with model_type ${config.model_type} it must be ${
      Object.values(heads).join(" or ")
    }`,
    nearest: typeof name === "string" ? nearest(name, Object.values(heads)) : undefined,
  });
}

/** Whether a class has no head: `GPT2Model`, not `GPT2LMHeadModel`. */
function isBaseModel(name: unknown): boolean {
  return typeof name === "string" && /^\w+Model$/.test(name) && !/Head/.test(name);
}
