import assert from "node:assert/strict";
import { permutation, randomStream } from "../../lib/base/random.ts";
import { groupByLength, rowOrder } from "../../lib/train/loop/row_order.ts";
import { ARGUMENTS, splitOf } from "./fixture.ts";

/** transformers' get_length_grouped_indices: lengths, batch size, torch's permutation, result. */
const TABLE: [number[], number, number[], number[]][] = [
  [[5, 6, 9, 1, 8, 4, 1, 3, 2, 6], 2, [7, 4, 6, 1, 3, 5, 9, 8, 2, 0], [
    2,
    7,
    1,
    6,
    5,
    3,
    9,
    8,
    4,
    0,
  ]],
  [[8, 4, 7, 9, 2, 4, 1, 4, 7, 5, 3, 7, 3, 2, 3, 8, 3], 3, [
    16,
    2,
    13,
    5,
    7,
    6,
    14,
    10,
    11,
    0,
    12,
    4,
    3,
    1,
    8,
    9,
    15,
  ], [3, 16, 13, 5, 7, 6, 11, 14, 10, 0, 12, 4, 2, 8, 1, 15, 9]],
  [[3, 1, 1, 4, 4], 4, [1, 3, 0, 4, 2], [3, 4, 0, 1, 2]],
  [[3, 3, 5, 6, 4, 9, 4, 3, 4, 7, 5, 1, 6, 7, 3, 3, 5, 2, 6, 5, 1, 6, 2], 2, [
    8,
    5,
    14,
    20,
    9,
    7,
    21,
    3,
    17,
    2,
    16,
    6,
    19,
    1,
    11,
    18,
    0,
    10,
    22,
    4,
    13,
    15,
    12,
  ], [5, 8, 14, 20, 9, 21, 3, 7, 2, 16, 6, 17, 18, 19, 1, 11, 10, 4, 0, 22, 13, 12, 15]],
  [[5, 6, 5, 8, 6, 3, 8], 1, [5, 0, 3, 1, 2, 6, 4], [3, 0, 5, 1, 2, 6, 4]],
];

Deno.test("groupByLength() orders rows as transformers' LengthGroupedSampler", () => {
  for (const [lengths, batchSize, order, expected] of TABLE) {
    const got = groupByLength(Int32Array.from(order), { lengths, batchSize });
    assert.deepEqual([...got], expected);
  }
  assert.deepEqual([...groupByLength(new Int32Array(0), { lengths: [], batchSize: 2 })], []);
});

Deno.test("groupByLength() sorts in stretches of at most 50 batches", () => {
  const lengths = Array.from({ length: 430 }, (_, row) => row * 7 % 13);
  const order = permutation(430, randomStream(1));
  const grouped = groupByLength(order, { lengths, batchSize: 2 });
  assert.deepEqual([...grouped].sort((a, b) => a - b), [...order.keys()]);
  const rises = [...grouped.keys()].slice(1)
    .filter((i) => i > 1 && lengths[grouped[i]!]! > lengths[grouped[i - 1]!]!);
  assert.ok(rises.every((i) => i % 100 <= 1), `${rises}`);
});

Deno.test("rowOrder() heeds data_seed, group_by_length and the rows of a step", () => {
  const split = splitOf(Array.from({ length: 24 }, (_, i) => Array(1 + i * 5 % 7).fill(1)));
  const orders = [
    {},
    { seed: 1 },
    { seed: 1, data_seed: 42 },
    { group_by_length: true },
    { group_by_length: true, gradient_accumulation_steps: 5 },
  ].map((given) =>
    String(
      rowOrder(split, {
        args: { ...ARGUMENTS, per_device_train_batch_size: 2, ...given },
        epoch: 1,
      }),
    )
  );
  assert.equal(orders[0], orders[2]);
  assert.equal(new Set(orders).size, 4);
});
