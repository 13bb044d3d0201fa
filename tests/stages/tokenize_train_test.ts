/** The tokenizer of the tokenize stage: trained, or given, and which of the two. */
import assert from "node:assert/strict";
import { makeTokenizer, refusal, type Result, SEA, texts, tokenize } from "./tokenizing.ts";

Deno.test("train makes a tokenizer from the train split alone", async () => {
  const train = { vocab_size: 300, special_tokens: ["</s>", "<pad>"] };
  const one = await tokenize({ train: texts(SEA), test: texts("zebra zebra zebra") }, {
    train,
    max_length: 64,
  });
  const two = await tokenize({ train: texts(SEA), test: texts("quagga quagga") }, {
    train,
    max_length: 64,
  });
  const file = (result: Result): string => Deno.readTextFileSync(`${result.dir}/tokenizer.json`);
  assert.equal(file(one), file(two));
  // Rows are told of as they are read for the tokenizer, and once more as they are encoded.
  assert.deepEqual(one.progress, [[1, 1, "rows to train on"], [1, 2, "rows"], [
    2,
    2,
    "rows",
  ]]);
  assert.equal(one.tokenizer.idOf("Ġzebra"), undefined);
  assert.deepEqual(one.tokens.info.tokenizer, { source: "trained", type: "BPE" });
  assert.deepEqual([one.tokens.info.eos_token_id, one.tokens.info.pad_token_id], [0, 1]);
  assert.equal(one.tokenizer.modelMaxLength, 64);
  assert.match(one.log.join(), /the text gave \d+ tokens of the 300 asked for/);
  assert.deepEqual(one.texts("test"), ["zebra zebra zebra"]);
  // Where rows were never split, all of them are the training text.
  const unsplit = await tokenize({ data: texts(SEA) }, { train });
  assert.equal(file(unsplit), file(one));
  assert.match(await refusal({ test: texts(SEA) }, { train }), /there is no split "train"/);
});

Deno.test("train follows vocab_size, min_frequency and the template", async () => {
  const splits = { train: texts(SEA) };
  const small = await tokenize(splits, { train: { vocab_size: 260 } });
  assert.equal(small.tokens.info.vocab_size, 260);
  const rare = await tokenize(splits, { train: { vocab_size: 400, min_frequency: 1 } });
  assert.notEqual(rare.tokenizer.idOf("Ġagain"), undefined);
  const often = await tokenize(splits, { train: { vocab_size: 400, min_frequency: 3 } });
  assert.equal(often.tokenizer.idOf("Ġagain"), undefined);
  const loud = await tokenize(splits, {
    template: "{{ text | upper }}",
    train: { vocab_size: 400 },
  });
  assert.notEqual(loud.tokenizer.idOf("THE") ?? loud.tokenizer.idOf("ĠTHE"), undefined);
  assert.match(
    await refusal(splits, { train: { vocab_size: 257, special_tokens: ["a b", "c d"] } }),
    /vocab_size must be at least 258/,
  );
  assert.match(
    await refusal(splits, { train: { vocab_size: 300, special_tokens: ["<s>", "<s>"] } }),
    /"<s>" twice/,
  );
});

Deno.test("tokenize wants exactly one tokenizer", async () => {
  const splits = { train: texts(SEA) };
  assert.match(await refusal(splits, {}), /there is no tokenizer/);
  assert.match(
    await refusal(splits, { train: { vocab_size: 300 } }, { tokenizer: await makeTokenizer() }),
    /there are two tokenizers/,
  );
});

Deno.test("train makes tokenizers of every kind, and says why one is small", async () => {
  const splits = { train: texts(SEA, "a ship"), test: texts("the sea") };
  const table: [string, number | undefined, model: string, text: string, RegExp | undefined][] = [
    ["wordpiece", 400, "WordPiece", "[CLS] the sea [SEP]", /no other pair occurs 2 times/],
    ["unigram", 400, "Unigram", "the sea</s>", /no other piece makes its words likelier/],
    ["word", 400, "WordLevel", "the sea", /it has no other word/],
    ["char", undefined, "WordLevel", "the sea", undefined],
  ];
  for (const [type, vocab_size, model, text, why] of table) {
    const given = vocab_size === undefined ? { type } : { type, vocab_size };
    const result = await tokenize(splits, { train: given, max_length: 32 });
    assert.deepEqual(result.texts("test"), [text]);
    assert.deepEqual(result.tokens.info.tokenizer, { source: "trained", type: model });
    assert.equal(result.tokens.info.vocab_size, result.tokenizer.vocabSize);
    assert.equal(result.tokenizer.modelMaxLength, 32);
    if (why === undefined) assert.deepEqual(result.log, []);
    else assert.match(result.log.join(), why);
  }
  assert.match(
    await refusal(splits, { train: { type: "wordpiece", vocab_size: 9 } }),
    /cannot train a tokenizer with vocab_size 9.*raise vocab_size, or lower limit_alphabet/s,
  );
});
