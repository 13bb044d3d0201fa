/** Datasets mixed: in turn as `datasets.interleave_datasets` does, by weights, or one below the other. */
import assert from "node:assert/strict";
import { randomStream } from "../../lib/base/random.ts";
import { inferColumns, type Row } from "../../lib/data/formats/columns.ts";
import { type MixedInput, type MixOptions, mixRows } from "../../lib/data/rows/mix.ts";
import { expectedTurns, type StoppingStrategy, turns } from "../../lib/data/rows/turns.ts";
import { streamOf, written } from "../fixtures/row_stream.ts";

/** The turns as rows: `a0` is the first of the first dataset. */
function rowsOf(lengths: number[], stopping: StoppingStrategy, probabilities?: number[]): string {
  const at = lengths.map(() => 0);
  const rows: string[] = [];
  for (const turn of turns(lengths, { stopping, probabilities, random: randomStream(7) })) {
    rows.push(`${"abc"[turn]}${at[turn]!++ % lengths[turn]!}`);
  }
  return rows.join(" ");
}

Deno.test("turns() without probabilities are rounds, as in the documentation of interleave_datasets", () => {
  const lengths = [3, 4, 3];
  assert.equal(rowsOf(lengths, "first_exhausted"), "a0 b0 c0 a1 b1 c1 a2 b2 c2");
  assert.equal(rowsOf(lengths, "all_exhausted"), "a0 b0 c0 a1 b1 c1 a2 b2 c2 a0 b3 c0");
  assert.equal(
    rowsOf(lengths, "all_exhausted_without_replacement"),
    "a0 b0 c0 a1 b1 c1 a2 b2 c2 b3",
  );
  assert.equal(rowsOf([1, 1], "first_exhausted"), "a0 b0");
});

Deno.test("turns() with probabilities end at once, and are as frequent as they say", () => {
  for (
    const stopping of [
      "first_exhausted",
      "all_exhausted",
      "all_exhausted_without_replacement",
    ] as const
  ) {
    const rows = rowsOf([30, 4, 50], stopping, [0.6, 0.1, 0.3]).split(" ");
    const own = (letter: string): string[] => rows.filter((row) => row.startsWith(letter));
    const ends = [["a", 30], ["b", 4], ["c", 50]] as const;
    const over = ends.filter(([letter, length]) => own(letter).length >= length);
    if (stopping === "first_exhausted") {
      assert.equal(over.length, 1, "one is exhausted");
      assert.equal(rows.at(-1), `${over[0]![0]}${over[0]![1] - 1}`, "and that was the last row");
    } else assert.equal(over.length, 3);
    if (stopping === "all_exhausted_without_replacement") assert.equal(new Set(rows).size, 84);
    if (stopping !== "all_exhausted_without_replacement") assert.ok(rows.length > 20);
    for (const [letter] of ends) {
      // Each in its own order.
      const numbers = own(letter).map((row) => Number(row.slice(1)));
      numbers.slice(1).forEach((number, i) =>
        assert.ok(number === numbers[i]! + 1 || number === 0)
      );
    }
  }
  const counts = [0, 0, 0];
  const lengths = [1e5, 1e5, 1e5];
  const options = { stopping: "first_exhausted", probabilities: [0.5, 0.2, 0.3] } as const;
  for (const turn of turns(lengths, { ...options, random: randomStream(3) })) counts[turn]!++;
  assert.equal(counts[0], 1e5);
  assert.ok(Math.abs(counts[1]! / 4e4 - 1) < 0.05 && Math.abs(counts[2]! / 6e4 - 1) < 0.05);
  const expected = expectedTurns(lengths, options);
  const all = counts.reduce((sum, count) => sum + count);
  assert.ok(Math.abs(expected / all - 1) < 0.05);
});

const texts = (name: string, count: number): Row[] =>
  Array.from({ length: count }, (_, i) => ({ text: `${name}${i}` }));

/** A dataset of these rows. */
function input(name: string, splits: Record<string, Row[]>): MixedInput {
  const columns = inferColumns(Object.values(splits).flat());
  return { name, stream: streamOf({ columns, splits }) };
}

