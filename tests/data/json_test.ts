import assert from "node:assert/strict";
import { formatUserError, UserError } from "../../lib/base/errors.ts";
import type { BadRow, Reading, RowFile } from "../../lib/data/formats/row_file.ts";
import { openJson, openJsonl } from "../../lib/data/formats/text/json.ts";
import { JsonScanner } from "../../lib/data/formats/text/json_scanner.ts";
import { fileOf, readRows, type Table } from "../fixtures/row_files.ts";

async function opened(content: string, name = "a.json"): Promise<RowFile> {
  const file = await fileOf(name, content);
  return name.endsWith("l") ? openJsonl(file) : openJson(file);
}

/** The rows of a file, what was rejected (`line: reason`) and what was told. */
async function rejecting(
  content: string,
  options: Reading & { readonly name?: string } = {},
): Promise<{ rows: Table["rows"]; bad: string[]; notices: string[] }> {
  const [bad, notices]: [string[], string[]] = [[], []];
  const { rows } = await readRows(await opened(content, options.name), {
    ...options,
    reject: ({ row, reason }: BadRow) => bad.push(`${row}: ${reason}`),
    notice: (text) => notices.push(text),
  });
  return { rows, bad, notices };
}

async function failure(content: string, name = "a.json"): Promise<string> {
  const error = await readRows(await opened(content, name))
    .then(() => assert.fail("it did not fail"), (error) => error);
  assert.ok(error instanceof UserError, String(error.stack));
  return formatUserError(error);
}

Deno.test("a JSON array of 130,000 items is read item by item", async () => {
  const items = Array.from(
    { length: 130_000 },
    (_, i) =>
      `{"id": ${i}, "text": "a \\"quoted\\" ]}, \\\\ \\u00e9 \u{1d11e} ${"x".repeat(i % 50)}"}`,
  );
  for (const [begin, comma, end] of [["[", ",", "]"], [" [\n", " ,\n", "\n]\n"]]) {
    const { columns, rows } = await readRows(await opened(begin + items.join(comma) + end));
    assert.deepEqual(columns, [{ name: "id", type: "int" }, { name: "text", type: "string" }]);
    assert.equal(rows.length, items.length);
    for (let i = 0; i < items.length; i += i < 1000 ? 1 : 997) {
      assert.deepEqual(rows[i], JSON.parse(items[i]!));
    }
  }
});

Deno.test("the rows of a JSON object are those of its one array of objects, and it is said", async () => {
  const told = 'a.json: its rows are the items of "data"';
  const beside = `${told}; "version", "tags" beside it is not read`;
  const cases: [content: string, rows: unknown[], notices: string[]][] = [
    ['{"data": [{"a": 1}, {"a": 2}]}', [{ a: 1 }, { a: 2 }], [told]],
    [
      '{"version": {"data": [{"a": 0}]},\n "data":\n[{"a": 1},\n{"a": 2}], "tags": ["x", "y"]}\n',
      [{ a: 1 }, { a: 2 }],
      [beside],
    ],
    ['{"data": []}', [], [told]],
    // One object that is no table is a row.
    ['{"a": 1, "tags": ["x"], "none": []}', [{ a: 1, tags: ["x"], none: [] }], []],
    ["{}", [{}], []],
    ['{\n"a": {"b": [{"c": 1}]}}', [{ a: { b: [{ c: 1 }] } }], []],
    [
      '{"a": [{"x": 1}], "b": [{"x": 2}]}',
      [{ a: [{ x: 1 }], b: [{ x: 2 }] }],
      [
        'a.json: all of it is one row, for it has several arrays, and no `field` says which: "a", "b"',
      ],
    ],
    // More than one object is lines, whatever is in them.
    [
      '{"id": 1, "spans": [{"a": 1}]}\n{"id": 2, "spans": []}\n',
      [{ id: 1, spans: [{ a: 1 }] }, { id: 2, spans: [] }],
      [],
    ],
    ["", [], []],
    ["[]", [], []],
    ["\ufeff[{}]", [{}], []],
  ];
  for (const [content, rows, notices] of cases) {
    assert.deepEqual(await rejecting(content), { rows, bad: [], notices }, content);
  }
  // In a file of lines an object is a row.
  const name = "a.jsonl";
  assert.deepEqual((await rejecting('{"data": [{"a": 1}]}', { name })).rows, [{
    data: [{ a: 1 }],
  }]);
  assert.deepEqual((await rejecting('[{"a": 1},\n{"a": 2}]', { name })).rows, [{ a: 1 }, { a: 2 }]);
  const long = "x".repeat(5000);
  assert.deepEqual((await rejecting(`{"a": "${long}",\n"b": 1}`, { name })).rows, [{
    a: long,
    b: 1,
  }]);
  assert.deepEqual(
    (await rejecting('{\n"data": [{"a": 1}]}', { name })).rows,
    [{ data: [{ a: 1 }] }],
  );
});

