import assert from "node:assert/strict";
import type { Row } from "../../lib/data/formats/columns.ts";
import { randomStream } from "../../lib/base/random.ts";
import { partSizes, type SplitOptions, splitRows } from "../../lib/data/rows/split/split_rows.ts";
import { SplitKeys } from "../../lib/data/rows/split/split_keys.ts";
import {
  chooseParts,
  type Folds,
  foldShares,
  splitStream,
} from "../../lib/data/rows/split/split_dataset.ts";
import type { Dataset } from "../../lib/data/rows/dataset.ts";
import { streamOf, written } from "../fixtures/row_stream.ts";

const base = { seed: 1, shuffle: true, column: "text" };

/** The indices of each part. */
function partsOf(rows: readonly Row[], options: SplitOptions): Record<string, number[]> {
  const keys = new SplitKeys(options);
  for (const row of rows) keys.add(row);
  return Object.fromEntries(
    Object.entries(splitRows(keys, options)).map(([name, own]) => [name, [...own]]),
  );
}

/** A dataset after its way through the stream. */
async function splitDataset(
  dataset: Dataset,
  options: SplitOptions & { source?: readonly string[]; folds?: Folds },
): Promise<{ dataset: Dataset; notes: string[] }> {
  const sink = await written();
  const { notes } = await splitStream(streamOf(dataset), options, sink);
  return { dataset: { columns: sink.columns, splits: sink.splits }, notes };
}

/** Rows with distinct texts. */
function distinct(count: number, more: (i: number) => Row = () => ({})): Row[] {
  return Array.from({ length: count }, (_, i) => ({ text: `text ${i}`, ...more(i) }));
}

Deno.test("splitRows() gives disjoint parts of exact sizes, for any shares and seed", () => {
  const random = randomStream(11);
  for (let round = 0; round < 200; round++) {
    const rows = distinct(random.nextBelow(120), (i) => ({ label: i % 3 }));
    const cuts = [random.nextFloat(), random.nextFloat()].sort();
    const parts = { a: cuts[0]!, b: cuts[1]! - cuts[0]!, c: 1 - cuts[1]! };
    const stratify = random.nextBelow(2) ? { stratify: "label" } : {};
    const options = { ...base, parts, seed: round, ...stratify };
    const result = partsOf(rows, options);
    const all = Object.values(result).flat().sort((x, y) => x - y);
    assert.deepEqual(all, rows.map((_, i) => i));
    Object.values(parts).forEach((share, i) => {
      const size = Object.values(result)[i]!.length;
      assert.ok(Math.abs(size - share * rows.length) < 1, `${size} for ${share} of ${rows.length}`);
    });
    assert.deepEqual(result, partsOf(rows, options), "the same seed gives the same parts");
  }
});

Deno.test("splitRows() never has one text in two parts, nor one group", () => {
  const random = randomStream(12);
  for (let round = 0; round < 100; round++) {
    const rows: Row[] = Array.from({ length: 60 }, () => ({
      text: [
        "a  b",
        " a b",
        "a\nb",
        `x${random.nextBelow(30)}`,
        `y${random.nextBelow(50)}`,
      ][random.nextBelow(5)]!,
      author: random.nextBelow(25),
    }));
    const group = round % 2 ? { group: "author" } : {};
    const parts = partsOf(rows, {
      ...base,
      parts: { a: 0.5, b: 0.3, c: 0.2 },
      seed: round,
      ...group,
    });
    const home = new Map<string, string>();
    for (const [part, indices] of Object.entries(parts)) {
      for (const i of indices) {
        const keys = [`t${String(rows[i]!.text).replace(/\s+/g, " ").trim()}`];
        if (round % 2) keys.push(`g${rows[i]!.author}`);
        for (const key of keys) {
          assert.equal(home.get(key) ?? part, part, key);
          home.set(key, part);
        }
      }
    }
    assert.equal(Object.values(parts).flat().length, rows.length);
  }
});

Deno.test("splitRows() comes as near to the sizes as copies allow", () => {
  // 20 copies of one text, and 80 others: everything still comes out even.
  const rows = [...distinct(80), ...Array.from({ length: 20 }, () => ({ text: "copy" }))];
  for (let seed = 0; seed < 20; seed++) {
    const parts = partsOf(rows, { ...base, parts: { train: 0.7, test: 0.3 }, seed });
    assert.equal(parts.train!.length, 70);
  }
  // Texts that are not there are no copies.
  const empty = Array.from({ length: 10 }, () => ({ text: "" }));
  assert.equal(partsOf(empty, { ...base, parts: { a: 0.5, b: 0.5 } }).a!.length, 5);
});

