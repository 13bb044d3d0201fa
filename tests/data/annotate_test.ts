/** Rows joined with what a second dataset says of them. */
import assert from "node:assert/strict";
import { sha256Hex } from "../../lib/base/hash.ts";
import type { Column, Row } from "../../lib/data/formats/columns.ts";
import {
  type Annotated,
  type AnnotateOptions,
  annotateRows,
} from "../../lib/data/rows/annotate.ts";
import type { Dataset } from "../../lib/data/rows/dataset.ts";
import { streamOf, type Written, written } from "../fixtures/row_stream.ts";

const text = (name: string): Column => ({ name, type: "string" });
const DATA: Dataset = {
  columns: [{ name: "id", type: "int" }, text("text")],
  splits: {
    train: Array.from({ length: 20 }, (_, id) => ({ id, text: `text ${id}` })),
    test: [{ id: 99, text: "text 99" }, { id: null, text: "no id" }],
  },
};

async function annotate(
  labels: Dataset,
  options: Partial<AnnotateOptions>,
): Promise<{ result: Annotated; sink: Written }> {
  const sink = await written();
  const streams = { stream: streamOf(DATA), notes: streamOf(labels) };
  const all = { key: { on: [["id", "id"]] }, unmatched: "keep", ...options } as const;
  return { result: await annotateRows(streams, all, sink), sink };
}

Deno.test("annotateRows() joins by a key, keeps or drops the others, and reports both sides", async () => {
  // The key is text in the second file, as a csv with a missing number has it.
  const labels = {
    columns: [text("id"), { name: "label", type: "int" as const }, text("by")],
    splits: {
      data: [
        ...Array.from({ length: 10 }, (_, i) => ({ id: `${i * 2}`, label: i, by: "ann" })),
        { id: "500", label: 1, by: "bob" },
        { id: null, label: 1, by: "bob" },
        { id: "4", label: 2, by: "ann" },
      ],
    },
  };
  const { result, sink } = await annotate(labels, {});
  assert.deepEqual(result, {
    matched: 10,
    unmatched: { rows: 12, keys: ['"1"', '"3"', '"5"'] },
    unused: { rows: 1, keys: ['"500"'] },
    annotations: 11,
  });
  assert.deepEqual(sink.columns.map(({ name, type }) => `${name} ${type}`), [
    "id int",
    "text string",
    "label int",
    "by string",
  ]);
  assert.deepEqual(sink.splits.train!.slice(3, 5), [
    { id: 3, text: "text 3", label: null, by: null },
    { id: 4, text: "text 4", label: 2, by: "ann" },
  ]);
  const dropped = await annotate(labels, { unmatched: "drop", columns: { label: "verdict" } });
  assert.deepEqual(
    dropped.sink.splits.train!.map((row: Row) => [row.id, row.verdict]),
    Array.from({ length: 10 }, (_, i) => [i * 2, i]),
  );
  assert.deepEqual(dropped.sink.splits.test, []);
});

Deno.test("annotateRows() joins by the hash of a text, in letters of either case", async () => {
  const labels = {
    columns: [text("row"), text("label")],
    splits: {
      data: [
        { row: sha256Hex("text 7").toUpperCase(), label: "seven" },
        { row: sha256Hex("text 99"), label: "many" },
      ],
    },
  };
  const { result, sink } = await annotate(labels, { key: { hash: "row", column: "text" } });
  assert.equal(result.matched, 2);
  assert.deepEqual(sink.splits.train![7], { id: 7, text: "text 7", label: "seven" });
  assert.deepEqual(sink.splits.test![0], { id: 99, text: "text 99", label: "many" });
});

Deno.test("annotateRows() refuses two answers to a key, and columns that clash or lack", async () => {
  const twice = {
    columns: [{ name: "id", type: "int" as const }, text("label")],
    splits: { data: [{ id: 1, label: "a" }, { id: 1, label: "b" }] },
  };
  await assert.rejects(
    annotate(twice, {}),
    /key "1" and say different things: "label" is "a" and "b"/,
  );
  const clash = {
    columns: [{ name: "id", type: "int" as const }, text("text")],
    splits: { data: [{ id: 1, text: "a" }] },
  };
  await assert.rejects(annotate(clash, {}), /have a column "text" already.*columns: \{ text: /);
  const lacking = { columns: [text("ID"), text("label")], splits: { data: [] } };
  await assert.rejects(annotate(lacking, {}), /no column "id".*did you mean "ID"/);
  const alone = { columns: [{ name: "id", type: "int" as const }], splits: { data: [] } };
  await assert.rejects(annotate(alone, {}), /no column beside the key/);
});

Deno.test("annotateRows() takes no two columns for two others whose texts come to the same", async () => {
  const [a, b] = [text("a"), text("b")];
  const rows = [["x\0y", "z"], ["x", "y\0z"], ["x\0", "z"], ["x", "\0z"], ["x\0\u0001", "z"]];
  const data = { columns: [a, b], splits: { data: rows.map(([a, b]) => ({ a: a!, b: b! })) } };
  const sink = await written();
  await annotateRows(
    {
      stream: streamOf(data),
      notes: streamOf({
        columns: [a, b, text("label")],
        splits: { data: rows.map(([a, b], i) => ({ a: a!, b: b!, label: `${i}` })) },
      }),
    },
    { key: { on: [["a", "a"], ["b", "b"]] }, unmatched: "keep" },
    sink,
  );
  const labels = sink.splits.data!.map((row) => row.label);
  assert.deepEqual(labels, rows.map((_, i) => `${i}`));
});