Deno.test("`field` says which array of an object holds the rows", async () => {
  const content = '{"images": [{"id": 1}], "n": 1, "labels": [{"id": 2}, {"id": 3}]}';
  const rowsOf = async (text: string, field: string): Promise<unknown[]> =>
    (await readRows(openJson(await fileOf("a.json", text), { field }))).rows;
  assert.deepEqual(await rowsOf(content, "labels"), [{ id: 2 }, { id: 3 }]);
  assert.deepEqual(await rowsOf(content, "images"), [{ id: 1 }]);
  assert.deepEqual(await rowsOf('{"data": []}', "data"), []);
  const cases: [string, string, RegExp][] = [
    [
      content,
      "lables",
      /no array "lables"; did you mean "labels"\?; its arrays are images, labels/,
    ],
    [content, "n", /no array "n"/],
    ["{}", "data", /its outermost object has no arrays/],
    ['[{"a": 1}]', "data", /a\.json is an array/],
    ['{"a": 1}\n{"a": 2}\n', "data", /a\.json is an object a line/],
  ];
  for (const [text, field, expected] of cases) {
    await assert.rejects(rowsOf(text, field), expected, text);
  }
  await assert.rejects(rowsOf('{"data": [3]}', "data"), /is a number, not a JSON object/);
});

Deno.test("an item that is no row is left out with its place, and the others are read", async () => {
  const { rows, bad } = await rejecting(
    '[{"a": 1},\n {"a": oops}, 5,\n\n  [{"a": 2}], null, "x, y",\n{"a": 3}, {"a" 4}\n]',
  );
  assert.deepEqual(rows, [{ a: 1 }, { a: 3 }]);
  assert.match(bad[0]!, /^2: this is not JSON: .*\(line 2, column 8\)/);
  assert.match(bad[1]!, /^2: item 2 of a\.json is a number, not a JSON object.*line 2, column 15/);
  assert.match(bad[2]!, /^4: item 3 of a\.json is an array/);
  assert.match(bad[3]!, /^4: item 4 of a\.json is null/);
  assert.match(bad[4]!, /^4: item 5 of a\.json is a string/);
  assert.match(bad[5]!, /^5: this is not JSON/);
  assert.equal(bad.length, 6);
  const lines = await rejecting('{"a":1}\n{"a":\n[2]\n"x"\n\n{"a":3}\n{"a":4', { name: "a.jsonl" });
  assert.deepEqual(lines.rows, [{ a: 1 }, { a: 3 }]);
  assert.deepEqual(lines.bad.map((text) => text.slice(0, 20)), [
    "2: this line is not ",
    "3: this line is an a",
    "4: this line is a st",
    "7: this line is not ",
  ]);
  // A file of lines by the name of a document, whose first line is the broken one.
  const first = await rejecting('{"a": oops}\n{"a": 1}\n');
  assert.deepEqual([first.rows, first.bad.length], [[{ a: 1 }], 1]);
  const open = await rejecting('{"a": [1\n{"a": 1}\n');
  assert.deepEqual([open.rows, open.bad.length], [[{ a: 1 }], 1]);
});

