/** What a tokenizer says of a text beside its ids. */
import assert from "node:assert/strict";
import { LLAMA3_PATTERN, QWEN_PATTERN } from "../../lib/tokenizers/components/known_patterns.ts";
import { loadTokenizer } from "../../lib/tokenizers/load.ts";
import { makeTokenizer } from "./trained.ts";

Deno.test("tokenizers with patterns of others give texts back", async () => {
  for (const Regex of [LLAMA3_PATTERN, QWEN_PATTERN, "\\s+", "\\d{1,3}", "(a+)+b", "\\s+$|a"]) {
    const split = { type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false };
    const byteLevel = { type: "ByteLevel", add_prefix_space: false, use_regex: false };
    const pretokenizers = [split, byteLevel];
    const dir = await makeTokenizer((document) =>
      document.pre_tokenizer = { type: "Sequence", pretokenizers }
    );
    const tokenizer = await loadTokenizer(dir);
    assert.equal(tokenizer.decode(tokenizer.encode("aab, 12 é")), "aab, 12 é", Regex);
  }
});

Deno.test("lone halves of surrogate pairs are U+FFFD, and a character each in offsets", async () => {
  const tokenizer = await loadTokenizer(await makeTokenizer());
  const text = "a\ud800b\udc00🙂";
  assert.equal(tokenizer.decode(tokenizer.encode(text)), "a\ufffdb\ufffd🙂");
  const { ids, offsets } = tokenizer.encodeWithOffsets(text);
  assert.deepEqual(Array.from(ids), tokenizer.encode(text));
  assert.deepEqual(Array.from(offsets).slice(0, 10), [0, 1, 1, 2, 1, 2, 1, 2, 2, 3]);
  assert.equal(offsets.at(-1), 5);
});

Deno.test("encodeWithOffsets() truncates, keeps what overflows and pads", async () => {
  const dir = await makeTokenizer(
    (document) =>
      document.post_processor = { type: "BertProcessing", cls: ["<s>", 0], sep: ["</s>", 1] },
    [
      "<s>",
      "</s>",
    ],
  );
  const tokenizer = await loadTokenizer(dir);
  const [a, b, c, d, e] = tokenizer.encode("abcde", { addSpecialTokens: false }) as [
    ...[number, number, number, number, number],
  ];
  const ids = (
    text: string | [string, string],
    options: Parameters<typeof tokenizer.encodeWithOffsets>[1],
  ): number[][] => {
    const encoding = tokenizer.encodeWithOffsets(text, options);
    return [encoding, ...encoding.overflowing].map((each) => Array.from(each.ids));
  };
  const right = { maxLength: 4, stride: 1 };
  assert.deepEqual(ids("abcd", { truncation: right }), [[0, a, b, 1], [0, b, c, 1], [0, c, d, 1]]);
  assert.deepEqual(ids("abcd", { truncation: { maxLength: 4, direction: "left" } }), [
    [0, c, d, 1],
    [0, a, b, 1],
  ]);
  const pair = tokenizer.encodeWithOffsets(["ab", "cde"], {
    truncation: { maxLength: 7, strategy: "only_second" },
    padding: { id: 9, multipleOf: 8, direction: "left" },
  });
  assert.deepEqual(Array.from(pair.ids), [9, 0, a, b, 1, c, d, 1]);
  assert.deepEqual(Array.from(pair.typeIds), [0, 0, 0, 0, 0, 1, 1, 1]);
  assert.deepEqual(Array.from(pair.attentionMask), [0, 1, 1, 1, 1, 1, 1, 1]);
  assert.deepEqual(Array.from(pair.specialTokensMask), [1, 1, 0, 0, 1, 0, 0, 1]);
  assert.deepEqual(Array.from(pair.offsets), [0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 1, 1, 2, 0, 0]);
  assert.deepEqual(Array.from(pair.overflowing[0]!.ids), [9, 9, 0, a, b, 1, e, 1]);
  assert.throws(
    () => ids("abc", { truncation: { maxLength: 1 } }),
    /leave room for special tokens/,
  );
  assert.throws(
    () => ids(["a", "bcde"], { truncation: { maxLength: 4, strategy: "only_first" } }),
    /the text that gives way has 1 tokens/,
  );
});
