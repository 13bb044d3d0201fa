import assert from "node:assert/strict";
import { randomStream } from "../../lib/base/random.ts";
import type { Row } from "../../lib/data/formats/columns.ts";
import {
  type Divided,
  type DivideOptions,
  foldShares,
  splitStream,
} from "../../lib/data/rows/split/split_dataset.ts";
import { jaccardSimilarity } from "../../lib/text/duplicates/shingles.ts";
import { streamOf, written } from "../fixtures/row_stream.ts";

const base = { seed: 1, shuffle: true, column: "text", parts: {} };
const columns = [{ name: "text", type: "string" as const }];

type Splits = Readonly<Record<string, readonly (string | null)[]>>;

/** Texts by split after their way through the stream, in batches of some size. */
async function divided(
  splits: Splits,
  options: Partial<DivideOptions>,
  size = 7,
): Promise<Divided & { splits: Record<string, Row[]> }> {
  const rows = Object.entries(splits).map(([name, texts]) =>
    [name, texts.map((text) => ({ text }))] as const
  );
  const sink = await written();
  const stream = streamOf({ columns, splits: Object.fromEntries(rows) }, size);
  try {
    const result = await splitStream(stream, { ...base, ...options }, sink);
    return { ...result, splits: sink.splits };
  } finally {
    assert.deepEqual([...Deno.readDirSync(sink.folder)], [], "nothing is left in the folder");
  }
}

/** A text of random words. */
function sentence(random: ReturnType<typeof randomStream>, words = 60): string {
  return Array.from({ length: words }, () => `w${random.nextBelow(5000)}`).join(" ");
}

/** The same text with its last words changed: about 0.85 alike in shingles of 5 words. */
function nearly(text: string, words = 4): string {
  const all = text.split(" ");
  return [...all.slice(0, -words), ...Array.from({ length: words }, (_, i) => `x${i}`)].join(" ");
}

const report = { action: "report" as const };

