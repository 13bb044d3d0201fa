import assert from "node:assert/strict";
import type { Dataset } from "../../lib/data/rows/dataset.ts";
import { type Filtered, filterRows } from "../../lib/data/rows/filter/filter_rows.ts";
import type { FilterRules } from "../../lib/data/rows/filter/rules.ts";
import { splitStream } from "../../lib/data/rows/split/split_dataset.ts";
import { streamOf, written } from "../fixtures/row_stream.ts";

const columns = [{ name: "text", type: "string" as const }, {
  name: "label",
  type: "int" as const,
}];

/** A dataset after its way through the stream. */
async function filterDataset(
  dataset: Dataset,
  rules: FilterRules,
): Promise<Filtered & { dataset: Dataset }> {
  const sink = await written();
  const result = await filterRows(streamOf(dataset), rules, sink);
  return { ...result, dataset: { columns: sink.columns, splits: sink.splits } };
}

function filter(
  texts: (string | null)[],
  rules: Omit<FilterRules, "column">,
): ReturnType<typeof filterDataset> {
  const data = texts.map((text, label) => ({ text, label }));
  return filterDataset({ columns, splits: { data } }, { column: "text", ...rules });
}

function texts(result: { readonly dataset: Dataset }): unknown[] {
  return Object.values(result.dataset.splits).flat().map((row) => row.text);
}

Deno.test("filterDataset() applies each rule, and counts what it drops", async () => {
  const cases: [
    (string | null)[],
    Omit<FilterRules, "column">,
    unknown[],
    Record<string, number>,
  ][] = [
    [["a", " ", null, ""], { dropEmpty: true }, ["a"], { drop_empty: 3 }],
    [["a", " ", null], {}, ["a", " ", null], {}],
    [["<b>x</b>&amp;"], { stripHtml: true }, ["x&"], {}],
    [["ﬁ"], { normalizeUnicode: "NFKC" }, ["fi"], {}],
    [["a \n b"], { normalizeWhitespace: true }, ["a b"], {}],
    [["a  x\n\n\n b"], { normalizeWhitespace: "lines" }, ["a x\n\nb"], {}],
    [["AbÉ"], { lowercase: true }, ["abé"], {}],
    [["🐋🐋", "🐋🐋🐋"], { minLength: 3 }, ["🐋🐋🐋"], { min_length: 1 }],
    [["🐋🐋", "🐋🐋🐋"], { maxLength: 2 }, ["🐋🐋"], { max_length: 1 }],
    [["a b", "a b c"], { minWords: 3 }, ["a b c"], { min_words: 1 }],
    [["a b", "a b c"], { maxWords: 2 }, ["a b"], { max_words: 1 }],
    [["abc", "abcd", "x"], { where: "{{ text | length > 3 or label == 2 }}" }, ["abcd", "x"], {
      where: 1,
    }],
    [["a", "A", "a"], { dedupe: "exact" }, ["a", "A"], { dedupe: 1 }],
    [["a", "A ", "a"], { dedupe: "normalized" }, ["a"], { dedupe: 2 }],
    [["a", "b", "c"], { limit: 2 }, ["a", "b"], { limit: 1 }],
    [["A.\n\nB.", "C."], { passages: { minChars: 1, maxChars: 2 } }, ["A.", "B.", "C."], {}],
    // The rules meet in their fixed order: markup first, then white space, then what is empty or equal.
    [
      ["<p> </p>", "<i>a</i>", "a "],
      {
        dedupe: "exact",
        dropEmpty: true,
        normalizeWhitespace: true,
        stripHtml: true,
      },
      ["a"],
      { drop_empty: 1, dedupe: 1 },
    ],
    // A row is counted for the first rule that drops it.
    [["", "ab"], { dropEmpty: true, minLength: 3 }, [], { drop_empty: 1, min_length: 1 }],
  ];
  for (const [input, rules, output, dropped] of cases) {
    const result = await filter(input, rules);
    assert.deepEqual(texts(result), output, JSON.stringify(rules));
    assert.deepEqual(result.dropped, dropped, JSON.stringify(rules));
    assert.equal(result.kept, output.length);
  }
});

