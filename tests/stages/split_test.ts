import assert from "node:assert/strict";
import split from "../../stages/split.ts";
import { runRowsStage } from "../fixtures/rows_stage.ts";

const rows = (count: number): { text: string; label: number; author: string }[] =>
  Array.from(
    { length: count },
    (_, i) => ({ text: `text ${i}`, label: i % 2, author: `by ${i % 7}` }),
  );

async function sizes(
  options: Record<string, unknown>,
  splits = { data: rows(40) } as Record<string, ReturnType<typeof rows>>,
): Promise<Record<string, number>> {
  const { dataset } = await runRowsStage(split, { options, splits });
  return Object.fromEntries(
    Object.entries(dataset.splits).map(([name, part]) => [name, part.length]),
  );
}

Deno.test("split: shares are fractions, counts or parts of any name", async () => {
  assert.deepEqual(await sizes({}), { train: 32, validation: 4, test: 4 });
  assert.deepEqual(await sizes({ train: 0.75, test: 0.25 }), { train: 30, test: 10 });
  assert.deepEqual(await sizes({ train: 20, validation: 5 }), { train: 20, validation: 5 });
  assert.deepEqual(await sizes({ parts: { a: 0.5, b: 0.5 } }), { a: 20, b: 20 });
  await assert.rejects(sizes({ train: 0.8 }), /add up to 0\.8.*add up to 1/);
  await assert.rejects(sizes({ train: 0.999, test: 0.001 }), /the part "test" has no rows/);
});

Deno.test("split: seed, shuffle, stratify, group and column decide who goes where", async () => {
  const of = async (options: Record<string, unknown>, seed = 1): Promise<ReturnType<typeof rows>> =>
    (await runRowsStage(split, { options, splits: { data: rows(40) }, seed })).dataset.splits
      .train as ReturnType<typeof rows>;
  assert.deepEqual(await of({}), await of({}));
  assert.notDeepEqual(await of({}, 1), await of({}, 2));
  assert.deepEqual(await of({ seed: 2 }, 1), await of({}, 2));
  assert.deepEqual(await of({ shuffle: false }), rows(32));
  assert.equal((await of({ stratify: "label" })).filter(({ label }) => label === 1).length, 16);
  const authors = new Set(
    (await of({ train: 0.5, test: 0.5, group: "author" })).map(({ author }) => author),
  );
  assert.ok(authors.size < 7);
  const same = new Set(
    (await of({ train: 0.5, test: 0.5, column: "author" })).map(({ author }) => author),
  );
  assert.ok(same.size < 7);
});

Deno.test("split: an input that is split is put together, or divided in one place", async () => {
  const splits = { train: rows(20), test: rows(30).slice(20) };
  assert.deepEqual(await sizes({ train: 0.5, test: 0.5 }, splits), { train: 15, test: 15 });
  assert.deepEqual(await sizes({ train: 0.9, validation: 0.1, source: ["train"] }, splits), {
    train: 18,
    validation: 2,
    test: 10,
  });
});

Deno.test("split: missing columns are named, with those that are there", async () => {
  for (const option of ["column", "stratify", "group"]) {
    await assert.rejects(
      sizes({ [option]: "labl" }),
      /no column "labl".*did you mean "label".*text, label, author/,
    );
  }
});
