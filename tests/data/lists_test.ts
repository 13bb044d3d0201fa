/** Columns of lists: found in texts, decided over files, cast, written and read again, and what asks for a type. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parquetWriteBuffer } from "hyparquet-writer";
import { BATCH, type Batch } from "../../lib/data/formats/batch.ts";
import {
  type Cell,
  cellCharacters,
  cellText,
  checkCell,
  type Column,
  type FlatType,
  inferColumns,
  type Items,
  type Row,
} from "../../lib/data/formats/columns.ts";
import { decideColumns } from "../../lib/data/formats/decide.ts";
import type { FoundColumn, FoundItems } from "../../lib/data/formats/row_file.ts";
import { castCell, castText } from "../../lib/data/formats/text/cast.ts";
import { openCsv } from "../../lib/data/formats/text/csv.ts";
import { openJson, openJsonl } from "../../lib/data/formats/text/json.ts";
import { writeDataset } from "../../lib/data/mod.ts";
import { mixRows } from "../../lib/data/rows/mix.ts";
import { Spill } from "../../lib/data/rows/spill.ts";
import { RowBatches } from "../../lib/data/rows/stream.ts";
import { readParquet } from "../fixtures/parquet_files.ts";
import { fileOf, readAll } from "../fixtures/row_files.ts";
import { streamOf, written } from "../fixtures/row_stream.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const WIDE = "9007199254740993";
const HUGE = "12345678901234567890";

/** What a column `a` of files is: its type, or `[type]` for a list, and its cells. */
async function found(...contents: [name: string, content: string][]): Promise<unknown[]> {
  const files = await Promise.all(contents.map(async ([name, content]) => {
    const file = await fileOf(name, content);
    return name.endsWith("csv")
      ? openCsv(file)
      : name.endsWith("l")
      ? openJsonl(file)
      : openJson(file);
  }));
  const { columns, rows } = await readAll(files);
  const column = columns.find(({ name }) => name === "a")!;
  return [shownType(column), ...rows.map(({ a }) => a)];
}

function shownType({ type, items }: Omit<Column, "name">): unknown {
  return items === undefined ? type : [items.type];
}

const lines = (...cells: string[]): [string, string] => [
  "a.jsonl",
  cells.map((cell) => `{"a":${cell}}`).join("\n"),
];
const array = (...cells: string[]): [string, string] => [
  "a.json",
  `[${cells.map((cell) => `{"a":${cell}}`)}]`,
];

Deno.test("arrays of flat values of one type are lists, in jsonl and in json", async () => {
  for (const file of [lines, array]) {
    const table: [string[], unknown[]][] = [
      [['["x","é🐋"]', "[]", "null", '[null,"\\u0000"]'], [["string"], ["x", "é🐋"], [], null, [
        null,
        "\0",
      ]]],
      [["[1,-2]", "[null]", `[${WIDE}]`], [["int"], [1, -2], [null], [BigInt(WIDE)]]],
      [["[1]", "[0.5]"], [["float"], [1], [0.5]]],
      [["[true,false]", "null"], [["bool"], [true, false], null]],
      // Nothing says what they are of.
      [["[]", "null", "[]"], [["string"], [], null, []]],
      [["[null]", "[]"], [["string"], [null], []]],
      // A number that no type holds makes all of them texts, as in a flat column.
      [[`[1,${WIDE}]`, "[1.50]"], [["string"], ["1", WIDE], ["1.50"]]],
      [[`[${HUGE}]`, "[7]"], [["string"], [HUGE], ["7"]]],
      [["[1e400]", "[1.50,null]"], [["string"], ["1e400"], ["1.50", null]]],
      // No lists of one flat type.
      [['[1,"a"]', "[]"], ["json", [1, "a"], []]],
      [["[1]", '["a"]', `[${WIDE}]`], ["json", [1], ["a"], [WIDE]]],
      [["[true]", "[1]"], ["json", [true], [1]]],
      [["[[1]]", "[]"], ["json", [[1]], []]],
      [["[[]]", "[1]"], ["json", [[]], [1]]],
      [['[{"b":1}]', "[]"], ["json", [{ b: 1 }], []]],
      [["[1]", "2"], ["json", [1], 2]],
      [["[1]", '{"b":2}'], ["json", [1], { b: 2 }]],
    ];
    for (const [cells, expected] of table) {
      assert.deepEqual(await found(file(...cells)), expected, cells.join(" "));
      const types = await found(file(...cells.toReversed()));
      assert.deepEqual(types[0], expected[0], `${cells.join(" ")} reversed`);
    }
  }
});

