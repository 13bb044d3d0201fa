import assert from "node:assert/strict";
import type { RunEvent } from "../../lib/pipeline/run/events.ts";
import { liveReporter, plainReporter, type Screen } from "../../lib/report/terminal/terminal.ts";
import { clip, columnsOf, padColumns } from "../../lib/report/terminal/columns.ts";
import { newRunState, rateOf, update } from "../../lib/report/terminal/state.ts";
import {
  formatAmount,
  formatBar,
  formatDuration,
  formatNumber,
  formatRate,
  styleFor,
  wrap,
} from "../../lib/report/terminal/text.ts";

const START = Date.parse("2026-01-02T03:04:05.000Z");
const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString();

/** A run of four stages: one cached, one that trains, one that fails, one blocked. */
const EVENTS: RunEvent[] = [
  {
    type: "run_start",
    time: at(0),
    run: "r",
    folder: "/runs/r",
    pipeline: "p",
    file: "/p.yaml",
    stages: ["data", "model", "scores", "report"],
    jobs: 2,
  },
  { type: "stage_end", time: at(0), stage: "data", outcome: "cached", duration: 1 },
  {
    type: "stage_start",
    time: at(0),
    stage: "model",
    key: "k",
    reasons: ["option a changed: 1 -> 2", "seed changed: 1 -> 2"],
    device: "cpu",
    device_why: "no GPU",
    threads: 2,
  },
  { type: "progress", time: at(1), stage: "model", done: 10, total: 100, unit: "steps" },
  { type: "progress", time: at(11), stage: "model", done: 60, total: 100, unit: "steps" },
  { type: "note", time: at(12), stage: "model", text: "waiting" },
  {
    type: "stage_end",
    time: at(20),
    stage: "model",
    outcome: "done",
    duration: 83_000,
    kind: "model",
    summary: [
      {
        type: "figure",
        label: "perplexity",
        value: 41.23456,
        compare: { label: "unigram", value: 512.3 },
      },
      { type: "text", prompt: "Call me", text: "Ishmael\x1b[31m. " + "word ".repeat(30) },
      { type: "note", text: "a note" },
    ],
  },
  {
    type: "stage_end",
    time: at(21),
    stage: "scores",
    outcome: "failed",
    duration: 500,
    failure: { what: "it broke", remedy: "mend it", lastLines: ["last words"] },
    log: "/runs/r/logs/scores.log",
  },
  {
    type: "stage_end",
    time: at(21),
    stage: "report",
    outcome: "blocked",
    duration: 0,
    blocked_by: ["scores"],
  },
  {
    type: "run_end",
    time: at(22),
    run: "r",
    folder: "/runs/r",
    latest: "/runs/latest",
    status: "failed",
    duration: 22_000,
    artifacts: { model: "/runs/r/artifacts/model" },
  },
];

function screen(
  width = 80,
): Screen & { text: { out: string; err: string }; time: { now: number } } {
  const text = { out: "", err: "" };
  const time = { now: START };
  return {
    out: (more) => void (text.out += more),
    err: (more) => void (text.err += more),
    width,
    height: 24,
    style: styleFor(false),
    now: () => time.now,
    text,
    time,
  };
}

Deno.test("plainReporter() tells starts, ends, results, failures and paths in plain lines", () => {
  const page = screen();
  const reporter = plainReporter(page);
  for (const event of EVENTS) {
    page.time.now = Date.parse(event.time);
    reporter.event(event);
  }
  reporter.close();
  assert.deepEqual(page.text.out.split("\n"), [
    "computing on cpu: no GPU",
    "model: started on cpu, 2 threads (option a changed: 1 -> 2; seed changed: 1 -> 2)",
    // Not the one after a second: progress is told every ten.
    "model: 60/100 steps (60%), 5.00 steps/s, 8.0 s left",
    "model: waiting",
    "model: done in 1 min 23 s",
    "scores: failed",
    "= data    cached",
    "✓ model   1 min 23 s",
    "✗ scores  failed after 0.5 s",
    "- report  not run: it needs scores",
    "",
    "model",
    "  perplexity 41.23 (unigram 512.3)",
    "",
    "  > Call me",
    "    Ishmael\\u001b[31m. " + "word ".repeat(11).trim(),
    "    " + "word ".repeat(15).trim(),
    "    " + "word ".repeat(4).trim(),
    "  a note",
    "",
    "run     /runs/r",
    "latest  /runs/latest",
    "model   /runs/r/artifacts/model",
    "failed in 22 s",
    "",
  ]);
  assert.deepEqual(page.text.err.split("\n"), [
    "",
    'stage "scores": it broke',
    "  mend it",
    "  its last lines:",
    "    last words",
    "  log: /runs/r/logs/scores.log",
    "",
    "not run, because what they need failed:",
    "  report (needs scores)",
    "",
  ]);
});

