/** Every stage of data tells how far it is, by rows and bytes, in one count that goes up to the end. */
import assert from "node:assert/strict";
import type { Row } from "../../lib/data/formats/columns.ts";
import { Passes } from "../../lib/data/rows/row_progress.ts";
import annotate from "../../stages/annotate.ts";
import download from "../../stages/download.ts";
import filter from "../../stages/filter.ts";
import split from "../../stages/split.ts";
import { runRowsStage } from "../fixtures/rows_stage.ts";
import type { Told } from "../fixtures/stage_context.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const ROWS = 3000;
const rows = (count: number): Row[] =>
  Array.from({ length: count }, (_, id) => ({ id, text: `the text of row ${id % 2900}` }));

/** Whether what was told goes up to the end without a jump; it returns how often the second measure was told. */
function assertSteady(
  { progress, also }: Told,
  { unit, total }: { unit: string; total?: number },
): number {
  assert.ok(progress.length > 0, "nothing was told");
  const last = progress.at(-1)!;
  assert.deepEqual(last, [last[1], last[1], unit], "the end is told");
  if (total !== undefined) assert.equal(last[1], total);
  let before = 0;
  for (const [done, of, told] of progress) {
    assert.deepEqual([of, told], [last[1], unit]);
    assert.ok(done >= before && done <= of, `${before} -> ${done}`);
    before = done;
  }
  for (let i = 1; i < also.length; i++) assert.ok(also[i]!.done >= also[i - 1]!.done);
  return also.length;
}

Deno.test("filter, split and annotate count rows over all of their passes, beside bytes", async () => {
  const data = rows(ROWS);
  const labels = {
    role: "labels",
    splits: { data: rows(2000).map(({ id = null }) => ({ id, l: "x" })) },
  };
  const cases: [string, unknown, Record<string, unknown>, number][] = [
    ["filter", filter, { min_length: 3 }, ROWS],
    ["filter", filter, { near: {}, shuffle: true, limit: 100 }, ROWS],
    ["filter", filter, { shuffle: true }, ROWS],
    ["split", split, {}, ROWS],
    ["split", split, { source: ["data"], k_folds: 3, fold: 1 }, ROWS],
    ["annotate", annotate, { on: "id" }, ROWS + 2000],
  ];
  for (const [name, stage, options, total] of cases) {
    const { told } = await runRowsStage(stage, {
      options,
      splits: { data },
      ...(name === "annotate" && { more: labels }),
    });
    assert.equal(assertSteady(told, { unit: "rows", total }), told.progress.length, name);
    assert.ok(told.progress.length > 3, `${name} ${JSON.stringify(options)}: told too seldom`);
    const bytes = told.also.at(-1)!;
    assert.ok(bytes.unit === "bytes" && bytes.done > 3000, JSON.stringify(bytes));
  }
});

Deno.test("split counts rows that are carried over", async () => {
  const { told } = await runRowsStage(split, {
    options: { source: ["train"], train: 0.9, validation: 0.1 },
    splits: { train: rows(1000), test: rows(600) },
  });
  assertSteady(told, { unit: "rows", total: 1600 });
});

Deno.test("download counts the bytes of files that are read twice once, and rows beside them", async () => {
  const folder = await temporaryDirectory();
  const csv = ["id,text", ...rows(20_000).map(({ id, text }) => `${id},${text}`)].join("\n");
  await Deno.writeTextFile(`${folder}/a.csv`, csv);
  await Deno.writeTextFile(`${folder}/b.csv`, csv);
  await Deno.writeTextFile(`${folder}/a.txt`, csv);
  for (const [from, size] of [["*.csv", 2 * csv.length], ["a.txt", csv.length]] as const) {
    const { told } = await runRowsStage(download, { options: { from }, baseDir: folder });
    assertSteady(told, { unit: "bytes", total: size });
    const { done, unit } = told.also.at(-1)!;
    assert.deepEqual([done, unit], [from === "a.txt" ? 20_001 : 40_000, "rows"]);
    // The pass that finds the types is told, too, and has no rows yet.
    assert.equal(told.also.length < told.progress.length, from !== "a.txt");
  }
  const limited = await runRowsStage(download, {
    options: { from: "*.csv", limit: 5 },
    baseDir: folder,
  });
  assertSteady(limited.told, { unit: "bytes", total: 2 * csv.length });
});

Deno.test("download tells no total of bytes where a server does not announce one, and one over all sources", async () => {
  const body = JSON.stringify(rows(2000));
  let announces = true;
  await using server = Deno.serve({ port: 0, onListen: () => {} }, ({ url, method }) => {
    const pieces = new Blob([body]).stream();
    const headers = new Headers({ etag: `"${new URL(url).pathname}"` });
    if (announces) headers.set("content-length", String(body.length));
    return new Response(method === "HEAD" ? null : pieces, { headers });
  });
  const url = `http://localhost:${server.addr.port}`;
  for (const known of [true, false]) {
    announces = known;
    const from = [`${url}/${known}/a.json`, `${url}/${known}/b.json`];
    const { told } = await runRowsStage(download, { options: { from } });
    const all = 2 * body.length;
    const fetched = told.progress.slice(
      0,
      told.progress.findIndex(([done, total], i) =>
        i > 0 && total === all && done < told.progress[i - 1]![0]
      ),
    );
    assert.ok(fetched.length >= 2);
    assert.ok(fetched.every(([, total]) => total === (known ? all : 0)), JSON.stringify(fetched));
    assert.equal(fetched.at(-1)![0], all);
    for (let i = 1; i < fetched.length; i++) assert.ok(fetched[i]![0] >= fetched[i - 1]![0]);
  }
});

Deno.test("Passes weighs each pass, and is told often enough and not more", () => {
  const told: number[] = [];
  const passes = new Passes(10_000, { weights: [3, 1], tell: (done) => told.push(done) });
  for (let i = 0; i < 10_000; i++) passes.add(1);
  assert.ok(told.length > 30 && told.length < 50);
  assert.equal(told.at(-1), 7487);
  passes.next();
  passes.part(0.5);
  passes.end();
  assert.deepEqual(told.slice(-2), [8750, 10_000]);
  // Of no rows.
  const none = new Passes(0, { weights: [1], tell: (done, total) => told.push(done, total) });
  none.end();
  assert.deepEqual(told.slice(-2), [0, 0]);
});
