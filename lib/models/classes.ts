/**
 * The classes of a classifier, by the fields of config.json that transformers keeps them in.
 *
 * Left out: `problem_type` other than single_label_classification, and so models of one class, which are
 * regressions.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { configError } from "./config.ts";

const SINGLE_LABEL = "single_label_classification";

/**
 * How many classes a config names: transformers writes `id2label` where there are other than two; where it and
 * `num_labels` are both there, it wins; without either there are two.
 *
 * @param title What the model is called in messages.
 * @throws {UserError} for labels that cannot be counted, and for other problem types.
 */
export function countClasses(title: string, json: JsonObject): number {
  const { problem_type: problem = null, id2label, num_labels: count } = json;
  if (problem !== null && problem !== SINGLE_LABEL) {
    throw new UserError({
      what: `the ${title} config has problem_type: ${JSON.stringify(problem)}`,
      requirement: `only ${SINGLE_LABEL} is supported`,
    });
  }
  const named = isJsonObject(id2label) ? Object.keys(id2label).length : id2label;
  const classes = id2label === undefined || id2label === null ? count ?? 2 : named;
  if (typeof classes === "number" && Number.isSafeInteger(classes) && classes >= 2) return classes;
  throw configError(title, {
    field: "num_labels",
    value: classes,
    requirement: "at least 2 labels (one label is a regression)",
    remedy: 'give it id2label: {"0": "negative", "1": "positive"}',
  });
}

/**
 * The token that rows are padded with, where the end of a row is found by it.
 *
 * @throws {UserError} where it is no token of the vocabulary.
 */
export function paddingToken(
  title: string,
  config: { readonly pad_token_id: number | null; readonly vocab_size: number },
): number | null {
  const { pad_token_id: pad, vocab_size: words } = config;
  if (pad === null || (pad >= 0 && pad < words)) return pad;
  throw configError(title, {
    field: "pad_token_id",
    value: pad,
    requirement: `the id of a token (0 to ${words - 1}) or null`,
  });
}

/** The names of a classifier's classes in the order of their scores; undefined where the config has none. */
export function classNames({ id2label }: JsonObject): readonly string[] | undefined {
  if (!isJsonObject(id2label)) return undefined;
  const names = Object.keys(id2label).map((_, id) => id2label[String(id)]);
  return names.every((name) => typeof name === "string") ? names : undefined;
}

/** The fields of config.json that name classes. */
export function classFields(names: readonly string[]): JsonObject {
  return {
    id2label: Object.fromEntries(names.map((name, id) => [String(id), name])),
    label2id: Object.fromEntries(names.map((name, id) => [name, id])),
    num_labels: names.length,
  };
}
