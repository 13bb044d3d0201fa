/**
 * Which metrics `evaluate` knows, by what a model is for.
 *
 * @module
 */

/** Of a model that predicts and writes text. */
export const LANGUAGE_MODEL_METRICS = ["perplexity", "bleu", "rouge"] as const;

/** Of a model that puts texts into classes. */
export const CLASSIFIER_METRICS = [
  "accuracy",
  "precision",
  "recall",
  "f1",
  "confusion_matrix",
] as const;
