import assert from "node:assert/strict";
import type { StageDefinition } from "../../lib/pipeline/stage.ts";
import split from "../../stages/split.ts";
import { runRowsStage, type StageResult } from "../fixtures/rows_stage.ts";

const WORDS = "a white whale swam past the ship at dawn and nobody on board had seen one before";

/** Texts of which the second of each pair is nearly the first. */
const pairs = (count: number, first = 0): { text: string }[] =>
  Array.from({ length: count }, (_, i) => first + i).flatMap((i) => {
    const text = `${
      WORDS.split(" ").map((word, at) => `${word}${(i + 1) * at % 97}`).join(" ")
    } ${i}`;
    return [{ text }, { text: `${text} indeed` }];
  });

const run = (
  options: Record<string, unknown>,
  splits: Record<string, { text: string }[]>,
): Promise<StageResult> => runRowsStage(split, { options, splits });

const mistakes = (options: Record<string, unknown>): string =>
  (split as unknown as StageDefinition).options.safeParse(options).error?.issues
    .map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ") ?? "none";

const misuse = (options: Record<string, unknown>): string =>
  split.check!({ options: split.options.parse(options), inputs: ["data"], counts: { data: 1 } })
    ?.what ?? "none";

Deno.test("split: leakage counts, fails or prevents; without it nothing is said", async () => {
  const data = { data: pairs(20) };
  const parts = { train: 0.5, test: 0.5 };
  const silent = await run(parts, data);
  assert.deepEqual(silent.notes, ["train 20, test 20"]);
  const told = await run({ ...parts, leakage: "report" }, data);
  assert.match(
    told.notes[0]!,
    /^train 20, test 20; leakage: \d+ rows of test are in train \(nearly\)$/,
  );
  assert.deepEqual(told.dataset, silent.dataset, "to report changes no row");
  assert.equal(told.logs.filter((line) => line.startsWith("leakage, for instance: ")).length, 3);
  await assert.rejects(run({ ...parts, leakage: "error" }, data), /parts leak into each other/);
  const prevented = await run({ ...parts, leakage: "prevent" }, data);
  assert.deepEqual(prevented.notes, [
    "train 20, test 20; 20 rows kept together with others of nearly their text; " +
    "leakage: no text is in two of train, test, nor nearly",
  ]);
});

Deno.test("split: source: [] checks splits that came divided, and leaves them as they are", async () => {
  const [train, test] = [pairs(3), [...pairs(1, 2), ...pairs(2, 5)]];
  const { notes, dataset } = await run({ source: [], leakage: "report" }, { train, test });
  assert.deepEqual(notes, [
    "train 6, test 6; leakage: 2 rows of test are in train (exactly)",
  ]);
  assert.deepEqual(dataset.splits, { train, test });
  const far = { threshold: 1, ngram: 1, permutations: 16 };
  const near = { train: pairs(1).slice(0, 1), test: pairs(1).slice(1) };
  assert.match(
    (await run({ source: [], leakage: "report", near: far }, near)).notes[0]!,
    /no text/,
  );
  assert.match((await run({ source: [], leakage: "report" }, near)).notes[0]!, /1 row of test is/);
});

Deno.test("split: what leaks is taken out of one split by dividing it into itself, as the error says", async () => {
  const [train, test] = [pairs(6), pairs(2, 2)];
  const error = await run({ source: [], leakage: "error" }, { train, test })
    .catch((error: Error) => error.message);
  const options = { source: ["train"], train: 1, shuffle: false, leakage: "prevent" };
  assert.match(String(error), /source: \[train\], train: 1, shuffle: false, leakage: prevent/);
  const { dataset, notes } = await run(options, { train, test });
  assert.deepEqual(dataset.splits, { train: [...train.slice(0, 4), ...train.slice(8)], test });
  assert.match(notes[0]!, /^train 8, test 4; 4 rows dropped whose text is in .*no text is in two/);
});

Deno.test("split: options that would do nothing beside leakage or source: [] are refused", () => {
  assert.equal(mistakes({ leakage: "report", near: { threshold: 0.7 } }), "none");
  assert.match(mistakes({ near: { threshold: 0.7 } }), /^near: left out, or go with leakage/);
  assert.match(mistakes({ source: [] }), /^source: a split to divide, or go with leakage/);
  assert.match(mistakes({ source: [], leakage: "prevent" }), /^source: a split to divide/);
  assert.match(mistakes({ leakage: "yes" }), /^leakage: /);
  assert.equal(misuse({ source: [], leakage: "error" }), "none");
  for (
    const idle of [
      { train: 1 },
      { validation: 1 },
      { test: 0.5 },
      { parts: { a: 1 } },
      { stratify: "label" },
      { group: "author" },
      { time: "day" },
      { shuffle: false },
      { seed: 3 },
      { k_folds: 5, fold: 1 },
    ]
  ) {
    const name = Object.keys(idle)[0]!;
    assert.equal(
      misuse({ source: [], leakage: "error", ...idle }),
      `the option ${name} does nothing beside source: []`,
    );
  }
});
