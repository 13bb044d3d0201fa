/**
 * Tokenizers of every family against the Rust package: ids, offsets and texts of random and nasty strings,
 * and pairs that are truncated and padded. TEMPER_TOKENIZER_TEXTS says how many strings a family gets.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { randomStream } from "../../lib/base/random.ts";
import type { Encoding, EncodingOptions } from "../../lib/tokenizers/encodings/encoding.ts";
import { loadTokenizer, type Tokenizer } from "../../lib/tokenizers/load.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { LINES, nastyText } from "./nasty_texts.ts";
import { hasPackages, runScript } from "./python.ts";

const without = await hasPackages("tokenizers") ? "" : " (skipped: no Python with tokenizers)";
const TEXTS = Number(Deno.env.get("TEMPER_TOKENIZER_TEXTS") ?? 2000);
const SHARED = fileURLToPath(new URL("../../../shared/data/tokenizers", import.meta.url));
/** Texts of a run of Python. */
const BATCH = 10_000;

const FAMILIES = [
  ...[
    "gpt2",
    "roberta",
    "llama3",
    "qwen",
    "o200k",
    "deepseek",
    "clip",
    "llama2",
    "mistral",
    "gemma",
  ],
  ...[
    "unknown_bpe",
    "bert",
    "bert_cased",
    "bert_accents",
    "openai_gpt",
    "prefixed_bpe",
    "t5",
    "xlnet",
  ],
  ...["unigram_bytes", "word_level", "characters"],
];

/** What the script says of a text. */
type TextResult = readonly [ids: number[], offsets: number[], decoded: string, halfDecoded: string];

/** What it says of an encoding. */
type Whole = readonly [number[], number[], number[], number[], number[], Whole[]];

interface Pair {
  readonly texts: readonly string[];
  readonly special: boolean;
  readonly truncation: Record<string, unknown> | null;
  readonly padding: Record<string, unknown> | null;
}

interface Result {
  readonly texts: readonly TextResult[];
  readonly pairs: readonly (Whole | string)[];
}

/** A pair of texts, or one alone, with drawn options. */
function randomPair(random: ReturnType<typeof randomStream>): Pair {
  const pick = <T>(from: readonly T[]): T => from[random.nextBelow(from.length)]!;
  const max_length = random.nextBelow(40);
  return {
    texts: Array.from({ length: pick([1, 2, 2]) }, () => nastyText(random)),
    special: pick([true, true, false]),
    truncation: pick([true, true, false])
      ? {
        max_length,
        stride: pick([0, 0, 1, 3]),
        strategy: pick(["longest_first", "longest_first", "only_first", "only_second"]),
        direction: pick(["left", "right"]),
      }
      : null,
    padding: pick([true, false])
      ? {
        direction: pick(["left", "right"]),
        pad_id: 1,
        pad_type_id: pick([0, 2]),
        length: pick([null, random.nextBelow(60)]),
        pad_to_multiple_of: pick([null, 8]),
      }
      : null,
  };
}

function ownWhole(encoding: Encoding): Whole {
  return [
    Array.from(encoding.ids),
    Array.from(encoding.offsets),
    Array.from(encoding.typeIds),
    Array.from(encoding.specialTokensMask),
    Array.from(encoding.attentionMask),
    encoding.overflowing.map(ownWhole),
  ];
}

function ownPair(
  tokenizer: Tokenizer,
  { texts, special, truncation, padding }: Pair,
): Whole | string {
  const options = {
    addSpecialTokens: special,
    ...truncation === null
      ? {}
      : { truncation: { ...truncation, maxLength: truncation.max_length } },
    ...padding === null ? {} : {
      padding: {
        direction: padding.direction,
        id: padding.pad_id,
        typeId: padding.pad_type_id,
        ...padding.length === null ? {} : { length: padding.length },
        ...padding.pad_to_multiple_of === null ? {} : { multipleOf: padding.pad_to_multiple_of },
      },
    },
  } as EncodingOptions;
  const [first, second] = texts as [string, string?];
  try {
    const text = second === undefined ? first : [first, second] as const;
    return ownWhole(tokenizer.encodeWithOffsets(text, options));
  } catch (error) {
    return (error as Error).message;
  }
}