Deno.test("filterDataset() copies the other columns into every passage", async () => {
  const result = await filter(["x", "One.\nOne.\n\nTwo."], {
    passages: { minChars: 4, maxChars: 12 },
    normalizeWhitespace: true,
  });
  assert.deepEqual(result.dataset.splits.data, [
    { text: "x", label: 0 },
    { text: "One. One.", label: 1 },
    { text: "Two.", label: 1 },
  ]);
});

Deno.test("filterDataset() finds copies over all splits, and limits each", async () => {
  const splits = {
    train: [{ text: "a" }, { text: "b" }],
    test: [{ text: "a" }, { text: "c" }, { text: "d" }],
  };
  const result = await filterDataset({ columns: columns.slice(0, 1), splits }, {
    column: "text",
    dedupe: "exact",
    limit: 1,
  });
  assert.deepEqual(result.dataset.splits, { train: [{ text: "a" }], test: [{ text: "c" }] });
  assert.deepEqual(result.dropped, { dedupe: 1, limit: 2 });
});

Deno.test("filterDataset() shuffles by its seed, before the limit", async () => {
  const input = Array.from({ length: 30 }, (_, i) => String(i));
  const of = async (seed: number): Promise<unknown[]> =>
    texts(await filter(input, { shuffle: { seed }, limit: 10 }));
  assert.deepEqual(await of(1), await of(1));
  assert.notDeepEqual(await of(1), await of(2));
  assert.notDeepEqual(await of(1), input.slice(0, 10));
});

Deno.test("filterDataset() refuses bounds that no passage can keep", async () => {
  await assert.rejects(
    () => filter(["a"], { passages: { minChars: 9, maxChars: 5 } }),
    /min_chars must not be more/,
  );
});

Deno.test("filterDataset() names the columns where its own is missing", async () => {
  const dataset = { columns, splits: { data: [] } };
  await assert.rejects(
    () => filterDataset(dataset, { column: "txt" }),
    /no column "txt".*did you mean "text".*text, label/,
  );
  await assert.rejects(() => filterDataset(dataset, { column: "label" }), /column "label" is int/);
  await assert.rejects(
    () => filterDataset(dataset, { column: "text", where: "{{ lable }}" }),
    /did you mean "label"/,
  );
});

Deno.test("rows that were labelled by a template and freed of copies divide evenly, no text in two parts", async () => {
  const data = Array.from({ length: 240 }, (_, i) => ({
    text: `${["Mail", "mail", " mail "][i % 3]} ${i % 80}`,
    group: i % 4 === 0 ? "spam-1" : "easy-ham-2",
  }));
  const { dataset } = await filterDataset(
    {
      columns: [{ name: "text", type: "string" }, { name: "group", type: "string" }],
      splits: { data },
    },
    {
      column: "text",
      addColumns: { label: "{{ 'spam' if group.startswith('spam') else 'ham' }}" },
      dedupe: "normalized",
    },
  );
  const parts = { train: 0.8, validation: 0.1, test: 0.1 };
  const sink = await written();
  const options = { parts, seed: 1, shuffle: true, column: "text", stratify: "label" };
  await splitStream(streamOf(dataset), options, sink);
  const { splits } = sink;
  const key = (text: unknown): string => String(text).trim().toLowerCase();
  const all = Object.values(splits).flat().map((row) => key(row.text));
  assert.equal(all.length, 80);
  assert.equal(new Set(all).size, all.length);
  assert.deepEqual(
    Object.values(splits).map((rows) => rows.filter((row) => row.label === "spam").length),
    [16, 2, 2],
  );
});