Deno.test("splitRows() stratifies: every stratum within a row of its share, sizes exact", () => {
  const random = randomStream(13);
  for (let round = 0; round < 60; round++) {
    const rows = distinct(30 + random.nextBelow(200), () => ({ label: random.nextBelow(5) ** 2 }));
    const shares = { train: 0.8, validation: 0.1, test: 0.1 };
    const parts = partsOf(rows, { ...base, parts: shares, seed: round, stratify: "label" });
    const sizes = partSizes(shares, rows.length);
    assert.deepEqual(Object.values(parts).map((part) => part.length), sizes);
    for (const label of new Set(rows.map((row) => row.label))) {
      const total = rows.filter((row) => row.label === label).length;
      Object.values(parts).forEach((part, p) => {
        const here = part.filter((i) => rows[i]!.label === label).length;
        assert.ok(
          Math.abs(here - total * sizes[p]! / rows.length) <= 1 + 1e-9,
          `${here} of ${total}`,
        );
      });
    }
  }
});

Deno.test("splitRows() without shuffle cuts the rows into stretches", () => {
  const parts = partsOf(distinct(10), { ...base, parts: { a: 0.6, b: 0.4 }, shuffle: false });
  assert.deepEqual(parts, { a: [0, 1, 2, 3, 4, 5], b: [6, 7, 8, 9] });
  assert.throws(
    () => partsOf(distinct(4), { ...base, parts: { a: 1 }, shuffle: false, stratify: "text" }),
    /cannot be stratified without shuffling/,
  );
});

Deno.test("splitRows() depends on the seed and mixes the rows", () => {
  const of = (seed: number): number[] =>
    partsOf(distinct(50), { ...base, parts: { a: 1 }, seed }).a!;
  assert.notDeepEqual(of(1), of(2));
  assert.notDeepEqual(of(1), of(1).toSorted((a, b) => a - b));
});

Deno.test("partSizes() takes fractions of 1 or numbers of rows", () => {
  const cases: [Record<string, number>, number, number[]][] = [
    [{ a: 0.8, b: 0.1, c: 0.1 }, 10, [8, 1, 1]],
    [{ a: 0.8, b: 0.1, c: 0.1 }, 7, [5, 1, 1]],
    [{ a: 1 / 3, b: 1 / 3, c: 1 / 3 }, 10, [4, 3, 3]],
    [{ a: 0.7, b: 0.2, c: 0.1 }, 10, [7, 2, 1]],
    [{ a: 1 }, 3, [3]],
    [{ a: 5, b: 1 }, 10, [5, 1]],
    [{ a: 0.5, b: 0.5 }, 0, [0, 0]],
  ];
  for (const [parts, count, sizes] of cases) assert.deepEqual(partSizes(parts, count), sizes);
  assert.throws(
    () => partSizes({ a: 0.8, b: 0.1 }, 10),
    /add up to 0.9: a 0.8, b 0.1.*add up to 1/,
  );
  assert.throws(() => partSizes({ a: 5, b: 0.5 }, 10), /mix fractions/);
  assert.throws(() => partSizes({ a: 8, b: 4 }, 10), /want 12 rows, and there are 10/);
  assert.throws(() => partSizes({}, 10), /no part is named/);
  for (const share of [-1, -1e254, NaN, Infinity, -Infinity]) {
    const parts = { a: share, b: 2 };
    assert.throws(() => partSizes(parts, 10), { name: "UserError", message: /less than nothing/ });
  }
});