Deno.test("leakage between splits that came divided is counted, exact and near, and each row once", async () => {
  const random = randomStream(5);
  const train = Array.from({ length: 20 }, () => sentence(random));
  const splits = {
    test: [
      `  ${train[3]!.replace(" ", "\n")} `,
      sentence(random),
      nearly(train[4]!),
      nearly(train[4]!).toUpperCase(),
    ],
    train,
    validation: [nearly(train[5]!), sentence(random), train[6]!],
    unsupervised: [sentence(random)],
  };
  const { leakage, notes, sizes, splits: after } = await divided(splits, {
    source: [],
    leakage: report,
  });
  assert.equal(leakage!.rows, 5);
  assert.equal(
    leakage!.report,
    "3 rows of test are in train (1 exactly, 2 nearly), 2 rows of validation are in train (1 exactly, 1 nearly)",
  );
  assert.deepEqual(notes, [`leakage: ${leakage!.report}`]);
  // Nothing was divided, and what was there is as it was.
  assert.deepEqual(sizes, { test: 4, train: 20, validation: 3, unsupervised: 1 });
  assert.deepEqual(after.test!.map(({ text }) => text), splits.test);
  // Of each two parts there is an example, with places.
  assert.match(
    leakage!.examples[0]!,
    /^"w.*…" \(row 0 of test\) in test is the same as "w.*…" \(row 3 of train\) in train$/,
  );
  assert.match(leakage!.examples[1]!, /\(row 0 of validation\) in validation is nearly .*row 5 of/);
  assert.match(leakage!.examples[2]!, /\(row 2 of test\) in test is nearly "w.*row 4 of train/);
  assert.equal(leakage!.examples.length, 3);
});

Deno.test("without leakage the report says so, and an error is none", async () => {
  const random = randomStream(6);
  const splits = { train: [sentence(random), sentence(random)], test: [sentence(random)] };
  const { leakage } = await divided(splits, { source: [], leakage: { action: "error" } });
  assert.deepEqual(leakage, {
    rows: 0,
    report: "no text is in two of train, test, nor nearly",
    examples: [],
  });
});

Deno.test("leakage is between all parts, and of parts without `train` as well", async () => {
  const random = randomStream(7);
  const a = [sentence(random), sentence(random)];
  const splits = { a, b: [nearly(a[0]!)], c: [`${a[1]!} `, nearly(a[0]!)] };
  const { leakage } = await divided(splits, { source: [], leakage: report });
  assert.equal(
    leakage!.report,
    "1 row of b is in a (nearly), 2 rows of c are in a (1 exactly, 1 nearly)",
  );
  // What is in no part before its own but one is counted for that one.
  const later = { train: [sentence(random)], b: [a[0]!], c: [a[0]!, nearly(a[0]!)] };
  const found = await divided(later, { source: [], leakage: report });
  assert.equal(found.leakage!.report, "2 rows of c are in b (1 exactly, 1 nearly)");
});

Deno.test("a row is like another by itself, not through a third", async () => {
  const random = randomStream(8);
  const first = sentence(random, 100);
  const second = nearly(first, 8);
  const third = second.split(" ").map((word, i) => i < 8 ? `y${i}` : word).join(" ");
  const like = (a: string, b: string): number => jaccardSimilarity([a, b], { ngram: 5 });
  assert.ok(like(first, second) > 0.8 && like(second, third) > 0.8 && like(first, third) < 0.8);
  const splits = { train: [first], validation: [second], test: [third] };
  const { leakage } = await divided(splits, { source: [], leakage: report });
  assert.equal(
    leakage!.report,
    "1 row of validation is in train (nearly), 1 row of test is in validation (nearly)",
  );
});

Deno.test("rows without a text are no copies of each other", async () => {
  const splits = { train: [null, "", " "], test: ["", null, "\n"] };
  const options = { source: [], leakage: report };
  assert.equal((await divided(splits, options)).leakage!.rows, 0);
  const together = await divided({ data: [...splits.train, ...splits.test] }, {
    parts: { train: 0.5, test: 0.5 },
    leakage: { action: "prevent" },
  });
  assert.deepEqual(together.sizes, { train: 3, test: 3 });
});

Deno.test("what is divided is compared with itself, and with what was carried over", async () => {
  const random = randomStream(9);
  const texts = Array.from({ length: 40 }, () => sentence(random));
  const data = [...texts, ...texts.slice(0, 20).map((text) => nearly(text))];
  const parts = { train: 0.5, validation: 0.5 };
  const alone = await divided({ data }, { parts, leakage: report });
  // Of twenty pairs about a half is torn apart.
  assert.ok(alone.leakage!.rows > 3 && alone.leakage!.rows < 17, alone.leakage!.report);
  assert.match(alone.leakage!.report, /^\d+ rows of validation are in train \(nearly\)$/);
  assert.match(alone.leakage!.examples[0]!, /row \d+ of data\) in validation is nearly/);
  for (const size of [1, 13, 1000]) {
    const again = await divided({ data }, { parts, leakage: report }, size);
    assert.deepEqual(again.leakage, alone.leakage);
  }

  const test = [nearly(texts[30]!), sentence(random)];
  const carried = await divided({ test, data: texts.slice(20) }, {
    parts: { train: 1, validation: 0 },
    source: ["data"],
    leakage: report,
  });
  assert.equal(carried.leakage!.report, "1 row of test is in train (nearly)");
  assert.match(
    carried.leakage!.examples[0]!,
    /row 0 of test\) in test is .*row 10 of data\) in train/,
  );
});

Deno.test("leakage: error tells how many rows, where, and what to do", async () => {
  const random = randomStream(10);
  const train = [sentence(random), sentence(random)];
  await assert.rejects(
    divided({ train, test: [nearly(train[1]!)] }, { source: [], leakage: { action: "error" } }),
    {
      name: "UserError",
      message:
        /1 row of test is in train \(nearly\); for instance "w.*row 0 of test.*row 1 of train.*leakage: prevent/,
    },
  );
});

Deno.test("leakage: prevent keeps what is nearly the same in one part, sizes as near as that allows", async () => {
  const random = randomStream(11);
  const texts = Array.from({ length: 100 }, () => sentence(random));
  const data = texts.flatMap((text, i) =>
    i % 4 === 0 ? [text, nearly(text), nearly(text, 3)] : [text]
  );
  const parts = { train: 0.8, validation: 0.1, test: 0.1 };
  for (let seed = 0; seed < 5; seed++) {
    const { leakage, notes, sizes, splits } = await divided({ data }, {
      ...{ parts, seed, leakage: { action: "prevent" } },
    });
    assert.equal(leakage!.rows, 0, leakage!.report);
    assert.deepEqual(sizes, { train: 120, validation: 15, test: 15 });
    assert.ok(
      notes.includes("50 rows kept together with others of nearly their text"),
      notes.join(),
    );
    const all = Object.values(splits).flat().map(({ text }) => text);
    assert.deepEqual(all.toSorted(), data.toSorted(), "no row is lost");
  }
  // Stretches in order keep a cluster together, too.
  const order = await divided({ data: [texts[0]!, texts[1]!, nearly(texts[0]!), texts[2]!] }, {
    ...{ parts: { train: 0.5, test: 0.5 }, shuffle: false, leakage: { action: "prevent" } },
  });
  assert.deepEqual(order.splits.train!.map(({ text }) => text), [texts[0], nearly(texts[0]!)]);
});

