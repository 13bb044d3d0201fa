/** What a stage says of its progress is passed on seldom, whether or not it knows its total. */
import assert from "node:assert/strict";
import { ReportBounds } from "../../lib/pipeline/sandbox/bounds.ts";
import { MARK, parseLine, type Report } from "../../lib/pipeline/sandbox/protocol.ts";
import { run } from "../../lib/pipeline/sandbox/tasks.ts";
import { defineStage, type StageDefinition, z } from "../../lib/pipeline/mod.ts";

const TIMES = 100_000;

/** Runs a stage in this process; returns what it reports. */
async function reportsOf(work: StageDefinition["run"]): Promise<Report[]> {
  const reports: Report[] = [];
  const stage = defineStage({
    ...{ doc: "Tells.", inputs: {}, output: "texts", options: z.object({}), run: work },
  });
  await run(stage as StageDefinition, {
    request: {
      ...{ task: "run", inputs: {}, lists: {}, output: "", options: {}, seed: 1, sources: null },
      ...{ device: "cpu", threads: 1, offline: true, env: [], places: {} },
    },
    signal: new AbortController().signal,
    report: (report) => void reports.push(report),
  });
  return reports;
}

Deno.test("progress without a total is no flood, and its last figures arrive", async () => {
  const reports = await reportsOf(({ progress }) => {
    for (let i = 1; i <= TIMES; i++) progress(i, 0, "rows", { done: 10 * i, unit: "bytes" });
    return Promise.resolve();
  });
  assert.ok(reports.length < 1000, `${reports.length} reports`);
  assert.deepEqual(reports.at(-1), {
    ...{ type: "progress", done: TIMES, total: 0, unit: "rows" },
    also: { done: 10 * TIMES, unit: "bytes" },
  });
  const passed: Report[] = [];
  const bounds = new ReportBounds((report) => void passed.push(report));
  for (let i = 1; i <= TIMES; i++) {
    bounds.take({ type: "progress", done: i, total: 0, unit: "rows" });
  }
  assert.ok(passed.length < 1000, `${passed.length} were passed on`);
});

Deno.test("a second measure is finite, of bounded size and of its form, or is left out", async () => {
  const [odd] = await reportsOf(({ progress }) => {
    progress(1, 2, "rows", { done: NaN, unit: "bytes" });
    return Promise.resolve();
  });
  assert.deepEqual(odd, { type: "progress", done: 1, total: 2, unit: "rows" });
  const passed: Report[] = [];
  new ReportBounds((report) => void passed.push(report)).take({
    ...{ type: "progress", done: 1, total: 2, unit: "rows" },
    also: { done: 1, unit: "u".repeat(10_000) },
  });
  assert.ok(JSON.stringify(passed).length < 500);
  const message = (also: unknown): string =>
    MARK + JSON.stringify({ type: "progress", done: 1, total: 2, unit: "rows", also });
  assert.ok(parseLine(message({ done: 1, unit: "bytes" })).message !== undefined);
  for (const also of [{}, { done: "1", unit: "bytes" }, { done: 1 }, "bytes", null]) {
    assert.equal(parseLine(message(also)).message, undefined, JSON.stringify(also));
  }
});
