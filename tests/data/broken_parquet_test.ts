/** 1,000 broken parquet files, and those that are made to harm: rows or words for each, no crash, no hang, bounded memory. */
import assert from "node:assert/strict";
import { parquetMetadataAsync, parquetSchema, type SchemaElement } from "hyparquet";
import type { ColumnSource } from "hyparquet-writer";
import { UserError } from "../../lib/base/errors.ts";
import { startWatch } from "../../lib/base/watchdog.ts";
import { openBuffer } from "../../lib/data/formats/parquet/buffer.ts";
import { GroupReader } from "../../lib/data/formats/parquet/group_reader.ts";
import { codecs } from "../../lib/data/formats/parquet/codecs.ts";
import { checkSchema } from "../../lib/data/formats/parquet/footer.ts";
import { columnPages, cutOut } from "../../lib/data/formats/parquet/pages.ts";
import {
  CODECS,
  dataPage,
  dictionaryPage,
  type Footer,
  footerAlone,
  handmadeParquet,
  PACKERS,
  writtenParquet,
  zigzag,
} from "../fixtures/broken_parquet.ts";
import { readParquet } from "../fixtures/parquet_files.ts";
import type { Outcomes } from "../fixtures/read_broken_parquet.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

Deno.test("1,000 broken parquet files end in rows or words, soon and in little memory", async () => {
  const folder = await temporaryDirectory();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-check", "--allow-read", "--allow-write"],
      ...["tests/fixtures/read_broken_parquet.ts", folder, "0", "1000"],
    ],
    cwd: ROOT,
    signal: AbortSignal.timeout(300_000),
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const outcomes: Outcomes = JSON.parse(new TextDecoder().decode(stdout));
  assert.deepEqual(outcomes.others, []);
  assert.ok(outcomes.rows > 50 && outcomes.refused > 500, JSON.stringify(outcomes));
  assert.ok(outcomes.slowest < 30_000, `${outcomes.slowest} ms`);
  assert.ok(outcomes.memory < 600e6, `${outcomes.memory} bytes`);
});

/** What reading a file ends in: its rows, or the words for it. */
async function outcome(bytes: Uint8Array<ArrayBuffer>): Promise<unknown> {
  const path = `${await temporaryDirectory()}/a.parquet`;
  await Deno.writeFile(path, bytes);
  try {
    return (await readParquet(path, { name: "a.parquet" })).rows.map((row) =>
      Object.values(row)[0]
    );
  } catch (error) {
    assert.ok(error instanceof UserError, `${(error as Error).stack}`);
    assert.match(error.message, /^cannot read a\.parquet/);
    return error.message;
  }
}

const NUMBERS: ColumnSource[] = [
  { name: "n", type: "INT64", data: Array.from({ length: 80 }, (_, i) => BigInt(i)) },
];

const lying = (change: (footer: Footer) => void): Promise<unknown> =>
  outcome(writtenParquet({ columnData: NUMBERS, change }));

Deno.test("a footer that says more than it holds is told before anything is made of it", async () => {
  // A field of a list of lists ..., each of 2^25 values.
  const list = (inner: number[]): number[] => [0xf9, 0x80, 0x80, 0x80, 0x10, ...inner];
  let lists: number[] = [];
  for (let i = 0; i < 20; i++) lists = list(lists);
  assert.match(String(await outcome(footerAlone([0x19, ...lists]))), /a list of 33554432 values/);
  // As many as there are bytes, in each of them: together they are too many.
  const many = (inner: number[], count: number): number[] => [
    ...[0xf9, 0x80 | count & 127, 0x80 | (count >> 7) & 127, count >> 14 & 127],
    ...inner,
  ];
  let nested: number[] = new Array(1_900_000).fill(0);
  for (let i = 0; i < 4; i++) nested = many(nested, 1_890_000);
  assert.match(String(await outcome(footerAlone([0x19, ...nested]))), /more than 4194304 values/);
  const deep = new Array(100_000).fill(0x1c);
  assert.match(String(await outcome(footerAlone(deep))), /structs within structs/);
  assert.match(String(await outcome(footerAlone(new Array(50).fill(0x19)))), /footer|lists/);
});

