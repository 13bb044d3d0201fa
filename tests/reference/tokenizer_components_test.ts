/** Single components of tokenizers against the Rust package. */
import { check, WITHOUT_TOKENIZERS as without } from "./tokenizer_check.ts";

const MARK = { type: "Metaspace", replacement: "▁", prepend_scheme: "first", split: true };
const split = (pattern: unknown, behavior: string, invert = false): Record<string, unknown> => ({
  type: "Split",
  pattern,
  behavior,
  invert,
});
const inTurn = (kind: string, ...parts: unknown[]): Record<string, unknown> => ({
  type: "Sequence",
  [kind]: parts,
});

/** Components that no family above has, in place of those of a tokenizer like XLNet's. */
const CHANGES: readonly Record<string, unknown>[] = [
  { pre_tokenizer: { type: "CharDelimiterSplit", delimiter: "a" } },
  { pre_tokenizer: { type: "FixedLength", length: 3 } },
  { pre_tokenizer: { type: "Punctuation", behavior: "MergedWithNext" } },
  { pre_tokenizer: { type: "Digits", individual_digits: false }, normalizer: { type: "Nmt" } },
  { pre_tokenizer: split({ String: "s" }, "Removed") },
  { pre_tokenizer: split({ Regex: "\\s*" }, "Isolated"), normalizer: null },
  { pre_tokenizer: split({ Regex: "[aeiou]+|\\p{Lo}" }, "MergedWithPrevious", true) },
  { pre_tokenizer: split({ Regex: "\\W|(?<=e)\\w" }, "Contiguous"), normalizer: { type: "NFD" } },
  { pre_tokenizer: inTurn("pretokenizers", { type: "WhitespaceSplit" }, MARK) },
  { pre_tokenizer: MARK, normalizer: { type: "Strip", strip_left: true, strip_right: false } },
  { pre_tokenizer: { ...MARK, split: false }, normalizer: { type: "Prepend", prepend: "x▁y" } },
  { pre_tokenizer: MARK, normalizer: { type: "Strip", strip_left: false, strip_right: true } },
  {
    pre_tokenizer: inTurn("pretokenizers", { type: "Whitespace" }, {
      ...MARK,
      prepend_scheme: "always",
    }),
  },
  {
    pre_tokenizer: {
      type: "ByteLevel",
      add_prefix_space: true,
      trim_offsets: true,
      use_regex: true,
    },
    normalizer: { type: "ByteLevel" },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
  },
  {
    normalizer: { type: "Replace", pattern: { Regex: "e*" }, content: "é" },
    decoder: { type: "CTC", pad_token: "s", word_delimiter_token: "▁", cleanup: true },
  },
  {
    normalizer: inTurn("normalizers", { type: "Lowercase" }, { type: "NFC" }, {
      type: "StripAccents",
    }),
    decoder: { type: "BPEDecoder", suffix: "s" },
  },
  {
    normalizer: { type: "NFKC" },
    decoder: inTurn("decoders", { type: "Strip", content: "s", start: 0, stop: 1 }, {
      type: "Fuse",
    }),
  },
  { decoder: { type: "WordPiece", prefix: "s", cleanup: true }, normalizer: { type: "NFKD" } },
  { decoder: null, post_processor: null, pre_tokenizer: null, normalizer: null },
  {
    decoder: { type: "Replace", pattern: { Regex: "[▁s]+" }, content: "_" },
    post_processor: inTurn(
      "processors",
      { type: "BertProcessing", sep: ["<sep>", 1], cls: ["<cls>", 2] },
      { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    ),
  },
];

for (const [seed, change] of CHANGES.entries()) {
  Deno.test({
    name: `components like ${
      JSON.stringify(change).slice(0, 90)
    } do what the reference's do${without}`,
    ignore: without !== "",
    fn: () => check({ family: "xlnet", change }, { seed: 500 + seed }),
  });
}
