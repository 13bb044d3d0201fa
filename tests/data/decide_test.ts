import assert from "node:assert/strict";
import type { Column } from "../../lib/data/formats/columns.ts";
import { decideColumns } from "../../lib/data/formats/decide.ts";
import type { FoundColumn, RowFile } from "../../lib/data/formats/row_file.ts";
import { openCsv } from "../../lib/data/formats/text/csv.ts";
import { openJson, openJsonl } from "../../lib/data/formats/text/json.ts";
import { fileOf, readAll } from "../fixtures/row_files.ts";

type Found = Omit<FoundColumn, "name">;

function typeOf(...found: Found[]): Column["type"] {
  return decideColumns(found.map((column) => [{ name: "a", ...column }]))[0]!.type;
}

Deno.test("decideColumns() finds one type for a column of several files, in any order", () => {
  const none = { type: undefined };
  const cases: [Found[], Column["type"]][] = [
    [[none, none], "string"],
    [[none, { type: "float" }], "float"],
    [[none, { type: "bool" }, none], "bool"],
    [[{ type: "int" }, { type: "int", isWide: true }], "int"],
    [[{ type: "int" }, { type: "float" }], "float"],
    [[{ type: "int", isWide: true }, { type: "float" }], "string"],
    [[{ type: "int", isWide: true }, none, { type: "int" }, { type: "float" }], "string"],
    [[{ type: "int" }, { type: "string" }], "string"],
    [[{ type: "bool" }, { type: "string" }], "string"],
    [[{ type: "json" }, { type: "string" }], "json"],
    [[{ type: "json" }, { type: "int", isText: true }], "json"],
    [[{ type: "bool" }, { type: "int" }], "json"],
    [[{ type: "json", isMixed: true }, { type: "string" }], "json"],
    [[{ type: "json", isMixed: true }, { type: "string", isText: true }], "string"],
    [[{ type: "json" }, { type: "json", isMixed: true }, { type: "int", isText: true }], "json"],
    [[{ type: "bool", isText: true }, { type: "int", isText: true }], "string"],
    [[{ type: "bool", isText: true }, { type: "int" }], "string"],
    [[{ type: "bool" }, { type: "int" }, { type: "string" }], "string"],
    [[{ type: "float" }, { type: "bool" }, { type: "int", isWide: true }], "json"],
  ];
  for (const [found, type] of cases) {
    assert.equal(typeOf(...found), type, JSON.stringify(found));
    assert.equal(typeOf(...found.toReversed()), type, `${JSON.stringify(found)} reversed`);
    assert.equal(typeOf(...found.slice(1), found[0]!), type, `${JSON.stringify(found)} turned`);
  }
  const names = ["bad", "good"];
  assert.deepEqual(
    decideColumns([[{ name: "y", type: "int", names }], [{ name: "x", type: "int" }, {
      name: "y",
      type: "int",
    }]]),
    [{ name: "y", type: "int", names }, { name: "x", type: "int" }],
  );
  assert.deepEqual(
    decideColumns([[{ name: "y", type: "int", names }], [{ name: "y", type: "string" }]]),
    [{ name: "y", type: "string" }],
  );
});

/** The cells of a column of files of one column `a`, and its type. */
async function cells(...contents: [name: string, content: string][]): Promise<unknown[]> {
  const files: RowFile[] = [];
  for (const [name, content] of contents) {
    const file = await fileOf(name, content);
    files.push(
      name.endsWith("csv") ? openCsv(file) : name.endsWith("l") ? openJsonl(file) : openJson(file),
    );
  }
  const { columns, rows } = await readAll(files);
  return [columns[0]!.type, ...rows.map((row) => row.a)];
}

Deno.test("a column that is null in one file is of the type that it has in the others", async () => {
  assert.deepEqual(
    await cells(["a.csv", "a,b\n,1\n,2\n"], ["b.csv", "a,b\n1.5,1\n"]),
    ["float", null, null, 1.5],
  );
  assert.deepEqual(
    await cells(["a.jsonl", '{"a":null}\n{}\n{"a":null}'], ["b.jsonl", '{"a":true}']),
    ["bool", null, null, null, true],
  );
  assert.deepEqual(await cells(["a.json", '[{"a":null}]'], ["b.csv", "a\n7\n"]), ["int", null, 7]);
  assert.deepEqual(await cells(["a.csv", "a,b\n,1\n"], ["b.csv", "a\nx\n"]), ["string", "", "x"]);
});

