/** What a causal model learns from a batch. */
import assert from "node:assert/strict";
import { collate } from "../../lib/data/tokens/batch.ts";
import type { TokenRows } from "../../lib/data/tokens/rows.ts";
import {
  type CausalBatch,
  causalBatch,
  nextTokenTargets,
  tokenLabels,
} from "../../lib/train/loop/causal_batch.ts";
import { splitOf } from "./fixture.ts";

function batchOf(
  split: TokenRows,
  options: { rows: number[]; batchSize: number; length: number },
): CausalBatch {
  return causalBatch(collate(split, { ...options, lengths: [options.length] }));
}

Deno.test("tokens are their own labels, and padding has none, whatever it is filled with", () => {
  const split = splitOf([[5, 6, 7], [8], [9, 10]], { pad: 10 });
  const batch = batchOf(split, { rows: [2, 0], batchSize: 3, length: 4 });
  assert.deepEqual(
    [...batch.labels],
    [9, 10, -100, -100, 5, 6, 7, -100, -100, -100, -100, -100],
  );
  assert.deepEqual([batch.rows, batch.tokens, batch.predicted], [2, 5, 3]);
  assert.deepEqual([...batch.rowPredicted], [1, 2, 0]);
  assert.deepEqual(
    [...nextTokenTargets(batch)],
    [10, -100, -100, -100, 6, 7, -100, -100, -100, -100, -100, -100],
  );
  assert.deepEqual([...batch.columns.input_ids.data].slice(0, 4), [9, 10, 10, 10]);
});

Deno.test("labels that are given per token are used", () => {
  const split = splitOf([[5, 6, 7], [8, 9]], { labels: [-100, -100, 7, -100, 9] });
  const batch = batchOf(split, { rows: [0, 1], batchSize: 2, length: 3 });
  assert.deepEqual([...batch.labels], [-100, -100, 7, -100, 9, -100]);
  assert.equal(batch.predicted, 2);
});

Deno.test("a class per row is no label of its tokens, even where a row has one token", () => {
  const split = splitOf([[5, 6, 7], [8, 9]], { labels: [0, 1], per: "row" });
  const batch = batchOf(split, { rows: [1], batchSize: 1, length: 3 });
  assert.deepEqual([...batch.labels], [8, 9, -100]);
  assert.deepEqual([...tokenLabels(splitOf([[8], [9]], { labels: [0, 1], per: "row" }))], [8, 9]);
});

Deno.test("labels of other lengths than their rows are refused", () => {
  const { rows, columns } = splitOf([[5, 6, 7], [8, 9]]);
  const labels = { ...columns.input_ids, offsets: Float64Array.of(0, 2, 5) };
  assert.throws(() => tokenLabels({ rows, columns: { ...columns, labels } }), /of other lengths/);
});
