/** Progress as a person reads it: two measures, a time left that holds still, every width. */
import assert from "node:assert/strict";
import type { RunEvent } from "../../lib/pipeline/run/events.ts";
import { columnsOf } from "../../lib/report/terminal/columns.ts";
import { progressLine, progressText } from "../../lib/report/terminal/progress.ts";
import { newRunState, type StageState, update } from "../../lib/report/terminal/state.ts";
import { liveReporter, plainReporter, type Screen } from "../../lib/report/terminal/terminal.ts";
import { formatAmount, formatLeft, styleFor } from "../../lib/report/terminal/text.ts";

const START = Date.parse("2026-01-02T03:04:05.000Z");
const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString();

type Told = readonly [seconds: number, done: number, also?: number];

/** A stage of which this was told. */
function stageOf(
  told: readonly Told[],
  { total = 1_000_000, unit = "rows" }: { total?: number; unit?: string } = {},
): { stage: StageState; now: number } {
  const run = newRunState();
  for (const [seconds, done, also] of told) {
    update(run, {
      ...{ type: "progress", time: at(seconds), stage: "s", done, total, unit },
      ...(also === undefined ? {} : { also: { done: also, unit: "bytes" } }),
    });
  }
  return { stage: run.stages.get("s")!, now: START + 1000 * told.at(-1)![0] };
}

const BOTH: readonly Told[] = [[0, 0, 0], [10, 100_000, 52e6]];

Deno.test("progress tells both measures, both rates and the time left, and less in a narrow line", () => {
  const { stage, now } = stageOf(BOTH, { total: 900_000 });
  const whole = "100000/900000 rows (11%), 52.0 MB, 10000 rows/s, 5.2 MB/s, 1 min 20 s left";
  assert.equal(progressText(stage, now), whole);
  const lines = [120, 90, 75, 60, 40, 30, 20].map((room) => progressLine(stage, { room, now }));
  assert.deepEqual(lines, [
    `██░░░░░░░░░░░░░░ ${whole}`,
    "██░░░░░░░░░░░░░░ 100000/900000 rows (11%), 52.0 MB, 10000 rows/s, 1 min 20 s left",
    "█░░░░░░░ 100000/900000 rows (11%), 52.0 MB, 10000 rows/s, 1 min 20 s left",
    "100000/900000 rows (11%), 10000 rows/s, 1 min 20 s left",
    "█░░░░░░░ 11%, 1 min 20 s left",
    "█░░░░░░░ 11%, 1 min 20 s left",
    "11%",
  ]);
});

Deno.test("without a total there are counts and rates, and no time left", () => {
  const { stage, now } = stageOf(BOTH, { total: 0 });
  assert.equal(progressText(stage, now), "100000 rows, 52.0 MB, 10000 rows/s, 5.2 MB/s");
  assert.equal(progressLine(stage, { room: 30, now }), "100000 rows, 10000 rows/s");
  assert.equal(progressLine(stage, { room: 3, now }), "100000 rows");
});

Deno.test("the time left is absent until it means something, and at the end", () => {
  const left = (...told: Told[]): boolean => / left$/.test(progressText(...pair(stageOf(told))));
  assert.ok(!left([0, 0], [2, 1000]), "two seconds");
  assert.ok(left([0, 0], [2, 1000], [4, 2000]));
  assert.ok(!left([0, 5000], [4, 5000]), "nothing was done");
  assert.ok(!left([0, 0], [10, 1_000_000]), "all was done");
});

function pair({ stage, now }: { stage: StageState; now: number }): [StageState, number] {
  return [stage, now];
}

