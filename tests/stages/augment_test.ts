import assert from "node:assert/strict";
import { join } from "node:path";
import { readDataset } from "../../lib/data/rows/dataset.ts";
import type { StageDefinition } from "../../lib/pipeline/stage.ts";
import augment from "../../stages/augment.ts";
import { STAGES } from "../../stages/mod.ts";
import { runRowsStage, type StageResult } from "../fixtures/rows_stage.ts";
import { project } from "../pipeline/project.ts";

const TEXTS = [
  "The movie was good and the actors were wonderful.",
  "A terrible film: nobody should watch it!",
  "I loved the story, but the music was awful.",
  "GREAT fun from the beginning to the end",
];

const train = TEXTS.map((text, label) => ({ text, label, other: `other ${label} words here` }));

const run = (
  options: Record<string, unknown>,
  { seed = 1, splits = { train, test: train.slice(0, 1) } }: {
    seed?: number;
    splits?: Record<string, typeof train>;
  } = {},
): Promise<StageResult> => runRowsStage(augment, { options, splits, seed });

const textsOf = async (...given: Parameters<typeof run>): Promise<unknown[]> =>
  (await run(...given)).dataset.splits.train!.map(({ text }) => text);

Deno.test("augment: each rule, with a rate of its own", async () => {
  const counts: Record<string, number[]> = {};
  for (const rule of ["synonyms", "insertion", "swap", "deletion"]) {
    const { dataset, notes, logs } = await run({ [rule]: 0.3 });
    const copies = dataset.splits.train!.filter(({ augmented }) => augmented !== "none");
    assert.ok(copies.every(({ augmented }) => augmented === rule));
    assert.match(notes[0]!, new RegExp(`^4 rows of train; [34] copies, changed by ${rule} [34]`));
    assert.ok(logs.some((line) => line.startsWith(`${rule}, for instance: "The movie was good`)));
    counts[rule] = copies.map(({ text, label }) =>
      String(text).split(" ").length - TEXTS[Number(label)]!.split(" ").length
    );
    assert.deepEqual(dataset.splits.test!.map(({ augmented }) => augmented), ["none"]);
  }
  assert.ok(counts.insertion!.every((more) => more > 0));
  assert.ok(counts.swap!.every((more) => more === 0));
  assert.ok(counts.deletion!.every((more) => more < 0));
  const nothing = await run({});
  assert.match(nothing.notes[0]!, /^4 rows of train; 0 copies; no rule has a rate$/);
  assert.deepEqual(nothing.dataset.splits.train!.map(({ text }) => text), TEXTS);
});

Deno.test("augment: synonyms are WordNet's, stop words stay", async () => {
  const [, copy] = await textsOf({ synonyms: 1 });
  assert.match(String(copy), /^The .+ was .+ and the .+ were .+\.$/);
  assert.doesNotMatch(String(copy), /movie|good|wonderful/);
});

Deno.test("augment: copies, keep_original, apply, column, source, provenance and seed", async () => {
  assert.equal((await textsOf({ swap: 0.2 })).length, 8);
  assert.equal((await textsOf({ swap: 0.2, copies: 3 })).length, 16);
  assert.equal(
    (await textsOf({ swap: 0.2, copies: 3, keep_original: false })).length,
    12,
  );
  const marks = async (options: Record<string, unknown>): Promise<unknown[]> =>
    (await run({ swap: 0.2, deletion: 0.4, copies: 2, ...options })).dataset.splits.train!
      .map((row) => row[String(options.provenance ?? "augmented")]);
  assert.ok((await marks({})).includes("swap+deletion"));
  assert.ok(!(await marks({ apply: "in_turn" })).includes("swap+deletion"));
  assert.ok((await marks({ provenance: "made_by" })).includes("swap+deletion"));
  const other = await run({ swap: 0.5, column: "other" });
  assert.deepEqual(other.dataset.splits.train![1]!.text, TEXTS[0]);
  assert.notDeepEqual(other.dataset.splits.train![1]!.other, train[0]!.other);
  const both = await run({ swap: 0.5, source: ["train", "test"] });
  assert.equal(both.dataset.splits.test!.length, 2);
  assert.match(both.notes[0]!, /^5 rows of train, test; 5 copies/);
  assert.notDeepEqual(await textsOf({ swap: 0.2 }), await textsOf({ swap: 0.2 }, { seed: 2 }));
  assert.deepEqual(
    await textsOf({ swap: 0.2, seed: 2 }),
    await textsOf({ swap: 0.2 }, { seed: 2 }),
  );
});

Deno.test("augment: rates are from 0 to 1, copies from 1", () => {
  const { options } = augment as unknown as StageDefinition;
  for (
    const bad of [{ swap: 1.1 }, { synonyms: -1 }, { copies: 0 }, { copies: 1.5 }, { source: [] }]
  ) {
    assert.equal(options.safeParse(bad).success, false, JSON.stringify(bad));
  }
});

Deno.test("augment: in a pipeline, between split and what trains; the check for leakage sees a wrong order", async () => {
  const words = "whale ship sea captain story island harbour storm sailor voyage".split(" ");
  const rows = Array.from({ length: 60 }, (_, i) => {
    const own = Array.from(
      { length: 24 },
      (_, at) => `${words[(i * at + at) % 10]}${(i * 31 + at * 7) % 89}`,
    );
    return `${own.join(" ")} good movie,${i % 2}\n`;
  }).join("");
  await using p = await project({
    "a.csv": `text,label\n${rows}`,
    "p.yaml": `name: p
stages:
  rows: { uses: download, with: { from: a.csv } }
  parts: { uses: split, inputs: { data: rows }, with: { train: 0.8, test: 0.2 } }
  more: { uses: augment, inputs: { data: parts }, with: { synonyms: 0.05, copies: 2 } }
  sound: { uses: split, inputs: { data: more }, with: { source: [], leakage: error } }
  early: { uses: augment, inputs: { data: rows }, with: { source: [data], synonyms: 0.05 } }
  mixed: { uses: split, inputs: { data: early }, with: { leakage: error } }
`,
  });
  const told = await p.temper(["run", "p.yaml"], { context: { stages: STAGES } });
  const folder = (stage: string): string => join(p.runs, "latest/artifacts", stage);
  assert.equal(told.failures.more?.what, undefined);
  const { splits } = await readDataset(folder("more"));
  assert.equal(splits.test!.length, 12);
  assert.ok(splits.train!.length > 2 * 48, `${splits.train!.length}`);
  assert.ok(
    splits.train!.some(({ text }) => /(?:good|well) (?:film|flick|pic)/.test(String(text))),
  );
  assert.equal(told.failures.sound?.what, undefined);
  assert.equal(told.outcomes.mixed, "failed");
  assert.match(
    told.failures.mixed!.what,
    /^parts leak into each other: \d+ rows of validation are in train/,
  );
});
