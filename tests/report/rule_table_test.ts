/** The table of rules in a run's summary: every count, three examples each, no line past the window. */
import assert from "node:assert/strict";
import type { RunEvent, SummaryEntry } from "../../lib/pipeline/run/events.ts";
import { columnsOf } from "../../lib/report/terminal/columns.ts";
import { ruleTable } from "../../lib/report/terminal/rule_table.ts";
import { plainReporter } from "../../lib/report/terminal/terminal.ts";
import { formatShare, styleFor } from "../../lib/report/terminal/text.ts";

const style = styleFor(false);

const ENTRY: SummaryEntry & { type: "rules" } = {
  type: "rules",
  title: "dropped by",
  rows: 120_000,
  rules: [
    { rule: "drop_empty", rows: 12, examples: ['""', '" "', '"\t"'] },
    {
      rule: "gopher_max_duplicate_line_characters",
      rows: 60_000,
      examples: [`"${"中".repeat(70)}"`],
    },
    { rule: "near", rows: 0, examples: [] },
    { rule: "limit", rows: 1, of: 2, examples: [`"${"word ".repeat(30)}"`] },
  ],
};

Deno.test("ruleTable() puts examples beside the counts where the window is wide, else below", () => {
  const name = "gopher_max_duplicate_line_chara…";
  assert.deepEqual(ruleTable(ENTRY, { width: 110, style }), [
    "  dropped by                         rows  share",
    '  drop_empty                           12  <0.1%  ""',
    '                                                  " "',
    '                                                  "\t"',
    `  ${name}  60000    50%  "${"中".repeat(29)}…`,
    "  near                                  0     0%",
    `  limit                                 1    50%  "${"word ".repeat(11)}wor…`,
  ]);
  assert.deepEqual(ruleTable({ ...ENTRY, rules: ENTRY.rules.slice(0, 2) }, { width: 40, style }), [
    "  dropped by                 rows  share",
    "  drop_empty                   12  <0.1%",
    '    ""',
    '    " "',
    '    "\t"',
    "  gopher_max_duplicate_li…  60000    50%",
    `    "${"中".repeat(17)}…`,
  ]);
});

Deno.test("no line of a table is wider than the window, whatever rules and examples are called", () => {
  const evil = ["中".repeat(90), "e\u0301".repeat(90), "👍".repeat(60), "x".repeat(300), ""];
  for (const width of [20, 40, 80, 120, 300]) {
    for (const text of evil) {
      const rules = [1, 1e15, 0].map((rows) => ({ rule: text, rows, examples: [text, text] }));
      for (const colour of [false, true]) {
        const lines = ruleTable({ type: "rules", title: text, rows: 1e15, rules }, {
          width,
          style: styleFor(colour),
        });
        for (const line of lines) {
          // deno-lint-ignore no-control-regex
          const shown = line.replaceAll(/\x1b\[\d+m/g, "");
          assert.ok(columnsOf(shown) <= width, `${width}: ${shown}`);
        }
      }
    }
  }
});

Deno.test("a table of rules stands in the summary of a run, control characters shown by their numbers", () => {
  let out = "";
  const reporter = plainReporter({
    out: (text) => void (out += text),
    err: () => {},
    width: 80,
    height: 24,
    style,
    now: () => 0,
  });
  const time = "2026-01-02T03:04:05.000Z";
  const rules = [{ rule: "where\x1b[2J", rows: 1, examples: ["a\x07b\nc\u202ed"] }];
  const summary: SummaryEntry[] = [{ type: "rules", title: "dropped by", rows: 3, rules }];
  const stage = { stage: "clean", key: "k" };
  const events: RunEvent[] = [
    {
      ...{ type: "run_start", time, run: "r", folder: "/r", pipeline: "p", file: "/p.yaml" },
      ...{ stages: ["clean"], jobs: 1 },
    },
    { type: "stage_end", time, ...stage, outcome: "cached", duration: 1, summary },
    {
      ...{ type: "run_end", time, run: "r", folder: "/r", latest: "/l", status: "done" },
      ...{ duration: 1, artifacts: {} },
    },
  ];
  for (const event of events) reporter.event(event);
  assert.deepEqual(out.split("\n").slice(1, 5), [
    "",
    "clean",
    "  dropped by      rows  share",
    "  where\\u001b[2J     1    33%  a\\u0007b\\nc\\u202ed",
  ]);
});

Deno.test("formatShare() never shows something as nothing", () => {
  const cases: [number, number, string][] = [
    [0, 5, "0%"],
    [1, 1e6, "<0.1%"],
    [1, 300, "0.3%"],
    [1, 8, "13%"],
    [5, 5, "100%"],
    [0, 0, "-"],
    [1, 0, "-"],
  ];
  for (const [part, whole, text] of cases) assert.equal(formatShare(part, whole), text);
});