Deno.test("a number stays the text that it is where another file holds texts", async () => {
  assert.deepEqual(
    await cells(["a.csv", "a\n1.50\n007\n+4\n1e3\n"], ["b.csv", "a\nabc\n"]),
    ["string", "1.50", "007", "+4", "1e3", "abc"],
  );
  assert.deepEqual(
    await cells(["a.jsonl", '{"a":1.50}\n{"a":-0}\n{"a":true}'], ["b.csv", "a\nabc\n"]),
    ["string", "1.50", "-0", "true", "abc"],
  );
  assert.deepEqual(
    await cells(["a.jsonl", '{"a":1.50}\n{"a":1E2}'], ["b.csv", "a\nabc\n"]),
    ["string", "1.50", "1E2", "abc"],
  );
  assert.deepEqual(
    await cells(["a.jsonl", '{"a":1.50}'], ["b.jsonl", '{"a":"x"}']),
    ["string", "1.50", "x"],
  );
  assert.deepEqual(
    await cells(["a.csv", "a\nTrue\n"], ["b.csv", "a\n1\n"]),
    ["string", "True", "1"],
  );
});

Deno.test("an integer is exact to 64 bits, and text beyond", async () => {
  const [wide, wider] = ["9007199254740993", "-9223372036854775808"];
  const [huge, other] = ["12345678901234567890", "12345678901234567891"];
  for (
    const file of [
      (...a: string[]): [string, string] => ["a.csv", `a\n${a.join("\n")}\n`],
      (...a: string[]): [string, string] => ["a.jsonl", a.map((n) => `{"a":${n}}`).join("\n")],
      (...a: string[]): [string, string] => ["a.json", `[${a.map((n) => `{"a":${n}}`)}]`],
    ]
  ) {
    assert.deepEqual(await cells(file("1", wide, wider)), ["int", 1, BigInt(wide), BigInt(wider)]);
    assert.deepEqual(await cells(file(huge, other)), ["string", huge, other]);
    assert.deepEqual(await cells(file("1", huge, "0.5")), ["string", "1", huge, "0.5"]);
    assert.deepEqual(await cells(file(wide, "0.50")), ["string", wide, "0.50"]);
    assert.deepEqual(await cells(file("7", wide), file("0.50")), ["string", "7", wide, "0.50"]);
    assert.deepEqual(await cells(file("0.50"), file("7", wide)), ["string", "0.50", "7", wide]);
    assert.deepEqual(await cells(file("7"), file("0.5")), ["float", 7, 0.5]);
    assert.deepEqual(await cells(file(huge), file("7")), ["string", huge, "7"]);
    // No double is so large.
    assert.deepEqual(await cells(file("1e400", "2")), ["string", "1e400", "2"]);
    assert.deepEqual(await cells(file("1e300", "2")), ["float", 1e300, 2]);
  }
});

Deno.test("integers within nested values and mixtures of JSON are exact by their digits", async () => {
  const line = '{"a":{"id":9007199254740993,"n":[1,9007199254740993,0.5],"t":"9007199254740993"}}';
  assert.deepEqual(await cells(["a.jsonl", line]), ["json", {
    id: "9007199254740993",
    n: [1, "9007199254740993", 0.5],
    t: "9007199254740993",
  }]);
  assert.deepEqual(
    await cells(["a.jsonl", '{"a":"x"}\n{"a":9007199254740993}\n{"a":5}\n{"a":[2]}']),
    ["json", "x", "9007199254740993", 5, [2]],
  );
  // An outer integer is not confused with an inner one of its name.
  const file = openJsonl(
    await fileOf("a.jsonl", '{"b":{"a":9007199254740993},"a":9007199254740995}'),
  );
  assert.deepEqual((await readAll([file])).rows, [
    { b: { a: "9007199254740993" }, a: 9007199254740995n },
  ]);
});
