/** Training of every kind of tokenizer: files that are read back, vocabularies, options, refusals. */
import assert from "node:assert/strict";
import { randomStream } from "../../lib/base/random.ts";
import { loadTokenizer, type Tokenizer } from "../../lib/tokenizers/load.ts";
import { TokenizerTrainer } from "../../lib/tokenizers/train_tokenizer.ts";
import { trainOptions } from "../../lib/tokenizers/training/options.ts";
import { seedPieces } from "../../lib/tokenizers/training/seed_pieces.ts";
import { WordCounts } from "../../lib/tokenizers/training/word_counts.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { SEA } from "./trained.ts";

type Given = Record<string, unknown>;

async function train(given: Given, texts: readonly string[] = SEA): Promise<string> {
  const trainer = new TokenizerTrainer(trainOptions.parse(given));
  for (const text of texts) trainer.add(text);
  const dir = await temporaryDirectory();
  await trainer.save(dir);
  return dir;
}

async function trained(given: Given, texts: readonly string[] = SEA): Promise<Tokenizer> {
  return await loadTokenizer(await train(given, texts));
}

const tokensOf = (tokenizer: Tokenizer): string[] =>
  Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.tokenOf(id)!);

const spelled = (tokenizer: Tokenizer, text: string): string =>
  tokenizer.encode(text).map((id) => tokenizer.tokenOf(id)).join(" ");

Deno.test("each kind of trained tokenizer is read back, encodes and decodes", async () => {
  const text = "the whale, and the 42 ships!";
  // There is no "!" in the training texts.
  const table: [Given, type: string, text: string][] = [
    [{ type: "bpe", vocab_size: 300 }, "BPE", text],
    [{ type: "wordpiece", vocab_size: 100 }, "WordPiece", "the whale, and the 42 ships [UNK]"],
    [{ type: "unigram", vocab_size: 60 }, "Unigram", "the whale, and the 42 ships<unk>"],
    [{ type: "word" }, "WordLevel", "the whale , and the 42 ships <unk>"],
    [{ type: "char" }, "WordLevel", "the whale, and the 42 ships<unk>"],
  ];
  for (const [given, type, expected] of table) {
    const tokenizer = await trained(given);
    assert.equal(tokenizer.type, type);
    const ids = tokenizer.encode(text, { addSpecialTokens: false });
    assert.equal(
      tokenizer.decode(ids, { cleanUpTokenizationSpaces: type === "WordPiece" }),
      expected,
    );
  }
});

Deno.test("a trained tokenizer is the same twice, whatever its kind", async () => {
  for (const type of ["bpe", "wordpiece", "unigram", "word", "char"]) {
    const [a, b] = [
      await train({ type, vocab_size: 280 }),
      await train({ type, vocab_size: 280 }),
    ];
    for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
      assert.equal(
        await Deno.readTextFile(`${a}/${name}`),
        await Deno.readTextFile(`${b}/${name}`),
      );
    }
  }
});

Deno.test("special tokens come first, play their roles and stand around texts", async () => {
  const bert = await trained({ type: "wordpiece", vocab_size: 100 });
  assert.deepEqual(tokensOf(bert).slice(0, 5), ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]);
  assert.equal(spelled(bert, "The sea"), "[CLS] the sea [SEP]");
  assert.deepEqual(bert.encodeWithOffsets(["sea", "whale"]).typeIds, Int32Array.of(0, 0, 0, 1, 1));
  assert.deepEqual([bert.padTokenId, bert.eosTokenId, bert.bosTokenId], [0, undefined, undefined]);

  const t5 = await trained({ type: "unigram", vocab_size: 60 });
  assert.deepEqual(tokensOf(t5).slice(0, 3), ["<pad>", "</s>", "<unk>"]);
  assert.equal(spelled(t5, "the sea"), "▁the ▁sea </s>");
  assert.deepEqual([t5.padTokenId, t5.eosTokenId], [0, 1]);

  for (const type of ["word", "char"]) {
    const tokenizer = await trained({ type });
    assert.deepEqual(tokensOf(tokenizer).slice(0, 3), ["<pad>", "</s>", "<unk>"]);
    assert.deepEqual([tokenizer.padTokenId, tokenizer.eosTokenId], [0, 1]);
    assert.deepEqual(tokenizer.around, { before: [], after: [] });
  }

  // Without [CLS] and [SEP] nothing stands around a text; the unknown token is there in any case.
  const bare = await trained({ type: "wordpiece", vocab_size: 100, special_tokens: ["</s>"] });
  assert.deepEqual(tokensOf(bare).slice(0, 2), ["[UNK]", "</s>"]);
  assert.equal(spelled(bare, "sea !"), "sea [UNK]");
  assert.equal(bare.eosTokenId, 1);
  const unk = await trained({ type: "char", unk_token: "?", special_tokens: ["</s>", "?"] });
  assert.equal(spelled(unk, "a!"), "a ?");
});

