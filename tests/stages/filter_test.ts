import assert from "node:assert/strict";
import type { SummaryEntry } from "../../lib/pipeline/stage.ts";
import filter from "../../stages/filter.ts";
import { runRowsStage } from "../fixtures/rows_stage.ts";

const texts = (...list: (string | null)[]): { data: { text: string | null; label: number }[] } => ({
  data: list.map((text, label) => ({ text, label })),
});

Deno.test("filter: every option has an effect", async () => {
  const cases: [Record<string, unknown>, (string | null)[], (string | null)[]][] = [
    [{ strip_html: true }, ["a<br />b"], ["a\nb"]],
    [{ normalize_unicode: "NFC" }, ["e\u0301"], ["é"]],
    [{ passages: { max_chars: 5 } }, ["One. Two."], ["One.", "Two."]],
    [{ passages: { min_chars: 8, max_chars: 12 } }, ["One.\n\nTwo.\n\nThree."], [
      "One.\n\nTwo.",
      "Three.",
    ]],
    [{ normalize_whitespace: true }, ["a \n b"], ["a b"]],
    [{ normalize_whitespace: "lines" }, ["a \n b"], ["a\nb"]],
    [{ lowercase: true }, ["A"], ["a"]],
    [{ drop_empty: true }, ["a", " ", null], ["a"]],
    [{ min_length: 2 }, ["a", "ab"], ["ab"]],
    [{ max_length: 1 }, ["a", "ab"], ["a"]],
    [{ min_words: 2 }, ["a", "a b"], ["a b"]],
    [{ max_words: 1 }, ["a", "a b"], ["a"]],
    [{ where: "{{ label == 1 }}" }, ["a", "b"], ["b"]],
    [{ dedupe: "exact" }, ["a", "A", "a"], ["a", "A"]],
    [{ dedupe: "normalized" }, ["a", "A", "a"], ["a"]],
    [{ add_columns: { text: "{{ label }}: {{ text }}" } }, ["a", null], ["0: a", "1: "]],
    [{ fix_mojibake: true }, ["Itâ€™s"], ["It’s"]],
    [{ remove_control_characters: true }, ["a\u0007b"], ["ab"]],
    [{ mask: ["email"] }, ["to me@x.org"], ["to <EMAIL>"]],
    [{ mask: { email: "[e]" } }, ["to me@x.org"], ["to [e]"]],
    [{ spelling: { colour: "color" } }, ["Colour"], ["Color"]],
    [{ replace_patterns: { "\\d": "#" } }, ["a1"], ["a#"]],
    [{ c4_lines: true }, ["Home | About\nThe whale swam on."], ["The whale swam on."]],
    [{ drop_words: ["foul"] }, ["a Foul", "fair"], ["fair"]],
    [{ drop_patterns: ["^x"] }, ["xa", "a"], ["a"]],
    [{ quality_thresholds: { gopher_min_words: 2 } }, ["a", "a b"], ["a b"]],
    [{ quality: ["c4"], quality_thresholds: { c4_min_sentences: 1 } }, ["{ A.", "A."], ["A."]],
    [{ quality: ["c4"], quality_thresholds: { c4_min_sentences: null }, bad_words: ["foul"] }, [
      "foul",
      "a",
    ], ["a"]],
    [{ near: { threshold: 0.5, ngram: 1 } }, ["a b c", "A, b c!", "x y z"], ["a b c", "x y z"]],
    [{ near: { threshold: 0.5, ngram: 1, keep: "longest" } }, ["a b c", "a b c d"], ["a b c d"]],
    [
      { languages: ["de"] },
      ["Ich habe gestern einen großen Wal gesehen.", "The whale swam slowly into the harbour."],
      ["Ich habe gestern einen großen Wal gesehen."],
    ],
    [{ limit: 1 }, ["a", "b"], ["a"]],
    [{ limit: 0 }, ["a", "b"], ["a", "b"]],
  ];
  for (const [options, input, output] of cases) {
    const { dataset } = await runRowsStage(filter, { options, splits: texts(...input) });
    assert.deepEqual(dataset.splits.data!.map((row) => row.text), output, JSON.stringify(options));
  }
});

