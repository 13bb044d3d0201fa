/**
 * Loading tokenizers: expected ids and texts are those of Python tokenizers 0.23, or the vectors of
 * huggingface/tokenizers.js in ../shared (skipped where that folder is absent).
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { LLAMA3_PATTERN, QWEN_PATTERN } from "../../lib/tokenizers/components/known_patterns.ts";
import { encodePrompt, loadTokenizer } from "../../lib/tokenizers/load.ts";
import { saveBpe } from "../../lib/tokenizers/save.ts";
import { trainBpe } from "../../lib/tokenizers/training/train_bpe.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const SHARED = fileURLToPath(new URL("../../../shared/data/tokenizers", import.meta.url));

const SEA = [
  "the sea and the ship and the whale and the sea again",
  "It's a whale's tale, isn't it?  They'll  see\n\n42 ships; 421 whales.",
];

/** A tokenizer of 277 tokens; `change` edits its tokenizer.json. */
async function makeTokenizer(
  change: (document: Record<string, unknown>) => void = () => {},
  specialTokens: readonly string[] = ["<|endoftext|>"],
): Promise<string> {
  const dir = await temporaryDirectory();
  await saveBpe(dir, trainBpe(SEA, { vocabSize: 300, specialTokens }));
  const document = JSON.parse(await Deno.readTextFile(`${dir}/tokenizer.json`));
  change(document);
  await Deno.writeTextFile(`${dir}/tokenizer.json`, JSON.stringify(document));
  return dir;
}

Deno.test("a trained tokenizer encodes any text as the reference does, and back", async () => {
  const tokenizer = await loadTokenizer(await makeTokenizer());
  const table: [string, number[]][] = [
    ["", []],
    ["the whale\u0085sea", [261, 267, 127, 228, 83, 69, 65]],
    ["\ufeffthe ship", [172, 120, 124, 261, 276]],
    ["  the\u3000sea \n", [221, 266, 160, 223, 223, 83, 69, 65, 221, 199]],
    ["a<|endoftext|> b", [65, 0, 221, 66]],
    [
      "naïve 日本 🙂 ９x²",
      [
        ...[78, 65, 128, 108, 86, 69, 221, 163, 246, 99, 163, 251, 106, 221, 173, 254, 248, 225],
        ...[221, 172, 121, 248, 88, 127, 111],
      ],
    ],
    ["\u0000\u200b they'LL", [189, 159, 223, 234, 266, 89, 7, 44, 44]],
    ["sea\u00a0\u00a0ship", [83, 69, 65, 127, 255, 127, 255, 83, 272, 80]],
    ["１２３ab４", [172, 121, 240, 172, 121, 241, 172, 121, 242, 65, 66, 172, 121, 243]],
  ];
  for (const [text, ids] of table) {
    assert.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text));
    assert.equal(tokenizer.decode(ids), text);
  }
});

Deno.test("decode() leaves out special and unknown ids and mends broken UTF-8", async () => {
  const tokenizer = await loadTokenizer(await makeTokenizer());
  assert.equal(tokenizer.decode([0, 80, 81]), "<|endoftext|>pq");
  assert.equal(tokenizer.decode([0, 80, 81], { skipSpecialTokens: true }), "pq");
  assert.equal(tokenizer.decode([230, 160, 178]), "\ufffd\ufffd\ufffd");
  assert.equal(tokenizer.decode([301, 5, 301]), "%");
  assert.equal(tokenizer.decode(Int32Array.of(195, 100)), "\u0006\ufffd");
  assert.equal(tokenizer.decode([]), "");
  const spaced = tokenizer.encode("the sea , isn 't it ?");
  assert.equal(tokenizer.decode(spaced), "the sea , isn 't it ?");
  assert.equal(
    tokenizer.decode(tokenizer.encode("sea , it ?"), { cleanUpTokenizationSpaces: true }),
    "sea, it?",
  );
});

