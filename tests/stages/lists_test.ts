/** Columns of lists through the stages that read rows, run as pipelines. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Column, Row } from "../../lib/data/mod.ts";
import { readDataset } from "../../lib/data/mod.ts";
import { readLabels } from "../../lib/tokenizers/dataset/labels.ts";
import { compileCondition, compileTemplate } from "../../lib/text/template.ts";
import download from "../../stages/download.ts";
import { STAGES } from "../../stages/mod.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { streamOf } from "../fixtures/row_stream.ts";
import { runRowsStage } from "../fixtures/rows_stage.ts";
import { project } from "../pipeline/project.ts";

const WIDE = 9007199254740993n;

/** Rows whose tags come as lists, and the same tags as JSON text in a csv. */
const ROWS = Array.from({ length: 40 }, (_, i) => ({
  text: `text ${i}`,
  tags: i % 4 === 0 ? [] : ["sea", ["whale", "ship"][i % 2]!].slice(0, 1 + i % 3),
}));

/** What an own stage sees: arrays, in batches. */
const OWN = `import { defineStage, z } from "temper";
import { DatasetWriter, openDataset } from "temper/data";
export default defineStage({
  doc: "Counts tags.",
  inputs: { data: "rows" },
  output: "rows",
  options: z.object({}),
  async run({ inputs, output }) {
    const data = await openDataset(inputs.data.path);
    const tags = data.columns.find(({ name }) => name === "tags");
    if (tags.type !== "list" || tags.items.type !== "string") throw new Error(JSON.stringify(tags));
    const columns = [...data.columns, { name: "lengths", type: "list", items: { type: "int" } }];
    const writer = new DatasetWriter(output.path, { columns, splits: Object.keys(data.splits) });
    for (const split of Object.keys(data.splits)) {
      for await (const batch of data.batches(split)) {
        const lengths = batch.columns.get("tags").map((list) =>
          Array.isArray(list) ? [...list.map((tag) => tag.length), 9007199254740993n] : null
        );
        writer.write(split, { ...batch, columns: new Map(batch.columns).set("lengths", lengths) });
      }
    }
    await writer.finish();
  },
});
`;

Deno.test("lists go through stages as lists, and an own stage sees arrays", async () => {
  await using p = await project({
    "rows.jsonl": ROWS.map((row) => JSON.stringify(row)).join("\n"),
    "rows.csv": "text,tags\n" +
      ROWS.map(({ text, tags }) => `${text},"${JSON.stringify(tags).replaceAll('"', '""')}"`).join(
        "\n",
      ),
    "own.ts": OWN,
    "p.yaml": `name: p
stages:
  lines: { uses: download, with: { from: rows.jsonl } }
  table: { uses: download, with: { from: rows.csv, types: { tags: [string] } } }
  whales:
    uses: filter
    inputs: { data: lines }
    with:
      add_columns: { all: "{{ tags | join('+') }}", first: "{{ tags[0] if tags else '-' }}" }
      where: '{{ "whale" in tags }}'
  parts: { uses: split, inputs: { data: lines }, with: { train: 0.5, test: 0.5, group: tags } }
  both: { uses: mix, inputs: { data: [lines, table] }, with: { method: concatenate } }
  noted:
    uses: annotate
    inputs: { data: lines, labels: table }
    with: { on: text, columns: { tags: again } }
  own: { uses: ./own.ts, inputs: { data: both } }
`,
  });
  const told = await p.temper(["run", "p.yaml"], { context: { stages: STAGES } });
  assert.deepEqual(told.failures, {});
  const read = async (stage: string): Promise<{ columns: readonly Column[]; rows: Row[] }> => {
    const { columns, splits } = await readDataset(join(p.runs, "latest/artifacts", stage));
    return { columns, rows: Object.values(splits).flat() };
  };
  const tags = { name: "tags", type: "list", items: { type: "string" } };
  for (const stage of ["lines", "table"]) {
    const { columns, rows } = await read(stage);
    assert.deepEqual(columns, [{ name: "text", type: "string" }, tags]);
    assert.deepEqual(rows, ROWS);
  }
  const whales = await read("whales");
  const expected = ROWS.filter((row) => row.tags.includes("whale"));
  assert.ok(expected.length > 3);
  assert.deepEqual(
    whales.rows,
    expected.map((row) => ({ ...row, all: row.tags.join("+"), first: "sea" })),
  );
  const { splits } = await readDataset(join(p.runs, "latest/artifacts/parts"));
  const groups = (split: string): Set<string> =>
    new Set(splits[split]!.map((row) => JSON.stringify(row.tags)));
  assert.ok(groups("train").size > 0);
  assert.deepEqual([...groups("train")].filter((group) => groups("test").has(group)), []);
  assert.deepEqual((await read("both")).rows, [...ROWS, ...ROWS]);
  assert.deepEqual((await read("noted")).columns.at(-1), { ...tags, name: "again" });
  assert.deepEqual((await read("noted")).rows[1], { ...ROWS[1], again: ROWS[1]!.tags });
  const own = await read("own");
  assert.deepEqual(own.columns.at(-1), { name: "lengths", type: "list", items: { type: "int" } });
  assert.deepEqual(own.rows[3]!.lengths, [...ROWS[3]!.tags.map(({ length }) => length), WIDE]);
});

