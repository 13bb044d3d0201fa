import assert from "node:assert/strict";
import type { Column } from "../../lib/data/rows/dataset.ts";
import { tokenRow } from "../../lib/data/tokens/rows.ts";
import stage from "../../stages/tokenize.ts";
import {
  makeTokenizer,
  makeWrappingTokenizer,
  type Options,
  refusal,
  SEA,
  texts,
  tokenize,
} from "./tokenizing.ts";

Deno.test("tokenize writes every split, ragged, with the tokenizer beside it", async () => {
  const tokenizer = await makeTokenizer(["<|endoftext|>"], 1024);
  const result = await tokenize(
    { train: texts(SEA, "a ship"), test: texts("whale") },
    {},
    { tokenizer },
  );
  assert.deepEqual(result.texts(), [SEA, "a ship"]);
  assert.deepEqual(result.texts("test"), ["whale"]);
  const { info } = result.tokens;
  assert.deepEqual(Object.keys(info.splits), ["train", "test"]);
  assert.equal(
    info.splits.train!.tokens,
    result.tokens.splits.train!.columns.input_ids.data.length,
  );
  assert.equal(info.vocab_size, result.tokenizer.vocabSize);
  assert.equal(info.max_length, 1024);
  assert.equal(info.packed, false);
  assert.deepEqual([info.eos_token_id, info.bos_token_id, info.pad_token_id], [0, 0, 0]);
  assert.deepEqual(info.tokenizer, { source: "input", type: "BPE" });
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    assert.equal(
      await Deno.readTextFile(`${result.dir}/${name}`),
      await Deno.readTextFile(`${tokenizer}/${name}`),
    );
  }
  assert.match(result.note, /^train 2 rows, \d+ tokens; test 1 rows, \d+ tokens$/);
  assert.deepEqual(result.progress.at(-1), [3, 3, "rows"]);
});

Deno.test("tokenize gives the same bytes twice", async () => {
  const options = { train: { vocab_size: 280 }, max_length: 8, packing: true };
  const splits = { train: texts(SEA, "again and again"), test: texts("the ship") };
  const [a, b] = [await tokenize(splits, options), await tokenize(splits, options)];
  const names = [...Deno.readDirSync(a.dir)].map((entry) => entry.name).sort();
  assert.deepEqual(names, [
    "test.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokens.json",
    "train.safetensors",
  ]);
  for (const name of names) {
    assert.deepEqual(Deno.readFileSync(`${a.dir}/${name}`), Deno.readFileSync(`${b.dir}/${name}`));
  }
});

Deno.test("template makes the text from the columns", async () => {
  const tokenizer = await makeTokenizer();
  const columns: Column[] = [{ name: "title", type: "string" }, { name: "text", type: "string" }];
  const splits = { data: [{ title: "Loomings", text: "Call me Ishmael." }] };
  const template = "{{ title | upper }}: {{ text }}{% if text %}!{% endif %}";
  const result = await tokenize(splits, { template }, { tokenizer, columns });
  assert.deepEqual(result.texts("data"), ["LOOMINGS: Call me Ishmael.!"]);
  assert.match(
    await refusal(splits, { template: "{{ txet }}" }, { tokenizer, columns }),
    /uses "txet", which is no column; did you mean "text"\?/,
  );
});

