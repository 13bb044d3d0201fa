/**
 * A model that puts sequences into classes, whatever its architecture.
 *
 * @module
 */
import type { JsonObject } from "../base/json.ts";
import type { SequenceClassifier } from "./family.ts";
import { modelFamily } from "./registry.ts";

export type { SequenceClassifier } from "./family.ts";

/**
 * Makes a classifier of its config.
 *
 * @param config A parsed config.json; absent fields take transformers' defaults.
 * @throws {UserError} where its `model_type` is not known or a field cannot be.
 */
export function sequenceClassifier(config: JsonObject): SequenceClassifier {
  return modelFamily(config).classifier(config);
}
