/** The stages around labels, run as a pipeline: bad rows, annotations, folds. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readDataset, readDatasetInfo } from "../../lib/data/rows/dataset.ts";
import type { SummaryEntry } from "../../lib/pipeline/stage.ts";
import { STAGES } from "../../stages/mod.ts";
import { project } from "../pipeline/project.ts";

const ROWS = Array.from({ length: 30 }, (_, i) => `${i},row number ${i},${i % 2}\n`).join("");
const LABELS = Array.from({ length: 15 }, (_, i) => `${2 * i};v${i % 3}\n`).join("");

Deno.test("rows that cannot be read are rejected, the others annotated and divided into folds", async () => {
  await using p = await project({
    "a.csv": `id,text,label\n${ROWS}99,ragged\n`,
    "l.csv": `id;verdict\n${LABELS}777;x\n`,
    "p.yaml": `name: p
stages:
  rows: { uses: download, with: { from: a.csv, on_error: reject } }
  labels: { uses: download, with: { from: l.csv } }
  all: { uses: annotate, inputs: { data: rows, labels: labels }, with: { on: id } }
  said: { uses: annotate, inputs: { data: rows, labels: labels }, with: { on: [id], columns: { verdict: v }, unmatched: drop } }
  other: { uses: download, with: { from: l.csv, columns: { id: row, verdict: verdict } } }
  named: { uses: annotate, inputs: { data: rows, labels: other }, with: { on: { id: row } } }
  strict: { uses: annotate, inputs: { data: rows, labels: labels }, with: { on: id, unmatched: error } }
  folds:
    uses: split
    inputs: { data: said }
    with: { k_folds: 3, fold: 2, test: 0.2 }
`,
  });
  const told = await p.temper(["run", "p.yaml"], { context: { stages: STAGES } });
  const folder = (stage: string): string => join(p.runs, "latest/artifacts", stage);
  assert.match(
    await p.result("rows", "rejected.jsonl"),
    /"row":32,"reason":"this row has 2 fields/,
  );
  assert.deepEqual((await readDatasetInfo(folder("rows"))).dropped, { on_error: 1 });
  const all = (await readDataset(folder("all"))).splits.data!;
  assert.deepEqual([all.length, all[3]!.verdict, all[4]!.verdict], [30, null, "v2"]);
  // A key may be called otherwise, and is not taken over.
  assert.deepEqual(await readDataset(folder("named")), await readDataset(folder("all")));
  assert.deepEqual((await readDataset(folder("said"))).splits.data!.length, 15);
  const summaryOf = (stage: string): readonly SummaryEntry[] =>
    told.events.flatMap((event) =>
      event.type === "stage_end" && event.stage === stage ? event.summary ?? [] : []
    );
  assert.deepEqual(summaryOf("rows"), [{
    type: "rules",
    title: "left out by",
    rows: 31,
    rules: [{
      rule: "on_error",
      rows: 1,
      examples: [
        "a.csv:32: this row has 2 fields where the header has 3 (id, text, label); a field with a delimiter or a line end in it has to be in double quotes (line 32, column 1)",
      ],
    }],
  }]);
  assert.deepEqual(summaryOf("labels"), []);
  assert.deepEqual(summaryOf("all"), [
    {
      type: "note",
      text: "15 rows annotated; 15 of which nothing is said; 1 annotations of no row",
    },
    {
      type: "rules",
      title: "unmatched",
      rows: 30,
      rules: [
        { rule: "rows", rows: 15, examples: ['"1"', '"3"', '"5"'] },
        { rule: "annotations", rows: 1, of: 16, examples: ['"777"'] },
      ],
    },
  ]);
  assert.equal(told.outcomes.strict, "failed");
  assert.match(told.failures.strict!.what, /some rows have no annotation: 15 rows annotated/);
  const { splits } = await readDataset(folder("folds"));
  assert.deepEqual(Object.values(splits).map((rows) => rows.length), [8, 4, 3]);
  // What was counted stays in the records, and a cached stage tells it again.
  const record = JSON.parse(await Deno.readTextFile(join(p.runs, "latest/run.json")));
  assert.deepEqual(record.stages.all.summary, summaryOf("all"));
  const again = await p.temper(["run", "p.yaml"], { context: { stages: STAGES } });
  assert.equal(again.outcomes.all, "cached");
  const end = again.events.find((each) => each.type === "stage_end" && each.stage === "all");
  assert.deepEqual(end?.type === "stage_end" && end.summary, summaryOf("all"));
});
