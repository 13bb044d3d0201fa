/**
 * The model families by the `model_type` of a config.json.
 *
 * @module
 */
import type { JsonObject } from "../base/json.ts";
import { nearest, UserError } from "../base/errors.ts";
import type { ModelFamily } from "./family.ts";
import { GPT2_FAMILY } from "./gpt2_family.ts";

const FAMILIES: Readonly<Record<string, ModelFamily>> = Object.fromEntries(
  [GPT2_FAMILY].map((family) => [family.modelType, family]),
);

/** The accepted values of `model_type`. */
const MODEL_TYPES: readonly string[] = Object.keys(FAMILIES);

/**
 * The family of a config.json.
 *
 * @param json The parsed file.
 * @throws {UserError} where `model_type` is missing or of no known family.
 *
 * @example
 * ```ts
 * import { modelFamily } from "./registry.ts";
 * const { architectures } = modelFamily({ model_type: "gpt2" });
 * if (architectures.causalLm !== "GPT2LMHeadModel") throw new Error();
 * ```
 */
export function modelFamily(json: JsonObject): ModelFamily {
  const type = json.model_type;
  const family = typeof type === "string" && Object.hasOwn(FAMILIES, type)
    ? FAMILIES[type]
    : undefined;
  if (family !== undefined) return family;
  throw new UserError({
    what: type === undefined
      ? "the model's config.json has no model_type"
      : `the model's config.json has model_type: ${JSON.stringify(type)}`,
    requirement: `it must be one of ${MODEL_TYPES.join(", ")}`,
    nearest: typeof type === "string" ? nearest(type, MODEL_TYPES) : undefined,
  });
}
