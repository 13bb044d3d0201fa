/** The tokens artifact: what is written is read back, and damage is named. */
import assert from "node:assert/strict";
import { readSafetensors, writeSafetensors } from "../../lib/data/formats/safetensors.ts";
import { rowOf, tokenRow, type TokenRows } from "../../lib/data/tokens/rows.ts";
import { readTokens, writeTokens } from "../../lib/data/tokens/tokens.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { splitOf } from "../train/fixture.ts";

const INFO = {
  vocab_size: 10,
  max_length: 4,
  packed: false,
  eos_token_id: 0,
  bos_token_id: null,
  pad_token_id: 0,
  tokenizer: { source: "input", type: "BPE" },
} as const;

const ROWS = [[5, 6, 7], [], [8, 9]];
const SPLIT = splitOf(ROWS);

/** The rows with a column that is cut otherwise, one that is cut alike and one that is not cut. */
const WIDE: TokenRows = {
  rows: 3,
  columns: {
    ...SPLIT.columns,
    token_type_ids: {
      per: "token",
      data: Int32Array.of(0, 0, 1, 1, 1),
      offsets: Float64Array.of(0, 3, 3, 5),
      pad: 4,
    },
    decoder_input_ids: {
      per: "token",
      data: Int32Array.of(1, 2),
      offsets: Float64Array.of(0, 0, 1, 2),
      pad: 2,
    },
    score: { per: "row", data: Int32Array.of(7, 8, 9), pad: -1 },
  },
};

Deno.test("writeTokens() and readTokens() agree, whatever columns there are", async () => {
  const table: [TokenRows, readonly string[] | undefined][] = [
    [SPLIT, undefined],
    [splitOf(ROWS, { labels: [1, 0, 1], per: "row" }), ["no", "yes"]],
    [splitOf(ROWS, { labels: [-100, 6, 7, -100, 9], pad: 3 }), undefined],
    // As many rows as tokens: nothing but tokens.json tells which of them labels are of.
    [splitOf([[5], [6]], { labels: [1, 0], per: "row" }), ["no", "yes"]],
    [splitOf([[5], [6]], { labels: [1, 0] }), undefined],
    [splitOf([]), undefined],
    [WIDE, undefined],
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
      tokens: split.columns.input_ids.data.length,
      dropped: 2,
      truncated: 1,
    });
    assert.deepEqual(back.info.labels, labels);
    assert.equal(back.info.kind, "tokens");
  }
});

Deno.test("tokens.json says what each column is, and the file holds the offsets that differ", async () => {
  const dir = await temporaryDirectory();
  await writeTokens(dir, { info: INFO, splits: { train: WIDE } });
  const { columns } = JSON.parse(await Deno.readTextFile(`${dir}/tokens.json`));
  assert.deepEqual(columns, {
    decoder_input_ids: { per: "token", type: "int32", pad: 2 },
    input_ids: { per: "token", type: "int32", pad: 0 },
    score: { per: "row", type: "int32", pad: -1 },
    token_type_ids: { per: "token", type: "int32", pad: 4 },
  });
  const { tensors } = await readSafetensors(`${dir}/train.safetensors`);
  assert.deepEqual([...tensors.keys()].sort(), [
    "decoder_input_ids",
    "decoder_input_ids.offsets",
    "input_ids",
    "offsets",
    "score",
    "token_type_ids",
  ]);
});

Deno.test("tokenRow() is a view of one row", () => {
  assert.deepEqual([...tokenRow(SPLIT, 0)], [5, 6, 7]);
  assert.deepEqual([...tokenRow(SPLIT, 1)], []);
  assert.deepEqual([...tokenRow(SPLIT, 2)], [8, 9]);
  assert.throws(() => tokenRow(SPLIT, 3), /row 3 of 3 rows/);
  const { decoder_input_ids: target } = WIDE.columns;
  assert.deepEqual([0, 1, 2].map((row) => target!.per === "token" && [...rowOf(target!, row)]), [
    [],
    [1],
    [2],
  ]);
});