const ESCAPE = "\x1b";

/** What a terminal shows after it was sent `text`: knows the few commands that the reporter uses. */
function display(text: string): string[] {
  const lines: string[] = [""];
  let row = 0;
  for (const part of text.split(new RegExp(`(${ESCAPE}\\[\\d*[AKJ]|\\n|\\r)`))) {
    const up = new RegExp(`^${ESCAPE}\\[(\\d+)A$`).exec(part);
    if (up !== null) row -= Number(up[1]);
    else if (part === "\n") { if (++row === lines.length) lines.push(""); }
    else if (part === "\x1b[J") lines.length = row + 1, lines[row] = "";
    else if (part !== "\x1b[K" && part !== "\r" && part !== "") lines[row] = part;
  }
  return lines;
}

Deno.test("liveReporter() keeps one line a stage, with bar, rate and time left", () => {
  const page = screen();
  const reporter = liveReporter(page);
  for (const event of EVENTS.slice(0, 6)) {
    page.time.now = Date.parse(event.time);
    reporter.event(event);
  }
  assert.deepEqual(display(page.text.out), [
    "computing on cpu: no GPU",
    "model: waiting",
    "= data    cached",
    "› model   ██████████░░░░░░ 60/100 steps (60%), 5.00 steps/s, 8.0 s left",
    "  scores  waiting",
    "  report  waiting",
    "",
  ]);
  for (const event of EVENTS.slice(6)) reporter.event(event);
  reporter.close();
  reporter.close();
  const end = display(page.text.out);
  assert.deepEqual(end.slice(0, 6), [
    "computing on cpu: no GPU",
    "model: waiting",
    "= data    cached",
    "✓ model   1 min 23 s",
    "✗ scores  failed after 0.5 s",
    "- report  not run: it needs scores",
  ]);
  assert.equal(end.filter((line) => line.startsWith("✓ model")).length, 1);
  assert.match(page.text.err, /it broke/);
});

Deno.test("liveReporter() shows what is at work where not all stages fit", () => {
  const page = { ...screen(), height: 5 };
  const reporter = liveReporter(page);
  const ids = Array.from({ length: 12 }, (_, i) => `stage${i}`);
  reporter.event({ ...EVENTS[0], stages: ids } as RunEvent);
  page.time.now += 1000;
  reporter.event({ type: "stage_start", time: at(0), stage: "stage7", key: "k", reasons: [] });
  assert.deepEqual(display(page.text.out), [
    "› stage7   running, 1.0 s",
    "  0 of 12 stages ended",
    "",
  ]);
  reporter.close();
});

Deno.test("rateOf() follows the last seconds and starts anew with another unit", () => {
  const run = newRunState();
  const tell = (seconds: number, done: number, unit = "steps"): void =>
    update(run, { type: "progress", time: at(seconds), stage: "s", done, total: 1000, unit });
  tell(0, 0);
  assert.equal(rateOf(run.stages.get("s")!), undefined);
  tell(10, 100);
  assert.equal(rateOf(run.stages.get("s")!), 10);
  for (let i = 11; i <= 40; i++) tell(i, 100 + 50 * (i - 10));
  assert.equal(rateOf(run.stages.get("s")!), 50, "the slow start is forgotten");
  tell(41, 5, "rows");
  assert.equal(rateOf(run.stages.get("s")!), undefined);
});