Deno.test("lists are decided over all files, in any order", async () => {
  const both = async (one: [string, string], other: [string, string]): Promise<unknown[]> => {
    const [type, ...cells] = await found(one, other);
    const [again, ...turned] = await found(other, one);
    assert.deepEqual(type, again);
    assert.equal(cells.length, turned.length);
    return [type, ...cells];
  };
  assert.deepEqual(await both(lines("[1]"), array("[0.5]")), [["float"], [1], [0.5]]);
  assert.deepEqual(await both(lines("[]", "null"), array("[true]")), [["bool"], [], null, [true]]);
  assert.deepEqual(await both(lines(`[${WIDE}]`), lines("[2]")), [["int"], [BigInt(WIDE)], [2]]);
  assert.deepEqual(await both(lines(`[${WIDE}]`), lines("[2.50]")), [["string"], [WIDE], ["2.50"]]);
  assert.deepEqual(await both(lines(`[${HUGE}]`), lines("[2]")), [["string"], [HUGE], ["2"]]);
  assert.deepEqual(await both(lines(`[${WIDE}]`), lines('["x"]')), ["json", [WIDE], ["x"]]);
  assert.deepEqual(await both(lines("[1]"), lines("[true]")), ["json", [1], [true]]);
  assert.deepEqual(await both(lines("[1]"), lines('[[1],"x"]')), ["json", [1], [[1], "x"]]);
  assert.deepEqual(await both(lines("[1]"), lines('"x"')), ["json", [1], "x"]);
  assert.deepEqual(await both(lines("[1]"), lines("null")), [["int"], [1], null]);
  assert.deepEqual(await both(lines("[1]"), ["a.csv", "a\nx\n"]), ["json", [1], "x"]);
  assert.deepEqual(await both(lines("[1]"), ["a.csv", "a,b\n,1\n"]), [["int"], [1], null]);

  const list = (items: FoundItems): FoundColumn => ({ name: "a", type: "list", items });
  const decided = (...all: FoundItems[]): unknown =>
    shownType(decideColumns(all.map((items) => [list(items)]))[0]!);
  const us = { type: "timestamp", unit: "us", utc: true } as const;
  assert.deepEqual(decideColumns([[list(us)], [list({ type: undefined })]]), [
    { name: "a", type: "list", items: us },
  ]);
  assert.deepEqual(decided(us, { ...us, unit: "ns" }), ["string"]);
  assert.deepEqual(decided(us, { ...us, utc: false }), ["string"]);
  assert.deepEqual(decided(us, { type: "string" }), ["string"]);
  assert.deepEqual(decided(us, { type: "int" }), "json");
  const names = ["O", "PER"];
  assert.deepEqual(decideColumns([[list({ type: undefined })], [list({ type: "int", names })]]), [
    { name: "a", type: "list", items: { type: "int", names } },
  ]);
  assert.deepEqual(decided({ type: "int", names }, { type: "float" }), ["float"]);
});

Deno.test("a column of lists is the same however its rows are dealt out to files", async () => {
  const number = fc.oneof(
    fc.integer().map(String),
    fc.constantFrom(WIDE, HUGE, "0.50", "1e400", "-0"),
  );
  const item = fc.constantFrom(
    number,
    fc.boolean().map(String),
    fc.string().map((text) => JSON.stringify(text)),
  );
  const list = item.chain((one) =>
    fc.array(fc.oneof(one, fc.constant("null")), { maxLength: 3 }).map((items) => `[${items}]`)
  );
  const cells = fc.array(fc.oneof({ arbitrary: list, weight: 9 }, fc.constant("null")), {
    minLength: 2,
    maxLength: 5,
  });
  await fc.assert(
    fc.asyncProperty(cells, fc.nat(), async (all, cut) => {
      const at = cut % (all.length + 1);
      const whole = await found(lines(...all));
      assert.deepEqual(await found(lines(...all.slice(0, at)), lines(...all.slice(at))), whole);
    }),
    { seed: 9, numRuns: 150 },
  );
});

Deno.test("inferColumns() tells lists from what else is nested", () => {
  const table: [Cell[], unknown][] = [
    [[["a"], [], null, [null]], ["string"]],
    [[[1], [2n ** 60n]], ["int"]],
    [[[1], [0.5, NaN]], ["float"]],
    [[[true]], ["bool"]],
    [[[]], ["string"]],
    [[[1, "a"]], "json"],
    [[[1], ["a"]], "json"],
    [[[1], 1], "json"],
    [[[1], { a: 1 }], "json"],
    [[[[1]], [1]], "json"],
  ];
  for (const [cells, type] of table) {
    assert.deepEqual(shownType(inferColumns(cells.map((a): Row => ({ a })))[0]!), type);
  }
});

