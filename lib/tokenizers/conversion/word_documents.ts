/**
 * tokenizer.json of BERT's and of byte-level BPE's files.
 *
 * @module
 */
import type { Json, JsonObject } from "../../base/json.ts";
import { addedTokens, settingOf, template, tokenOf, withTokens } from "./document.ts";

/** Of vocab.txt: BERT. */
export function bertDocument(vocab: ReadonlyMap<string, number>, config: JsonObject): JsonObject {
  const names = ["pad", "unk", "cls", "sep", "mask"] as const;
  const [pad, unk, cls, sep, mask] = names.map((name) =>
    tokenOf(config, `${name}_token`, `[${name.toUpperCase()}]`)
  ) as [string, string, string, string, string];
  const specials = [unk, sep, pad, cls, mask];
  const all = withTokens(vocab, specials);
  const stripAccents = config.strip_accents;
  return {
    version: "1.0",
    added_tokens: addedTokens(specials, { vocab: all }),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: settingOf(config, "tokenize_chinese_chars", true),
      strip_accents: typeof stripAccents === "boolean" ? stripAccents : null,
      lowercase: settingOf(config, "do_lower_case", true),
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: template({
      single: `${cls}:0 $A:0 ${sep}:0`,
      pair: `${cls}:0 $A:0 ${sep}:0 $B:1 ${sep}:1`,
    }, all),
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: unk,
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(vocab),
    },
  };
}

/** Classes whose texts stand between `<s>` and `</s>`. */
const ROBERTA = ["roberta", "bart", "longformer", "led", "mvp", "blenderbot"];

/** Of vocab.json and merges.txt: GPT-2, or RoBERTa. */
export function byteLevelDocument(
  vocab: ReadonlyMap<string, number>,
  { merges, name, config }: {
    readonly merges: readonly string[];
    readonly name: string | undefined;
    readonly config: JsonObject;
  },
): JsonObject {
  const isRoberta = name === undefined || name === ""
    ? vocab.has("<s>") && vocab.has("</s>") && vocab.has("<mask>")
    : ROBERTA.includes(name);
  const add_prefix_space = settingOf(config, "add_prefix_space", false);
  const trim_offsets = settingOf(config, "trim_offsets", true);
  const byteLevel = { type: "ByteLevel", trim_offsets: true, use_regex: true };
  const bert = (role: string, otherwise: string): string =>
    tokenOf(config, `${role}_token`, otherwise);
  const end = bert("eos", "<|endoftext|>");
  const specials = isRoberta
    ? [
      ...[bert("bos", "<s>"), bert("eos", "</s>"), bert("unk", "<unk>"), bert("sep", "</s>")],
      ...[bert("pad", "<pad>"), bert("cls", "<s>"), bert("mask", "<mask>")],
    ]
    : [end, bert("bos", end), bert("unk", end), bert("pad", end)];
  const all = withTokens(vocab, specials);
  const token = (role: string, otherwise: string): Json => {
    const content = bert(role, otherwise);
    return [content, all.get(content) ?? 0];
  };
  return {
    version: "1.0",
    added_tokens: addedTokens(specials, { vocab: all }),
    normalizer: null,
    pre_tokenizer: { ...byteLevel, add_prefix_space },
    post_processor: isRoberta
      ? {
        type: "RobertaProcessing",
        sep: token("sep", "</s>"),
        cls: token("cls", "<s>"),
        trim_offsets,
        add_prefix_space,
      }
      : null,
    decoder: { ...byteLevel, add_prefix_space: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  };
}
