/** Columns that are cast to types that somebody asks for: exactly, or the row cannot be read. */
import assert from "node:assert/strict";
import { parquetWriteBuffer } from "hyparquet-writer";
import type { Cell, Column, ColumnType, Row } from "../../lib/data/formats/columns.ts";
import type { BadRow } from "../../lib/data/formats/row_file.ts";
import { castCell, castText } from "../../lib/data/formats/text/cast.ts";
import { parseTime } from "../../lib/data/formats/timestamps.ts";
import {
  findColumns,
  openFiles,
  readFiles,
  type ReadOptions,
} from "../../lib/data/rows/table_files.ts";
import download from "../../stages/download.ts";
import { fileOf } from "../fixtures/row_files.ts";
import { runRowsStage } from "../fixtures/rows_stage.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const NONE = "no value";

Deno.test("castText() takes what is exactly a value of the type, and nothing else", () => {
  const table: Record<Exclude<ColumnType, "timestamp" | "list">, [string, Cell | typeof NONE][]> = {
    string: [["", ""], [" 1.50 ", " 1.50 "]],
    int: [
      ...["7", "+7", "007", " 7\t", "7.", "7.000"].map((text) => [text, 7] as [string, Cell]),
      ["-0", 0],
      ["0.000e5", 0],
      ["-12.0", -12],
      ["1.25e3", 1250],
      ["70e-1", 7],
      ["1e+18", 10n ** 18n],
      ["9007199254740993", 9007199254740993n],
      ["9007199254740993.0", 9007199254740993n],
      ["-9223372036854775808", -(2n ** 63n)],
      ...[
        "9223372036854775808",
        "7.5",
        "7e-1",
        "1e19",
        "1e9999",
        "0x1f",
        "1_000",
        "1,000",
        "",
        " ",
        "seven",
        "７",
      ]
        .map((text) => [text, NONE] as [string, typeof NONE]),
      ["true", NONE],
      ["1".repeat(100_000), NONE],
    ],
    float: [
      ["1.50", 1.5],
      [".5", 0.5],
      ["5.", 5],
      ["-1e-5", -1e-5],
      ["007.25", 7.25],
      ["0.1", 0.1],
      ["9007199254740992", 2 ** 53],
      ["-0", -0],
      ["NaN", NaN],
      ["-inf", -Infinity],
      ["Infinity", Infinity],
      // A double would be 9007199254740992.
      ["9007199254740993", NONE],
      ["1e400", NONE],
      ...["1,5", "1.2.3", "1e", "e5", "", "--1", "infinite", "0x10", "1 2"]
        .map((text) => [text, NONE] as [string, typeof NONE]),
    ],
    bool: [
      ["true", true],
      ["TRUE", true],
      ["1", true],
      ["False", false],
      ["0", false],
      ...["yes", "no", "t", "2", "", "1.0", "01"]
        .map((text) => [text, NONE] as [string, typeof NONE]),
    ],
    json: [
      ['{"a":[1,null]}', { a: [1, null] }],
      ["12345678901234567890", "12345678901234567890"],
      ['"x"', "x"],
      ["x", NONE],
      ["", NONE],
      ["[".repeat(5000) + "]".repeat(5000), NONE],
    ],
  };
  for (const [type, cases] of Object.entries(table)) {
    for (const [text, expected] of cases) {
      const cell = castText(text, { name: "c", type: type as ColumnType });
      assert.deepEqual(cell ?? NONE, expected, `${type} of ${text.slice(0, 50)}`);
    }
  }
});

Deno.test("castCell() keeps a value or has none", () => {
  const wide = 9007199254740993n;
  const table: [Cell, Partial<Record<ColumnType, Cell>>][] = [
    [null, { string: null, int: null, float: null, bool: null, timestamp: null, json: null }],
    [3, { string: "3", int: 3, float: 3, json: 3 }],
    [1, { string: "1", int: 1, float: 1, bool: true, json: 1 }],
    [2.5, { string: "2.5", float: 2.5, json: 2.5 }],
    [1e17, { string: "100000000000000000", int: 10n ** 17n, float: 1e17, json: 1e17 }],
    [1e30, { string: "1e+30", float: 1e30, json: 1e30 }],
    [NaN, { string: "NaN", float: NaN, json: NaN }],
    [wide, { string: String(wide), int: wide, json: String(wide) }],
    [2n ** 60n, {
      string: String(2n ** 60n),
      int: 2n ** 60n,
      float: 2 ** 60,
      json: String(2n ** 60n),
    }],
    [true, { string: "true", int: 1, float: 1, bool: true, json: true }],
    [[1], { string: "[1]", json: [1] }],
  ];
  const types = ["string", "int", "float", "bool", "timestamp", "json"] as const;
  for (const [cell, expected] of table) {
    for (const type of types) {
      const column: Column = {
        name: "c",
        type,
        ...(type === "timestamp" ? { unit: "ms", utc: true } : {}),
      };
      assert.deepEqual(castCell(cell, column), expected[type], `${String(cell)} as ${type}`);
    }
  }
});

