/** A stage's table of rules: its form is checked and its size bounded, as of all that a stage says. */
import assert from "node:assert/strict";
import { cutEntry, MAX_EXAMPLES, MAX_RULES } from "../../lib/pipeline/sandbox/bounds.ts";
import { isSummaryEntry } from "../../lib/pipeline/sandbox/protocol.ts";

const RULE = { rule: "near", rows: 1, examples: ["a"] };
const ENTRY = { type: "rules", title: "dropped by", rows: 2, rules: [RULE] } as const;

Deno.test("a table of rules has names, finite counts and texts, or is no summary", () => {
  assert.ok(isSummaryEntry(ENTRY));
  assert.ok(isSummaryEntry({ ...ENTRY, rules: [{ ...RULE, of: 3 }] }));
  for (
    const rules of [
      undefined,
      RULE,
      [{ ...RULE, rows: "1" }],
      [{ ...RULE, rows: Infinity }],
      [{ ...RULE, examples: "a" }],
      [{ ...RULE, examples: [1] }],
      [{ rule: "near", rows: 1 }],
    ]
  ) {
    assert.ok(!isSummaryEntry({ ...ENTRY, rules }), JSON.stringify(rules));
  }
  assert.ok(!isSummaryEntry({ ...ENTRY, title: 1 }) && !isSummaryEntry({ ...ENTRY, rows: NaN }));
});

Deno.test("a table of rules is cut where it has more than anybody reads", () => {
  assert.deepEqual(cutEntry(ENTRY), ENTRY);
  const long = "x".repeat(1 << 20);
  const examples = Array.from({ length: 1000 }, () => long);
  const rules = Array.from({ length: 1000 }, () => ({ rule: long, rows: 1, of: 2, examples }));
  const cut = cutEntry({ ...ENTRY, title: long, rules });
  assert.ok(cut.type === "rules" && cut.rules.length === MAX_RULES);
  assert.equal(cut.rules[0]!.examples.length, MAX_EXAMPLES);
  assert.equal(cut.rules[0]!.of, 2);
  assert.ok(JSON.stringify(cut).length < 2 << 20);
});