Deno.test("a schema that is deep, cut off, or says of columns what cannot be is told", async () => {
  const schema = (change: (schema: SchemaElement[]) => void): Promise<unknown> =>
    lying((footer) => change(footer.schema));
  assert.match(String(await schema((all) => all[1]!.num_children = -1)), /"n" has -1 columns/);
  const leaf = { name: "n", type: "INT64" } as const;
  const root = (num_children: number): SchemaElement => ({ name: "root", num_children });
  const groups = Array.from(
    { length: 5000 },
    (): SchemaElement => ({ name: "g", num_children: 1 }),
  );
  const cases: [SchemaElement[], RegExp][] = [
    [[root(2 ** 30), leaf], /"root" has 1073741824 columns where 1 are left/],
    [[root(0), leaf], /a schema of 2 elements, of which 1/],
    [[root(2), leaf], /"root" has 2 columns where 1/],
    [[root(2), { ...leaf, num_children: 1 }, leaf], /"n" is a value and has columns/],
    [[root(2), { name: "g", num_children: 1 }, leaf], /cut off/],
    [[root(1), ...groups, leaf], /more than 100 levels/],
  ];
  for (const [elements, message] of cases) assert.throws(() => checkSchema(elements), message);
  checkSchema([root(2), { name: "g", num_children: 1 }, leaf, leaf]);
  const decimal = { converted_type: "DECIMAL", precision: 5 } as const;
  const scaled = await schema((all) => Object.assign(all[1]!, decimal, { scale: 2 ** 29 }));
  assert.match(String(scaled), /536870912 digits/);
  const other = await lying((footer) =>
    footer.row_groups[0]!.columns[0]!.meta_data!.type = "INT32"
  );
  assert.match(String(other), /holds INT32 where its schema says INT64/);
});

Deno.test("sizes of a row group that lie make nothing slow, and rows that take no bytes are told", async () => {
  const numbers = NUMBERS[0]!.data as bigint[];
  const small = numbers.map(Number);
  for (const size of [0n, -5n, 1n << 62n]) {
    const rows = await lying((footer) => footer.row_groups[0]!.total_byte_size = size);
    assert.deepEqual(rows, small);
  }
  const many = await lying((footer) => {
    footer.num_rows = 1n << 40n;
    footer.row_groups.length = 1;
    footer.row_groups[0]!.num_rows = 1n << 40n;
    Object.assign(footer.schema[1]!, { logical_type: { type: "NULL" } });
    footer.row_groups[0]!.columns[0]!.meta_data!.num_values = 1n << 40n;
  });
  assert.match(String(many), /1099511627776 rows in \d+ bytes/);
});

Deno.test("a nested column of which only some rows are read at once is read once", async () => {
  const data = Array.from({ length: 40 }, (_, i) => i % 3 ? [i, i + 1] : []);
  const path = `${await temporaryDirectory()}/a.parquet`;
  const columnData = [{ name: "q", data }];
  await Deno.writeFile(path, writtenParquet({ columnData, change: () => {} }));
  const file = openBuffer(path);
  try {
    const metadata = await parquetMetadataAsync(file);
    let reads = 0;
    const counted = {
      ...file,
      slice(start: number, end?: number): ArrayBuffer {
        reads++;
        return file.slice(start, end) as ArrayBuffer;
      },
    };
    const fields = parquetSchema(metadata).children;
    using watch = await startWatch({ parts: { what: "it hangs" }, deadline: 60_000 });
    const reader = new GroupReader({ file: counted, shown: "a.parquet", metadata, fields }, {
      columns: [{ name: "q", type: "json" }],
      watch,
    });
    assert.ok(await reader.open(0) > 100);
    const first = await reader.read({ start: 0, length: 10 });
    const before = reads;
    const second = await reader.read({ start: 10, length: 30 });
    assert.equal(reads, before);
    assert.deepEqual([...first.columns.get("q")!, ...second.columns.get("q")!], data);
  } finally {
    file.close();
  }
});

