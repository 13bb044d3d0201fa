import assert from "node:assert/strict";
import { type Augmented, type AugmentOptions, augmentRows } from "../../lib/data/rows/augment.ts";
import type { Dataset } from "../../lib/data/rows/dataset.ts";
import { streamOf, written } from "../fixtures/row_stream.ts";

const columns = [
  { name: "text", type: "string" as const },
  { name: "label", type: "int" as const },
];

const base: AugmentOptions = {
  ...{ column: "text", source: ["train"], rates: { swap: 0.3 }, apply: "all", copies: 1 },
  ...{ keepOriginal: true, provenance: "augmented", seed: 1 },
  synonymsOf: (word) => [`${word}ish`],
};

const SENTENCES = [
  "the white whale swam past the old ship",
  "nobody on board had ever seen one",
  "call me Ishmael",
  "some years ago never mind how long precisely",
];

const data: Dataset = {
  columns,
  splits: {
    train: SENTENCES.map((text, label) => ({ text, label })),
    test: [{ text: "a test of nothing but words", label: 9 }],
  },
};

async function augmented(
  options: Partial<AugmentOptions>,
  { dataset = data, size = 7 }: { dataset?: Dataset; size?: number } = {},
): Promise<Augmented & { dataset: Dataset }> {
  const sink = await written();
  const result = await augmentRows(streamOf(dataset, size), { ...base, ...options }, sink);
  return { ...result, dataset: { columns: sink.columns, splits: sink.splits } };
}

