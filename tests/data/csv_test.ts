import assert from "node:assert/strict";
import { formatUserError, UserError } from "../../lib/base/errors.ts";
import { BATCH } from "../../lib/data/formats/batch.ts";
import type { BadRow, Reading } from "../../lib/data/formats/row_file.ts";
import { decideColumns } from "../../lib/data/formats/decide.ts";
import { type CsvOptions, openCsv } from "../../lib/data/formats/text/csv.ts";
import { openJson } from "../../lib/data/formats/text/json.ts";
import { fileOf, readRows, type Table } from "../fixtures/row_files.ts";

async function read(
  content: string,
  options: CsvOptions & Reading & { readonly name?: string } = {},
): Promise<Table> {
  return await readRows(openCsv(await fileOf(options.name ?? "a.csv", content), options), options);
}

/** The rows that are read and those that are rejected, as `line: reason`. */
async function rejecting(content: string, options: CsvOptions = {}): Promise<[Table, string[]]> {
  const bad: BadRow[] = [];
  const table = await read(content, { ...options, reject: (row) => bad.push(row) });
  return [table, bad.map(({ row, reason }) => `${row}: ${reason}`)];
}

async function failure(content: string, options: CsvOptions = {}): Promise<string> {
  const error = await read(content, options)
    .then(() => assert.fail("it did not fail"), (error) => error);
  assert.ok(error instanceof UserError, String(error.stack));
  return formatUserError(error);
}

Deno.test("the delimiter of a csv is guessed where none is said, and told", async () => {
  const cases: [content: string, rows: unknown[][], told: string | undefined][] = [
    ["a,b\n1,x\n2,y\n", [[1, "x"], [2, "y"]], undefined],
    ["a;b\n1,5;x\n2,5;y\n", [["1,5", "x"], ["2,5", "y"]], '";"'],
    ["a\tb\n1\tx, y\n2\tz\n", [[1, "x, y"], [2, "z"]], "tabs"],
    ["a|b\n1|x\n", [[1, "x"]], '"|"'],
    // One column, whatever is in it.
    ["text\nhello; world\nwell | so\n", [["hello; world"], ["well | so"]], undefined],
    ["text\n", [], undefined],
    // Delimiters in quotes are none.
    ['a;b\n"x,y";"1,2"\n"u,v";"3,4"\n', [["x,y", "1,2"], ["u,v", "3,4"]], '";"'],
    ['"a,b";c\n1;2\n', [[1, 2]], '";"'],
    // A comma that fits is a comma, whatever else would fit.
    ["a;x,b;y\n1;2,3;4\n", [["1;2", "3;4"]], undefined],
    // A row that is broken decides nothing.
    ["a;b\n1;2\n3;4;5\n6;7\n8;9\n", [[1, 2], [6, 7], [8, 9]], '";"'],
  ];
  for (const [content, rows, told] of cases) {
    const notices: string[] = [];
    const table = await read(content, {
      notice: (text) => notices.push(text),
      reject: () => {},
    });
    assert.deepEqual(table.rows.map((row) => Object.values(row)), rows, content);
    assert.deepEqual(
      notices,
      told === undefined ? [] : [`a.csv: its fields are taken to be separated by ${told}`],
    );
  }
  assert.deepEqual((await read("a\tb,c\n1\t2\n", { name: "a.tsv" })).rows, [{ a: 1, "b,c": 2 }]);
  assert.deepEqual((await read("1;2\n3;4\n", { columnNames: ["a", "b"] })).rows, [
    { a: 1, b: 2 },
    { a: 3, b: 4 },
  ]);
});

Deno.test("a row of a csv that cannot be read is left out with its line and reason", async () => {
  const [table, bad] = await rejecting(
    'a,b\n1,2\n"x\ny",2,3\n4\n"5"x,6\n7,"8"\n9,"10\n11,12\n',
    { delimiter: "," },
  );
  assert.deepEqual(table.rows, [{ a: 1, b: 2 }, { a: 7, b: 8 }]);
  assert.equal(bad.length, 4);
  assert.match(bad[0]!, /^3: this row has 3 fields where the header has 2 \(a, b\); .*line 3/);
  assert.match(bad[1]!, /^5: this row has 1 fields/);
  assert.match(bad[2]!, /^6: this is not CSV: a closing quote is followed by "x"/);
  assert.match(
    bad[3]!,
    /^8: this is not CSV: a quote is not closed: the rest of the file is in it/,
  );
  // Without somebody who takes them they are errors, with their place.
  assert.match(await failure("a,b\n1,2\n4\n"), /^a\.csv:3:1: this row has 1 fields/);
  assert.match(await failure('a,b\n1,"x"y\n'), /^a\.csv:2:1: this is not CSV/);
  // A header that cannot be read leaves nothing to read.
  await assert.rejects(rejecting('a,"b"x\n1,2\n'), /closing quote is followed by "x"/);
  await assert.rejects(rejecting("a,a\n1,2\n"), /column "a" twice/);
  await assert.rejects(rejecting("a,\n1,2\n"), /has no name/);
  await assert.rejects(rejecting("a,__proto__\n1,2\n"), /column "__proto__"/);
});

Deno.test("a limit counts rows, and says nothing of what is behind it", async () => {
  const content = "a,b\n1,2\nx\n3,4\n5\n6,7\n";
  for (const [limit, rows, rejected] of [[0, 0, 0], [1, 1, 0], [2, 2, 1], [9, 3, 2]] as const) {
    const bad: BadRow[] = [];
    const table = await read(content, { limit, reject: (row) => bad.push(row) });
    assert.deepEqual([table.rows.length, bad.length], [rows, rejected]);
  }
});