Deno.test("parseTime() reads days that there are, and hours of a day", () => {
  const seconds = (text: string): number | undefined => parseTime(text)?.seconds;
  assert.equal(seconds("2024-02-29"), Date.UTC(2024, 1, 29) / 1000);
  for (
    const text of [
      "2024-02-29T12:30",
      "2024-02-29 12:30:00",
      "2024-02-29T14:30+02:00",
      "2024-02-29 06:00 -0630",
      "2024-02-29t12:30:00z",
      "2024-02-29 12:30:00.000 UTC",
    ]
  ) {
    assert.equal(seconds(text), Date.UTC(2024, 1, 29, 12, 30) / 1000, text);
  }
  for (
    const text of [
      ...["2023-02-29", "2024-13-01", "2024-00-10", "2024-01-32", "24-01-01", "2024-1-1"],
      ...["2024-01-01T24:00", "2024-01-01T12:60", "2024-01-01T12:00:60", "2024-01-01T12"],
      ...["2024-01-01T12:00:00.", "2024-01-01T12:00:00.0123456789", "2024-01-01T12:00+99:00"],
      ...["2024-01-01T12:00+02:60", "2024-01-01Z", "01/02/2024", "now", "1700000000", ""],
    ]
  ) assert.equal(seconds(text), undefined, text);
});

/** Columns and rows of files, and the rows that were rejected. */
async function read(
  files: Record<string, string | Uint8Array>,
  options: Partial<ReadOptions> & { limit?: number },
): Promise<{ columns: readonly Column[]; rows: Row[]; bad: BadRow[] }> {
  const inputs = await Promise.all(
    Object.entries(files).map(([name, content]) => fileOf(name, content)),
  );
  const { limit, ...reading } = options;
  const opened = openFiles(inputs, {
    ...{ format: "auto", splitBy: "line", textColumn: "text" },
    ...reading,
  });
  const { columns: chosen, types } = options;
  const bad: BadRow[] = [];
  const found = await findColumns(opened, { limit, columns: chosen, types });
  const rows: Row[] = [];
  for await (
    const batch of readFiles(opened, found, { limit, reject: (row) => void bad.push(row) })
  ) {
    for (let i = 0; i < batch.length; i++) {
      rows.push(Object.fromEntries([...batch.columns].map(([name, own]) => [name, own[i]!])));
    }
  }
  return { columns: found.columns, rows, bad };
}

/** The same five values in each format; what is in the third place can't be cast to int. */
const VALUES = ["7", "08", "x", "9007199254740993", "1.0"];
const FORMATS: Record<string, string | Uint8Array> = {
  "a.csv": "n,k\n" + VALUES.map((value, i) => `${value},${i}\n`).join(""),
  "a.jsonl": VALUES.map((n, k) => JSON.stringify({ n, k }) + "\n").join(""),
  "a.json": JSON.stringify(VALUES.map((n, k) => ({ n, k })), null, 1),
  "a.parquet": new Uint8Array(parquetWriteBuffer({
    columnData: [
      { name: "n", data: VALUES, type: "STRING" },
      { name: "k", data: [0, 1, 2, 3, 4], type: "INT32" },
    ],
  })),
};