Deno.test("wordpiece merges the most frequent pairs, with ## within words", async () => {
  const texts = ["aab aab aab ac ac ab ab ab ab"];
  const tokenizer = await trained(
    { type: "wordpiece", vocab_size: 12, special_tokens: ["[UNK]"] },
    texts,
  );
  assert.deepEqual(tokensOf(tokenizer), [
    ...["[UNK]", "a", "b", "c", "##a", "##b", "##c", "ab", "aa", "aab", "ac"],
  ]);
  assert.equal(spelled(tokenizer, "AAB abc"), "aab ab ##c");
  const prefixed = await trained(
    { type: "wordpiece", vocab_size: 12, continuing_subword_prefix: "@", special_tokens: ["</s>"] },
    texts,
  );
  assert.deepEqual(tokensOf(prefixed).slice(4), ["c", "@a", "@b", "@c", "ab", "aa", "aab", "ac"]);
  const rare = await trained(
    { type: "wordpiece", vocab_size: 12, min_frequency: 3, special_tokens: ["[UNK]"] },
    texts,
  );
  assert.ok(!tokensOf(rare).includes("ac"));
});

Deno.test("wordpiece normalizes as its options say", async () => {
  const texts = ["Éa Éa\u00adb 中文 中文"];
  const words = async (options: Given): Promise<string> => {
    const dir = await train({ type: "wordpiece", vocab_size: 90, ...options }, texts);
    const tokenizer = await loadTokenizer(dir);
    return tokensOf(tokenizer).slice(5).filter((token) => !token.startsWith("##")).join(" ");
  };
  assert.equal(await words({}), "a b e 中 文 ea");
  assert.match(await words({ lowercase: false }), /É/);
  assert.match(await words({ strip_accents: false }), /é/);
  assert.match(await words({ lowercase: false, strip_accents: true }), /E/);
  assert.match(await words({ clean_text: false }), /\u00ad/);
  assert.match(await words({ handle_chinese_chars: false }), /中文/);
});

Deno.test("limit_alphabet keeps the most frequent characters, initial_alphabet the given ones", async () => {
  const texts = ["aaaa aabb bbbc"];
  const options = { vocab_size: 40, special_tokens: ["[UNK]"], limit_alphabet: 2 };
  const wordpiece = await trained({ type: "wordpiece", ...options }, texts);
  assert.deepEqual(tokensOf(wordpiece).slice(1, 3), ["a", "b"]);
  assert.equal(wordpiece.idOf("c"), undefined);
  const kept = await trained(
    { type: "wordpiece", ...options, initial_alphabet: ["z", "c"] },
    texts,
  );
  assert.deepEqual(tokensOf(kept).slice(1, 3), ["c", "z"]);
  const unigram = await trained({ type: "unigram", ...options, unk_token: "[UNK]" }, texts);
  assert.equal(unigram.idOf("c"), undefined);
  assert.notEqual(unigram.idOf("b"), undefined);
  const initial = await trained(
    { type: "unigram", vocab_size: 30, initial_alphabet: ["ß"] },
    texts,
  );
  assert.notEqual(initial.idOf("ß"), undefined);
  const chars = await trained({ type: "char", initial_alphabet: ["ß"], vocab_size: 5 }, texts);
  assert.deepEqual(tokensOf(chars), ["<pad>", "</s>", "<unk>", "ß", "a"]);
});

