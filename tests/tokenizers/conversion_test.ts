/** Tokenizers of folders without tokenizer.json. */
import assert from "node:assert/strict";
import { loadTokenizer } from "../../lib/tokenizers/load.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { makeTokenizer, SEA } from "./trained.ts";

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
  // Tokens that were added later, as of old and as of now.
  await Deno.writeTextFile(`${bert}/added_tokens.json`, JSON.stringify({ "[A]": 9, "[MASK]": 4 }));
  const added_tokens_decoder = { 10: { content: "[B]", lstrip: true, special: true } };
  await Deno.writeTextFile(
    `${bert}/tokenizer_config.json`,
    JSON.stringify({ ...config, added_tokens_decoder }),
  );
  const tokenizer = await loadTokenizer(bert);
  const { ids, offsets } = tokenizer.encodeWithOffsets("The[A]  [B][MASK]");
  assert.deepEqual([...ids], [2, 8, 9, 10, 4, 3]);
  assert.deepEqual([...offsets], [0, 0, 0, 3, 3, 6, 6, 11, 11, 17, 0, 0]);
  assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), "The [A]");
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