Deno.test("added tokens follow lstrip, rstrip, single_word and the longest match", async () => {
  const flags = {
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: false,
  };
  const dir = await makeTokenizer((document) => {
    (document.added_tokens as unknown[]).push(
      { ...flags, id: 277, content: "[M]", lstrip: true, special: true },
      { ...flags, id: 278, content: "[R]", rstrip: true, normalized: true },
      { ...flags, id: 279, content: "sea", single_word: true },
      { ...flags, id: 280, content: "[M]x" },
    );
  });
  const tokenizer = await loadTokenizer(dir);
  assert.equal(tokenizer.vocabSize, 281);
  const table: [string, number[]][] = [
    ["the  [M] sea", [261, 277, 221, 279]],
    ["[R] \n the", [278, 261]],
    ["overseas sea seas, sea", [79, 86, 69, 82, 83, 69, 65, 83, 221, 279, 275, 83, 12, 221, 279]],
    ["[M]x[M]y", [280, 277, 89]],
    ["éseaé sea_ sea-", [128, 103, 83, 69, 65, 128, 103, 275, 63, 221, 279, 13]],
    ["🙂sea", [173, 254, 248, 225, 279]],
  ];
  for (const [text, ids] of table) assert.deepEqual(tokenizer.encode(text), ids, text);
});

Deno.test("a post-processor's tokens stand around the text, and encodePrompt leaves the end open", async () => {
  const template = {
    type: "TemplateProcessing",
    single: [
      { SpecialToken: { id: "<s>", type_id: 0 } },
      { Sequence: { id: "A", type_id: 0 } },
      { SpecialToken: { id: "</s>", type_id: 0 } },
    ],
    pair: [],
    special_tokens: { "<s>": { id: "<s>", ids: [0] }, "</s>": { id: "</s>", ids: [1] } },
  };
  const bert = { type: "BertProcessing", cls: ["<s>", 0], sep: ["</s>", 1] };
  for (const processor of [template, bert, { ...bert, type: "RobertaProcessing" }]) {
    const tokenizer = await loadTokenizer(
      await makeTokenizer((document) => document.post_processor = processor, ["<s>", "</s>"]),
    );
    const bare = tokenizer.encode("the sea", { addSpecialTokens: false });
    assert.deepEqual(tokenizer.encode("the sea"), [0, ...bare, 1]);
    assert.deepEqual(encodePrompt(tokenizer, "the sea"), [0, ...bare]);
    assert.deepEqual(encodePrompt(tokenizer, "the sea</s>"), [0, ...bare, 1]);
  }
  const plain = await loadTokenizer(await makeTokenizer());
  assert.deepEqual(encodePrompt(plain, "the sea"), plain.encode("the sea"));
});

Deno.test("add_prefix_space and ignore_merges are followed", async () => {
  const spaced = await loadTokenizer(
    await makeTokenizer((document) =>
      (document.pre_tokenizer as Record<string, unknown>).add_prefix_space = true
    ),
  );
  assert.equal(spaced.decode(spaced.encode("sea")), " sea");
  const whole = await loadTokenizer(
    await makeTokenizer((document) => {
      const model = document.model as Record<string, unknown>;
      model.ignore_merges = true;
      model.merges = [];
    }),
  );
  assert.deepEqual(whole.encode("the sea"), [whole.idOf("the"), whole.idOf("Ġsea")]);
});

Deno.test("merges may be written as one text", async () => {
  const dir = await makeTokenizer((document) => {
    const model = document.model as { merges: unknown[] };
    model.merges = (model.merges as string[][]).map((merge) => merge.join(" "));
  });
  assert.deepEqual((await loadTokenizer(dir)).encode("the whale"), [261, 267]);
});

