/**
 * A causal language model as training, evaluation and decoding see it, whatever its architecture.
 *
 * @module
 */
import type { JsonObject } from "../base/json.ts";
import type { CausalLm } from "./family.ts";
import { modelFamily } from "./registry.ts";

export type { CausalLm } from "./family.ts";

/**
 * Makes a model of its config.
 *
 * @param config A parsed config.json; absent fields take transformers' defaults.
 * @throws {UserError} where its `model_type` is not known or a field cannot be.
 */
export function causalLm(config: JsonObject): CausalLm {
  return modelFamily(config).causalLm(config);
}