Deno.test("templates read lists as Python's: in, join, places, floats, integers past 2^53", () => {
  const columns: Column[] = [
    { name: "tags", type: "list", items: { type: "string" } },
    { name: "ids", type: "list", items: { type: "int" } },
    { name: "scores", type: "list", items: { type: "float" } },
  ];
  const row: Row = { tags: ["a", null, "b"], ids: [1, WIDE], scores: [1, 0.5, null] };
  const table: [string, string][] = [
    ["{{ tags[0] }}{{ tags[-1] }}", "ab"],
    ['{{ tags | select | join(", ") }}', "a, b"],
    ["{{ tags }}", "['a', None, 'b']"],
    ["{{ ids }}", `[1, ${WIDE}]`],
    ["{{ ids[1] + 1 }}", String(WIDE + 1n)],
    ["{{ ids | tojson }}", `[1, ${WIDE}]`],
    ["{{ scores }}", "[1.0, 0.5, None]"],
    ["{{ scores[0] }}", "1.0"],
    ["{{ tags | length }}", "3"],
    ["{% for tag in tags if tag %}<{{ tag }}>{% endfor %}", "<a><b>"],
  ];
  for (const [source, text] of table) {
    assert.equal(compileTemplate(source, { columns, option: "template" })(row), text, source);
  }
  const holds = compileCondition('{{ "a" in tags }}', { columns, option: "where" });
  assert.deepEqual([holds(row), holds({ ...row, tags: [] })], [true, false]);
  assert.equal(compileTemplate("{{ tags }}", { columns, option: "t" })({ tags: null }), "");
});

Deno.test("download casts to lists of times in the finest unit, and says what is none", async () => {
  const dir = await temporaryDirectory();
  await Deno.writeTextFile(
    `${dir}/a.jsonl`,
    '{"when":["2024-02-29T12:00:00.5",null]}\n{"when":"[\\"2024-02-29 12:00:00.0000001\\"]"}\n' +
      '{"when":["2024-02-29","soon"]}\n{"when":7}\n{"when":[]}\n',
  );
  const options = { from: "a.jsonl", types: { when: ["timestamp"] }, on_error: "reject" };
  const { dataset, summary } = await runRowsStage(download, { options, baseDir: dir });
  assert.deepEqual(dataset.columns, [
    { name: "when", type: "list", items: { type: "timestamp", unit: "ns", utc: false } },
  ]);
  assert.deepEqual(dataset.splits.data, [
    { when: ["2024-02-29T12:00:00.500000000", null] },
    { when: ["2024-02-29T12:00:00.000000100"] },
    { when: [] },
  ]);
  assert.match(
    JSON.stringify(summary),
    /holds .*soon.*cast to list of timestamp: a list, or JSON text of one: ISO 8601/,
  );
  await assert.rejects(
    runRowsStage(download, { options: { ...options, on_error: "error" }, baseDir: dir }),
    /column "when" holds .*2024-02-29.*soon.*here in ns, without a zone/,
  );
});

Deno.test("a list is no class of a text", async () => {
  const columns: Column[] = [{ name: "tags", type: "list", items: { type: "string" } }];
  await assert.rejects(
    readLabels(streamOf({ columns, splits: { train: [{ tags: ["a"] }] } }), "tags"),
    /column "tags" holds list values, which are no classes/,
  );
});
