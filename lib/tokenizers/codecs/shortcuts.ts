/**
 * Ways around parts of a pipeline, each taken only where it gives the same ids.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import { Bpe } from "../models/bpe.ts";
import type { Model } from "../models/model.ts";
import type { ParsedNormalizer } from "../normalizers/parse.ts";
import { ByteLevel } from "../pre_tokenizers/byte_level.ts";
import { Metaspace } from "../pre_tokenizers/metaspace.ts";
import { asksForStart, type ParsedPreTokenizer } from "../pre_tokenizers/parse.ts";
import { gpt2WordEnd, type WordEnd, wordEndOf } from "../scanning/byte_level_words.ts";
import { BERT_CHUNKS, type Chunking, spaceChunks, WHITESPACE_CHUNKS } from "../scanning/chunks.ts";

/** What a pipeline may do otherwise than part by part. */
export interface Shortcuts {
  /** Cuts the raw text before the normalizer. */
  readonly chunks: Chunking | undefined;
  /** Finds the words of a byte-level pre-tokenizer, which are then spelled in bytes. */
  readonly wordEnd: WordEnd | undefined;
  /** Whether a space is put before such a text. */
  readonly addsPrefixSpace: boolean;
  /** A unit before which a word may be cut once more for the model. */
  readonly cutsBefore: number | undefined;
  /** Whether ids depend on where in the original a word begins: then alignments are needed for them. */
  readonly needsOrigin: boolean;
}

/** What shortcuts are found by. */
export interface ShortcutParts {
  readonly tokenizer: JsonObject;
  readonly normalizer: ParsedNormalizer | undefined;
  readonly preTokenizer: ParsedPreTokenizer | undefined;
  readonly model: Model;
  /** Whether there are added tokens that are looked for after the normalizer. */
  readonly hasNormalizedTokens: boolean;
}

/** The shortcuts of a tokenizer. */
export function findShortcuts(parts: ShortcutParts): Shortcuts {
  const { normalizer, preTokenizer } = parts;
  const words = byteLevelWords(parts);
  const asks = preTokenizer?.parts.some(({ made }) => asksForStart(made)) ?? false;
  return {
    chunks: parts.hasNormalizedTokens ? undefined : chunksOf(parts),
    wordEnd: words?.wordEnd,
    addsPrefixSpace: words?.addsPrefixSpace ?? false,
    cutsBefore: parts.model instanceof Bpe ? cutBefore(parts.model) : undefined,
    needsOrigin: asks && (normalizer !== undefined || preTokenizer?.needsOrigin === true),
  };
}

/** `ByteLevel`, or a known pattern before it. */
function byteLevelWords(
  { tokenizer, preTokenizer }: ShortcutParts,
): { readonly wordEnd: WordEnd; readonly addsPrefixSpace: boolean } | undefined {
  const last = preTokenizer?.parts.at(-1)?.made;
  if (preTokenizer === undefined || !(last instanceof ByteLevel)) return undefined;
  if (preTokenizer.parts.length === 1 && last.usesRegex) {
    return { wordEnd: gpt2WordEnd, addsPrefixSpace: last.addsPrefixSpace };
  }
  if (preTokenizer.parts.length !== 2 || last.usesRegex || last.addsPrefixSpace) return undefined;
  const sequence = tokenizer.pre_tokenizer;
  const split = isJsonObject(sequence) && Array.isArray(sequence.pretokenizers)
    ? sequence.pretokenizers[0]
    : undefined;
  if (!isJsonObject(split) || split.type !== "Split" || !isJsonObject(split.pattern)) {
    return undefined;
  }
  // These patterns match all of a text, so that there is nothing between two matches.
  const keepsMatches = split.behavior === "Isolated" ||
    (split.behavior === "Removed" && split.invert === true);
  const { Regex: regex } = split.pattern;
  const wordEnd = keepsMatches && typeof regex === "string" ? wordEndOf(regex) : undefined;
  return wordEnd === undefined ? undefined : { wordEnd, addsPrefixSpace: false };
}

/** The mark of SentencePiece, a space in its vocabularies. */
const MARK = "▁";

/**
 * Models of the Llama 2 kind get a text as one word. Where no merge makes a token in which the mark stands
 * behind another character, none reaches over the beginning of a marked word.
 */
function cutBefore(model: Bpe): number | undefined {
  if (!model.isUniform || !model.vocab.has(MARK)) return undefined;
  for (const token of model.merged) {
    if (new RegExp(`[^${MARK}]${MARK}`).test(token)) return undefined;
  }
  return MARK.charCodeAt(0);
}

/** Normalizers that look at a character and the marks behind it, or at a grapheme. */
const LOCAL = new Set([
  ...["BertNormalizer", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt", "Precompiled"],
  ...["StripAccents"],
]);

function chunksOf({ tokenizer, normalizer, preTokenizer }: ShortcutParts): Chunking | undefined {
  const types = normalizer?.types ?? [];
  const parts = preTokenizer?.parts ?? [];
  const first = parts[0];
  if (first === undefined || parts.some(({ made }) => asksForStart(made))) return undefined;
  const simple = types.every((type) => type === "BertNormalizer" || type === "Lowercase");
  if (first.type === "BertPreTokenizer" && simple) return BERT_CHUNKS;
  const local = types.every((type) => LOCAL.has(type) || type === "Replace") &&
    replacements(tokenizer.normalizer).every(isWithinWords);
  if (!local) return undefined;
  if (["WhitespaceSplit", "Whitespace", "BertPreTokenizer"].includes(first.type)) {
    return WHITESPACE_CHUNKS;
  }
  if (!(first.made instanceof Metaspace) || !first.made.settings.splits) return undefined;
  return spaceChunks(first.made.settings.scheme !== "always");
}

/** Every `Replace` in a normalizer. */
function replacements(json: Json | undefined): JsonObject[] {
  if (!isJsonObject(json)) return [];
  if (json.type === "Replace") return [json];
  return Array.isArray(json.normalizers) ? json.normalizers.flatMap(replacements) : [];
}

/** Whether a replacement neither looks at a single space nor makes one. */
function isWithinWords({ pattern, content }: JsonObject): boolean {
  if (!isJsonObject(pattern) || typeof content !== "string") return false;
  if (pattern.Regex === " {2,}" && content === " ") return true;
  return typeof pattern.String === "string" && !/\s/.test(pattern.String + content);
}
