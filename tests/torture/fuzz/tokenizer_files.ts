/** Tokenizer folders: damaged files are told when they are loaded, and byte-level BPE loses nothing. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { loadTokenizer } from "../../../lib/tokenizers/load.ts";
import { saveBpe } from "../../../lib/tokenizers/save.ts";
import { trainBpe } from "../../../lib/tokenizers/training/train_bpe.ts";
import type { Part } from "../part.ts";
import { type Fuzz, fuzzPart, told } from "./fuzzing.ts";
import { damagedJson } from "./mutations.ts";

const SEA = ["the sea and the ship and the whale", "It's a whale's tale, isn't it?\n\n42 ships"];

const flags = {
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
};
const added = [
  { ...flags, id: 0, content: "[UNK]" },
  { ...flags, id: 1, content: "[CLS]" },
  { ...flags, id: 2, content: "[SEP]" },
];
const words = [
  "[UNK]",
  "[CLS]",
  "[SEP]",
  "the",
  "sea",
  "##s",
  "wh",
  "##ale",
  "a",
  "b",
  "▁the",
  "▁",
  "s",
];
const vocab = Object.fromEntries(words.map((word, id) => [word, id]));

/** Kinds that are no byte-level BPE, each with a vocabulary of a few words. */
const OTHERS: readonly Record<string, unknown>[] = [
  {
    added_tokens: added,
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [
        { SpecialToken: { id: "[CLS]", type_id: 0 } },
        { Sequence: { id: "A", type_id: 0 } },
        { SpecialToken: { id: "[SEP]", type_id: 0 } },
      ],
      pair: [],
      special_tokens: { "[CLS]": { id: "[CLS]", ids: [1] }, "[SEP]": { id: "[SEP]", ids: [2] } },
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", vocab },
  },
  {
    added_tokens: added,
    normalizer: { type: "Sequence", normalizers: [{ type: "NFKC" }, { type: "Strip" }] },
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
    post_processor: null,
    decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
    model: { type: "Unigram", unk_id: 0, vocab: words.map((word, i) => [word, -i / 2]) },
  },
  {
    added_tokens: added,
    normalizer: { type: "Precompiled", precompiled_charsmap: "" },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Whitespace" },
        { type: "Split", pattern: { Regex: "\\d+|'" }, behavior: "Isolated", invert: false },
        { type: "Digits", individual_digits: true },
        { type: "Punctuation", behavior: "MergedWithPrevious" },
      ],
    },
    model: { type: "WordLevel", unk_token: "[UNK]", vocab },
  },
];

/** A file as it is drawn, before a folder exists. */
const texts = fc.oneof(
  fc.constantFrom(
    "",
    "the sea",
    "It's  a\u0085whale\ufeff",
    "[CLS]a[SEP]",
    "<|endoftext|>",
    "42",
    "𝄞",
  ),
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: "binary" }),
);

type Input =
  | {
    readonly kind: "round trip";
    readonly texts: readonly string[];
    readonly ids: readonly number[];
  }
  | {
    readonly kind: "damaged";
    readonly of: number;
    readonly seed: number;
    readonly config: unknown;
    readonly text: string;
  };

const config = fc.option(damagedJson(fc.constantFrom<unknown>(
  {},
  { eos_token: "[SEP]", bos_token: { content: "[CLS]" }, pad_token: null, model_max_length: 512 },
  { clean_up_tokenization_spaces: true, add_bos_token: true },
)));

let trained: Record<string, unknown> | undefined;

/** The tokenizer that byte-level inputs run on; made once a batch. */
async function byteLevel(folder: string): Promise<Record<string, unknown>> {
  if (trained === undefined) {
    const specialTokens = ["<|endoftext|>"];
    await saveBpe(folder, trainBpe(SEA, { vocabSize: 280, specialTokens }));
    trained = JSON.parse(await Deno.readTextFile(`${folder}/tokenizer.json`));
  }
  return trained!;
}

export const fuzz: Fuzz<Input> = {
  name: "fuzz-tokenizer-files",
  promise:
    "a damaged tokenizer is told when it is loaded, and byte-level BPE gives every text back",
  perCase: 500,
  inputs: { short: 1000, long: 100_000 },
  arbitrary: fc.oneof(
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("round trip" as const),
        texts: fc.array(texts, { maxLength: 4 }),
        ids: fc.array(fc.integer({ min: -2, max: 400 }), { maxLength: 12 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("damaged" as const),
        of: fc.nat(OTHERS.length),
        seed: fc.nat(),
        config,
        text: texts,
      }),
    },
  ),
  async check(input, folder): Promise<void> {
    const whole = await byteLevel(folder);
    const write = (name: string, value: unknown): Promise<void> =>
      Deno.writeTextFile(`${folder}/${name}`, JSON.stringify(value) ?? "null");
    if (input.kind === "round trip") {
      await write("tokenizer.json", whole);
      await write("tokenizer_config.json", {});
      const tokenizer = await loadTokenizer(folder);
      for (const text of input.texts) {
        const ids = tokenizer.encode(text);
        assert.ok(ids.every((id) => Number.isInteger(id) && id >= 0 && id < tokenizer.vocabSize));
        assert.equal(tokenizer.decode(ids), text.toWellFormed(), "the text comes back");
      }
      // Any ids are a text, and that text has ids of its own.
      const text = tokenizer.decode(input.ids);
      assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
      return;
    }
    const document = OTHERS[input.of] ?? whole;
    const damaged =
      fc.sample(damagedJson(fc.constant(document)), { seed: input.seed, numRuns: 1 })[0];
    await write("tokenizer.json", damaged);
    await write("tokenizer_config.json", input.config ?? {});
    const { value: tokenizer, errors } = await told(() => loadTokenizer(folder));
    if (tokenizer === undefined) {
      for (const { message } of errors!) assert.ok(message.includes(folder), `no file: ${message}`);
      return;
    }
    // What is loaded is whole: encoding refuses a text in words at most.
    const { value: ids } = await told(() => tokenizer.encode(input.text));
    assert.ok(
      Number.isSafeInteger(tokenizer.vocabSize) && tokenizer.vocabSize >= 0,
      "a vocabulary",
    );
    for (const id of ids ?? []) {
      assert.ok(Number.isSafeInteger(id) && id >= 0 && id < tokenizer.vocabSize, `the id ${id}`);
    }
    for (const id of [tokenizer.bosTokenId, tokenizer.eosTokenId, tokenizer.padTokenId]) {
      assert.ok(id === undefined || (Number.isSafeInteger(id) && id >= 0), `the special id ${id}`);
    }
    const { value: back = "" } = await told(() => tokenizer.decode(ids ?? []));
    assert.equal(typeof back, "string");
  },
};

/** Attacks tokenizer folders. */
export const tokenizerFiles: Part = fuzzPart(fuzz, import.meta.url);
