/** Pieces of an odd text; those expected are of Python tokenizers 0.23 (`pre_tokenize_str`). */
import assert from "node:assert/strict";
import { loadTokenizer, type Tokenizer } from "../../lib/tokenizers/load.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const TEXT = "\u0085\ufeffdon't ½３!!a_b ١12 xe\u200d-- ";

/** A tokenizer whose tokens are the words given, from id 3 on; others are `<unk>`, id 2. */
async function wordLevel(
  words: readonly string[],
  parts: { readonly [part: string]: unknown; readonly unknown?: string },
): Promise<Tokenizer> {
  const { unknown: unk_token = "<unk>", ...components } = parts;
  const vocab = Object.fromEntries(
    ["<pad>", "<s>", "<unk>", ...words].map((word, id) => [word, id]),
  );
  const dir = await temporaryDirectory();
  await Deno.writeTextFile(
    `${dir}/tokenizer.json`,
    JSON.stringify({
      version: "1.0",
      added_tokens: [],
      normalizer: null,
      decoder: null,
      ...components,
      model: { type: "WordLevel", vocab, unk_token },
    }),
  );
  return await loadTokenizer(dir);
}

const split = (behavior: string, Regex: string, invert = false): Record<string, unknown> => ({
  type: "Split",
  pattern: { Regex },
  behavior,
  invert,
});

const TABLE: readonly (readonly [Record<string, unknown>, readonly string[]])[] = [
  [{ type: "Whitespace" }, [
    ...["\ufeff", "don", "'", "t", "½", "３", "!!", "a_b", "١12", "xe\u200d", "--"],
  ]],
  [{ type: "WhitespaceSplit" }, ["\ufeffdon't", "½３!!a_b", "١12", "xe\u200d--"]],
  [{ type: "Digits", individual_digits: true }, [
    ...["\u0085\ufeffdon't ", "½", "３", "!!a_b ", "١", "1", "2", " xe\u200d-- "],
  ]],
  [{ type: "Digits", individual_digits: false }, [
    ...["\u0085\ufeffdon't ", "½３", "!!a_b ", "١12", " xe\u200d-- "],
  ]],
  [{ type: "Punctuation", behavior: "Isolated" }, [
    ...["\u0085\ufeffdon", "'", "t ½３", "!", "!", "a", "_", "b ١12 xe\u200d", "-", "-", " "],
  ]],
  [{ type: "Punctuation", behavior: "Contiguous" }, [
    ...["\u0085\ufeffdon", "'", "t ½３", "!!", "a", "_", "b ١12 xe\u200d", "--", " "],
  ]],
  [split("MergedWithPrevious", "\\s+|-"), [
    ...["\u0085", "\ufeffdon't ", "½３!!a_b ", "١12 ", "xe\u200d-", "-", " "],
  ]],
  [split("MergedWithNext", "\\s+|-"), [
    ...["\u0085\ufeffdon't", " ½３!!a_b", " ١12", " xe\u200d", "-", "-", " "],
  ]],
  [split("Removed", "\\s+|-"), ["\ufeffdon't", "½３!!a_b", "١12", "xe\u200d"]],
  [split("Isolated", "\\w+", true), [
    ...["\u0085\ufeff", "don", "'", "t", " ", "½３", "!!", "a_b", " ", "١12", " ", "xe"],
    "\u200d-- ",
  ]],
  [split("Contiguous", "-|!"), ["\u0085\ufeffdon't ½３", "!!", "a_b ١12 xe\u200d", "--", " "]],
  [{ type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true }, [
    ...["▁\u0085\ufeffdon't", "▁½３!!a_b", "▁١12", "▁xe\u200d--", "▁"],
  ]],
  [{ type: "Metaspace", replacement: "▁", prepend_scheme: "never", split: false }, [
    "\u0085\ufeffdon't▁½３!!a_b▁١12▁xe\u200d--▁",
  ]],
  [{
    type: "Sequence",
    pretokenizers: [
      { type: "Digits", individual_digits: false },
      { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    ],
  }, [
    ...[
      "Âħ",
      "ï»¿",
      "don",
      "'t",
      "Ġ",
      "Â½ï¼ĵ",
      "!!",
      "a",
      "_",
      "b",
      "Ġ",
      "Ù¡12",
      "Ġxe",
      "âĢį--",
      "Ġ",
    ],
  ]],
];

for (const [config, pieces] of TABLE) {
  const { type, behavior = "" } = config;
  Deno.test(`the pre-tokenizer ${type} ${behavior} cuts as the reference does (${pieces.length})`, async () => {
    const tokenizer = await wordLevel([...new Set(pieces)], { pre_tokenizer: config });
    const cut = tokenizer.encode(TEXT).map((id) => tokenizer.tokenOf(id));
    assert.deepEqual(cut, pieces);
  });
}

Deno.test("the normalizer Strip takes Unicode's white space from the ends it is told", async () => {
  const inner = "\ufeffdon't ½３!!a_b ١12 xe\u200d--";
  for (const [left, right] of [[true, true], [true, false], [false, true]] as const) {
    const kept = `${left ? "" : "\u0085"}${inner}${right ? "" : " "}`;
    const tokenizer = await wordLevel([kept], {
      normalizer: { type: "Strip", strip_left: left, strip_right: right },
      pre_tokenizer: null,
    });
    assert.deepEqual(tokenizer.encode(TEXT), [3], JSON.stringify([left, right]));
  }
});

Deno.test("a word outside of the vocabulary is the unknown token, or an error where there is none", async () => {
  const pre_tokenizer = { type: "WhitespaceSplit" };
  const tokenizer = await wordLevel(["sea"], { pre_tokenizer });
  assert.deepEqual(tokenizer.encode("the sea"), [2, 3]);
  const without = await wordLevel(["sea"], { pre_tokenizer, unknown: "[UNK]" });
  assert.deepEqual(without.encode("sea sea"), [3, 3]);
  assert.throws(() => without.encode("the sea"), /has no token for/);
});
