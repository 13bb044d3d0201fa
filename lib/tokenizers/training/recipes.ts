/**
 * What stands around the vocabulary of a trained tokenizer: the parts of tokenizer.json, each kind as its
 * usual recipe has them.
 *
 * - bpe: GPT-2's.
 * - wordpiece: `BertWordPieceTokenizer` of Hugging Face tokenizers, with BERT's template.
 * - unigram: `SentencePieceUnigramTokenizer` of Hugging Face tokenizers, with T5's template.
 * - word: `\w+|[^\w\s]+`; texts come back with spaces between.
 * - char: each code point; texts come back as they were.
 *
 * @module
 */
import type { Json, JsonObject } from "../../base/json.ts";
import { DEFAULT_SPECIAL_TOKENS, type TrainOptions } from "./options.ts";

/** How texts become words, and tokens texts. */
export interface Recipe {
  readonly normalizer: JsonObject | null;
  readonly pre_tokenizer: JsonObject;
  readonly decoder: JsonObject | null;
  /** What stands around a text and around a pair, as `template` of `../conversion/document.ts` takes it. */
  readonly around?: { readonly single: string; readonly pair: string };
  /** Special tokens, the unknown one among them. */
  readonly specialTokens: readonly string[];
  /** Of bpe, which knows all bytes, none. */
  readonly unkToken?: string;
}

/** The recipe of what the options ask for. */
export function recipeOf(train: TrainOptions): Recipe {
  const { type } = train;
  const unkToken = train.unk_token ?? (type === "wordpiece" ? "[UNK]" : "<unk>");
  const given = train.special_tokens ?? DEFAULT_SPECIAL_TOKENS[type];
  const known = type === "bpe" || given.includes(unkToken) ? given : [unkToken, ...given];
  const special = { specialTokens: known, ...type === "bpe" ? {} : { unkToken } };
  const has = (...tokens: string[]): boolean => tokens.every((token) => known.includes(token));
  switch (type) {
    case "bpe":
      return {
        normalizer: null,
        pre_tokenizer: byteLevel(false),
        decoder: byteLevel(true),
        ...special,
      };
    case "wordpiece":
      return {
        normalizer: {
          type: "BertNormalizer",
          clean_text: train.clean_text ?? true,
          handle_chinese_chars: train.handle_chinese_chars ?? true,
          strip_accents: train.strip_accents ?? null,
          lowercase: train.lowercase ?? true,
        },
        pre_tokenizer: { type: "BertPreTokenizer" },
        decoder: { type: "WordPiece", prefix: prefixOf(train), cleanup: true },
        ...has("[CLS]", "[SEP]")
          ? {
            around: { single: "[CLS]:0 $A:0 [SEP]:0", pair: "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1" },
          }
          : {},
        ...special,
      };
    case "unigram":
      return {
        normalizer: {
          type: "Sequence",
          normalizers: [
            { type: "Nmt" },
            { type: "NFKC" },
            { type: "Replace", pattern: { Regex: " {2,}" }, content: " " },
          ],
        },
        pre_tokenizer: METASPACE,
        decoder: METASPACE,
        ...has("</s>")
          ? { around: { single: "$A:0 </s>:0", pair: "$A:0 </s>:0 $B:0 </s>:0" } }
          : {},
        ...special,
      };
    case "word":
      return { normalizer: null, pre_tokenizer: { type: "Whitespace" }, decoder: null, ...special };
    case "char":
      return {
        normalizer: null,
        pre_tokenizer: {
          type: "Split",
          pattern: { Regex: "[\\s\\S]" },
          behavior: "Isolated",
          invert: false,
        },
        decoder: { type: "Fuse" },
        ...special,
      };
  }
}

/** What tokens within a word begin with. */
export function prefixOf(train: TrainOptions): string {
  return train.continuing_subword_prefix ?? "##";
}

/** `ByteLevel` as GPT-2 has it: a pre-tokenizer, or what reads the same with no space put before. */
export function byteLevel(addPrefixSpace: boolean, trimOffsets = true): Record<string, Json> {
  return {
    type: "ByteLevel",
    add_prefix_space: addPrefixSpace,
    trim_offsets: trimOffsets,
    use_regex: true,
  };
}

const METASPACE = {
  type: "Metaspace",
  replacement: "▁",
  prepend_scheme: "always",
  split: true,
};
