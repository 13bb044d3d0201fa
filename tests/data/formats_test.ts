import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { formatUserError, UserError } from "../../lib/base/errors.ts";
import { type Cell, inferColumns } from "../../lib/data/formats/columns.ts";
import { type CsvOptions, openCsv } from "../../lib/data/formats/text/csv.ts";
import { openJsonl } from "../../lib/data/formats/text/json.ts";
import { randomStream } from "../../lib/base/random.ts";
import { formatOf } from "../../lib/data/formats/format.ts";
import type { ReadOptions } from "../../lib/data/rows/table_files.ts";

import { openText, type TextOptions } from "../../lib/data/formats/text/text.ts";
import type { InputFile } from "../../lib/data/formats/row_file.ts";
import { readRows, readTables, type Table } from "../fixtures/row_files.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** Calls `use` with a file of these bytes. */
async function withFile<T>(
  name: string,
  content: string | Uint8Array,
  use: (file: InputFile) => Promise<T>,
): Promise<T> {
  const dir = await temporaryDirectory();
  const path = `${dir}/${name}`;
  await Deno.writeFile(
    path,
    typeof content === "string" ? new TextEncoder().encode(content) : content,
  );
  return await use({ path, name });
}

type Limited<T> = T & { readonly limit?: number };

const readCsv = (
  file: InputFile,
  { limit, ...options }: Limited<CsvOptions> = {},
): Promise<Table> => readRows(openCsv(file, options), { limit });

const readJsonl = (file: InputFile, { limit }: Limited<unknown> = {}): Promise<Table> =>
  readRows(openJsonl(file), { limit });

const readText = (file: InputFile, { limit, ...options }: Limited<TextOptions>): Promise<Table> =>
  readRows(openText(file, options), { limit });

async function failure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(() => assert.fail("it did not fail"), (error) => error);
  assert.ok(error instanceof UserError, String(error.stack));
  return formatUserError(error);
}

Deno.test("readText() has a row for each line, paragraph or file", async () => {
  const text = "\ufeffone\r\ntwo\r\n\r\n \t\nthree\n\n";
  const of = async (
    splitBy: "line" | "blank_line" | "file",
    content = text,
    limit?: number,
  ): Promise<Cell[]> => {
    const options = { splitBy, column: "line", ...(limit === undefined ? {} : { limit }) };
    const { columns, rows } = await withFile("a.txt", content, (file) => readText(file, options));
    assert.deepEqual(columns, [{ name: "line", type: "string" }]);
    return rows.map((row) => row.line!);
  };
  assert.deepEqual(await of("line"), ["one", "two", "", " \t", "three", ""]);
  assert.deepEqual(await of("line", "a\nb"), ["a", "b"]);
  assert.deepEqual(await of("line", text, 2), ["one", "two"]);
  assert.deepEqual(await of("blank_line"), ["one\ntwo", "three"]);
  assert.deepEqual(await of("file"), ["one\ntwo\n\n \t\nthree\n\n"]);
  for (const splitBy of ["line", "blank_line", "file"] as const) {
    assert.deepEqual(await of(splitBy, ""), []);
  }
});

Deno.test("readText() reads every member of gzip, also a hundred thousand empty ones", async () => {
  const options = { splitBy: "line", column: "text" } as const;
  const bytesOf = async (members: readonly Uint8Array<ArrayBuffer>[]): Promise<Uint8Array> =>
    new Uint8Array(await new Blob([...members]).arrayBuffer());
  const pack = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(gzipSync(text));
  const cases = [
    [["a\n", "", "b\nc", "d\n"].map(pack), ["a", "b", "cd"]],
    [[...Array<Uint8Array<ArrayBuffer>>(100_000).fill(pack("")), pack("end")], ["end"]],
  ] as const;
  for (const [members, lines] of cases) {
    const { rows } = await withFile(
      "a.txt.gz",
      await bytesOf(members),
      (file) => readText(file, options),
    );
    assert.deepEqual(rows.map(({ text }) => text), lines);
  }
  const first = await withFile(
    "a.txt.gz",
    pack("line\n".repeat(1_000_000)),
    (file) => readText(file, { ...options, limit: 1 }),
  );
  assert.deepEqual(first.rows.map(({ text }) => text), ["line"]);
  const cut = await bytesOf([pack("a\n"), pack("b\n").subarray(0, -9)]);
  const told = await failure(withFile("a.txt.gz", cut, (file) => readText(file, options)));
  assert.match(told, /a\.txt\.gz cannot be unpacked: it is cut off/);
});