Deno.test("readTokens() names what does not fit together", async () => {
  const ids = { dtype: "I32", shape: [2], data: Int32Array.of(1, 2) } as const;
  const offsets = (...values: bigint[]) =>
    ({ dtype: "I64", shape: [values.length], data: BigInt64Array.from(values) }) as const;
  const table: [Parameters<typeof writeSafetensors>[1], RegExp][] = [
    [[["offsets", offsets(0n, 2n)]], /no int32 input_ids/],
    [[["input_ids", ids]], /no int64 offsets/],
    [[["input_ids", ids], ["offsets", offsets(0n, 1n)]], /2 values but offsets that end at 1/],
    [[["input_ids", ids], ["offsets", offsets(1n, 2n)]], /do not start at 0/],
    [[["input_ids", ids], ["offsets", offsets(0n, 3n, 2n)]], /fall after row 1/],
    [[["input_ids", ids], ["offsets", offsets(0n, 1n, 2n)]], /holds 2 rows, tokens.json says 1/],
    [
      [["input_ids", { ...ids, data: Int32Array.of(1, 10) }], ["offsets", offsets(0n, 2n)]],
      /id 10/,
    ],
    [
      [["input_ids", ids], ["offsets", offsets(0n, 2n)], ["token_type_ids", ids]],
      /holds token_type_ids, of which tokens\.json is silent/,
    ],
    [
      [["input_ids", ids], ["offsets", offsets(0n, 2n)], ["labels.offsets", offsets(0n, 2n)]],
      /holds labels\.offsets, of which tokens\.json is silent/,
    ],
  ];
  for (const [tensors, message] of table) {
    const dir = await temporaryDirectory();
    await writeTokens(dir, { info: INFO, splits: { train: splitOf([[1, 2]]) } });
    await writeSafetensors(`${dir}/train.safetensors`, tensors);
    await assert.rejects(readTokens(dir), message);
  }
  await assert.rejects(readTokens(await temporaryDirectory()), /no tokens artifact/);
});

Deno.test("readTokens() holds every column to what tokens.json says of it", async () => {
  const ids = ["input_ids", { dtype: "I32", shape: [2], data: Int32Array.of(1, 2) }] as const;
  const offsets = ["offsets", {
    dtype: "I64",
    shape: [2],
    data: BigInt64Array.of(0n, 2n),
  }] as const;
  const column = (name: string, ...data: number[]) =>
    [name, { dtype: "I32", shape: [data.length], data: Int32Array.from(data) }] as const;
  const classes = ["no", "yes"];
  const perRow = splitOf([[1, 2]], { labels: [1], per: "row" });
  const perToken = splitOf([[1, 2]], { labels: [1, 2] });
  const table: [TokenRows, readonly string[] | undefined, unknown, RegExp][] = [
    [perToken, undefined, column("labels", 1), /labels with 1 values but offsets that end at 2/],
    [perToken, undefined, undefined, /no int32 labels/],
    [perRow, classes, column("labels", 1, 0), /has 2 labels where 1 are needed/],
    [perRow, classes, column("labels", 2), /has the class 2, and there are names for 2/],
    [perRow, classes, undefined, /no int32 labels/],
  ];
  for (const [split, labels, tensor, message] of table) {
    const dir = await temporaryDirectory();
    const info = { ...INFO, ...(labels === undefined ? {} : { labels }) };
    await writeTokens(dir, { info, splits: { train: split } });
    const tensors = [ids, offsets, ...tensor === undefined ? [] : [tensor]];
    await writeSafetensors(
      `${dir}/train.safetensors`,
      tensors as Parameters<typeof writeSafetensors>[1],
    );
    await assert.rejects(readTokens(dir), message);
  }
});