Deno.test("unigram follows max_piece_length, n_sub_iterations and shrinking_factor", async () => {
  const random = randomStream(3);
  const word = (): string =>
    Array.from({ length: 2 + random.nextBelow(7) }, () => "aabbcde"[random.nextBelow(7)]).join("");
  const words = Array.from({ length: 300 }, word);
  const texts = Array.from(
    { length: 200 },
    () => Array.from({ length: 9 }, () => words[random.nextBelow(300)]).join(" "),
  );
  const pieces = async (options: Given): Promise<string> =>
    tokensOf(await trained({ type: "unigram", vocab_size: 80, ...options }, texts)).join(" ");
  const usual = await pieces({});
  assert.ok(usual.split(" ").some((piece) => piece.length > 3));
  const short = await pieces({ max_piece_length: 3, special_tokens: ["<s>"], unk_token: "<s>" });
  assert.ok(short.split(" ").every((piece) => piece.length <= 3));
  assert.notEqual(await pieces({ n_sub_iterations: 6 }), usual);
  assert.notEqual(await pieces({ shrinking_factor: 0.1 }), usual);
});

Deno.test("unigram's scores have few digits, which the package reads as they are", async () => {
  const dir = await train({ type: "unigram", vocab_size: 60 });
  const { model } = JSON.parse(await Deno.readTextFile(`${dir}/tokenizer.json`));
  const scores: number[] = model.vocab.slice(3).map(([, score]: [string, number]) => score);
  assert.deepEqual(scores, scores.toSorted((a, b) => b - a));
  // Past 2^53 as a whole number and its power of ten, the package's reader errs in the last bit.
  for (const score of scores) assert.ok(/^-\d{1,2}(\.\d{1,10})?$/.test(String(score)), `${score}`);
  assert.equal(model.unk_id, 2);
});

Deno.test("char takes code points, and min_frequency and vocab_size bound words and characters", async () => {
  const texts = ["🙂🙂🙂 \n\naé", "é\u{20000}\ud800"];
  const chars = await trained({ type: "char" }, texts);
  assert.deepEqual(tokensOf(chars).slice(3), ["🙂", "\n", "é", " ", "a", "\ufffd", "\u{20000}"]);
  const ids = chars.encode(texts[0]!);
  assert.equal(ids.length, 8);
  assert.equal(chars.decode(ids), texts[0]);
  assert.equal((await trained({ type: "char", vocab_size: 5 }, texts)).vocabSize, 5);
  assert.equal((await trained({ type: "char", min_frequency: 2 }, texts)).vocabSize, 6);
  const words = await trained({ type: "word", min_frequency: 2 }, ["b a b a, c"]);
  assert.deepEqual(tokensOf(words).slice(3), ["a", "b"]);
});

Deno.test("training copes with no text, one character, and words without end", async () => {
  for (const type of ["bpe", "wordpiece", "unigram", "word", "char"]) {
    for (const texts of [[], [""], ["a"], [" "], ["\0\0 a\0"], ["ab".repeat(50_000)]]) {
      const tokenizer = await trained({ type, vocab_size: 300 }, texts);
      tokenizer.encode("ab c");
    }
  }
});

Deno.test("seedPieces() finds what stands in several places, once each", () => {
  const seeds = seedPieces([["abcab", 3], ["xab", 1], ["🙂🙂", 2]], {
    maxPieceLength: 4,
    limit: 100,
  });
  const scores = Object.fromEntries(seeds);
  assert.deepEqual(seeds.slice(0, 2), [["a", 7], ["b", 7]]);
  // "abc" and "bcab" stand where "abca" does and where "cab" does: the longest of each beginning counts.
  assert.deepEqual([scores["ab"], scores["abca"], scores["bcab"], scores["cab"]], [14, 12, 12, 9]);
  assert.deepEqual([scores["abc"], scores["bc"], scores["xab"]], [undefined, undefined, undefined]);
  assert.equal(scores["🙂🙂"], 4);
  assert.equal(new Set(seeds.map(([piece]) => piece)).size, seeds.length);
  const few = seedPieces([["abcab", 3], ["xab", 1]], { maxPieceLength: 4, limit: 5 });
  assert.deepEqual(few.map(([piece]) => piece), ["a", "b", "c", "x", "ab"]);
});