Deno.test("roles of special tokens come from the configs, else from the usual names", async () => {
  const dir = await makeTokenizer(() => {}, ["<a>", "<b>", "</s>", "<pad>"]);
  const roles = async (): Promise<(number | undefined)[]> => {
    const { bosTokenId, eosTokenId, padTokenId } = await loadTokenizer(dir);
    return [bosTokenId, eosTokenId, padTokenId];
  };
  const write = (name: string, value: unknown): Promise<void> =>
    Deno.writeTextFile(`${dir}/${name}`, JSON.stringify(value));
  assert.deepEqual(await roles(), [2, 2, 3]);
  await Deno.remove(`${dir}/tokenizer_config.json`);
  assert.deepEqual(await roles(), [undefined, 2, 3]);
  await write("config.json", { bos_token_id: 0, eos_token_id: [1, 2] });
  assert.deepEqual(await roles(), [0, 1, 3]);
  await write("special_tokens_map.json", { eos_token: { content: "<a>" } });
  assert.deepEqual(await roles(), [0, 0, 3]);
  await write("tokenizer_config.json", {
    eos_token: "<b>",
    pad_token: null,
    model_max_length: 1e30,
  });
  assert.deepEqual(await roles(), [0, 1, undefined]);
  assert.equal((await loadTokenizer(dir)).modelMaxLength, undefined);
  await write("tokenizer_config.json", { model_max_length: 512 });
  assert.equal((await loadTokenizer(dir)).modelMaxLength, 512);
});

Deno.test("a folder without tokenizer.json says what is missing", async () => {
  const dir = await temporaryDirectory();
  await assert.rejects(loadTokenizer(dir), /holds no tokenizer: there is no tokenizer.json/);
  await Deno.writeTextFile(`${dir}/spiece.model`, "");
  await assert.rejects(
    loadTokenizer(dir),
    /spiece.model is no model of SentencePiece: there are no pieces in it/,
  );
  await Deno.writeTextFile(`${dir}/spiece.model`, "\x0a\x0e\x0a\x05<unk>");
  await assert.rejects(
    loadTokenizer(dir),
    /spiece.model is no model of SentencePiece: it is cut off/,
  );
  await Deno.remove(`${dir}/spiece.model`);
  await Deno.writeTextFile(`${dir}/merges.txt`, "a b");
  await Deno.writeTextFile(`${dir}/vocab.json`, "[]");
  await assert.rejects(loadTokenizer(dir), /vocab.json is no vocabulary/);
  await Deno.writeTextFile(`${dir}/vocab.json`, '{"a": 0, "b": 1}');
  await assert.rejects(
    loadTokenizer(dir),
    /merges that do not fit its vocabulary, which lacks "ab"/,
  );
});

Deno.test("vocab.json and merges.txt, or vocab.txt, make a tokenizer where there is no tokenizer.json", async () => {
  const trained = await makeTokenizer();
  const { model } = JSON.parse(await Deno.readTextFile(`${trained}/tokenizer.json`));
  const dir = await temporaryDirectory();
  const lines = (model.merges as string[][]).map((merge) => merge.join(" "));
  await Deno.writeTextFile(`${dir}/merges.txt`, ["#version: 0.2", ...lines, ""].join("\r\n"));
  await Deno.writeTextFile(`${dir}/vocab.json`, JSON.stringify(model.vocab));
  const [made, whole] = [await loadTokenizer(dir), await loadTokenizer(trained)];
  for (const text of [...SEA, "a<|endoftext|>b  é"]) {
    assert.deepEqual(made.encode(text), whole.encode(text));
  }
  const bert = await temporaryDirectory();
  const words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "sea", "##s", "The"];
  await Deno.writeTextFile(`${bert}/vocab.txt`, words.join("\n") + "\n");
  assert.deepEqual((await loadTokenizer(bert)).encode("The Seas [MASK]"), [2, 5, 6, 7, 4, 3]);
  const config = { tokenizer_class: "BertTokenizer", do_lower_case: false };
  await Deno.writeTextFile(`${bert}/tokenizer_config.json`, JSON.stringify(config));
  assert.deepEqual((await loadTokenizer(bert)).encode("The Seas"), [2, 8, 1, 3]);
});