Deno.test("a csv is read alike wherever it is cut into pieces", async () => {
  // Longer than a piece, with quotes, line ends and doubled quotes at every place of one.
  const cell = 'a "quoted", text\r\nof two lines; ';
  const rows = Array.from({ length: 12_000 }, (_, i) => [`${cell}${"x".repeat(i % 67)}`, `${i}`]);
  for (const end of ["\n", "\r\n", "\r"]) {
    const lines = [["text", "n"], ...rows].map((fields) =>
      fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(",")
    );
    const table = await read(lines.join(end));
    assert.deepEqual(table.columns.map(({ type }) => type), ["string", "int"]);
    assert.equal(table.rows.length, rows.length);
    table.rows.forEach(({ text, n }, i) => assert.deepEqual([text, n], [rows[i]![0], i]));
  }
  const plain = Array.from({ length: 60_000 }, (_, i) => `${i},${"y".repeat(i % 31)}`).join("\r\n");
  const table = await read(`n,text\r\n${plain}`);
  assert.ok(table.rows.every(({ n, text }, i) => n === i && text === "y".repeat(i % 31)));
});

Deno.test("a csv comes in batches of bounded size", async () => {
  const content = `n\n${Array.from({ length: 20_000 }, (_, i) => i).join("\n")}\n`;
  const file = openCsv(await fileOf("a.csv", content));
  const columns = [{ name: "n", type: "int" }, { name: "none", type: "float" }] as const;
  const lengths: number[] = [];
  for await (const batch of file.batches(columns, {})) {
    lengths.push(batch.length);
    assert.deepEqual([...batch.columns.keys()], ["n", "none"]);
    assert.equal(batch.columns.get("n")!.length, batch.length);
    assert.ok(batch.columns.get("none")!.every((cell) => cell === null));
  }
  assert.deepEqual(lengths, [BATCH.rows, BATCH.rows, 20_000 - 2 * BATCH.rows]);
});

Deno.test("a value that does not fit the type that was decided is a bad row", async () => {
  const file = openCsv(
    await fileOf("a.csv", "n,b\n1,true\nx,false\n9999999999999999999,true\n2,2\n"),
  );
  const bad: string[] = [];
  const cells: unknown[] = [];
  const columns = [{ name: "n", type: "int" }, { name: "b", type: "bool" }] as const;
  for await (const batch of file.batches(columns, { reject: ({ reason }) => bad.push(reason) })) {
    cells.push(...batch.columns.get("n")!);
  }
  assert.deepEqual(cells, [1]);
  assert.match(bad[0]!, /column "n" holds "x"; its type is int \(line 3/);
  assert.match(bad[1]!, /column "n" holds "9999999999999999999"/);
  assert.match(bad[2]!, /column "b" holds "2"; its type is bool/);
});

Deno.test("a row without an end is told before it fills a memory", async () => {
  const file = await fileOf("a.csv", "a,b\n");
  const handle = await Deno.open(file.path, { append: true });
  const commas = new TextEncoder().encode(",".repeat(1 << 18));
  for (let i = 0; i < 8; i++) await handle.write(commas);
  handle.close();
  await assert.rejects(readRows(openCsv(file), { reject: () => {} }), /more than 1048576 fields/);
  const header = Array.from({ length: 100_001 }, (_, i) => `c${i}`).join(",");
  await assert.rejects(read(`${header}\n`), /more than 100000 different columns/);
});

Deno.test("a cell of a million digits is judged in a moment", async () => {
  const digits = "1".repeat(1e6);
  const cells = [`${digits}x`, `${digits}.${digits}x`, `.${digits}x`, `1e${digits}x`, digits];
  const { columns, rows } = await read(`a,b\n${cells.map((cell) => `${cell},1`).join("\n")}\n`);
  assert.deepEqual(columns.map(({ type }) => type), ["string", "int"]);
  assert.ok(rows.every(({ a }, i) => a === cells[i]));
});

Deno.test("a table of 50,000 columns takes time in proportion", async () => {
  const names = Array.from({ length: 50_000 }, (_, i) => `c${i}`);
  const empty = names.map(() => '""').join(",");
  const numbers = names.map((_, i) => i).join(",");
  const { columns, rows } = await read(`${names.join(",")}\n${empty}\n${numbers}\n`);
  assert.deepEqual([columns.length, columns[7]!.type], [50_000, "string"]);
  assert.deepEqual(rows.map((row) => row.c49999), ["", "49999"]);
});

Deno.test("what is guessed is told once, in the first pass in which somebody listens", async () => {
  const csv = openCsv(await fileOf("a.csv", "a;b\n1;2\n"));
  const json = openJson(await fileOf("a.json", '{"data": [{"a": 1}]}'));
  for (const [file, text] of [[csv, /separated by ";"/], [json, /the items of "data"/]] as const) {
    const notices: string[] = [];
    const notice = (text: string): void => void notices.push(text);
    const columns = decideColumns([await file.find({})]);
    for (let pass = 0; pass < 2; pass++) {
      for await (const { length } of file.batches(columns, { notice })) assert.equal(length, 1);
      await file.find({ notice });
    }
    assert.equal(notices.length, 1);
    assert.match(notices[0]!, text);
  }
});