Deno.test("augmentRows() writes copies after their rows, with the other columns, of the train part alone", async () => {
  const { dataset, rows, copies, equal } = await augmented({ copies: 2 });
  assert.deepEqual([rows, copies, equal], [4, 8, 0]);
  assert.deepEqual(dataset.columns, [...columns, { name: "augmented", type: "string" }]);
  const { train, test } = dataset.splits;
  assert.deepEqual(test, [{ ...data.splits.test![0], augmented: "none" }]);
  assert.deepEqual(train!.map(({ label }) => label), [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
  assert.deepEqual(
    train!.map(({ augmented }) => augmented),
    Array.from({ length: 4 }, () => ["none", "swap", "swap"]).flat(),
  );
  for (const [i, row] of train!.entries()) {
    const own = SENTENCES[Math.floor(i / 3)]!;
    if (i % 3 === 0) assert.equal(row.text, own);
    else {
      assert.notEqual(row.text, own);
      assert.deepEqual(String(row.text).split(" ").toSorted(), own.split(" ").toSorted());
    }
  }
});

Deno.test("the same row gives the same copies, whatever the batches, the other rows and the other rules", async () => {
  const options = { copies: 3, rates: { synonyms: 0.2, deletion: 0.3 } };
  const whole = await augmented(options);
  for (const size of [1, 2, 1000]) {
    assert.deepEqual((await augmented(options, { size })).dataset, whole.dataset);
  }
  const [first, ...others] = data.splits.train!;
  const changed = { columns, splits: { extra: others, train: [first!] } };
  const alone = await augmented(options, { dataset: changed });
  assert.deepEqual(alone.dataset.splits.train, whole.dataset.splits.train!.slice(0, 4));
  // A rule draws for itself: one more after it changes nothing that it did.
  const one = await augmented({ rates: { synonyms: 0.2 } });
  const two = await augmented({ rates: { synonyms: 0.2, insertion: 0.2 } });
  const replaced = (text: unknown): string[] =>
    String(text).split(" ").filter((w) => w.endsWith("ish"));
  one.dataset.splits.train!.forEach(({ text }, i) => {
    const more = replaced(two.dataset.splits.train![i]!.text);
    assert.ok(replaced(text).every((word) => more.includes(word)), `${text}: ${more}`);
  });
  assert.notDeepEqual((await augmented({ ...options, seed: 2 })).dataset, whole.dataset);
});

Deno.test("the provenance names the rules that changed a text, in their order", async () => {
  const rates = { deletion: 0.3, swap: 0.2, insertion: 0.2, synonyms: 0.2 };
  const all = await augmented({ rates });
  const marks = all.dataset.splits.train!.map(({ augmented }) => augmented);
  assert.ok(marks.includes("synonyms+insertion+swap+deletion"), marks.join());
  assert.deepEqual(all.changed.synonyms, 4);
  assert.equal(all.examples.length, 3);
  assert.equal(all.examples[0]!.from, SENTENCES[0]);
  // A rule that found nothing to change is not named.
  const none = await augmented({ rates, synonymsOf: () => [] });
  for (const { augmented } of none.dataset.splits.train!) {
    assert.match(String(augmented), /^(none|swap|swap\+deletion)$/);
  }
  const turns = await augmented({ rates, apply: "in_turn", copies: 4 });
  for (const { augmented } of turns.dataset.splits.train!) {
    assert.doesNotMatch(String(augmented), /\+/);
  }
  assert.deepEqual([turns.changed.synonyms, turns.changed.insertion, turns.changed.swap], [
    4,
    4,
    4,
  ]);
  // With fewer copies than rules the turns go on over the rows.
  const spread = await augmented({ rates: { synonyms: 0.2, swap: 0.2 }, apply: "in_turn" });
  assert.deepEqual(spread.changed, { synonyms: 2, swap: 2 });
});

Deno.test("a copy that would be its row, or another copy, is left out and counted", async () => {
  const dataset = {
    columns,
    splits: {
      train: [
        { text: "two words", label: 0 },
        { text: "alone", label: 1 },
        { text: "", label: 2 },
        { text: null, label: 3 },
        { text: "...", label: 4 },
      ],
    },
  };
  const { dataset: { splits }, copies, equal, rows } = await augmented({ copies: 5 }, { dataset });
  // Of two words one other order; five odd swaps, or it is the row again.
  assert.deepEqual([rows, copies, equal], [5, 1, 19]);
  assert.deepEqual(splits.train!.map(({ text }) => text), [
    ...["two words", "words two", "alone", "", null, "..."],
  ]);
  const copiesAlone = await augmented({ copies: 5, keepOriginal: false }, { dataset });
  assert.deepEqual(
    copiesAlone.dataset.splits.train!.map(({ text, augmented }) => [text, augmented]),
    [
      ["words two", "swap"],
      ["alone", "none"],
      ["", "none"],
      [null, "none"],
      ["...", "none"],
    ],
    "a row without a copy stays",
  );
});

Deno.test("a copy that would be there already is drawn again", async () => {
  const train = Array.from({ length: 20 }, () => ({ text: "one two three", label: 0 }));
  const { copies } = await augmented({ copies: 3 }, { dataset: { columns, splits: { train } } });
  // Of three words one swap gives three texts: at the first draw two thirds of the second copies are new.
  assert.ok(copies >= 50, `${copies}`);
});

Deno.test("without a rate rows get their provenance, and nothing else", async () => {
  const { dataset, copies, equal } = await augmented({ rates: { swap: 0 } });
  assert.deepEqual([copies, equal], [0, 0]);
  assert.deepEqual(dataset.splits.train!.map(({ text }) => text), SENTENCES);
});

Deno.test("what cannot be augmented is told with the remedy", async () => {
  await assert.rejects(augmented({ column: "txt" }), /no column "txt".*did you mean "text"/);
  await assert.rejects(augmented({ column: "label" }), /the column "label" is int/);
  await assert.rejects(augmented({ provenance: "label" }), /a column "label" already.*provenance/);
  await assert.rejects(augmented({ source: ["tarin"] }), /no split "tarin".*did you mean "train"/);
  const dataset = { columns, splits: { data: data.splits.train! } };
  await assert.rejects(augmented({}, { dataset }), /no split "train".*divide the rows/);
  const all = await augmented({ source: ["data"] }, { dataset });
  assert.equal(all.copies, 4);
});
