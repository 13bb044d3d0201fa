/**
 * The parts that tokenizer.json is put together from.
 *
 * @module
 */
import type { Json, JsonObject } from "../../base/json.ts";

/** A setting of tokenizer_config.json, or its default. */
export function settingOf<T extends Json>(config: JsonObject, name: string, otherwise: T): T {
  const value = Object.hasOwn(config, name) ? config[name] : undefined;
  return typeof value === typeof otherwise ? value as T : otherwise;
}

/** The text of a special token that a config names, as text or as an added token. */
export function tokenOf(config: JsonObject, name: string, otherwise: string): string {
  const value = Object.hasOwn(config, name) ? config[name] : undefined;
  if (typeof value === "string") return value;
  const content = typeof value === "object" && value !== null && "content" in value
    ? value.content
    : undefined;
  return typeof content === "string" ? content : otherwise;
}

/** Special added tokens, and plain ones: those that the vocabulary has. */
export function addedTokens(
  special: readonly string[],
  { vocab, plain = [] }: {
    readonly vocab: ReadonlyMap<string, number>;
    /** Those that stand for text. */
    readonly plain?: readonly string[];
  },
): Json[] {
  const known = new Set([...special, ...plain].filter((content) => vocab.has(content)));
  return [...known].map((content) => ({ id: vocab.get(content)!, content }))
    .sort((a, b) => a.id - b.id)
    .map(({ id, content }) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: !plain.includes(content),
    }));
}

/** A vocabulary with special tokens that it lacks behind it, as transformers adds them. */
export function withTokens(
  vocab: ReadonlyMap<string, number>,
  special: readonly string[],
): ReadonlyMap<string, number> {
  const all = new Map(vocab);
  let next = 0;
  for (const id of vocab.values()) next = Math.max(next, id + 1);
  for (const content of special) if (!all.has(content)) all.set(content, next++);
  return all;
}

/** A template like "[CLS] $A:0 [SEP]:0", in words with their types. */
export function template(
  { single, pair }: { readonly single: string; readonly pair: string },
  vocab: ReadonlyMap<string, number>,
): JsonObject {
  const tokens = new Set<string>();
  const pieces = (text: string): Json[] =>
    text.split(" ").map((word) => {
      const at = word.lastIndexOf(":");
      const [id, type_id] = [word.slice(0, at), Number(word.slice(at + 1))];
      if (id.startsWith("$")) return { Sequence: { id: id.slice(1), type_id } };
      tokens.add(id);
      return { SpecialToken: { id, type_id } };
    });
  const parts = { single: pieces(single), pair: pieces(pair) };
  return {
    type: "TemplateProcessing",
    ...parts,
    special_tokens: Object.fromEntries(
      [...tokens].map((id) => [id, { id, ids: [vocab.get(id) ?? 0], tokens: [id] }]),
    ),
  };
}
