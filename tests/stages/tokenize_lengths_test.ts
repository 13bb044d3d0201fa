/** How long texts are: in tokens.json, and in the summary of a run. */
import assert from "node:assert/strict";
import { LengthCounts } from "../../lib/tokenizers/dataset/length_counts.ts";
import { wrap } from "../../lib/report/terminal/text.ts";
import { makeTokenizer, makeWrappingTokenizer, texts, tokenize } from "./tokenizing.ts";

const summaryOf = (lengths: readonly number[]): ReturnType<LengthCounts["summary"]> => {
  const counts = new LengthCounts();
  for (const length of lengths) counts.add(length);
  return counts.summary();
};

Deno.test("lengths of texts come to their least, middle, mean, most and a histogram", () => {
  assert.equal(summaryOf([]), undefined);
  assert.deepEqual(summaryOf([7]), {
    ...{ min: 7, median: 7, mean: 7, p90: 7, p99: 7, max: 7 },
    histogram: [{ from: 7, to: 8, count: 1 }],
  });
  const hundred = summaryOf(Array.from({ length: 100 }, (_, i) => i + 1))!;
  const { histogram, ...figures } = hundred;
  assert.deepEqual(figures, { min: 1, median: 50, mean: 50.5, p90: 90, p99: 99, max: 100 });
  assert.deepEqual(histogram[0], { from: 0, to: 10, count: 9 });
  assert.deepEqual(histogram.at(-1), { from: 100, to: 101, count: 1 });
  // One text that is far longer than all others has a bin of its own.
  const tailed = summaryOf([...Array.from({ length: 300 }, (_, i) => 1 + i % 30), 100_000])!;
  assert.deepEqual(tailed.histogram.length, 17);
  assert.deepEqual(tailed.histogram.at(-1), { from: 32, to: 100_001, count: 1 });
  const table = [[1, 2], [3, 90_000, 17], [1000, 1001, 1019], [5, 5, 5, 1_000_000_000]];
  for (const lengths of table) {
    const summary = summaryOf(lengths)!;
    assert.ok(summary.histogram.length <= 22);
    assert.equal(summary.histogram.reduce((sum, { count }) => sum + count, 0), lengths.length);
    for (const [i, { from, to, count }] of summary.histogram.entries()) {
      assert.equal(lengths.filter((length) => length >= from && length < to).length, count);
      if (i > 0) assert.equal(summary.histogram[i - 1]!.to, from);
    }
  }
});

Deno.test("tokens.json has the lengths of each split's texts, before anything is cut", async () => {
  const splits = { train: texts("bcdf", "gj", "", "kqvxz"), test: texts("b") };
  const cut = await tokenize(splits, { max_length: 3 }, { tokenizer: await makeTokenizer() });
  const { train, test } = cut.tokens.info.splits;
  const { histogram, ...figures } = train!.lengths!;
  assert.deepEqual(figures, { min: 2, median: 4, mean: 3.67, p90: 5, p99: 5, max: 5 });
  assert.deepEqual(histogram.map(({ from, count }) => [from, count]), [[2, 1], [3, 0], [4, 1], [
    5,
    1,
  ]]);
  assert.equal(test!.lengths!.max, 1);
  assert.deepEqual(cut.notes.slice(1), [
    "train: 3 texts of 2 to 5 tokens, median 4, mean 3.67, p90 5, p99 5 █·██",
    "test: 1 text of 1 token",
  ]);
  // What stands around texts counts, and so it does with packing.
  const tokenizer = await makeWrappingTokenizer();
  const around = await tokenize(splits, {}, { tokenizer });
  assert.equal(around.tokens.info.splits["test"]!.lengths!.max, 3);
  const packed = await tokenize(splits, { packing: true, max_length: 3 }, { tokenizer });
  assert.equal(packed.tokens.info.splits["train"]!.lengths!.max, 7);
  const empty = await tokenize({ train: texts("b"), test: texts("") }, {}, { tokenizer });
  assert.equal(empty.tokens.info.splits["test"]!.lengths, undefined);
});

Deno.test("lengths fit terminals of 120, 80 and 40 columns, and their bars are never torn", async () => {
  const rows = texts(...Array.from({ length: 1500 }, (_, i) => "bcdfgjkqvxz".repeat(1 + i % 97)));
  const { notes } = await tokenize({ train: rows }, {}, { tokenizer: await makeTokenizer() });
  const note = notes[1]!;
  assert.match(
    note,
    /^train: 1,500 texts of 11 to 1,067 tokens, median [\d,]+, mean [\d.,]+, p90 [\d,]+, p99 [\d,]+ \S{10,22}$/,
  );
  for (const [width, lines] of [[120, 2], [80, 2], [40, 4]] as const) {
    const wrapped = wrap(note, Math.max(20, Math.min(width, 100) - 4));
    assert.ok(wrapped.length <= lines && wrapped.every((line) => line.length <= width - 4), note);
    assert.ok(wrapped.some((line) => line.endsWith(note.split(" ").at(-1)!)));
  }
});