Deno.test("a vocabulary without room for its characters is refused with what helps", async () => {
  const table: [Given, RegExp][] = [
    [
      { type: "wordpiece", vocab_size: 20 },
      /vocab_size must be at least \d+: 5 special.*limit_alphabet/s,
    ],
    [
      { type: "unigram", vocab_size: 20 },
      /at least \d+: 3 special tokens and \d+ char.*limit_alphabet/s,
    ],
    [{ type: "word", vocab_size: 3 }, /at least 4: 3 special tokens and a token of the text/],
    [{ type: "char", vocab_size: 10, special_tokens: ["a", "a"] }, /special token "a" twice/],
  ];
  for (const [given, message] of table) await assert.rejects(train(given), message);
});

Deno.test("options of another kind of tokenizer are refused, and a vocab_size is asked for", () => {
  const values: Given = {
    min_frequency: 3,
    unk_token: "?",
    limit_alphabet: 9,
    initial_alphabet: ["a"],
    continuing_subword_prefix: "@",
    lowercase: false,
    strip_accents: true,
    clean_text: false,
    handle_chinese_chars: false,
    max_piece_length: 8,
    n_sub_iterations: 3,
    shrinking_factor: 0.5,
  };
  const left = {
    bpe: Object.keys(values).filter((name) => name !== "min_frequency"),
    wordpiece: ["max_piece_length", "n_sub_iterations", "shrinking_factor"],
    unigram: [
      ...["min_frequency", "continuing_subword_prefix", "lowercase", "strip_accents"],
      ...["clean_text", "handle_chinese_chars"],
    ],
    char: Object.keys(values).filter((name) =>
      !["min_frequency", "unk_token", "initial_alphabet"].includes(name)
    ),
    word: Object.keys(values).filter((name) => !["min_frequency", "unk_token"].includes(name)),
  };
  for (const [type, names] of Object.entries(left)) {
    const { error } = trainOptions.safeParse({ type, vocab_size: 300, ...values });
    assert.deepEqual(
      error?.issues.map(({ path }) => path.join(".")).toSorted(),
      names.toSorted(),
      type,
    );
    const needs = trainOptions.safeParse({ type }).error?.issues.map(({ path }) => path.join("."));
    assert.deepEqual(needs, ["word", "char"].includes(type) ? undefined : ["vocab_size"]);
  }
  const { error } = trainOptions.safeParse({ type: "char", initial_alphabet: ["a", "bc"] });
  assert.match(error?.message ?? "", /one character/);
  assert.match(trainOptions.safeParse({ vocab_size: 256 }).error?.message ?? "", /at least 257/);
});

Deno.test("the rarest words are forgotten where there are too many, and memory is bounded", () => {
  const words = new WordCounts((text) => text.split(" "), { most: 4 });
  for (const text of ["a b a c a b d e", "c f g h"]) words.add(text);
  // "e" is the fifth word: what occurred once goes, "a" and "b" stay. "g" is the fifth once more.
  assert.deepEqual([...words.entries()], [["a", 3], ["b", 2], ["h", 1]]);
  assert.equal(words.forgotten, 6);
  const few = WordCounts.of(["a b a"], (text) => text.split(" "));
  assert.deepEqual([[...few.entries()], few.forgotten], [[["a", 2], ["b", 1]], 0]);
});

Deno.test("a vocabulary of any size may be asked for", async () => {
  for (const type of ["bpe", "wordpiece", "unigram", "word", "char"]) {
    const tokenizer = await trained({ type, vocab_size: Number.MAX_SAFE_INTEGER });
    const small = await trained({ type, vocab_size: 1000 });
    assert.deepEqual(tokensOf(tokenizer), tokensOf(small));
  }
});