/** A case in which both do otherwise. */
function compare(
  tokenizer: Tokenizer,
  { texts, pairs, result }: {
    readonly texts: readonly string[];
    readonly pairs: readonly Pair[];
    readonly result: Result;
  },
): unknown[] {
  const different: unknown[] = [];
  for (const [i, text] of texts.entries()) {
    const [ids, offsets, decoded, half] = result.texts[i]!;
    const encoding = tokenizer.encodeWithOffsets(text);
    const own = {
      ids: tokenizer.encode(text),
      alignedIds: Array.from(encoding.ids),
      offsets: Array.from(encoding.offsets),
      decoded: tokenizer.decode(ids, { cleanUpTokenizationSpaces: false }),
      half: tokenizer.decode(ids.slice(ids.length >> 1), {
        skipSpecialTokens: true,
        cleanUpTokenizationSpaces: false,
      }),
    };
    const theirs = { ids, alignedIds: ids, offsets, decoded, half };
    for (const name of Object.keys(own) as (keyof typeof own)[]) {
      if (JSON.stringify(own[name]) === JSON.stringify(theirs[name])) continue;
      different.push({ name, text, own: own[name], theirs: theirs[name], ids });
      break;
    }
  }
  for (const [i, pair] of pairs.entries()) {
    const [own, theirs] = [ownPair(tokenizer, pair), result.pairs[i]!];
    // Where one refuses, the other has to: in words of its own.
    const isSame = typeof own === "string" || typeof theirs === "string"
      ? typeof own === typeof theirs
      : JSON.stringify(own) === JSON.stringify(theirs);
    // The reference cuts nothing where special tokens alone are too many, and refuses some strides untried.
    const isRefused = typeof own === "string"
      ? own.includes("beside the special ones")
      : typeof theirs === "string" && theirs.startsWith("tokenizer stride set");
    if (!isSame && !isRefused) different.push({ pair, ...firstDifference(own, theirs) });
  }
  return different;
}

/** The first list in which two encodings differ: the rest would hide it. */
function firstDifference(own: Whole | string, theirs: Whole | string): Record<string, unknown> {
  if (typeof own === "string" || typeof theirs === "string") return { own, theirs };
  for (const [i, name] of ["ids", "offsets", "types", "special", "attention"].entries()) {
    if (JSON.stringify(own[i]) !== JSON.stringify(theirs[i])) {
      return { name, own: own[i], theirs: theirs[i] };
    }
  }
  const [ours, others] = [own[5], theirs[5]];
  if (ours.length !== others.length) {
    return { own: ours.map(([ids]) => ids), theirs: others.map(([ids]) => ids) };
  }
  const at = ours.findIndex((one, i) => JSON.stringify(one) !== JSON.stringify(others[i]));
  return { overflow: at, ...firstDifference(ours[at]!, others[at]!) };
}

/** Compares the tokenizer that a job makes, or that of a folder. */
async function check(
  job: Record<string, unknown>,
  { seed, folder }: { readonly seed: number; readonly folder?: string },
): Promise<void> {
  const dir = await temporaryDirectory();
  const random = randomStream(seed);
  let count = 0;
  const different: unknown[] = [];
  for (let done = 0; done < TEXTS; done += BATCH) {
    const length = Math.min(BATCH, TEXTS - done);
    const texts = Array.from({ length }, () => nastyText(random));
    const pairs = Array.from({ length: length / 4 }, () => randomPair(random));
    const file = `${dir}/tokenizer.json`;
    const [result] = await runScript<Result>("encode.py", [
      { ...job, file, lines: LINES, texts, pairs },
    ]);
    const found = compare(await loadTokenizer(folder ?? dir), { texts, pairs, result: result! });
    count += found.length;
    different.push(...found);
  }
  if (Deno.env.has("TEMPER_TOKENIZER_TEXTS")) console.log(`${count} of ${TEXTS} differ`);
  // Long lists in full would be compared for minutes.
  const shown = different.slice(0, 5).map((each) => JSON.stringify(each).slice(0, 2000));
  assert.equal(count, 0, `${count} differ:\n${shown.join("\n")}`);
}

for (const [seed, family] of FAMILIES.entries()) {
  Deno.test({
    name: `a tokenizer like ${family} gives the reference's ids, offsets and texts${without}`,
    ignore: without !== "",
    fn: () => check({ family }, { seed }),
  });
}