/** Bytes of a field of a message: a text, another message, or a float. */
function field(number: number, value: string | number | Uint8Array): number[] {
  if (typeof value === "number") {
    return [number * 8 + 5, ...new Uint8Array(Float32Array.of(value).buffer)];
  }
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return [number * 8 + 2, bytes.length, ...bytes];
}

Deno.test("a model of SentencePiece makes a tokenizer, as a T5 has it where nothing says otherwise", async () => {
  const pieces = ["<pad>", "</s>", "<unk>", "▁", "▁the", "▁sea", "s"];
  const model = pieces.flatMap((piece, id) =>
    field(1, Uint8Array.from([...field(1, piece), ...field(2, -id), ...id < 2 ? [3 * 8, 3] : []]))
  );
  // trainer_spec: model_type 1, unk_id 2.
  const trainer = Uint8Array.from([3 * 8, 1, 0xc0, 0x02, 2]);
  const dir = await temporaryDirectory();
  await Deno.writeFile(
    `${dir}/spiece.model`,
    Uint8Array.from([...model, ...field(2, trainer)]),
  );
  const tokenizer = await loadTokenizer(dir);
  assert.deepEqual(tokenizer.encode("the seas <extra_id_0> x"), [4, 5, 6, 106, 3, 2, 1]);
  assert.equal(tokenizer.decode([4, 5, 6, 1], { skipSpecialTokens: true }), "the seas");
  assert.deepEqual([tokenizer.eosTokenId, tokenizer.padTokenId, tokenizer.vocabSize], [1, 0, 107]);
});

Deno.test("damaged tokenizer files are named", async () => {
  const table: [(document: Record<string, unknown>) => void, RegExp][] = [
    [(document) => delete document.model, /has no "model"/],
    [(document) => (document.model as { merges: unknown }).merges = [["q", "q"]], /lacks "qq"/],
    [(document) => (document.model as { merges: unknown }).merges = [7], /has the merge 7/],
    [(document) => document.normalizer = { type: "Nonsense" }, /cannot use .*tokenizer.json/],
    [(document) => document.normalizer = [1], /has \[1\] as normalizer, not a mapping/],
    [(document) => document.decoder = { type: {} }, /has a decoder without a type/],
    [
      (document) => document.pre_tokenizer = { type: "Sequence", pretokenizers: [null] },
      /has nothing as pre_tokenizer\.pretokenizers\[0\]/,
    ],
    [
      (document) => document.pre_tokenizer = { type: "toString" },
      /cannot use .*: its pre_tokenizer is of the unknown type toString/,
    ],
    [(document) => (document.model as { vocab: unknown }).vocab = 3, /has no vocabulary but 3/],
    [
      (document) => Object.assign((document.model as { vocab: object }).vocab, { x: 1.5 }),
      /has 1\.5 as the id of the token "x"/,
    ],
    [
      (document) => Object.assign((document.model as { vocab: object }).vocab, { x: null }),
      /has null as the id of the token "x"/,
    ],
    [(document) => (document.model as { merges: unknown }).merges = {}, /as merges, not a list/],
    [(document) => (document.model as { merges: unknown }).merges = ["a b c"], /the merge "a b c"/],
    [
      (document) => (document.added_tokens as unknown[]).push({ id: -1, content: "x" }),
      /has the added token \{"id":-1,"content":"x"\}/,
    ],
  ];
  for (const [change, message] of table) {
    await assert.rejects(loadTokenizer(await makeTokenizer(change)), message);
  }
  const dir = await makeTokenizer();
  await Deno.writeTextFile(`${dir}/tokenizer.json`, "{");
  await assert.rejects(loadTokenizer(dir), /is not JSON/);
});