Deno.test("a document that is broken between its items is an error with its place", async () => {
  const cases: [content: string, message: RegExp][] = [
    ['[{"a": 1}', /^a\.json:1:10: this is not JSON: the file ends before the array does/],
    ['[{"a": 1},\n {"a"', /^a\.json:2:6: .*the file ends before the array does/],
    ['[{"a": 1},\n {"a": "x', /^a\.json:2:\d+: .*the file ends/],
    ['[{"a": 1} {"a": 2}]', /^a\.json:1:11: .*"\{" where comma or end of array is expected/],
    ['[{"a": 1},]', /^a\.json:1:11: .*"\]" where item is expected/],
    ['[,{"a": 1}]', /^a\.json:1:2: .*"," where item or end is expected/],
    ['[{"a": 1}]\n{"a": 2}', /^a\.json:2:1: .*something behind the array/],
    ['[{"a": 1}]]', /^a\.json:1:11: .*something behind the array/],
    ['{\n"data": [{"a": 1},\n{"a": 2}\n', /^a\.json:4:1: .*the file ends before the object does/],
    ['{\n"data": [{"a": 1}]\n"x": 1}', /^a\.json:3:1: .*where comma or end of object is expected/],
    ['{\n"data" [{"a": 1}]}', /^a\.json:2:8: .*"\[" where colon is expected/],
    ['{\n"a": 1,\n}', /^a\.json:3:1: .*"\}" where key is expected/],
    ['{\n"a": oops\n}', /^a\.json:2:6: this is not JSON/],
    ["oops", /^a\.json:1:1: this line is not JSON/],
    ['"text"', /^a\.json:1:1: this line is a string/],
    ["5", /^a\.json:1:1: this line is a number/],
  ];
  for (const [content, message] of cases) assert.match(await failure(content), message, content);
});

Deno.test("JSON that is a million levels deep is told in words", async () => {
  const [open, close] = ["[".repeat(1e6), "]".repeat(1e6)];
  const objects = '{"a":'.repeat(1e6);
  const deep = /more than 500 levels deep|ends before the (array|object) does/;
  for (
    const content of [
      open,
      open + close,
      `[{"a":${open}${close}}]`,
      `[{"a":${open}`,
      `{"a":${open}${close}}`,
      `{"data":[{"a":${open}${close}}]}`,
      `${objects}1${"}".repeat(1e6)}`,
      objects,
    ]
  ) {
    for (const name of ["a.json", "a.jsonl"]) assert.match(await failure(content, name), deep);
  }
  const { rows, bad } = await rejecting(`[{"a":1},{"a":${open}${close}},{"a":2}]`);
  assert.deepEqual(rows, [{ a: 1 }, { a: 2 }]);
  assert.match(bad[0]!, /^1: this is not JSON: it is nested more than 500 levels deep/);
});

Deno.test("a limit ends the reading of JSON where it is reached", async () => {
  for (const name of ["a.json", "a.jsonl"]) {
    for (const content of ['[{"a":1},{"a":2},oops', '{"a":1}\n{"a":2}\noops']) {
      const file = await opened(content, name);
      const { rows } = await readRows(file, { limit: 2 });
      assert.deepEqual(rows, [{ a: 1 }, { a: 2 }]);
    }
  }
});

Deno.test("JsonScanner cuts a document alike wherever it comes in pieces", () => {
  const document =
    '\ufeff {"k\\"1": [ {"a": "\\\\"}, "x\\\\\\"]", [1, {"b": "]}"}], 5 ,null],\r\n ' +
    '"v": {"c": [1, "\\u005d"]}, "w":"é𝄞", "n": -1.5e3 ,"e":[ ]} ';
  const cut = (pieces: readonly string[]): unknown => {
    const scanner = new JsonScanner({ path: "", name: "a" });
    const found = pieces.flatMap((piece) => [...scanner.push(piece)]);
    scanner.finish();
    return found;
  };
  const whole = cut([document]) as { kind: string; text: string }[];
  assert.deepEqual(whole.map(({ kind, text }) => [kind, text]), [
    ["array", ""],
    ["item", '{"a": "\\\\"}'],
    ["item", '"x\\\\\\"]"'],
    ["item", '[1, {"b": "]}"}]'],
    ["item", "5"],
    ["item", "null"],
    ["value", '{"c": [1, "\\u005d"]}'],
    ["value", '"é𝄞"'],
    ["value", "-1.5e3"],
    ["array", ""],
  ]);
  for (let at = 0; at <= document.length; at++) {
    assert.deepEqual(cut([document.slice(0, at), document.slice(at)]), whole, `cut at ${at}`);
  }
  assert.deepEqual(cut([...document]), whole);
});

Deno.test("a column name of every object's is a column, and __proto__ is told", async () => {
  const { rows } = await rejecting('[{"constructor": 1}, {"a": 2}]');
  assert.deepEqual(rows.map((row) => [row.constructor, row.a]), [[1, null], [null, 2]]);
  assert.match(await failure('[{"__proto__": 1}]'), /column "__proto__"/);
  // Keys that are data make no table.
  const keys = Array.from({ length: 100_001 }, (_, i) => `{"k${i}":1}`).join("\n");
  assert.match(await failure(keys, "a.jsonl"), /more than 100000 different columns/);
});