for (const [seed, name] of ["gpt2", "roberta-base", "bert-base-uncased", "t5-small"].entries()) {
  const from = `${SHARED}/${name}/tokenizer.json`;
  let isThere = without === "";
  try {
    await Deno.stat(from);
  } catch {
    isThere = false;
  }
  Deno.test({
    name: `${name} gives the reference's ids, offsets and texts${
      isThere ? "" : " (skipped: no Python with tokenizers, or no such file in ../shared)"
    }`,
    ignore: !isThere,
    fn: () => check({ from }, { seed: 100 + seed }),
  });
}

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

interface Saved {
  readonly model: { readonly vocab: Record<string, number>; readonly merges?: [string, string][] };
}

/** A folder without tokenizer.json, with the files that a trained tokenizer would have had of old. */
async function oldFolder(family: string, tokenizer_class: string): Promise<string> {
  const [made, folder] = [await temporaryDirectory(), await temporaryDirectory()];
  const file = `${made}/tokenizer.json`;
  await runScript("encode.py", [{ family, file, lines: LINES, texts: [], pairs: [] }]);
  const { model }: Saved = JSON.parse(await Deno.readTextFile(file));
  const write = (name: string, text: string): Promise<void> =>
    Deno.writeTextFile(`${folder}/${name}`, text);
  await write("tokenizer_config.json", JSON.stringify({ tokenizer_class }));
  const tokens = Object.entries(model.vocab).toSorted(([, a], [, b]) => a - b);
  if (model.merges === undefined) {
    await write("vocab.txt", tokens.map(([token]) => `${token}\n`).join(""));
  } else {
    await write("vocab.json", JSON.stringify(model.vocab));
    const lines = model.merges.map((merge) => merge.join(" "));
    await write("merges.txt", ["#version: 0.2", ...lines, ""].join("\n"));
  }
  return folder;
}

const withoutTransformers = await hasPackages("transformers")
  ? ""
  : " (skipped: no Python with transformers)";
const OLD = [["bert", "BertTokenizer"], ["gpt2", "GPT2Tokenizer"], ["roberta", "RobertaTokenizer"]];

for (const [seed, [family = "", tokenizerClass = ""]] of OLD.entries()) {
  Deno.test({
    name:
      `the files of a ${tokenizerClass} make the tokenizer of transformers${withoutTransformers}`,
    ignore: withoutTransformers !== "",
    async fn(): Promise<void> {
      const folder = await oldFolder(family, tokenizerClass);
      await check({ pretrained: folder }, { seed: 200 + seed, folder });
    },
  });
}

for (const [seed, name] of ["t5-small", "xlnet"].entries()) {
  const file = `${SHARED}/${name}/spiece.model`;
  let isThere = withoutTransformers === "" && await hasPackages("google.protobuf");
  try {
    await Deno.stat(file);
  } catch {
    isThere = false;
  }
  Deno.test({
    name: `the spiece.model of ${name} makes the tokenizer of transformers${
      isThere ? "" : " (skipped: no transformers and protobuf, or no such file in ../shared)"
    }`,
    ignore: !isThere,
    async fn(): Promise<void> {
      const folder = await temporaryDirectory();
      const tokenizer_class = name === "xlnet" ? "XLNetTokenizer" : "T5Tokenizer";
      await Deno.copyFile(file, `${folder}/spiece.model`);
      await Deno.writeTextFile(
        `${folder}/tokenizer_config.json`,
        JSON.stringify({ tokenizer_class }),
      );
      await check({ pretrained: folder }, { seed: 300 + seed, folder });
    },
  });
}

const withoutSentencePiece = await hasPackages("transformers", "google.protobuf", "sentencepiece")
  ? ""
  : " (skipped: no Python with transformers, protobuf and sentencepiece)";
const TRAINED = [["bpe", "tokenizer.model", "Llama"], ["unigram", "spiece.model", "T5"]] as const;

for (const [seed, [spm, name, kind]] of TRAINED.entries()) {
  Deno.test({
    name: `a trained ${name} makes transformers' tokenizer of ${kind}${withoutSentencePiece}`,
    ignore: withoutSentencePiece !== "",
    async fn(): Promise<void> {
      const folder = await temporaryDirectory();
      await runScript("encode.py", [{ spm, file: `${folder}/${name}`, lines: LINES }]);
      const config = { tokenizer_class: `${kind}Tokenizer`, add_bos_token: true };
      await Deno.writeTextFile(`${folder}/tokenizer_config.json`, JSON.stringify(config));
      await check({ pretrained: folder }, { seed: 400 + seed, folder });
    },
  });
}