Deno.test("readText() reads gzip", async () => {
  const packed = new Blob(["a\nb\n"]).stream().pipeThrough(new CompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
  const { rows } = await withFile(
    "a.txt.gz",
    bytes,
    (file) => readText(file, { splitBy: "line", column: "text" }),
  );
  assert.deepEqual(rows, [{ text: "a" }, { text: "b" }]);
});

Deno.test("text that is not UTF-8 is an error with its line", async () => {
  const latin = new Uint8Array([...new TextEncoder().encode("eins\nzwei é\n"), 0xe9, 0x20, 10, 65]);
  const read = (file: InputFile): Promise<unknown> =>
    readText(file, { splitBy: "line", column: "text" });
  assert.match(
    await failure(withFile("l.txt", latin, read)),
    /^l\.txt:3:1: l\.txt is not UTF-8 text[^]*iconv/,
  );
  assert.match(
    await failure(withFile("c.txt", new Uint8Array([65, 0xe2, 0x82]), read)),
    /c\.txt:1:2: .*not UTF-8/,
  );
  assert.match(
    await failure(withFile("u.txt", new Uint8Array([0xff, 0xfe, 65, 0]), read)),
    /it is UTF-16/,
  );
  // A character that is cut between two reads is none of this.
  const long = "€".repeat(200_000);
  const rows = await withFile(
    "e.txt",
    long,
    (file) => readText(file, { splitBy: "line", column: "text" }),
  );
  assert.equal(rows.rows[0]!.text, long);
});

Deno.test("readJsonl() reads objects, an array of them, and says where a line is wrong", async () => {
  const of = (content: string, limit?: number): Promise<Awaited<ReturnType<typeof readJsonl>>> =>
    withFile("a.jsonl", content, (file) => readJsonl(file, limit === undefined ? {} : { limit }));
  const mixed = '\ufeff{"text":"a","n":1,"x":{"y":[1]}}\r\n\n{"n":1.5,"ok":true}\n';
  assert.deepEqual(await of(mixed), {
    columns: [
      { name: "text", type: "string" },
      { name: "n", type: "float" },
      { name: "x", type: "json" },
      { name: "ok", type: "bool" },
    ],
    rows: [
      { text: "a", n: 1, x: { y: [1] }, ok: null },
      { text: null, n: 1.5, x: null, ok: true },
    ],
  });
  assert.deepEqual((await of('[{"a":1},\n {"a":2}]')).rows, [{ a: 1 }, { a: 2 }]);
  assert.deepEqual((await of('{"a":1}\n{"a":2}\nbroken', 2)).rows, [{ a: 1 }, { a: 2 }]);
  assert.deepEqual((await of('{"id":9007199254740993}')).rows, [{ id: 9007199254740993n }]);
  assert.deepEqual(await of(""), { columns: [], rows: [] });

  const bad = await failure(of('{"a":1}\n{"a":oops}\n'));
  assert.match(bad, /^a\.jsonl:2:6: this line is not JSON[^]*\{"a":oops\}\n[^]*\^/);
  assert.match(
    await failure(of('{"a":1}\n[1]\n')),
    /^a\.jsonl:2:1: this line is an array, not a JSON object/,
  );
  const { rows: single } = await of('{\n  "a": {"b": 1},\n  "c": "x"\n}\n');
  assert.deepEqual(single, [{ a: { b: 1 }, c: "x" }]);
  assert.match(await failure(of('{\n  "a": oops\n}')), /^a\.jsonl:1:2: this line is not JSON/);
  assert.match(await failure(of('{"a":1}\n{\n"a":1}')), /^a\.jsonl:2:2: this line is not JSON/);
  assert.match(await failure(of('[{"a":1},\n 5]')), /item 1 of a\.jsonl is a number/);
  assert.match(await failure(of('[{"a":1},\n {]')), /^a\.jsonl:2:\d+: this is not JSON/);
});

Deno.test("readCsv() reads what RFC 4180 allows", async () => {
  const of = (
    content: string,
    options: Parameters<typeof readCsv>[1] = {},
  ): Promise<Awaited<ReturnType<typeof readCsv>>> =>
    withFile("a.csv", content, (file) => readCsv(file, options));
  const quoted = '\ufefftext,n\r\n"a, ""b""\r\nc",1\r\n\r\nd,2';
  assert.deepEqual(await of(quoted), {
    columns: [{ name: "text", type: "string" }, { name: "n", type: "int" }],
    rows: [{ text: 'a, "b"\r\nc', n: 1 }, { text: "d", n: 2 }],
  });
  const types = "i,f,b,s,z,e\n1,1,true,x,007,\n,.5,False,,1,\n-3,2e3,,y,2,\n";
  const { columns, rows } = await of(types);
  assert.deepEqual(columns.map(({ type }) => type), [
    "int",
    "float",
    "bool",
    "string",
    "string",
    "string",
  ]);
  assert.deepEqual(rows[1], { i: null, f: 0.5, b: false, s: "", z: "1", e: "" });
  assert.deepEqual((await of("n\n9007199254740993\n")).rows, [{ n: 9007199254740993n }]);
  assert.deepEqual((await of("text\n12\n", { stringColumns: ["text"] })).rows, [{ text: "12" }]);
  assert.deepEqual((await of("a;b\n1;2\n", { delimiter: ";" })).rows, [{ a: 1, b: 2 }]);
  assert.deepEqual((await of("1,x\n2,y", { columnNames: ["n", "t"] })).rows, [{ n: 1, t: "x" }, {
    n: 2,
    t: "y",
  }]);
  assert.deepEqual((await of("a\r1\r2\r")).rows, [{ a: 1 }, { a: 2 }]);
  assert.deepEqual((await of('a\n""\n"x"\n')).rows, [{ a: "" }, { a: "x" }]);
  assert.deepEqual((await of("a\n1\n2\n", { limit: 1 })).rows, [{ a: 1 }]);
  assert.deepEqual(await of(""), { columns: [], rows: [] });

  const wide = await failure(of('a,b\n1,2\n"x\ny",2\n1,2,3\n'));
  assert.match(wide, /^a\.csv:5:1: this row has 3 fields where the header has 2 \(a, b\)/);
  assert.match(await failure(of('a,b\n1,"x\n2,y\n')), /^a\.csv:2:1: .*a quote is not closed/);
  assert.match(
    await failure(of('a,b\n1,"x"y\n')),
    /^a\.csv:2:1: .*closing quote is followed by "y"/,
  );
  assert.match(await failure(of("a,a\n1,2\n")), /column "a" twice[^]*column_names/);
});

Deno.test("readCsv() gives back what was written, whatever it holds", async () => {
  const random = randomStream(21);
  const alphabet = ["a", ",", '"', "\n", "\r\n", "é", "🐋", " ", "1", ";", "\t"];
  for (let round = 0; round < 60; round++) {
    const width = 1 + random.nextBelow(4);
    const delimiter = [",", ";", "\t"][random.nextBelow(3)]!;
    const cell = (): string =>
      "x" +
      Array.from({ length: random.nextBelow(6) }, () => alphabet[random.nextBelow(alphabet.length)])
        .join("");
    const table = Array.from(
      { length: random.nextBelow(40) },
      () => Array.from({ length: width }, cell),
    );
    const header = Array.from({ length: width }, (_, i) => `c${i}`);
    const end = ["\n", "\r\n"][random.nextBelow(2)]!;
    const quote = (text: string): string =>
      /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    const csv = [header, ...table].map((fields) => fields.map(quote).join(delimiter)).join(end) +
      (random.nextBelow(2) ? end : "");
    const { rows } = await withFile("r.csv", csv, (file) => readCsv(file, { delimiter }));
    assert.deepEqual(rows.map((row) => Object.values(row)), table);
  }
});

Deno.test("inferColumns() takes the narrowest type that holds every value", () => {
  const cases: [Cell[], string][] = [
    [[1, null, 2], "int"],
    [[1, 1.5], "float"],
    [[2n ** 60n, 1], "int"],
    [[null], "string"],
    [[true, false], "bool"],
    [["a", 1], "json"],
    [[[1], "a"], "json"],
  ];
  for (const [cells, type] of cases) {
    assert.deepEqual(inferColumns(cells.map((a) => ({ a }))), [{ name: "a", type }]);
  }
});

const READ: ReadOptions = { format: "auto", splitBy: "line", textColumn: "text" };

Deno.test("readTables() puts files below one another and keeps the columns that are wanted", async () => {
  const dir = await temporaryDirectory();
  const file = async (name: string, content: string): Promise<InputFile> => {
    await Deno.writeTextFile(`${dir}/${name}`, content);
    return { path: `${dir}/${name}`, name };
  };
  const files = [
    await file("a.jsonl", '{"text":"a","label":1}\n'),
    await file("b.csv", "text,note\n12,x\n"),
    await file("c.tsv", "label\tnote\n2.5\ty\n"),
    await file("d.txt", "d\n"),
  ];
  const all = await readTables(files, READ);
  assert.deepEqual(all.columns.map(({ name, type }) => `${name} ${type}`), [
    "text string",
    "label float",
    "note string",
  ]);
  assert.deepEqual(all.rows, [
    { text: "a", label: 1, note: null },
    { text: "12", label: null, note: "x" },
    { text: null, label: 2.5, note: "y" },
    { text: "d", label: null, note: null },
  ]);
  assert.equal((await readTables(files, { ...READ, limit: 2 })).rows.length, 2);
  assert.deepEqual((await readTables(files, { ...READ, columns: ["note"], limit: 2 })).rows, [{
    note: null,
  }, { note: "x" }]);
  const renamed = await readTables(files, { ...READ, columns: { label: "y", text: "x" } });
  assert.deepEqual(renamed.columns.map(({ name }) => name), ["y", "x"]);
  assert.deepEqual(renamed.rows[0], { y: 1, x: "a" });
  assert.match(
    await failure(readTables(files, { ...READ, columns: ["lable"] })),
    /no column "lable"[^]*did you mean "label"/,
  );
  const [text] = files.slice(3);
  assert.match(
    await failure(readTables([text!], { ...READ, delimiter: ";" })),
    /`delimiter` is for csv, and the files are txt/,
  );
  assert.match(
    await failure(readTables(files.slice(0, 1), { ...READ, splitBy: "file" })),
    /`split_by` is for txt/,
  );
  assert.match(
    await failure(readTables([text!], { ...READ, columnNames: ["a"] })),
    /`column_names` is for csv/,
  );
  // Numbers in one file and texts in the other are texts.
  const ids = [await file("e.jsonl", '{"id":1}'), await file("f.jsonl", '{"id":"b"}')];
  assert.deepEqual((await readTables(ids, READ)).rows, [{ id: "1" }, { id: "b" }]);
});

Deno.test("formatOf() goes by the name", () => {
  const cases = {
    "a.parquet": "parquet",
    "b.JSONL": "jsonl",
    "c.json.gz": "json",
    "c.jsonl.zst": "jsonl",
    "d.tsv": "csv",
    "e.txt": "txt",
  };
  for (const [name, format] of Object.entries(cases)) assert.equal(formatOf(name), format);
  assert.throws(() => formatOf("x.constructor"), /does not tell the format/);
});

Deno.test("`encoding` is refused where no file is text", async () => {
  const options = { format: "parquet", splitBy: "line", textColumn: "text", encoding: "latin1" };
  const file = { path: "a.parquet", name: "a.parquet" };
  await assert.rejects(readTables([file], options as ReadOptions), /`encoding` is for text files/);
});