Deno.test("filter: add_columns makes texts of the row as it was read, before every other rule", async () => {
  const data = [
    { group: "spam-1", subject: "<b>Win</b>" },
    { group: "easy-ham-1", subject: "Lunch" },
    { group: "hard-ham-1", subject: "<i>lunch</i>" },
  ];
  const { dataset, dropped } = await runRowsStage(filter, {
    options: {
      column: "body",
      add_columns: {
        label: "{{ 'spam' if group.startswith('spam') else 'ham' }}",
        body: "{{ subject }}!",
        subject: "{{ group }}",
      },
      strip_html: true,
      where: "{{ label == 'spam' or body != '' }}",
      dedupe: "normalized",
    },
    splits: { data },
  });
  assert.deepEqual(dataset.columns, [
    { name: "group", type: "string" },
    { name: "subject", type: "string" },
    { name: "label", type: "string" },
    { name: "body", type: "string" },
  ]);
  assert.deepEqual(dataset.splits.data, [
    { group: "spam-1", subject: "spam-1", label: "spam", body: "Win!" },
    { group: "easy-ham-1", subject: "easy-ham-1", label: "ham", body: "Lunch!" },
  ]);
  assert.deepEqual(dropped, { where: 0, dedupe: 1 });
});

Deno.test("filter: add_columns says which column it does not know", async () => {
  const run = (template: string): Promise<unknown> =>
    runRowsStage(filter, { options: { add_columns: { x: template } }, splits: texts("a") });
  await assert.rejects(
    run("{{ lable }}"),
    /add_columns\.x \{\{ lable \}\} uses "lable", which is no column; did you mean "label"\?/,
  );
  // Nor one that is only made here: the order of a mapping means nothing.
  await assert.rejects(run("{{ x }}"), /uses "x", which is no column/);
});

Deno.test("filter: shuffle follows the pipeline's seed, or its own", async () => {
  const splits = texts(...Array.from({ length: 20 }, (_, i) => String(i)));
  const of = async (options: Record<string, unknown>, seed: number): Promise<unknown> =>
    (await runRowsStage(filter, { options: { shuffle: true, ...options }, splits, seed })).dataset
      .splits.data;
  assert.notDeepEqual(await of({}, 1), await of({}, 2));
  assert.deepEqual(await of({ seed: 1 }, 2), await of({}, 1));
});

Deno.test("filter: says how many rows each rule dropped, three times", async () => {
  const options = { drop_empty: true, dedupe: "exact", column: "body", min_length: 1 };
  const data = ["a", "", "a", "b"].map((body) => ({ body }));
  const { dropped, notes, logs } = await runRowsStage(filter, { options, splits: { data } });
  assert.deepEqual(dropped, { drop_empty: 1, min_length: 0, dedupe: 1 });
  assert.deepEqual(notes, ["4 rows read, 2 written; dropped by drop_empty 1, dedupe 1"]);
  assert.deepEqual(logs, [
    ...notes,
    'dropped by drop_empty, for instance: ""',
    'dropped by dedupe, for instance: "a"',
  ]);
});

Deno.test("filter: the summary has a row for every rule, with three examples of what it dropped", async () => {
  const data = ["", " ", "\t", "", "a", "a", "b\u0007", "c", "d", "e", "f"].map((text) => ({
    text,
  }));
  const rules = (entry: SummaryEntry | undefined): unknown => {
    assert.equal(entry?.type, "rules");
    return [entry.title, entry.rows, ...entry.rules.map((rule) => Object.values(rule))];
  };
  for (const more of [{}, { shuffle: true, seed: 1 }]) {
    const options = { drop_empty: true, min_length: 1, max_length: 1, dedupe: "exact", limit: 1 };
    const { summary } = await runRowsStage(filter, {
      options: { ...options, ...more },
      splits: { data, more: [{ text: "g" }] },
    });
    const [, table] = summary;
    assert.deepEqual(rules(table), [
      "dropped by",
      12,
      ["drop_empty", 4, ['""', '""', '""']],
      ["min_length", 0, []],
      ["max_length", 1, ['"b\\u0007"']],
      ["dedupe", 1, ['"a"']],
      // In another order, others are past the limit.
      ["limit", 4, "seed" in more ? ['"a"', '"c"', '"e"'] : ['"c"', '"d"', '"e"']],
    ]);
  }
  const { summary } = await runRowsStage(filter, { options: {}, splits: { data } });
  assert.deepEqual(summary.map(({ type }) => type), ["note"], "no rules, no table");
  // A text that was cut into passages is looked at more than once.
  const cut = await runRowsStage(filter, {
    options: { passages: { max_chars: 5 }, min_length: 5 },
    splits: { data: [{ text: "One. Twos. Six." }] },
  });
  assert.deepEqual(rules(cut.summary[1]), ["dropped by", 3, ["min_length", 2, [
    '"One."',
    '"Six."',
  ]]]);
});

Deno.test("filter: dropping everything is an error", async () => {
  const run = runRowsStage(filter, { options: { min_length: 9 }, splits: texts("a") });
  await assert.rejects(run, /drops every row: 1 rows read, 0 written; dropped by min_length 1/);
});