Deno.test("figures read well at every size", () => {
  const durations: [number, string][] = [
    [0, "0 ms"],
    [99, "99 ms"],
    [100, "0.1 s"],
    [9_940, "9.9 s"],
    [9_960, "10 s"],
    [59_400, "59 s"],
    [59_600, "1 min 0 s"],
    [3_599_600, "1 h 0 min"],
    [86_400_000, "24 h 0 min"],
    [3 * 86_400_000, "3 d 0 h"],
  ];
  for (const [value, text] of durations) assert.equal(formatDuration(value), text);
  const numbers: [number, string][] = [
    [3, "3"],
    [41.23456, "41.23"],
    [0.000123456, "0.0001235"],
    [51234.5, "51235"],
    [Number.NaN, "NaN"],
  ];
  for (const [value, text] of numbers) assert.equal(formatNumber(value), text);
  assert.equal(formatAmount(3, 10, "rows"), "3/10 rows");
  assert.equal(formatAmount(3, 0, "rows"), "3 rows");
  assert.equal(formatAmount(1.5e6, 3e9, "bytes"), "0.0/3.0 GB");
  assert.equal(formatRate(2_500_000, "bytes"), "2.5 MB/s");
  assert.equal(formatRate(0.5, "steps"), "0.50 steps/s");
  assert.equal(formatBar(0.5, 4), "██░░");
  assert.equal(formatBar(7, 4), "████");
});

Deno.test("wrap() breaks at spaces, keeps newlines and splits what is too long", () => {
  assert.deepEqual(wrap("one two three", 8), ["one two", "three"]);
  assert.deepEqual(wrap("a\n\nb", 8), ["a", "", "b"]);
  assert.deepEqual(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
  assert.deepEqual(wrap("", 4), [""]);
  assert.equal(clip("abcdef", 4), "abc…");
  for (let width = 1; width < 20; width++) {
    const lines = wrap("some words and averyverylongword with ünïcödé 🐳🐳🐳", width);
    assert.ok(lines.every((line) => [...line].length <= width), `width ${width}`);
  }
});

Deno.test("styleFor() colours only where asked", () => {
  assert.equal(styleFor(true).red("x"), "\x1b[31mx\x1b[0m");
  assert.equal(styleFor(false).red("x"), "x");
});

Deno.test("columnsOf() counts wide characters twice, and what combines or is not shown not at all", () => {
  const cases: [string, number][] = [
    ["", 0],
    ["plain", 5],
    ["中文", 4],
    ["\u0600\u06dd\u{110bd}", 3],
    ["ｆｕｌｌ", 8],
    ["ﾊﾝｶｸ", 4],
    ["한국", 4],
    ["\u1112\u1161\u11ab", 2],
    ["e\u0301", 1],
    ["a\u200b\u200d\u2060b", 2],
    ["a\u{e0041}", 1],
    ["👍", 2],
    ["❤\ufe0f", 2],
    ["░█…", 3],
  ];
  for (const [text, columns] of cases) assert.equal(columnsOf(text), columns, text);
  assert.equal(padColumns("中", 4), "中  ");
  assert.equal(clip("中文字", 6), "中文字");
  assert.equal(clip("中文字", 5), "中文…");
  assert.equal(clip("中文字", 4), "中…");
  assert.equal(clip("e\u0301e\u0301e\u0301", 2), "e\u0301…");
  assert.equal(clip("a\x1b[31mbcd\x1b[0me", 3), "a\x1b[31mb…\x1b[0m");
  assert.deepEqual(wrap("中文 字", 4), ["中文", "字"]);
  assert.deepEqual(wrap("中文字中", 5), ["中文", "字中"]);
  assert.deepEqual(wrap("中文", 1), ["中", "文"]);
});

Deno.test("no live line is wider than the window, whatever is said and however stages are called", () => {
  const words = ["中".repeat(200), "e\u0301".repeat(200), "👍".repeat(100), "x".repeat(300)];
  for (const width of [20, 40, 80]) {
    for (const unit of words) {
      const page = screen(width);
      const reporter = liveReporter({ ...page, style: styleFor(true) });
      const stages = [unit.slice(0, 100), "b", "c"];
      const [stage = ""] = stages;
      const events: RunEvent[] = [
        { ...EVENTS[0] as RunEvent & { type: "run_start" }, stages },
        { type: "stage_end", time: at(0), stage: "b", outcome: "cached", duration: 1 },
        { type: "stage_start", time: at(0), stage, key: "k", reasons: [] },
        { type: "progress", time: at(1), stage, done: 10, total: 100, unit },
      ];
      for (const event of events) {
        page.time.now += 1000;
        reporter.event(event);
      }
      const lines = page.text.out.split("\n").map((line) =>
        line.replaceAll(new RegExp(`${ESCAPE}\\[\\d*[A-Zm]|\r`, "gi"), "")
      );
      for (const line of lines) assert.ok(columnsOf(line) <= width, `${width}: ${line}`);
      reporter.close();
    }
  }
});