Deno.test("in every format, a value that cannot be cast is a bad row with its place", async () => {
  const places: Record<string, number> = { "a.csv": 4, "a.jsonl": 3, "a.json": 10, "a.parquet": 3 };
  for (const [name, content] of Object.entries(FORMATS)) {
    const { columns, rows, bad } = await read({ [name]: content }, { types: { n: "int" } });
    assert.deepEqual(columns.find((column) => column.name === "n"), { name: "n", type: "int" });
    assert.deepEqual(rows.map(({ n, k }) => [n, k]), [[7, 0], [8, 1], [9007199254740993n, 3], [
      1,
      4,
    ]], name);
    assert.deepEqual(bad.map(({ file, row }) => [file, row]), [[name, places[name]]]);
    assert.match(bad[0]!.reason, /column "n" holds .*x.*it is cast to int: whole numbers/);
    // Of those that cannot be read none counts for the limit, and none behind it is told.
    const three = await read({ [name]: content }, { types: { n: "int" }, limit: 3 });
    assert.deepEqual([three.rows.length, three.bad.length], [3, 1], name);
    const two = await read({ [name]: content }, { types: { n: "int" }, limit: 2 });
    assert.deepEqual([two.rows.length, two.bad.length], [2, 0], name);
  }
  const lines = { "a.txt": VALUES.join("\n") };
  const { rows, bad } = await read(lines, { types: { text: "int" } });
  assert.deepEqual([rows.length, bad[0]?.row], [4, 3]);
});

Deno.test("what is cast is what stands in the file, not what a number of JavaScript makes of it", async () => {
  const content =
    '{"id":12345678901234567.0,"e":1e3,"n":9007199254740993,"p":1.50,"b":1,"y":true}\n';
  const { rows, bad } = await read({ "a.jsonl": content }, {
    types: { id: "int", e: "int", n: "string", p: "string", b: "bool", y: "int" },
  });
  assert.deepEqual(bad, []);
  assert.deepEqual(rows, [{
    id: 12345678901234567n,
    e: 1000,
    n: "9007199254740993",
    p: "1.50",
    b: true,
    y: 1,
  }]);
  // 9007199254740993 is between two doubles.
  const float = await read({ "a.jsonl": content }, { columns: ["n"], types: { n: "float" } });
  assert.deepEqual([float.rows, float.bad.length], [[], 1]);
});

Deno.test("types go by the names of the result, over all files, also where one lacks the column", async () => {
  const files = { "a.csv": "label,x\n1,a\n,b\n", "b.jsonl": '{"x":"c"}\n{"label":"2","x":"d"}\n' };
  const { columns, rows } = await read(files, {
    columns: { x: "text", label: "y" },
    types: { y: "float" },
  });
  assert.deepEqual(columns, [{ name: "text", type: "string" }, { name: "y", type: "float" }]);
  assert.deepEqual(rows.map(({ y }) => y), [1, null, null, 2]);
  await assert.rejects(
    read(files, { columns: { label: "y" }, types: { label: "int" } }),
    /`types` casts the column "label", and there is none;.*the columns are y; columns are called there as/,
  );
  await assert.rejects(
    read(files, { types: { lable: "int" } }),
    /"lable", and there is none; did you mean "label"/,
  );
  await assert.rejects(
    read(files, { types: Object.fromEntries([["constructor", "int"]]) }),
    /there is none/,
  );
});

Deno.test("an empty cell of csv is null where it is cast, in quotes as well; a text of JSON is none", async () => {
  const csv = { "a.csv": '"n","t"\n"","a"\n"3",""\n,\n' };
  const { rows } = await read(csv, { types: { n: "int", t: "string" } });
  assert.deepEqual(rows, [{ n: null, t: "a" }, { n: 3, t: "" }, { n: null, t: "" }]);
  const { bad } = await read({ "a.jsonl": '{"n":""}\n{"n":null}\n' }, { types: { n: "int" } });
  assert.deepEqual(bad.map(({ row }) => row), [1]);
});

