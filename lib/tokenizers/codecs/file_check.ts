/**
 * Whether tokenizer.json has the form of one. Both codecs count on it: what is no id would become one in
 * the data that a model is trained on, and the package answers a wrong form with an error of its own code.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";

/** The lists that a component of several has. */
const PARTS = ["normalizers", "pretokenizers", "processors", "decoders"] as const;

/**
 * What is wrong with a parsed tokenizer.json.
 *
 * @returns The end of a sentence that begins with the file's name; undefined where nothing is.
 */
export function tokenizerProblem(tokenizer: JsonObject): string | undefined {
  for (const name of ["normalizer", "pre_tokenizer", "post_processor", "decoder"]) {
    const problem = componentProblem(tokenizer[name], name);
    if (problem !== undefined) return problem;
  }
  return addedProblem(tokenizer.added_tokens) ?? modelProblem(tokenizer.model);
}

function componentProblem(component: Json | undefined, name: string): string | undefined {
  if (component === null || component === undefined) return undefined;
  if (!isJsonObject(component)) return `has ${shown(component)} as ${name}, not a mapping`;
  if (typeof component.type !== "string") return `has a ${name} without a type`;
  for (const part of PARTS) {
    const list = component[part];
    if (list === undefined) continue;
    if (!Array.isArray(list)) return `has ${shown(list)} as ${name}.${part}, not a list`;
    for (const [i, item] of list.entries()) {
      const place = `${name}.${part}[${i}]`;
      if (item === null) return `has nothing as ${place}`;
      const problem = componentProblem(item, place);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

function addedProblem(tokens: Json | undefined): string | undefined {
  if (tokens === null || tokens === undefined) return undefined;
  if (!Array.isArray(tokens)) return `has ${shown(tokens)} as added_tokens, not a list`;
  const wrong = tokens.find((token: Json) =>
    !isJsonObject(token) || !isId(token.id) || typeof token.content !== "string"
  );
  return wrong === undefined
    ? undefined
    : `has the added token ${shown(wrong)}, not one with an id and a content`;
}

function modelProblem(model: Json | undefined): string | undefined {
  if (!isJsonObject(model)) return 'has no "model"';
  const { type, vocab, merges, unk_token: unknown, unk_id: unknownId } = model;
  if (type !== undefined && typeof type !== "string") return `has a model of type ${shown(type)}`;
  if (Array.isArray(vocab)) {
    const wrong = vocab.find((entry: Json) =>
      !Array.isArray(entry) || typeof entry[0] !== "string" || typeof entry[1] !== "number"
    );
    if (wrong !== undefined) {
      return `has ${shown(wrong)} in its vocabulary, not a token and a score`;
    }
  } else if (isJsonObject(vocab)) {
    for (const [token, id] of Object.entries(vocab)) {
      if (!isId(id)) return `has ${shown(id)} as the id of the token ${shown(token)}`;
    }
  } else return `has no vocabulary but ${shown(vocab)}`;
  if (merges !== undefined) {
    if (!Array.isArray(merges)) return `has ${shown(merges)} as merges, not a list`;
    const wrong = merges.find((merge: Json) => !isMerge(merge));
    if (wrong !== undefined) return `has the merge ${shown(wrong)}, not "a b" or ["a", "b"]`;
  }
  if (unknown !== undefined && unknown !== null && typeof unknown !== "string") {
    return `has ${shown(unknown)} as unk_token, not a token`;
  }
  if (unknownId !== undefined && unknownId !== null && !isId(unknownId)) {
    return `has ${shown(unknownId)} as unk_id, not an id`;
  }
  return undefined;
}

/** Older files write "a b", newer ones ["a", "b"]. */
function isMerge(merge: Json): boolean {
  if (typeof merge === "string") return /^[^ ]+ [^ ]+$/.test(merge);
  return Array.isArray(merge) && merge.length === 2 &&
    merge.every((part: Json) => typeof part === "string");
}

/** Ids are rows of an embedding. */
function isId(value: Json | undefined): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}

function shown(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