Deno.test("a cell of a list is checked item by item, and told with its place", () => {
  const where = (): string => 'row 3 of split "train"';
  const check = (cell: Cell, type: FlatType): void =>
    checkCell(cell, { name: "tags", type: "list", items: { type } }, where);
  for (const cell of [null, [], [null, 1, 2n ** 63n - 1n]] as Cell[]) check(cell, "int");
  check([NaN, null, 1], "float");
  const table: [Cell, FlatType, RegExp][] = [
    [
      ["a", 5],
      "string",
      /"tags" holds number 5 in item 1 in row 3 of split "train".*list of string/,
    ],
    [[1, 0.5], "int", /holds number 0\.5 in item 1 in row 3/],
    [[2n ** 63n], "int", /holds bigint 9223372036854775808 in item 0/],
    ["a", "string", /"tags" holds string a in row 3.*its type is list of string/],
    [{ a: 1 }, "string", /"tags" holds object {"a":1} in row 3/],
    [[["a"]], "string", /holds object \["a"\] in item 0/],
    [
      [{ a: 2n ** 60n }] as unknown as Cell,
      "int",
      /holds object {"a":"1152921504606846976"} in item 0/,
    ],
    [[1], "bool", /holds number 1 in item 0/],
  ];
  for (const [cell, type, message] of table) {
    assert.throws(() => check(cell, type), { name: "UserError", message });
  }
});

Deno.test("lists are cast item by item, and taken out of JSON text", () => {
  const of = (items: Items): Column => ({ name: "c", type: "list", items });
  const NONE = "no value";
  const texts: [string, Items, unknown][] = [
    ['["a","b"]', { type: "string" }, ["a", "b"]],
    [" [1.50, 7, true, null] ", { type: "string" }, ["1.50", "7", "true", null]],
    [`[1, 7.0, "007", ${WIDE}]`, { type: "int" }, [1, 7, 7, BigInt(WIDE)]],
    ["[0.5]", { type: "int" }, NONE],
    [`[${WIDE}]`, { type: "float" }, NONE],
    ['[1, "inf"]', { type: "float" }, [1, Infinity]],
    ['[true, "false", 1, 0]', { type: "bool" }, [true, false, true, false]],
    ['[{"a":1.50},[2]]', { type: "string" }, ['{"a":1.50}', "[2]"]],
    ["[[1]]", { type: "int" }, NONE],
    ['["2024-02-29"]', { type: "timestamp", unit: "ms", utc: false }, ["2024-02-29T00:00:00.000"]],
    ['["soon"]', { type: "timestamp", unit: "ms", utc: false }, NONE],
    ["[]", { type: "int" }, []],
    ["null", { type: "int" }, null],
    ["7", { type: "int" }, NONE],
    ["{}", { type: "int" }, NONE],
    ["a", { type: "string" }, NONE],
    ["", { type: "string" }, NONE],
    ["[1", { type: "int" }, NONE],
    ["[".repeat(5000) + "]".repeat(5000), { type: "int" }, NONE],
  ];
  for (const [text, items, expected] of texts) {
    const cell = castText(text, of(items));
    assert.deepEqual(cell === undefined ? NONE : cell, expected, text.slice(0, 60));
  }
  const wide = BigInt(WIDE);
  const cells: [Cell, Column, unknown][] = [
    [["1", null, 2], of({ type: "int" }), [1, null, 2]],
    [[wide], of({ type: "string" }), [WIDE]],
    [[wide], of({ type: "float" }), NONE],
    ["[1]", of({ type: "int" }), [1]],
    [1, of({ type: "int" }), NONE],
    [{ a: 1 }, of({ type: "int" }), NONE],
    [[wide, NaN, "x"], { name: "c", type: "string" }, `[${WIDE},NaN,"x"]`],
    [[wide, 1], { name: "c", type: "json" }, [WIDE, 1]],
    [[1], { name: "c", type: "int" }, NONE],
    [[1], { name: "c", type: "bool" }, NONE],
  ];
  for (const [cell, column, expected] of cells) {
    const cast = castCell(cell, column);
    assert.deepEqual(cast === undefined ? NONE : cast, expected, cellText(cell));
  }
});

Deno.test("a list as text tells it from every other, and its size counts all that is in it", () => {
  const table: [Cell, string][] = [
    [[1, "a", null, true], '[1,"a",null,true]'],
    [[BigInt(WIDE)], `[${WIDE}]`],
    [[WIDE], `["${WIDE}"]`],
    [[NaN, null, -Infinity], "[NaN,null,-Infinity]"],
    [[], "[]"],
  ];
  for (const [cell, text] of table) assert.equal(cellText(cell), text);
  assert.equal(cellCharacters("abc"), 3);
  assert.equal(cellCharacters(7), 0);
  assert.ok(cellCharacters(["a".repeat(1000), "b".repeat(500)]) >= 1500);
  assert.ok(cellCharacters(Array.from({ length: 1000 }, () => 0)) >= 8000);
  assert.ok(cellCharacters([{ role: "user", content: "c".repeat(700) }]) >= 700);
});