Deno.test("leakage: prevent holds for folds, and beside groups, strata and time", async () => {
  const random = randomStream(15);
  const rows: Row[] = Array.from({ length: 60 }, () => sentence(random)).flatMap((text, i) => [
    { text, author: `a${i % 20}`, label: i % 2, day: i },
    { text: nearly(text), author: `b${i}`, label: i % 2, day: 100 + i },
  ]);
  const more = [
    { name: "author", type: "string" as const },
    { name: "label", type: "int" as const },
    { name: "day", type: "int" as const },
  ];
  const leaksOf = async (options: Partial<DivideOptions>): Promise<number> => {
    const sink = await written();
    const { leakage } = await splitStream(
      streamOf({ columns: [...columns, ...more], splits: { data: rows } }),
      { ...base, ...options },
      sink,
    );
    assert.equal(Object.values(sink.splits).flat().length, rows.length);
    return leakage!.rows;
  };
  const folds = { count: 4, fold: 2, test: 0.2 };
  const parts = { train: 0.6, validation: 0.2, test: 0.2 };
  for (
    const options of [
      { folds, parts: foldShares(folds) },
      { parts, group: "author" },
      { parts, stratify: "label" },
      { parts, time: "day", shuffle: false },
    ]
  ) {
    assert.equal(await leaksOf({ ...options, leakage: { action: "prevent" } }), 0);
    assert.ok(await leaksOf({ ...options, leakage: report }) > 0);
  }
});

Deno.test("leakage: prevent drops rows that are nearly one of a split that is carried over", async () => {
  const random = randomStream(12);
  const texts = Array.from({ length: 20 }, () => sentence(random));
  const test = [texts[0]!, nearly(texts[1]!), sentence(random)];
  const { notes, sizes, splits, leakage } = await divided({ train: texts, test }, {
    parts: { train: 0.5, validation: 0.5 },
    source: ["train"],
    leakage: { action: "prevent" },
  });
  assert.deepEqual(sizes, { train: 9, validation: 9, test: 3 });
  assert.deepEqual(notes.slice(0, 2), [
    "1 rows dropped whose text is in a split that was kept",
    "1 rows dropped whose text is nearly in a split that was kept",
  ]);
  assert.equal(leakage!.rows, 0);
  const kept = [...splits.train!, ...splits.validation!].map(({ text }) => text);
  assert.deepEqual(kept.toSorted(), texts.slice(2).toSorted());
});

Deno.test("threshold, ngram and permutations say what is nearly the same", async () => {
  const random = randomStream(13);
  const text = sentence(random, 40);
  const splits = { train: [text], test: [nearly(text, 8)] };
  const rows = async (near: object): Promise<number> =>
    (await divided(splits, { source: [], leakage: { ...report, near } })).leakage!.rows;
  assert.equal(await rows({}), 0);
  assert.equal(await rows({ threshold: 0.6 }), 1);
  assert.equal(await rows({ threshold: 0.65, ngram: 1 }), 1);
  await assert.rejects(rows({ threshold: 0.1, permutations: 16 }), /permutations don't find/);
});

Deno.test("one part alone has nothing to leak into", async () => {
  await assert.rejects(
    divided({ data: ["a"] }, { source: [], leakage: report }),
    /nothing to compare for leakage: all rows are in "data"/,
  );
});

Deno.test("leakage of many planted pairs is found, among boilerplate too", async () => {
  const random = randomStream(14);
  // Pages of one template, less alike than the threshold, whose bands often agree.
  const frame = sentence(random, 60);
  const page = (): string => `${frame} ${sentence(random, 12)}`;
  const train = Array.from({ length: 600 }, page);
  const test = Array.from({ length: 200 }, (_, i) => i < 100 ? nearly(train[i * 6]!, 2) : page());
  const options = { source: [], leakage: { ...report, near: { threshold: 0.9 } } };
  const { leakage } = await divided({ train, test }, options, 1000);
  const real =
    test.filter((text) =>
      train.some((other) => jaccardSimilarity([text, other], { ngram: 5 }) >= 0.9)
    ).length;
  assert.ok(leakage!.rows >= 0.95 * real && leakage!.rows <= real, `${leakage!.rows} of ${real}`);
});
