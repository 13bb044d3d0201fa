/** The tokens artifact: what is written is read back, and damage is named. */
import assert from "node:assert/strict";
import { writeSafetensors } from "../../lib/data/formats/safetensors.ts";
import {
  readTokens,
  tokenRow,
  type TokenSplit,
  writeTokens,
} from "../../lib/data/tokens/tokens.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const INFO = {
  vocab_size: 10,
  max_length: 4,
  packed: false,
  eos_token_id: 0,
  bos_token_id: null,
  pad_token_id: 0,
  tokenizer: { source: "input", type: "BPE" },
} as const;

const SPLIT: TokenSplit = {
  inputIds: Int32Array.of(5, 6, 7, 8, 9),
  offsets: Float64Array.of(0, 3, 3, 5),
  rows: 3,
};

Deno.test("writeTokens() and readTokens() agree, labels per row and per token", async () => {
  const table: [TokenSplit, readonly string[] | undefined][] = [
    [SPLIT, undefined],
    [{ ...SPLIT, labels: Int32Array.of(1, 0, 1) }, ["no", "yes"]],
    [{ ...SPLIT, labels: Int32Array.of(-100, 6, 7, -100, 9) }, undefined],
    [{ inputIds: new Int32Array(0), offsets: Float64Array.of(0), rows: 0 }, undefined],
  ];
  for (const [split, labels] of table) {
    const dir = await temporaryDirectory();
    const counts = { train: { dropped: 2, truncated: 1 } };
    const info = { ...INFO, ...(labels === undefined ? {} : { labels }), splits: counts };
    await writeTokens(dir, { info, splits: { train: split } });
    const back = await readTokens(dir);
    assert.deepEqual(back.splits.train, split);
    assert.deepEqual(back.info.splits.train, {
      file: "train.safetensors",
      rows: split.rows,
      tokens: split.inputIds.length,
      dropped: 2,
      truncated: 1,
    });
    assert.deepEqual(back.info.labels, labels);
    assert.equal(back.info.kind, "tokens");
  }
});

Deno.test("tokenRow() is a view of one row", () => {
  assert.deepEqual([...tokenRow(SPLIT, 0)], [5, 6, 7]);
  assert.deepEqual([...tokenRow(SPLIT, 1)], []);
  assert.deepEqual([...tokenRow(SPLIT, 2)], [8, 9]);
  assert.throws(() => tokenRow(SPLIT, 3), /row 3 of a split of 3 rows/);
});

Deno.test("readTokens() names what does not fit together", async () => {
  const ids = { dtype: "I32", shape: [2], data: Int32Array.of(1, 2) } as const;
  const offsets = (...values: bigint[]) =>
    ({ dtype: "I64", shape: [values.length], data: BigInt64Array.from(values) }) as const;
  const table: [Parameters<typeof writeSafetensors>[1], RegExp][] = [
    [[["offsets", offsets(0n, 2n)]], /no int32 input_ids/],
    [[["input_ids", ids]], /no int64 offsets/],
    [[["input_ids", ids], ["offsets", offsets(0n, 1n)]], /2 ids but offsets that end at 1/],
    [[["input_ids", ids], ["offsets", offsets(1n, 2n)]], /do not start at 0/],
    [[["input_ids", ids], ["offsets", offsets(0n, 3n, 2n)]], /fall after row 1/],
    [[["input_ids", ids], ["offsets", offsets(0n, 1n, 2n)]], /holds 2 rows, tokens.json says 1/],
    [
      [["input_ids", { ...ids, data: Int32Array.of(1, 10) }], ["offsets", offsets(0n, 2n)]],
      /id 10/,
    ],
    [
      [["input_ids", ids], ["offsets", offsets(0n, 2n)], [
        "labels",
        { dtype: "I32", shape: [1], data: Int32Array.of(1) },
      ]],
      /1 labels where 2 are needed/,
    ],
  ];
  for (const [tensors, message] of table) {
    const dir = await temporaryDirectory();
    const split = { inputIds: Int32Array.of(1, 2), offsets: Float64Array.of(0, 2), rows: 1 };
    await writeTokens(dir, { info: INFO, splits: { train: split } });
    await writeSafetensors(`${dir}/train.safetensors`, tensors);
    await assert.rejects(readTokens(dir), message);
  }
  await assert.rejects(readTokens(await temporaryDirectory()), /no tokens artifact/);
});

Deno.test("writeTokens() refuses splits that do not fit together", async () => {
  const dir = await temporaryDirectory();
  const splits = { train: { ...SPLIT, rows: 2 } };
  await assert.rejects(writeTokens(dir, { info: INFO, splits }), /4 offsets for 2 rows/);
  const labelled = { ...INFO, labels: ["a"] };
  await assert.rejects(
    writeTokens(dir, { info: labelled, splits: { train: SPLIT } }),
    /has no labels though tokens.json names classes/,
  );
});