Deno.test("a component with a setting of a wrong form is told, and one that is not known", async () => {
  const other = (change: object) =>
    makeTokenizer((document) => {
      document.pre_tokenizer = { type: "Whitespace" };
      Object.assign(document, change);
    });
  const single = { type: "TemplateProcessing", single: 7, pair: [], special_tokens: {} };
  await assert.rejects(
    loadTokenizer(await other({ post_processor: single })),
    { name: "UserError", message: /cannot use .*tokenizer\.json: .*is of a wrong form/ },
  );
  const decoder = { type: "WordPiece", prefix: { toString: 2 }, cleanup: true };
  await assert.rejects(loadTokenizer(await other({ decoder })), /prefix is to be a text/);
  const unknown = { type: "Metaspace", replacement: "▁", prepend: "first" };
  await assert.rejects(
    loadTokenizer(await other({ pre_tokenizer: unknown })),
    /its pre_tokenizer \(Metaspace\) has the unknown setting "prepend"/,
  );
});

Deno.test("only tokenizers with a pattern that may take without end are to be watched", async () => {
  const withPattern = async (Regex: string): Promise<boolean> => {
    const split = { type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false };
    const byteLevel = { type: "ByteLevel", add_prefix_space: false, use_regex: false };
    const pretokenizers = [split, byteLevel];
    const dir = await makeTokenizer((document) =>
      document.pre_tokenizer = { type: "Sequence", pretokenizers }
    );
    const tokenizer = await loadTokenizer(dir);
    assert.equal(tokenizer.decode(tokenizer.encode("aab, 12 é")), "aab, 12 é");
    return tokenizer.isUnbounded;
  };
  assert.equal((await loadTokenizer(await makeTokenizer())).isUnbounded, false);
  for (const pattern of [LLAMA3_PATTERN, QWEN_PATTERN, "\\s+", "\\d{1,3}"]) {
    assert.equal(await withPattern(pattern), false, pattern);
  }
  for (const pattern of ["(a+)+b", "\\s+$|a"]) {
    assert.equal(await withPattern(pattern), true, pattern);
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

Deno.test("a long word of one character is encoded in reasonable time", async () => {
  const tokenizer = await loadTokenizer(
    await makeTokenizer((document) => {
      const model = document.model as { vocab: Record<string, number>; merges: string[][] };
      model.merges.push(["z", "z"], ["zz", "zz"]);
      Object.assign(model.vocab, { zz: 277, zzzz: 278 });
    }),
  );
  const start = performance.now();
  assert.equal(tokenizer.encode("z".repeat(100_001)).length, 25_001);
  assert.ok(performance.now() - start < 5000);
});

for (const name of ["gpt2", "roberta-base", "bert-base-uncased", "t5-small", "xlnet"]) {
  Deno.test(`${name} encodes and decodes the published vectors`, async (t) => {
    const dir = `${SHARED}/${name}`;
    let text: string;
    try {
      text = await Deno.readTextFile(`${dir}/vectors.json`);
    } catch {
      await t.step({ name: "skipped: ../shared is absent", ignore: true, fn: () => {} });
      return;
    }
    const vectors: {
      name: string;
      text: string;
      text_pair?: string | null;
      ids: number[];
      decoded?: string;
    }[] = JSON.parse(text);
    const tokenizer = await loadTokenizer(dir);
    for (const vector of vectors) {
      const { text, text_pair: pair } = vector;
      const ids = pair === undefined || pair === null
        ? tokenizer.encode(text)
        : Array.from(tokenizer.encodeWithOffsets([text, pair]).ids);
      assert.deepEqual(ids, vector.ids, vector.name);
      if (vector.decoded === undefined) continue;
      const decoded = tokenizer.decode(vector.ids, { cleanUpTokenizationSpaces: true });
      assert.equal(decoded, vector.decoded, vector.name);
    }
  });
}