Deno.test("times are in the finest unit of all files, with a zone where most have one", async () => {
  const micros = new Uint8Array(parquetWriteBuffer({
    columnData: [{ name: "when", data: ["2020-01-01T00:00:00.000001Z", null], type: "STRING" }],
  }));
  const files = {
    "a.csv": 'when\n2020-01-02T03:04:05+01:00\n2020-01-02 03:04:05\n"2020-01-02"\n',
    "b.jsonl": '{"when":"2020-05-05 10:00Z"}\n{"when":3}\n',
    "c.parquet": micros,
    "d.txt": "2021-06-06T06:06:06.5Z\n",
  };
  const { columns, rows, bad } = await read(files, {
    textColumn: "when",
    types: { when: "timestamp" },
  });
  assert.deepEqual(columns, [{ name: "when", type: "timestamp", unit: "us", utc: true }]);
  assert.deepEqual(rows.map(({ when }) => when), [
    "2020-01-02T02:04:05.000000Z",
    "2020-05-05T10:00:00.000000Z",
    "2020-01-01T00:00:00.000001Z",
    null,
    "2021-06-06T06:06:06.500000Z",
  ]);
  assert.deepEqual(bad.map(({ file, row }) => [file, row]), [["a.csv", 3], ["a.csv", 4], [
    "b.jsonl",
    2,
  ]]);
  const naive = await read({ "a.csv": "when\n2020-01-02 03:04:05\n" }, {
    types: { when: "timestamp" },
  });
  assert.deepEqual(naive.columns[0], { name: "when", type: "timestamp", unit: "ms", utc: false });
  assert.deepEqual(naive.rows, [{ when: "2020-01-02T03:04:05.000" }]);
  // 64 bits of nanoseconds reach from 1677 to 2262.
  const far = await read({ "a.csv": "when\n2020-01-02 03:04:05.000000001\n3000-01-01\n" }, {
    types: { when: "timestamp" },
  });
  assert.deepEqual([far.rows.length, far.bad.length], [1, 1]);
});

Deno.test("rows of several row groups are counted through the file, and times of a file keep their unit", async () => {
  const numbers = Array.from({ length: 35 }, (_, i) => i % 7 === 3 ? "x" : String(i));
  const nanos = numbers.map((_, i) => i === 20 ? null : BigInt(i));
  const group = new Uint8Array(parquetWriteBuffer({
    columnData: [{ name: "n", data: numbers }, { name: "when", data: nanos }],
    schema: [
      { name: "root", num_children: 2 },
      { name: "n", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
      {
        name: "when",
        type: "INT64",
        logical_type: { type: "TIMESTAMP", unit: "NANOS", isAdjustedToUTC: false },
        repetition_type: "OPTIONAL",
      },
    ],
    rowGroupSize: 10,
  }));
  const files = { "a.parquet": group, "b.csv": "n,when\n1,2020-01-01\n2,2020-01-01Z\n" };
  const types = { n: "int", when: "timestamp" } as const;
  const { columns, rows, bad } = await read(files, { types });
  assert.deepEqual(columns[1], { name: "when", type: "timestamp", unit: "ns", utc: false });
  assert.deepEqual(bad.map(({ row }) => row), [4, 11, 18, 25, 32, 3]);
  assert.deepEqual(rows.slice(0, 3).map(({ n, when }) => [n, when]), [
    [0, "1970-01-01T00:00:00.000000000"],
    [1, "1970-01-01T00:00:00.000000001"],
    [2, "1970-01-01T00:00:00.000000002"],
  ]);
  assert.deepEqual(rows.at(-1), { n: 1, when: "2020-01-01T00:00:00.000000000" });
  const some = await read(files, { types, limit: 20 });
  assert.deepEqual([some.rows.length, some.rows.at(-1)!.n, some.bad.length], [20, 22, 3]);
});

Deno.test("download casts, and what cannot be is as on_error says", async () => {
  const dir = await temporaryDirectory();
  await Deno.writeTextFile(
    `${dir}/a.csv`,
    "text,score,meta\nfine,0.5,{}\nwrong,much,{}\nalso,1,[\n",
  );
  const types = { score: "float", meta: "json" };
  const run = (options: Record<string, unknown>): ReturnType<typeof runRowsStage> =>
    runRowsStage(download, { options: { from: "a.csv", types, ...options }, baseDir: dir });
  await assert.rejects(run({}), (error: Error & { parts?: { at?: { line: number } } }) => {
    assert.match(error.message, /column "score" holds "much"; it is cast to float/);
    assert.equal(error.parts?.at?.line, 3);
    return true;
  });
  const { dataset, dropped, logs } = await run({ on_error: "skip" });
  assert.deepEqual(dataset.splits.data, [{ text: "fine", score: 0.5, meta: {} }]);
  assert.deepEqual(dropped, { on_error: 2 });
  assert.match(logs.join("\n"), /2 rows that cannot be read were left out/);
  await assert.rejects(run({ types: { score: "double" } }));
});