Deno.test("the time left goes down steadily where rows come in bursts", () => {
  // A row group of 50,000 rows every two seconds, of which every fourth takes twice as long.
  const told: Told[] = [];
  let seconds = 0;
  for (let group = 0; group <= 20; group++) {
    told.push([seconds, group * 50_000]);
    seconds += group % 4 === 3 ? 4 : 2;
  }
  let before: number | undefined;
  for (let i = 2; i < told.length - 1; i++) {
    const { stage, now } = stageOf(told.slice(0, i + 1));
    const left = stage.pace!.left(now);
    if (left === undefined) continue;
    const real = 1000 * (told.at(-1)![0] - told[i]![0]);
    assert.ok(
      Math.abs(left - real) < Math.max(8_000, 0.35 * real),
      `${left} where ${real} are left`,
    );
    const passed = 1000 * (told[i]![0] - told[i - 1]![0]);
    // It never jumps up, nor down by more than some seconds beside those that passed.
    if (before !== undefined) {
      assert.ok(left < before + 2_000 && left > before - passed - 6_000, `${before} -> ${left}`);
    }
    before = left;
  }
  assert.ok(before !== undefined);
  // Where nothing is told, the clock goes on.
  const { stage, now } = stageOf([[0, 0], [10, 100_000]]);
  assert.equal(stage.pace!.left(now), 90_000);
  assert.equal(stage.pace!.left(now + 1_000), 90_000);
  assert.equal(stage.pace!.left(now + 12_000), 80_000);
  assert.equal(stage.pace!.left(now + 1e9), 1_000);
});

Deno.test("a rate is that of what is told of now: rows beside bytes begin anew with another unit", () => {
  const run = newRunState();
  const tell = (seconds: number, done: number, unit: string): void =>
    update(run, { type: "progress", time: at(seconds), stage: "s", done, total: 1e9, unit });
  tell(0, 0, "bytes");
  tell(10, 5e8, "bytes");
  tell(11, 10, "rows");
  assert.equal(progressText(run.stages.get("s")!, START), "0.00/1000.00 M rows (0%)");
});

Deno.test("terminal and pipe show both measures, at 120, 80 and 40 columns", () => {
  const shown = (width: number, live: boolean): string => {
    let out = "";
    let now = START;
    const screen: Screen = {
      out: (text) => void (out += text),
      err: () => {},
      width,
      height: 24,
      style: styleFor(false),
      now: () => now,
    };
    const reporter = live ? liveReporter(screen) : plainReporter(screen);
    const stage = "reviews";
    const start = { type: "run_start", run: "r", folder: "/r", pipeline: "p", file: "/p" } as const;
    const events: RunEvent[] = [
      { ...start, time: at(0), stages: [stage], jobs: 1 },
      { type: "stage_start", time: at(0), stage, key: "k", reasons: [] },
      ...BOTH.map(([seconds, done, also]): RunEvent => ({
        ...{ type: "progress", time: at(seconds), stage, done, total: 900_000, unit: "rows" },
        also: { done: also!, unit: "bytes" },
      })),
    ];
    for (const event of events) {
      now = Date.parse(event.time);
      reporter.event(event);
    }
    const lines = out.split("\n").filter((line) => line.includes("11%"));
    // deno-lint-ignore no-control-regex
    const last = lines.at(-1)!.replaceAll(/\x1b\[\d*[AKJ]|\r/g, "");
    reporter.close();
    assert.ok(!live || columnsOf(last) <= width, last);
    return last;
  };
  const whole = "100000/900000 rows (11%), 52.0 MB, 10000 rows/s, 5.2 MB/s, 1 min 20 s left";
  assert.equal(shown(120, true), `› reviews  ██░░░░░░░░░░░░░░ ${whole}`);
  assert.equal(
    shown(80, true),
    "› reviews  █░░░░░░░ 100000/900000 rows (11%), 10000 rows/s, 1 min 20 s left",
  );
  assert.equal(shown(40, true), "› reviews  11%, 1 min 20 s left");
  assert.equal(shown(40, false), `reviews: ${whole}`);
});

Deno.test("amounts and times left read well at every size", () => {
  assert.equal(formatAmount(1_234_567, 5_000_000, "rows"), "1.23/5.00 M rows");
  assert.equal(formatAmount(999_999, 0, "rows"), "999999 rows");
  const lefts: [number, string][] = [
    [1, "1.0 s"],
    [43_100, "44 s"],
    [61_000, "1 min 5 s"],
    [725_000, "12 min 30 s"],
    [7_199_000, "2 h 0 min"],
  ];
  for (const [left, text] of lefts) assert.equal(formatLeft(left), text);
});
