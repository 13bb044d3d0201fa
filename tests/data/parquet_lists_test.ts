/** Lists in parquet: in the three spellings that there are, exact, and as other tools expect them. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parquetMetadataAsync } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { BATCH, batchOf } from "../../lib/data/formats/batch.ts";
import type { Cell, Column, FlatCell, Items, Row } from "../../lib/data/formats/columns.ts";
import { openBuffer } from "../../lib/data/formats/parquet/buffer.ts";
import { parquetFile } from "../../lib/data/formats/parquet/file.ts";
import { openJsonl } from "../../lib/data/formats/text/json.ts";
import { DatasetWriter, openDataset, readDataset, writeDataset } from "../../lib/data/mod.ts";
import { readParquet, writeParquet } from "../fixtures/parquet_files.ts";
import { bare, type Leaf, spelled, writeBare } from "../fixtures/parquet_lists.ts";
import { fileOf, readAll } from "../fixtures/row_files.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const WIDE = 9007199254740993n;

const ITEMS: readonly [Items, fc.Arbitrary<FlatCell>][] = [
  [{ type: "string" }, fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("", "\0", "🐋"))],
  [
    { type: "int" },
    fc.oneof(
      fc.integer(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) =>
        Number.isSafeInteger(Number(value)) ? Number(value) : value
      ),
    ),
  ],
  [{ type: "int", names: ["O", "PER"] }, fc.constantFrom(0, 1)],
  [{ type: "float" }, fc.oneof(fc.double(), fc.integer())],
  [{ type: "bool" }, fc.boolean()],
  [
    { type: "timestamp", unit: "ns", utc: false },
    fc.constantFrom("1969-12-31T23:59:59.999999999", "2024-02-29T12:00:00.000000001"),
  ],
  [{ type: "timestamp", unit: "ms", utc: true }, fc.constant("2024-02-29T12:00:00.001Z")],
];

Deno.test("lists come back as they were written, whatever is in them", async () => {
  const columns: Column[] = ITEMS.map(([items], i) => ({ name: `c${i}`, type: "list", items }));
  const row = fc.record(
    Object.fromEntries(ITEMS.map(([, item], i) => {
      const list = fc.array(fc.option(item, { freq: 6 }), { maxLength: 5 });
      return [`c${i}`, fc.option(list, { freq: 5 })] as const;
    })),
    { noNullPrototype: true },
  ) as fc.Arbitrary<Row>;
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 40 }), fc.array(row), async (train, test) => {
      const dir = await temporaryDirectory();
      const splits = { train, test };
      await writeDataset(dir, { columns, splits });
      assert.deepEqual(await readDataset(dir), { columns, splits });
      // The file says so itself.
      if (train.length === 0) return;
      const own = await readParquet(`${dir}/train.parquet`);
      assert.deepEqual(own.columns, columns);
      assert.deepEqual(own.rows, train);
    }),
    { seed: 41, numRuns: 15 },
  );
});

Deno.test("lists are written as pyarrow writes them, and the same rows as the same bytes", async () => {
  const dir = await temporaryDirectory();
  const columns: Column[] = [
    { name: "list", type: "list", items: { type: "string" } },
    { name: "element", type: "string" },
  ];
  const rows: Row[] = Array.from({ length: 2500 }, (_, i) => ({
    list: i % 7 === 0 ? null : Array.from({ length: i % 5 }, (_, k) => k === 2 ? null : `${i}`),
    element: `${i}`,
  }));
  writeParquet(`${dir}/whole.parquet`, columns, { rows });
  const { schema } = await parquetMetadataAsync(openBuffer(`${dir}/whole.parquet`));
  assert.deepEqual(
    schema.map(({ name, repetition_type: repeats, converted_type: is }) => [name, repeats, is]),
    [
      ["root", undefined, undefined],
      ["list", "OPTIONAL", "LIST"],
      ["list", "REPEATED", undefined],
      ["element", "OPTIONAL", "UTF8"],
      ["element", "OPTIONAL", "UTF8"],
    ],
  );
  assert.deepEqual(schema[1]!.logical_type, { type: "LIST" });
  await Deno.mkdir(`${dir}/pieces`);
  const writer = new DatasetWriter(`${dir}/pieces`, { columns, splits: ["data"] });
  for (let i = 0; i < rows.length; i += 333) {
    writer.write("data", batchOf(rows.slice(i, i + 333), columns));
  }
  await writer.finish();
  const pieces = await Deno.readFile(`${dir}/pieces/data.parquet`);
  assert.deepEqual(pieces, await Deno.readFile(`${dir}/whole.parquet`));
  assert.deepEqual((await readDataset(`${dir}/pieces`)).splits.data, rows);
});

Deno.test("a list is read in each of its spellings, none as null and empty as empty", async () => {
  const lists = [["a", "🐋"], null, [], ["b"], [], null, ["", "c", "d"]];
  const { columns, rows } = await spelled({ type: "BYTE_ARRAY", converted_type: "UTF8" }, lists);
  for (const { type, items } of columns) {
    assert.deepEqual([type, items], ["list", { type: "string" }]);
  }
  assert.deepEqual(rows.map(({ three }) => three), lists);
  assert.deepEqual(rows.map(({ newer }) => newer), lists);
  assert.deepEqual(rows.map(({ two }) => two), lists);
  const full = lists.map((list) => list ?? []);
  assert.deepEqual(rows.map(({ required }) => required), full);
  assert.deepEqual(rows.map(({ strict }) => strict), full);
  assert.deepEqual(rows.map(({ bare }) => bare), full);
});

Deno.test("items of parquet lists are exact: integers, decimals, times", async () => {
  const table: [Leaf, unknown[][], Items, Cell[]][] = [
    [{ type: "INT64" }, [[1n, WIDE]], { type: "int" }, [[1, WIDE]]],
    [{ type: "INT32" }, [[1, -7]], { type: "int" }, [[1, -7]]],
    [{ type: "BOOLEAN" }, [[true, false]], { type: "bool" }, [[true, false]]],
    [{ type: "DOUBLE" }, [[1, 0.5]], { type: "float" }, [[1, 0.5]]],
    [
      { type: "INT64", converted_type: "UINT_64" },
      [[2n ** 63n - 1n, 7n]],
      { type: "int" },
      [[2n ** 63n - 1n, 7]],
    ],
    [
      { type: "INT64", converted_type: "DECIMAL", precision: 9, scale: 2 },
      [[115n, -1n]],
      { type: "float" },
      [[1.15, -0.01]],
    ],
    [
      { type: "INT64", converted_type: "DECIMAL", precision: 17, scale: 2 },
      [[1234567890123456n]],
      { type: "string" },
      [["12345678901234.56"]],
    ],
    [
      {
        type: "INT64",
        logical_type: { type: "TIMESTAMP", unit: "NANOS", isAdjustedToUTC: false },
      },
      [[1_582_977_600_123_456_789n]],
      { type: "timestamp", unit: "ns", utc: false },
      [["2020-02-29T12:00:00.123456789"]],
    ],
    [
      { type: "INT64", converted_type: "TIMESTAMP_MILLIS" },
      [[-1n]],
      { type: "timestamp", unit: "ms", utc: true },
      [["1969-12-31T23:59:59.999Z"]],
    ],
    [{ type: "INT32", converted_type: "DATE" }, [[0]], { type: "string" }, [["1970-01-01"]]],
  ];
  for (const [leaf, data, items, cells] of table) {
    const { columns, rows } = await spelled(leaf, data);
    for (const column of columns) {
      assert.deepEqual(column, { name: column.name, type: "list", items });
      assert.deepEqual(rows.map((row) => row[column.name]), cells, JSON.stringify(leaf));
    }
  }
});

Deno.test("unsigned items past 63 bits are texts, in that file and beside others", async () => {
  const leaf = { type: "INT64", converted_type: "UINT_64" } as const;
  const path = `${await temporaryDirectory()}/u.parquet`;
  for (const statistics of [true, false]) {
    const columnData = [{ name: "a", data: [[2n ** 64n - 1n, 7n], []] }];
    const schema = [{ name: "root", num_children: 1 }, ...bare("a", leaf)];
    writeBare(path, columnData, { schema, statistics });
    const file = parquetFile({ path, name: "u.parquet" });
    const { columns, rows } = await readAll([
      file,
      openJsonl(await fileOf("a.jsonl", '{"a":[5]}')),
    ]);
    assert.deepEqual(columns, [{ name: "a", type: "list", items: { type: "string" } }]);
    assert.deepEqual(rows.map(({ a }) => a), [["18446744073709551615", "7"], [], ["5"]]);
  }
});

Deno.test("a list beside what is none is json, its integers by their digits", async () => {
  const dir = await temporaryDirectory();
  const columns: Column[] = [{ name: "a", type: "list", items: { type: "int" } }];
  writeParquet(`${dir}/a.parquet`, columns, { rows: [{ a: [1, WIDE, null] }, { a: null }] });
  const file = parquetFile({ path: `${dir}/a.parquet`, name: "a" });
  const beside = async (line: string): Promise<unknown[]> => {
    const { columns, rows } = await readAll([file, openJsonl(await fileOf("b.jsonl", line))]);
    return [columns[0]!.items?.type ?? columns[0]!.type, ...rows.map(({ a }) => a)];
  };
  assert.deepEqual(await beside('{"a":["x"]}'), ["json", [1, String(WIDE), null], null, ["x"]]);
  assert.deepEqual(await beside('{"a":{"b":1}}'), ["json", [1, String(WIDE), null], null, {
    b: 1,
  }]);
  assert.deepEqual(await beside('{"a":[0.50]}'), ["string", ["1", String(WIDE), null], null, [
    "0.50",
  ]]);
  assert.deepEqual(await beside('{"a":[]}'), ["int", [1, WIDE, null], null, []]);
});

Deno.test("lists of lists and of structs stay json, and so does JSON text", async () => {
  const path = `${await temporaryDirectory()}/n.parquet`;
  const list = { repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST" } as const;
  const repeated = { name: "list", repetition_type: "REPEATED", num_children: 1 } as const;
  const text = { type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" } as const;
  const bytes = parquetWriteBuffer({
    columnData: [
      { name: "lists", data: [[["a"], []], null] },
      { name: "structs", data: [[{ x: "a", y: "b" }], []] },
      { name: "tuples", data: [[{ x: "a" }], []] },
      { name: "older", data: [["a"], []] },
      { name: "json", data: [[{ a: 1 }], []] },
    ],
    schema: [
      { name: "root", num_children: 5 },
      { ...list, name: "lists" },
      repeated,
      { ...list, name: "element" },
      repeated,
      { ...text, name: "element" },
      { ...list, name: "structs" },
      repeated,
      { name: "element", repetition_type: "OPTIONAL", num_children: 2 },
      { ...text, name: "x" },
      { ...text, name: "y" },
      { ...list, name: "tuples" },
      repeated,
      { name: "element", repetition_type: "OPTIONAL", num_children: 1 },
      { ...text, name: "x" },
      // By that name, a list of structs with one member.
      { ...list, name: "older" },
      { ...repeated, name: "older_tuple" },
      { ...text, name: "x" },
      { ...list, name: "json" },
      repeated,
      { name: "element", type: "BYTE_ARRAY", converted_type: "JSON", repetition_type: "OPTIONAL" },
    ],
  });
  await Deno.writeFile(path, new Uint8Array(bytes));
  const { columns, rows } = await readParquet(path);
  assert.deepEqual(columns.map(({ type }) => type), ["json", "json", "json", "json", "json"]);
  assert.deepEqual(rows, [
    {
      lists: [["a"], []],
      structs: [{ x: "a", y: "b" }],
      tuples: [{ x: "a" }],
      older: ["a"],
      json: [{ a: 1 }],
    },
    { lists: null, structs: [], tuples: [], older: [], json: [] },
  ]);
});

Deno.test("a dataset of before, whose lists are JSON text, is read as it was", async () => {
  const dir = await temporaryDirectory();
  const columns: Column[] = [{ name: "tags", type: "json" }];
  const rows: Row[] = [{ tags: ["a", "b"] }, { tags: [] }, { tags: null }];
  await writeDataset(dir, { columns, splits: { data: rows } });
  assert.deepEqual(await readDataset(dir), { columns, splits: { data: rows } });
});

Deno.test("what does not fit a list is told with split, row, column and item", async () => {
  const dir = await temporaryDirectory();
  const write = (items: Items, ...cells: Cell[]): Promise<void> =>
    writeDataset(dir, {
      columns: [{ name: "tags", type: "list", items }],
      splits: { train: cells.map((tags) => ({ tags })) },
    });
  const table: [Items, Cell, RegExp][] = [
    [{ type: "string" }, ["a", 1], /"tags" holds number 1 in item 1 in row 1 of split "train"/],
    [{ type: "int" }, "a", /"tags" holds string a in row 1 of split "train".*list of int/],
    [
      { type: "timestamp", unit: "ms", utc: true },
      ["2024-02-29"],
      /"tags" holds "2024-02-29" in item 0 in row 1 of split "train".*looks like 1970/,
    ],
  ];
  for (const [items, cell, message] of table) {
    await assert.rejects(write(items, [], cell), { name: "UserError", message });
  }
});

Deno.test("dataset.json says what lists are of, and what it says of other files is refused", async () => {
  const dir = await temporaryDirectory();
  await writeDataset(dir, {
    columns: [{ name: "a", type: "string" }],
    splits: { data: [{ a: "x" }] },
  });
  const whole = JSON.parse(await Deno.readTextFile(`${dir}/dataset.json`));
  const table: [unknown, RegExp][] = [
    [undefined, /items of column "a" have no type/],
    [{ type: "list" }, /items of column "a" have no type/],
    [{ type: "json" }, /items of column "a" have no type/],
    [{ type: "int", names: [1] }, /names of the items of column "a"/],
    [{ type: "string" }, /column "a".*holds string values where lists are announced/],
  ];
  for (const [items, message] of table) {
    const columns = [{ name: "a", type: "list", items }];
    await Deno.writeTextFile(`${dir}/dataset.json`, JSON.stringify({ ...whole, columns }));
    await assert.rejects(readDataset(dir), { name: "UserError", message });
  }
});

Deno.test("long lists end row groups and batches as long texts do", async () => {
  const dir = await temporaryDirectory();
  const columns: Column[] = [{ name: "ids", type: "list", items: { type: "int" } }];
  const ids = Array.from({ length: 20_000 }, (_, i) => i);
  const rows: Row[] = Array.from({ length: 130 }, () => ({ ids }));
  await writeDataset(dir, { columns, splits: { data: rows } });
  const { row_groups: groups } = await parquetMetadataAsync(openBuffer(`${dir}/data.parquet`));
  assert.ok(groups.length > 1, `${groups.length} row groups`);
  let read = 0;
  for await (const batch of (await openDataset(dir)).batches("data")) {
    assert.ok(
      batch.length * ids.length * 8 <= BATCH.characters + ids.length * 8,
      `${batch.length}`,
    );
    for (const cell of batch.columns.get("ids")!) {
      const list = cell as readonly Cell[];
      assert.deepEqual([list.length, list[0], list.at(-1)], [ids.length, 0, ids.length - 1]);
      read++;
    }
  }
  assert.equal(read, rows.length);
});