Deno.test("rows with long lists come in small batches, and lists are put aside as they are", async () => {
  const columns: Column[] = [{ name: "a", type: "list", items: { type: "int" } }];
  const list = Array.from({ length: 100_000 }, (_, i) => i);
  const taken: Batch[] = [];
  const batches = new RowBatches(columns, (batch) => taken.push(batch));
  for (let i = 0; i < 30; i++) batches.add({ a: list });
  batches.finish();
  assert.deepEqual(taken.map(({ length }) => length).at(0), Math.ceil(BATCH.characters / 8 / 1e5));
  using spill = new Spill(`${await temporaryDirectory()}/spill`, { most: 1000 });
  const cells: Cell[] = [[1, 2n ** 60n, null], [], null, list];
  spill.write({ length: cells.length, columns: new Map([["a", cells]]) });
  assert.equal(spill.isHeld, false);
  assert.deepEqual([...spill.batches()].flatMap((batch) => batch.columns.get("a")!), cells);
});

Deno.test("the classes of items are read in every form that datasets writes, and mixed with care", async () => {
  const classes = { names: ["O", "PER"], _type: "ClassLabel" };
  const items: Items = { type: "int", names: ["O", "PER"] };
  const path = `${await temporaryDirectory()}/a.parquet`;
  for (
    const feature of [
      { feature: classes, _type: "List" },
      { feature: classes, _type: "Sequence", length: -1 },
      [classes],
    ]
  ) {
    const info = JSON.stringify({ info: { features: { a: feature } } });
    const bytes = parquetWriteBuffer({
      columnData: [{ name: "a", data: [[0n, 1n], []] }],
      schema: [
        { name: "root", num_children: 1 },
        { name: "a", repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST" },
        { name: "list", repetition_type: "REPEATED", num_children: 1 },
        { name: "element", repetition_type: "OPTIONAL", type: "INT64" },
      ],
      kvMetadata: [{ key: "huggingface", value: info }],
    });
    await Deno.writeFile(path, new Uint8Array(bytes));
    const { columns, rows } = await readParquet(path);
    assert.deepEqual(columns, [{ name: "a", type: "list", items }]);
    assert.deepEqual(rows, [{ a: [0, 1] }, { a: [] }]);
  }
  const mixed = async (...all: Items[]): Promise<readonly Column[]> => {
    const inputs = all.map((own, i) => {
      const columns: Column[] = [{ name: "a", type: "list", items: own }];
      return { name: `${i}`, stream: streamOf({ columns, splits: { data: [{ a: [] }] } }) };
    });
    const run = await written();
    await mixRows(inputs, { method: "concatenate" }, run);
    return run.columns;
  };
  assert.deepEqual(await mixed({ type: "int" }, items), [{ name: "a", type: "list", items }]);
  await assert.rejects(
    mixed(items, { type: "int", names: ["O"] }),
    /classes of column "a" are O, PER in 0 and O in 1/,
  );
  await assert.rejects(
    mixed({ type: "int" }, { type: "string" }),
    /column "a" is list of int in 0 and list of string in 1/,
  );
});

Deno.test("a writer refuses columns that say nothing of what is in them", async () => {
  const dir = await temporaryDirectory();
  const table: [unknown, RegExp][] = [
    [{ type: "list" }, /items of column "a" have no type.*a list has items of one of the others/],
    [{ type: "list", items: { type: "json" } }, /items of column "a" have no type/],
    [{ type: "list", items: { type: "timestamp", unit: "s" } }, /unit of the items of column "a"/],
    [{ type: "string", items: { type: "int" } }, /column "a" has items, and is no list/],
    [{ type: "timestamp", unit: "s" }, /unit of column "a" is none that there is/],
    [{ type: "text" }, /column "a" has no type that there is/],
  ];
  for (const [column, message] of table) {
    const columns = [{ name: "a", ...column as object } as Column];
    await assert.rejects(writeDataset(dir, { columns, splits: {} }), {
      name: "UserError",
      message,
    });
  }
});

Deno.test("a text that is no time of its column is told with row and column", async () => {
  const columns: Column[] = [{ name: "when", type: "timestamp", unit: "ms", utc: true }];
  await assert.rejects(
    writeDataset(await temporaryDirectory(), {
      columns,
      splits: { train: [{ when: null }, { when: "soon" }] },
    }),
    /column "when" holds "soon" in row 1 of split "train".*looks like 1970-01-01T00:00:00\.000Z/,
  );
});