const TEXT: SchemaElement = { name: "t", type: "BYTE_ARRAY", converted_type: "UTF8" };
const required = { ...TEXT, repetition_type: "REQUIRED" } as const;
const optional = { ...TEXT, repetition_type: "OPTIONAL" } as const;

/** A run of one value over and over. */
const run = (count: number, value: number): number[] => [2 * count, value];
/** Texts as they are. */
const plain = (...texts: string[]): number[] =>
  texts.flatMap((text) => [text.length, 0, 0, 0, ...new TextEncoder().encode(text)]);
/** Definition levels of version 1. */
const levels = (...runs: number[]): number[] => [runs.length, 0, 0, 0, ...runs];

Deno.test("indices past their dictionary, without one, and levels past the highest are told", async () => {
  const dictionary = dictionaryPage(plain("a", "b", "c"), 3);
  const indices = (...body: number[]): number[] =>
    dataPage(body, { values: body.length > 2 ? 8 : 4, encoding: 8 });
  const file = (pages: number[], element: SchemaElement, rows: number): Promise<unknown> =>
    outcome(handmadeParquet(pages, { element, rows }));
  const good = dataPage([2, ...run(4, 2)], { values: 4, encoding: 8 });
  assert.deepEqual(await file([...dictionary, ...good], required, 4), ["c", "c", "c", "c"]);
  const past = dataPage([2, ...run(4, 3)], { values: 4, encoding: 8 });
  assert.match(String(await file([...dictionary, ...past], required, 4)), /value of 3 where 2 is/);
  // Eight packed values of two bits: 0 1 2 3 0 0 0 0.
  const packed = indices(2, 0x03, 0b11100100, 0);
  assert.match(
    String(await file([...dictionary, ...packed], required, 8)),
    /value of 3 where 2 is/,
  );
  assert.match(String(await file(good, required, 4)), /indices without a dictionary/);
  const empty = [...dictionaryPage([], 0), ...dataPage([0], { values: 4, encoding: 8 })];
  assert.match(String(await file(empty, required, 4)), /a dictionary of no values/);
  const twice = [...dictionary, ...dictionary, ...good];
  assert.match(String(await file(twice, required, 4)), /not the first page/);
  const rle = dataPage([2, ...run(4, 1)], { values: 4, encoding: 3 });
  assert.match(String(await file(rle, required, 4)), /BYTE_ARRAY in encoding 3/);

  const some = dataPage([...levels(...run(2, 1), ...run(2, 0)), ...plain("x", "y")], {
    ...{ values: 4, encoding: 0 },
  });
  assert.deepEqual(await file(some, optional, 4), ["x", "y", null, null]);
  const high = dataPage([...levels(...run(4, 2)), ...plain("x")], { values: 4, encoding: 0 });
  assert.match(String(await file(high, optional, 4)), /value of 2 where 1 is/);
  const long = dataPage([...levels(...run(60, 1)), ...plain("x")], { values: 4, encoding: 0 });
  assert.match(String(await file(long, optional, 4)), /a run of 60 values where 4 are left/);
  const nulls = dataPage(levels(...zigzag(2 ** 26), 0), { values: 2 ** 26, encoding: 0 });
  assert.match(String(await file(nulls, optional, 2 ** 26)), /rows in|a page of 67108864 values/);
});