Deno.test("splitDataset() puts splits together, or divides one and keeps the rest", async () => {
  const columns = [{ name: "text", type: "string" as const }];
  const train = distinct(10);
  const test = [{ text: "text 3" }, { text: "other" }];
  const dataset = { columns, splits: { train, test } };
  const all = await splitDataset(dataset, { ...base, parts: { a: 0.5, b: 0.5 } });
  assert.deepEqual(Object.values(all.dataset.splits).map((rows) => rows.length), [6, 6]);
  assert.match(all.notes.join(), /train, test of the input were put together/);

  const parts = { train: 6, validation: 2 };
  const kept = await splitDataset(dataset, { ...base, parts, source: ["train"] });
  assert.deepEqual(Object.keys(kept.dataset.splits), ["train", "validation", "test"]);
  assert.deepEqual(kept.dataset.splits.test, test);
  const texts = ["train", "validation"].flatMap((name) =>
    kept.dataset.splits[name]!.map((row) => row.text)
  );
  assert.ok(!texts.includes("text 3"), "a text of the kept test split is in no part");
  assert.deepEqual(kept.notes, [
    "1 rows dropped whose text is in a split that was kept",
    "1 rows left over",
  ]);

  const odd = await splitDataset(
    { columns, splits: { train, toString: test } },
    { ...base, parts: { a: 1 }, source: ["train"] },
  );
  assert.deepEqual(Object.keys(odd.dataset.splits), ["a", "toString"], "no part of that name");

  await assert.rejects(
    () => splitDataset(dataset, { ...base, parts, source: ["trian"] }),
    /did you mean "train"/,
  );
  await assert.rejects(
    () => splitDataset(dataset, { ...base, parts: { test: 1 }, source: ["train"] }),
    /carried over/,
  );
});

Deno.test("chooseParts() has the usual shares where none are named", () => {
  assert.deepEqual(chooseParts({ train: undefined }, undefined), {
    train: 0.8,
    validation: 0.1,
    test: 0.1,
  });
  assert.deepEqual(chooseParts({ train: 0.9, test: 0.1 }, undefined), { train: 0.9, test: 0.1 });
  assert.deepEqual(chooseParts({}, { a: 1 }), { a: 1 });
  assert.throws(() => chooseParts({ train: 1 }, { a: 1 }), /both/);
});

Deno.test("rows without a group are groups of their own, and it is said", async () => {
  const rows = distinct(40, (i) => ({ author: i % 2 ? null : "ann" }));
  const columns = ["text", "author"].map((name) => ({ name, type: "string" as const }));
  const parts = { a: 0.5, b: 0.5 };
  const { dataset, notes } = await splitDataset({ columns, splits: { data: rows } }, {
    ...base,
    parts,
    group: "author",
  });
  assert.deepEqual(Object.values(dataset.splits).map((own) => own.length), [20, 20]);
  assert.deepEqual(notes, ['20 rows without a "author" are groups of their own']);
});

Deno.test("parts by time are stretches of it, the past in the first; copies go with the earliest", async () => {
  const days = [5, 1, 4, 2, 3, 9, 7, 8, 6, 10];
  const rows = days.map((day) => ({
    text: day === 10 ? "text 1" : `text ${day}`,
    day: `2024-01-${String(day).padStart(2, "0")}`,
  }));
  const columns = ["text", "day"].map((name) => ({ name, type: "string" as const }));
  const options = { ...base, shuffle: false, time: "day", parts: { train: 0.6, test: 0.4 } };
  const { dataset } = await splitDataset({ columns, splits: { data: rows } }, options);
  const found = Object.values(dataset.splits).map((own) =>
    own.map(({ day }) => Number(String(day).slice(8)))
  );
  assert.deepEqual(found, [[1, 2, 3, 4, 5, 10], [6, 7, 8, 9]]);
  const bad = [...rows, { text: "x", day: "soon" }];
  await assert.rejects(
    splitDataset({ columns, splits: { data: bad } }, options),
    /row 10 has "soon" in the column "day", which is no time/,
  );
});

Deno.test("folds are the same whichever is for validation, and each row is in one of them", async () => {
  const rows = distinct(53, (i) => ({ label: i % 3 }));
  const columns = [{ name: "text", type: "string" as const }, {
    name: "label",
    type: "int" as const,
  }];
  const seen: unknown[] = [];
  const tests = new Set<string>();
  for (let fold = 0; fold < 5; fold++) {
    const folds = { count: 5, fold, test: 0.2 };
    const { dataset: { splits } } = await splitDataset({ columns, splits: { data: rows } }, {
      ...base,
      parts: foldShares(folds),
      stratify: "label",
      folds,
    });
    assert.deepEqual(Object.keys(splits), ["train", "validation", "test"]);
    seen.push(...splits.validation!.map(({ text }) => text));
    tests.add(JSON.stringify(splits.test));
    const all = Object.values(splits).flat().map(({ text }) => text);
    assert.deepEqual(all.toSorted(), rows.map(({ text }) => text).toSorted());
  }
  assert.equal(tests.size, 1, "the part that is kept apart is the same");
  assert.equal(new Set(seen).size, seen.length);
  assert.equal(seen.length, 53 - JSON.parse([...tests][0]!).length);
});
