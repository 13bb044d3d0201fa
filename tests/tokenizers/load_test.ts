/**
 * Loading tokenizers: expected ids and texts are those of Python tokenizers 0.23, or the vectors of
 * huggingface/tokenizers.js in ../shared (skipped where that folder is absent).
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { encodePrompt, loadTokenizer } from "../../lib/tokenizers/load.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { makeTokenizer } from "./trained.ts";

const SHARED = fileURLToPath(new URL("../../../shared/data/tokenizers", import.meta.url));

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