Deno.test("max_length truncates and truncation: false does not", async () => {
  const tokenizer = await makeTokenizer(["<|endoftext|>"], 6);
  const splits = { train: texts(SEA, "a") };
  const cut = await tokenize(splits, { max_length: 4 }, { tokenizer });
  assert.deepEqual([...cut.tokens.splits.train!.columns.input_ids.offsets], [0, 4, 5]);
  assert.ok(SEA.startsWith(cut.texts()[0]!));
  assert.equal(cut.tokens.info.splits.train!.truncated, 1);
  assert.match(cut.note, /50\.0 % of texts longer than 4 tokens/);
  const standard = await tokenize(splits, {}, { tokenizer });
  assert.equal(standard.tokens.splits.train!.columns.input_ids.offsets[1], 6);
  assert.match(standard.log.join(), /max_length is 6, the tokenizer's model_max_length/);
  const whole = await tokenize(splits, { truncation: false }, { tokenizer });
  assert.deepEqual(whole.texts(), [SEA, "a"]);
  assert.equal(whole.tokens.info.max_length, null);
});

Deno.test("a tokenizer without model_max_length leaves texts whole and says so", async () => {
  const result = await tokenize({ data: texts(SEA) }, {}, { tokenizer: await makeTokenizer() });
  assert.deepEqual(result.texts("data"), [SEA]);
  assert.match(result.log.join(), /no text is cut/);
});

Deno.test("add_special_tokens decides what stands around a text, also of a cut one", async () => {
  const tokenizer = await makeWrappingTokenizer();
  const splits = { train: texts("the", SEA) };
  const around = await tokenize(splits, { max_length: 5 }, { tokenizer });
  const ids = around.tokens.splits.train!;
  assert.deepEqual([tokenRow(ids, 0).at(0), tokenRow(ids, 0).at(-1)], [0, 1]);
  assert.deepEqual([tokenRow(ids, 1).at(0), tokenRow(ids, 1).at(-1)], [0, 1]);
  assert.equal(tokenRow(ids, 1).length, 5);
  assert.equal(around.tokens.info.pad_token_id, 2);
  const bare = await tokenize(splits, { add_special_tokens: false }, { tokenizer });
  assert.deepEqual(bare.texts(), ["the", SEA]);
});

Deno.test("add_eos ends each whole text once, and no cut one", async () => {
  const splits = { train: texts("the", "the<|endoftext|>", SEA) };
  const plain = await tokenize(splits, { add_eos: true, max_length: 8 }, {
    tokenizer: await makeTokenizer(),
  });
  const [first, second, third] = plain.texts();
  assert.deepEqual([first, second], ["the<|endoftext|>", "the<|endoftext|>"]);
  assert.ok(!third!.includes("<|endoftext|>"));
  const wrapped = await tokenize({ train: texts("the") }, { add_eos: true }, {
    tokenizer: await makeWrappingTokenizer(),
  });
  assert.deepEqual(wrapped.texts(), ["<s>the</s>"]);
});

Deno.test("packing joins texts with the end token between and cuts blocks", async () => {
  const tokenizer = await makeTokenizer();
  const splits = { train: texts("abcde", "", "fg", "hij<|endoftext|>", "k") };
  const packed = await tokenize(splits, { packing: true, max_length: 4 }, { tokenizer });
  assert.deepEqual(packed.texts(), [
    "abcd",
    "e<|endoftext|>fg",
    "<|endoftext|>hij",
    "<|endoftext|>k",
  ]);
  assert.deepEqual([...packed.tokens.splits.train!.columns.input_ids.offsets], [0, 4, 8, 12, 14]);
  assert.equal(packed.tokens.info.packed, true);
  assert.equal(packed.tokens.info.max_length, 4);
  assert.match(packed.note, /1 empty dropped/);
  const full = await tokenize(splits, { packing: true, max_length: 4, drop_remainder: true }, {
    tokenizer,
  });
  assert.deepEqual([...full.tokens.splits.train!.columns.input_ids.offsets], [0, 4, 8, 12]);
  assert.equal(full.tokens.splits.train!.columns.input_ids.data.length, 12);
  const ended = await tokenize(splits, { packing: true, max_length: 4, add_eos: true }, {
    tokenizer,
  });
  assert.equal(ended.texts().at(-1), "<|endoftext|>k<|endoftext|>");
});

Deno.test("return_overflowing_tokens keeps all pieces, stride makes them overlap", async () => {
  const tokenizer = await makeWrappingTokenizer();
  const columns: Column[] = [{ name: "text", type: "string" }, { name: "label", type: "int" }];
  const splits = { train: [{ text: "bcdfgjk", label: 1 }, { text: "xz", label: 0 }] };
  const options = { max_length: 5, return_overflowing_tokens: true, label_column: "label" };
  const pieces = await tokenize(splits, options, { tokenizer, columns });
  assert.deepEqual(pieces.texts(), ["<s>bcd</s>", "<s>fgj</s>", "<s>k</s>", "<s>xz</s>"]);
  assert.deepEqual([...pieces.tokens.splits.train!.columns.labels!.data], [1, 1, 1, 0]);
  assert.match(pieces.note, /50\.0 % of texts longer/);
  const overlapping = await tokenize(splits, { ...options, stride: 1 }, { tokenizer, columns });
  assert.deepEqual(overlapping.texts(), ["<s>bcd</s>", "<s>dfg</s>", "<s>gjk</s>", "<s>xz</s>"]);
});

Deno.test("tokenize refuses options that would do nothing", async () => {
  const tokenizer = await makeTokenizer();
  const columns: Column[] = [{ name: "text", type: "string" }, { name: "label", type: "int" }];
  const splits = { train: [{ text: SEA, label: 0 }] };
  const table: [Options, RegExp][] = [
    [{ packing: true }, /packing needs max_length/],
    [{ max_length: 2, return_overflowing_tokens: true, stride: 2 }, /leaves no room for text/],
  ];
  for (const [options, message] of table) {
    assert.match(await refusal(splits, options, { tokenizer, columns }), message);
  }
  assert.match(
    await refusal({ train: texts("the") }, { max_length: 2 }, {
      tokenizer: await makeWrappingTokenizer(),
    }),
    /leaves no room for text/,
  );
  assert.match(
    await refusal({ train: texts("the") }, { add_eos: true }, {
      tokenizer: await makeTokenizer([]),
    }),
    /add_eos needs an end token/,
  );
  assert.match(await refusal({ train: texts("", "") }, {}, { tokenizer }), /none of the 2 rows/);
  for (const padding of ["max_length", "longest", true]) {
    const parsed = stage.options.safeParse({ padding });
    assert.match(parsed.error?.message ?? "", /rows are stored without padding/);
  }
});

Deno.test("roles that only config.json knows come along with the tokenizer", async () => {
  const tokenizer = await makeTokenizer(["<end>", "<fill>"]);
  await Deno.remove(`${tokenizer}/tokenizer_config.json`);
  await Deno.writeTextFile(`${tokenizer}/config.json`, '{"eos_token_id": 0, "pad_token_id": 1}');
  const result = await tokenize({ train: texts("the") }, { add_eos: true }, { tokenizer });
  assert.deepEqual(result.texts(), ["the<end>"]);
  assert.equal(result.tokens.info.pad_token_id, 1);
  const config = JSON.parse(await Deno.readTextFile(`${result.dir}/tokenizer_config.json`));
  assert.equal(config.eos_token, "<end>");
});

Deno.test("tokenize stops when it is interrupted", async () => {
  const rows = texts(...Array.from({ length: 3000 }, (_, i) => `row ${i}`));
  const setup = { tokenizer: await makeTokenizer(), abort: new AbortController() };
  await assert.rejects(tokenize({ train: rows }, {}, setup), /stopped/);
});

Deno.test("the rows that a tokenizer is trained on are counted, and then those that are tokenized", async () => {
  const { progress } = await tokenize(
    { data: texts(...Array.from({ length: 1500 }, (_, i) => `the text of row ${i}`)) },
    { train: { vocab_size: 260 }, max_length: 16 },
  );
  const units = [...new Set(progress.map(([, , unit]) => unit))];
  assert.deepEqual(units, ["rows to train on", "rows"]);
  assert.deepEqual(progress.at(-1), [1500, 1500, "rows"]);
});