/** What comes of mixing. */
async function mix(
  inputs: MixedInput[],
  options: MixOptions,
): Promise<Awaited<ReturnType<typeof written>> & { shares: unknown }> {
  const sink = await written();
  const shares = await mixRows(inputs, options, { open: sink.open });
  return { ...sink, columns: sink.columns, shares };
}

const drawn = (probabilities: number[], seed = 1): MixOptions => ({
  method: "interleave",
  probabilities,
  stopping: "all_exhausted",
  seed,
});

Deno.test("mixRows() mixes split by split, and gives a split that one lacks to the others", async () => {
  const a = input("a", { train: texts("a", 20), test: texts("t", 2) });
  const b = input("b", { train: texts("b", 9), dev: texts("d", 3), none: [] });
  const c = input("c", { train: texts("c", 9) });
  const { splits, shares } = await mix([a, b, c], drawn([0.5, 0.25, 0.25]));
  assert.deepEqual(Object.keys(splits), ["train", "test", "dev", "none"]);
  assert.deepEqual(splits.none, [], "a split that one alone has may be empty");
  assert.deepEqual(splits.test, texts("t", 2));
  assert.deepEqual(splits.dev, texts("d", 3));
  const seen = new Set(splits.train!.map(({ text }) => text));
  assert.equal(seen.size, 38, "all are read to their end");
  const rows = Object.values(shares as Record<string, { rows: number }[]>)[0]!;
  assert.equal(rows.reduce((sum, share) => sum + share.rows, 0), splits.train!.length);
  // The same seed, the same rows; the batches that they come in do not matter.
  const again = await mix(
    [
      {
        ...a,
        stream: streamOf({
          columns: a.stream.columns,
          splits: { train: texts("a", 20), test: texts("t", 2) },
        }, 3),
      },
      b,
      c,
    ],
    drawn([0.5, 0.25, 0.25]),
  );
  assert.deepEqual(again.splits, splits);
  assert.notDeepEqual((await mix([a, b, c], drawn([0.5, 0.25, 0.25], 2))).splits, splits);
});

Deno.test("mixRows() puts datasets below one another, also those without rows", async () => {
  const a = input("a", { data: [] });
  const b = input("b", { data: [{ text: "b", label: 1 }] });
  const { splits, columns } = await mix([b, a, input("c", { data: texts("c", 9000) })], {
    method: "concatenate",
  });
  assert.deepEqual(columns, [{ name: "text", type: "string" }, { name: "label", type: "int" }]);
  assert.deepEqual(splits.data!.slice(0, 2), [{ text: "b", label: 1 }, {
    text: "c0",
    label: null,
  }]);
  assert.equal(splits.data!.length, 9001);
});

Deno.test("mixRows() refuses what does not go together", async () => {
  const a = input("a", { data: [{ text: "a", n: 1 }] });
  const cases: [MixedInput, MixOptions, RegExp][] = [
    [
      input("b", { data: [{ n: "1" }] }),
      { method: "concatenate" },
      /column "n" is int in a and string in b.*types: \{ n: \.\.\. \}/,
    ],
    [
      input("b", { train: texts("b", 1) }),
      { method: "concatenate" },
      /a was never split, and b has the splits train/,
    ],
    [input("b", { data: [] }), drawn([0.5, 0.5]), /split "data" of b has no rows/],
    [input("b", { data: texts("b", 1) }), drawn([1 - 1e-12, 1e-12]), /about 1\.0e\+12 rows/],
  ];
  for (const [b, options, expected] of cases) {
    await assert.rejects(mix([a, b], options), expected);
  }
  const labels = (...names: string[]): MixedInput => ({
    name: names[0]!,
    stream: streamOf({
      columns: [{ name: "l", type: "int", names }],
      splits: { data: [{ l: 0 }] },
    }),
  });
  await assert.rejects(
    mix([labels("no", "yes"), labels("yes", "no")], { method: "concatenate" }),
    /the classes of column "l" are no, yes in no and yes, no in yes/,
  );
  const time = (utc: boolean): MixedInput => ({
    name: String(utc),
    stream: streamOf({
      columns: [{ name: "t", type: "timestamp", unit: "ms", utc }],
      splits: { data: [{ t: null }] },
    }),
  });
  await assert.rejects(
    mix([time(true), time(false)], { method: "concatenate" }),
    /is timestamp in ms with a zone in true and timestamp in ms without a zone in false/,
  );
});
