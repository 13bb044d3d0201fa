import assert from "node:assert/strict";
import { collate, epochOrder, lengthBuckets } from "../../lib/data/tokens/batch.ts";
import { longestRow, type TokenRows } from "../../lib/data/tokens/rows.ts";
import { permutation, randomStream } from "../../lib/base/random.ts";
import { splitOf } from "../train/fixture.ts";

Deno.test("collate() pads rows on the right", () => {
  const split = splitOf([[5, 6, 7], [8], [9, 10]], { pad: 1 });
  const batch = collate(split, { rows: [2, 0], batchSize: 3, lengths: [2, 4] });
  assert.equal(batch.length, 4);
  assert.deepEqual(batch.columns, {
    input_ids: { data: Int32Array.of(9, 10, 1, 1, 5, 6, 7, 1, 1, 1, 1, 1), shape: [3, 4] },
  });
  assert.deepEqual([batch.rows, batch.tokens], [2, 5]);
  assert.deepEqual([...batch.rowTokens], [2, 3, 0]);
});

Deno.test("collate() takes the shortest length that holds the rows", () => {
  const split = splitOf([[1, 2], [1, 2, 3], [1, 2, 3, 4, 5]]);
  const options = { batchSize: 1, lengths: [2, 4, 8] };
  assert.deepEqual([0, 1, 2].map((row) => collate(split, { ...options, rows: [row] }).length), [
    2,
    4,
    8,
  ]);
  assert.throws(() => collate(split, { ...options, lengths: [4], rows: [2] }), /Internal error/);
  assert.throws(() => collate(split, { ...options, rows: [0, 1] }), /2 rows in 1/);
});

Deno.test("collate() gives each column its own padding, and what is cut otherwise its own length", () => {
  const { columns, rows } = splitOf([[5, 6, 7], [8, 9]], {
    labels: [-100, -100, 7, -100, 9],
    pad: 3,
  });
  const source: TokenRows = {
    rows,
    columns: {
      ...columns,
      decoder_input_ids: {
        per: "token",
        data: Int32Array.of(20, 21),
        offsets: Float64Array.of(0, 0, 2),
        pad: 2,
      },
      score: { per: "row", data: Int32Array.of(4, 5), pad: -1 },
    },
  };
  const batch = collate(source, { rows: [1, 0], batchSize: 3, lengths: [2, 3] });
  assert.deepEqual(batch.columns, {
    input_ids: { data: Int32Array.of(8, 9, 3, 5, 6, 7, 3, 3, 3), shape: [3, 3] },
    labels: {
      data: Int32Array.of(-100, 9, -100, -100, -100, 7, -100, -100, -100),
      shape: [3, 3],
    },
    decoder_input_ids: { data: Int32Array.of(20, 21, 2, 2, 2, 2), shape: [3, 2] },
    score: { data: Int32Array.of(5, 4, -1), shape: [3] },
  });
});

Deno.test("epochOrder() is a permutation that depends on the seed and on the epoch", () => {
  const text = (seed: number, epoch: number): string => String(epochOrder(50, { seed, epoch }));
  assert.deepEqual([...epochOrder(50, { seed: 1, epoch: 0 })].sort((a, b) => a - b), [
    ...Array(50).keys(),
  ]);
  assert.equal(text(1, 0), text(1, 0));
  assert.equal(new Set([text(1, 0), text(1, 1), text(2, 0), text(2, 1), text(0, 1)]).size, 5);
});

Deno.test("lengthBuckets() gives few lengths, none over the limit", () => {
  const cases: [number, number, boolean, number[]][] = [
    [512, 1024, false, [128, 256, 512]],
    [509, 1024, false, [128, 256, 512]],
    [509, 509, false, [128, 256, 509]],
    [30, 1024, false, [32]],
    [3, 4, false, [4]],
    [100, 100, true, [100]],
  ];
  for (const [longest, limit, packed, expected] of cases) {
    assert.deepEqual(lengthBuckets(longest, { limit, packed }), expected);
  }
});

Deno.test("longestRow() handles no rows", () => {
  assert.equal(longestRow(splitOf([])), 0);
  assert.equal(longestRow(splitOf([[1], [1, 2], []])), 2);
});

Deno.test("randomStream() gives uniform floats, unbiased integers and normal numbers", () => {
  const random = randomStream(11, 5);
  const n = 40_000;
  let sum = 0, squares = 0, uniform = 0;
  const counts = new Array<number>(6).fill(0);
  for (let i = 0; i < n; i++) {
    const x = random.nextNormal();
    sum += x;
    squares += x * x;
    uniform += random.nextFloat();
    counts[random.nextBelow(6)]!++;
  }
  assert.ok(Math.abs(sum / n) < 0.02, `mean ${sum / n}`);
  assert.ok(Math.abs(squares / n - 1) < 0.03, `variance ${squares / n}`);
  assert.ok(Math.abs(uniform / n - 0.5) < 0.01);
  for (const count of counts) assert.ok(Math.abs(count / n - 1 / 6) < 0.01);
});

Deno.test("randomStream() gives other numbers for other keys, however near", () => {
  const first = (...keys: number[]): number => randomStream(...keys).nextUint32();
  const keys = [[0], [1], [0, 0], [0, 1], [1, 0], [2 ** 32], [2 ** 40], [-1]];
  assert.equal(new Set(keys.map((key) => first(...key))).size, keys.length);
  assert.equal(first(42, 7), first(42, 7));
});

Deno.test("permutation() puts every element everywhere equally often", () => {
  const random = randomStream(1);
  const counts = new Int32Array(16);
  for (let i = 0; i < 8000; i++) {
    permutation(4, random).forEach((value, place) => counts[place * 4 + value]!++);
  }
  for (const count of counts) assert.ok(Math.abs(count - 2000) < 200, `${counts}`);
});
