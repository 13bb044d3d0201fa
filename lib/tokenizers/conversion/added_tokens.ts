/**
 * Added tokens that a folder without tokenizer.json names elsewhere: `added_tokens_decoder` of
 * tokenizer_config.json, and added_tokens.json of old.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";

/** A document with those tokens among its own; one with the id of another takes its place. */
export function withAddedTokens(
  document: JsonObject,
  { config, old }: { readonly config: JsonObject; readonly old: JsonObject },
): JsonObject {
  const tokens = new Map<number, Json>();
  for (const token of document.added_tokens as readonly JsonObject[]) {
    tokens.set(token.id as number, token);
  }
  const contents = new Set(Array.from(tokens.values(), (token) => (token as JsonObject).content));
  for (const [content, id] of Object.entries(old)) {
    if (typeof id !== "number" || contents.has(content)) continue;
    tokens.set(id, addedToken(id, { content }));
  }
  const decoder = isJsonObject(config.added_tokens_decoder) ? config.added_tokens_decoder : {};
  for (const [id, token] of Object.entries(decoder)) {
    if (/^\d+$/.test(id) && isJsonObject(token) && typeof token.content === "string") {
      tokens.set(Number(id), addedToken(Number(id), token));
    }
  }
  const inOrder = [...tokens].sort(([a], [b]) => a - b).map(([, token]) => token);
  return { ...document, added_tokens: inOrder };
}

function addedToken(id: number, token: JsonObject): Json {
  const flag = (name: string, otherwise: boolean): boolean => {
    const value = token[name];
    return typeof value === "boolean" ? value : otherwise;
  };
  const special = flag("special", false);
  return {
    id,
    content: token.content!,
    single_word: flag("single_word", false),
    lstrip: flag("lstrip", false),
    rstrip: flag("rstrip", false),
    normalized: flag("normalized", !special),
    special,
  };
}
