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