Deno.test("readTokens() tells that an artifact is of an older version, and what to do", async () => {
  const dir = await temporaryDirectory();
  await writeTokens(dir, { info: INFO, splits: { train: SPLIT } });
  const document = JSON.parse(await Deno.readTextFile(`${dir}/tokens.json`));
  const table: [unknown, RegExp][] = [
    [undefined, /older version; run the tokenize stage again/],
    [{ input_ids: { per: "row", type: "int32", pad: 0 } }, /older version/],
    [{ ...document.columns, x: { per: "word", type: "int32", pad: 0 } }, /the column "x" as/],
    [{ ...document.columns, x: { per: "row", type: "float32", pad: 0 } }, /type: "int32"/],
    [{ ...document.columns, x: { per: "row", type: "int32" } }, /a whole number as pad/],
  ];
  for (const [columns, message] of table) {
    await Deno.writeTextFile(`${dir}/tokens.json`, JSON.stringify({ ...document, columns }));
    await assert.rejects(readTokens(dir), message);
  }
});

Deno.test("readTokens() holds tokens.json to its form, to the last field", async () => {
  const dir = await temporaryDirectory();
  await writeTokens(dir, { info: INFO, splits: { train: SPLIT } });
  const whole = JSON.parse(await Deno.readTextFile(`${dir}/tokens.json`));
  const { train } = whole.splits;
  const table: [object, RegExp][] = [
    [{ vocab_size: "10" }, /its vocab_size is no whole number/],
    [{ vocab_size: undefined }, /its vocab_size is no whole number/],
    [{ max_length: 1.5 }, /its max_length is neither null nor a whole number/],
    [{ packed: 1 }, /its packed is neither true nor false/],
    [{ eos_token_id: [0] }, /its eos_token_id is neither/],
    [{ bos_token_id: undefined }, /its bos_token_id is neither/],
    [{ pad_token_id: -1 }, /its pad_token_id is neither/],
    [{ labels: "no" }, /its labels are no list of texts/],
    [{ splits: null }, /does not describe a tokens artifact/],
    [{ splits: { train: null } }, /the split "train" names no file/],
    [{ splits: { train: { ...train, file: "../train.safetensors" } } }, /no file beside it/],
    [{ splits: { train: { ...train, rows: "3" } } }, /does not say how many rows/],
    [{ tokenizer: null }, /its tokenizer has no type/],
    [{ columns: { ...whole.columns, x: null } }, /the column "x" as null/],
    [{ columns: { ...whole.columns, x: { per: "row", type: "int32", pad: 2 ** 40 } } }, /as pad/],
  ];
  for (const [change, message] of table) {
    await Deno.writeTextFile(`${dir}/tokens.json`, JSON.stringify({ ...whole, ...change }));
    await assert.rejects(readTokens(dir), { name: "UserError", message });
  }
  for (const text of ["null", "[]", "3"]) {
    await Deno.writeTextFile(`${dir}/tokens.json`, text);
    await assert.rejects(readTokens(dir), { name: "UserError" });
  }
});

Deno.test("writeTokens() refuses splits that do not fit together", async () => {
  const dir = await temporaryDirectory();
  const refused = (splits: Record<string, TokenRows>, message: RegExp, labels?: string[]) =>
    assert.rejects(
      writeTokens(dir, { info: { ...INFO, ...(labels === undefined ? {} : { labels }) }, splits }),
      message,
    );
  await refused({ train: { ...SPLIT, rows: 2 } }, /4 offsets for 2 rows/);
  await refused({ train: SPLIT }, /has no labels though tokens.json names classes/, ["a"]);
  const classes = splitOf(ROWS, { labels: [0, 1, 0], per: "row" });
  await refused({ train: classes }, /a class a row though no class has a name/);
  await refused({ train: SPLIT, test: splitOf(ROWS, { pad: 1 }) }, /of other columns/);
  await refused({}, /without a split/);
  const named = {
    ...SPLIT.columns,
    "x.offsets": { per: "row", data: Int32Array.of(1, 2, 3), pad: 0 },
  };
  await refused({ train: { rows: 3, columns: named as TokenRows["columns"] } }, /"x\.offsets"/);
});