Deno.test("filterDataset() keeps one of near duplicates, over all splits, and shows what it dropped", async () => {
  const words = Array.from({ length: 60 }, (_, i) => `word${i}`);
  const near = [...words.slice(0, 59), "other"].join(" ");
  const splits = {
    train: [{ text: words.join(" ") }, { text: "something else entirely, and short" }],
    test: [{ text: near }, { text: "a third text" }, { text: words.toReversed().join(" ") }],
  };
  for (const shuffle of [undefined, { seed: 3 }]) {
    const result = await filterDataset({ columns: columns.slice(0, 1), splits }, {
      column: "text",
      near: { threshold: 0.8 },
      ...(shuffle && { shuffle }),
    });
    const kept = Object.values(result.dataset.splits).map((rows) =>
      rows.map(({ text }) => text).sort()
    );
    assert.deepEqual(kept, [
      splits.train.map(({ text }) => text).sort(),
      splits.test.slice(1).map(({ text }) => text).sort(),
    ]);
    assert.deepEqual(result.dropped, { near: 1 });
    assert.deepEqual(result.examples, { near: [`${near.slice(0, 60)}…`] });
  }
});

Deno.test("filterDataset() masks, spells, removes patterns and counts what it replaced", async () => {
  const result = await filter(
    [
      "Colour: write to me@x.org [1]",
      "IBAN \u0007 bell",
      "Itâ€™s fine",
      "foul play",
      "2024-01-01 x",
    ],
    {
      fixMojibake: true,
      removeControls: true,
      mask: { email: "<EMAIL>" },
      spelling: { colour: "color" },
      replacePatterns: { " \\[\\d+\\]": "" },
      dropWords: ["foul"],
      dropPatterns: ["^\\d{4}-"],
    },
  );
  assert.deepEqual(texts(result), ["Color: write to <EMAIL>", "IBAN  bell", "It’s fine"]);
  assert.deepEqual(result.replaced, { "mask email": 1, spelling: 1, replace_patterns: 1 });
  assert.deepEqual(result.dropped, { drop_words: 1, drop_patterns: 1 });
  assert.deepEqual(result.examples, { drop_words: ["foul play"], drop_patterns: ["2024-01-01 x"] });
});

Deno.test("filterDataset() drops by the quality rules of papers, each by its name, and by language", async () => {
  const result = await filter(["too short", `{ ${"a word ".repeat(40)}`], {
    quality: { thresholds: { gopher_min_words: 20, c4_max_curly_brackets: 0 } },
  });
  assert.deepEqual(result.dropped, { gopher_min_words: 1, c4_max_curly_brackets: 1 });
  const detector = (text: string): { language: string; probability: number } => ({
    language: text.slice(0, 2),
    probability: text.length / 10,
  });
  const spoken = await filter(["en 67890", "de 67890", "en"], {
    language: { keep: ["en"], minProbability: 0.5, detector },
  });
  assert.deepEqual(texts(spoken), ["en 67890"]);
  assert.deepEqual(spoken.dropped, { language: 2 });
});

Deno.test("filterDataset() tells an empty cell from 0, and a float from an int", async () => {
  const grades = {
    columns: [...columns, { name: "grade", type: "json" as const }, {
      name: "mean",
      type: "float" as const,
    }],
    splits: {
      data: [null, "", 0, "A"].map((grade, label) => ({ text: "x", label, grade, mean: label })),
    },
  };
  const zero = await filterDataset(grades, { column: "text", where: "{{ grade == 0 }}" });
  assert.deepEqual(zero.dataset.splits.data!.map((row) => row.grade), [0]);
  assert.deepEqual(zero.dropped, { where: 3 });
  const added = await filterDataset(grades, {
    column: "text",
    addColumns: { shown: "{{ label }} {{ mean }} {{ mean | round | int }}{{ grade }}" },
    where: "{{ mean is float and label is integer }}",
  });
  assert.deepEqual(
    added.dataset.splits.data!.map((row) => row.shown),
    ["0 0.0 0", "1 1.0 1", "2 2.0 20", "3 3.0 3A"],
  );
});