Deno.test("lengths of deltas and of wide values that ask for gigabytes are told", async () => {
  // Blocks of 128 values in 4 parts; a stream of count values that are all the same.
  const same = (count: number, value: number): number[] => [
    ...[0x80, 0x01, 4, ...varint(count), ...zigzag(value)],
    ...(count > 1 ? [...zigzag(0), 0, 0, 0, 0] : []),
  ];
  const varint = (value: number): number[] => zigzag(value / 2);
  const file = (body: number[], encoding: number, rows: number): Promise<unknown> =>
    outcome(
      handmadeParquet(dataPage(body, { values: rows, encoding }), { element: required, rows }),
    );
  const texts = [...same(2, 0), ...same(2, 1), 0x61, 0x62];
  assert.deepEqual(await file(texts, 7, 2), ["a", "b"]);
  const prefix = [...same(2, 2 ** 30), ...same(2, 0)];
  assert.match(String(await file(prefix, 7, 2)), /begins with 1073741824 bytes of one of 0/);
  const length = [...same(2, 2 ** 30)];
  assert.match(String(await file(length, 6, 2)), /a text of 1073741824 bytes where 0 are/);
  assert.match(String(await file([...same(2, -1)], 6, 2)), /a text of -1 bytes/);
  const wide: SchemaElement = {
    ...{ name: "t", type: "FIXED_LEN_BYTE_ARRAY", type_length: 2 ** 30 },
    ...{ repetition_type: "REQUIRED" },
  };
  const split = handmadeParquet(dataPage([1, 2], { values: 2, encoding: 9 }), {
    ...{ element: wide, rows: 2 },
  });
  assert.match(String(await outcome(split)), /values that are longer than their page/);
});

Deno.test("a page of every codec unpacks to what it says and not to more", () => {
  const zeros = new Uint8Array(1 << 20);
  const text = new TextEncoder().encode("the text of a page");
  for (const codec of CODECS) {
    const pack = PACKERS[codec];
    if (pack === undefined) continue;
    const unpack = codecs[codec]!;
    assert.deepEqual([...unpack(pack(text), text.length)], [...text], codec);
    assert.equal(unpack(pack(zeros), zeros.length).length, zeros.length, codec);
    // What holds nothing.
    assert.equal(unpack(pack(new Uint8Array(0)), 0).length, 0, codec);
    // More than it says: an error, or no more than that.
    let length = 0;
    try {
      length = unpack(pack(zeros), 1000).length;
    } catch (error) {
      assert.ok(error instanceof Error, codec);
    }
    assert.ok(length <= 1000, codec);
  }
});

Deno.test("a page that says that it unpacks to hundreds of megabytes is told, by any codec", async () => {
  for (const codec of CODECS) {
    for (const size of [200 << 20, 2 ** 31 - 1]) {
      const page = dataPage(plain("x"), { values: 1, encoding: 0 });
      // The second number of a page's header is what it unpacks to.
      const bytes = [...page.slice(0, 3), ...zigzag(size), ...page.slice(4)];
      const file = handmadeParquet(bytes, { element: required, rows: 1, codec, unpacked: size });
      assert.match(String(await outcome(file)), /a page of \d+ bytes/, codec);
    }
  }
});

Deno.test("of a large row group only the pages are read that hold the rows", async () => {
  const path = `${await temporaryDirectory()}/a.parquet`;
  const data = Array.from({ length: 3000 }, (_, i) => `row ${i} `.repeat(100));
  const bytes = writtenParquet({
    columnData: [{ name: "t", type: "STRING", data }],
    change: () => {},
  });
  await Deno.writeFile(path, bytes);
  // The fixture has row groups of 40 rows and pages of 200 bytes.
  const file = openBuffer(path);
  try {
    const metadata = await parquetMetadataAsync(file);
    const group = metadata.row_groups[0]!;
    const pages = columnPages(file, group.columns[0]!.meta_data!, Number(group.num_rows));
    assert.ok(pages.pages.length > 10, `${pages.pages.length} pages`);
    let most = 0;
    const watched = {
      ...file,
      slice(start: number, end: number): ArrayBuffer {
        most = Math.max(most, end - start);
        return file.slice(start, end) as ArrayBuffer;
      },
    };
    const cut = cutOut(watched, pages, { metadata, start: 20, length: 2 });
    assert.ok(cut.first <= 20 && cut.first + Number(cut.group.num_rows) >= 22);
    assert.ok(most < pages.content / 5, `${most} of ${pages.content} bytes`);
  } finally {
    file.close();
  }
  const { rows } = await readParquet(path);
  assert.deepEqual(rows.map(({ t }) => t), data);
});
