import { filePath } from "../../lib/base/paths.ts";
import assert from "node:assert/strict";
import { parquetMetadata } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { parquetWriteBuffer } from "hyparquet-writer";
import { gzipSync } from "node:zlib";
import type { Cell, Column, ColumnType, Row } from "../../lib/data/formats/columns.ts";
import { readDataset, readDatasetInfo, writeDataset } from "../../lib/data/mod.ts";
import { readParquet } from "../fixtures/parquet_files.ts";
import { randomStream } from "../../lib/base/random.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

async function withFolder<T>(use: (dir: string) => Promise<T>): Promise<T> {
  return await use(await temporaryDirectory());
}

Deno.test("a dataset comes back as it was written, whatever its cells hold", async () => {
  const random = randomStream(31);
  const letters = ["a", "é", "🐋", "\u0000", "\n", '"', " "];
  const text = (): string =>
    Array.from({ length: random.nextBelow(20) }, () => letters[random.nextBelow(7)]).join("");
  const make: Record<ColumnType, () => Cell> = {
    string: text,
    int: () =>
      [0, -1, 2 ** 53 - 1, 2n ** 62n, -(2n ** 63n), random.nextUint32()][random.nextBelow(6)]!,
    float: () => [0, 1.5, -Infinity, NaN, 1e300, random.nextFloat()][random.nextBelow(6)]!,
    bool: () => random.nextBelow(2) === 1,
    timestamp: () =>
      ["1969-12-31T23:59:59.999999Z", "2024-02-29T12:00:00.000001Z"][random.nextBelow(2)]!,
    json: () => [{ a: [1, { b: null }] }, [], "text", 3, false, text()][random.nextBelow(6)]!,
    list: () =>
      Array.from({ length: random.nextBelow(4) }, () => [null, text()][random.nextBelow(2)]!),
  };
  for (let round = 0; round < 25; round++) {
    const columns: Column[] = (Object.keys(make) as ColumnType[]).map((type) => ({
      name: `${type}.column`,
      type,
      ...(type === "timestamp" ? { unit: "us", utc: true } : {}),
      ...(type === "list" ? { items: { type: "string" } } : {}),
    }));
    const rows = (count: number): Row[] =>
      Array.from(
        { length: count },
        () =>
          Object.fromEntries(
            columns.map((
              { name, type },
            ) => [name, random.nextBelow(5) === 0 ? null : make[type]()]),
          ),
      );
    const splits = { train: rows(random.nextBelow(1200)), test: rows(random.nextBelow(3)) };
    await withFolder(async (dir) => {
      await writeDataset(dir, { columns, splits });
      assert.deepEqual(await readDataset(dir), { columns, splits });
      assert.equal((await readDatasetInfo(dir)).splits.test?.rows, splits.test.length);
    });
  }
});

Deno.test("the same rows give the same bytes", async () => {
  const columns: Column[] = [{ name: "text", type: "string" }, {
    name: "label",
    type: "int",
    names: ["no", "yes"],
  }];
  const data = Array.from({ length: 3000 }, (_, i) => ({ text: `row ${i % 700}`, label: i % 2 }));
  const bytes = (): Promise<Uint8Array[]> =>
    withFolder(async (dir) => {
      await writeDataset(dir, { columns, splits: { data } });
      return await Promise.all(
        ["data.parquet", "dataset.json"].map((name) => Deno.readFile(`${dir}/${name}`)),
      );
    });
  assert.deepEqual(await bytes(), await bytes());
});

Deno.test("readDataset() reads only the splits and columns that are asked for", async () => {
  await withFolder(async (dir) => {
    const columns: Column[] = [{ name: "text", type: "string" }, {
      name: "label",
      type: "int",
      names: ["no", "yes"],
    }];
    const row = { text: "a", label: 1 };
    await writeDataset(dir, { columns, splits: { train: [row], test: [row] } }, {
      dropped: { where: 3 },
    });
    assert.deepEqual(await readDataset(dir, { splits: ["test"], columns: ["label"] }), {
      columns: [columns[1]],
      splits: { test: [{ label: 1 }] },
    });
    assert.deepEqual((await readDatasetInfo(dir)).dropped, { where: 3 });
    await assert.rejects(
      readDataset(dir, { splits: ["tset"] }),
      /no split "tset".*did you mean "test"/,
    );
    await assert.rejects(
      readDataset(dir, { columns: ["labell"] }),
      /no column "labell".*did you mean "label"/,
    );
    const { columns: found } = await readParquet(`${dir}/test.parquet`);
    assert.deepEqual(found, columns, "the names of labels are in the parquet file too");
  });
});

Deno.test("writeDataset() refuses what does not fit its column, and says where", async () => {
  const columns: Column[] = [{ name: "text", type: "string" }, { name: "n", type: "int" }];
  const cases: [Row, RegExp][] = [
    [{ text: 5 }, /column "text" holds number 5 in row 1 of split "train"; its type is string/],
    [{ n: 1.5 }, /column "n" holds number 1\.5/],
    [{ n: 2n ** 70n }, /column "n" holds bigint/],
    [{ txt: "a" }, /row 1 of split "train" has "txt", which is no column; did you mean "text"/],
  ];
  await withFolder(async (dir) => {
    for (const [row, expected] of cases) {
      await assert.rejects(
        writeDataset(dir, { columns, splits: { train: [{ text: "a" }, row] } }),
        expected,
      );
    }
    await assert.rejects(
      writeDataset(dir, { columns, splits: { "../x": [] } }),
      /cannot be the name of a split/,
    );
    await assert.rejects(
      writeDataset(dir, { columns: [columns[0]!, columns[0]!], splits: {} }),
      /two columns/,
    );
    await assert.rejects(writeDataset(dir, { columns: [], splits: {} }), /without columns/);
  });
});

Deno.test("readDataset() says what is wrong with a folder", async () => {
  await withFolder(async (dir) => {
    await assert.rejects(readDataset(dir), /cannot read the dataset in/);
    await Deno.writeTextFile(`${dir}/dataset.json`, "{");
    await assert.rejects(readDataset(dir), /is not JSON/);
    await Deno.writeTextFile(`${dir}/dataset.json`, '{"kind":"tokens"}');
    await assert.rejects(readDataset(dir), /does not describe a dataset/);
    await writeDataset(dir, {
      columns: [{ name: "a", type: "int" }],
      splits: { data: [{ a: 1 }] },
    });
    const whole = await Deno.readFile(`${dir}/data.parquet`);
    await Deno.writeFile(`${dir}/data.parquet`, whole.subarray(0, whole.length - 20));
    await assert.rejects(readDataset(dir), /data\.parquet as parquet/);
  });
});

Deno.test("readDataset() holds dataset.json to its form, and json cells to JSON", async () => {
  await withFolder(async (dir) => {
    const columns: Column[] = [{ name: "a", type: "string" }];
    await writeDataset(dir, { columns, splits: { data: [{ a: "{no json" }] } });
    const whole = JSON.parse(await Deno.readTextFile(`${dir}/dataset.json`));
    const table: [object, RegExp][] = [
      [{ columns: [{ name: "a", type: "int", names: null }] }, /does not describe a dataset/],
      [{ columns: [{ name: "a", type: "int", names: [1] }] }, /does not describe a dataset/],
      [{ splits: { data: { file: "data.parquet", rows: 1.5 } } }, /does not describe a dataset/],
      [{ splits: { data: { file: "data.parquet", rows: -1 } } }, /does not describe a dataset/],
      [{ splits: { data: { file: "..\\data.parquet", rows: 1 } } }, /does not describe a dataset/],
      [{ columns: [{ name: "a", type: "json" }] }, /a cell in the column "a" that is not JSON/],
    ];
    for (const [change, message] of table) {
      await Deno.writeTextFile(`${dir}/dataset.json`, JSON.stringify({ ...whole, ...change }));
      await assert.rejects(readDataset(dir), { name: "UserError", message });
    }
    await Deno.writeTextFile(`${dir}/dataset.json`, JSON.stringify(whole));
    await assert.rejects(readDataset(dir, { splits: ["toString"] }), /no split "toString"/);
  });
});

Deno.test("readParquet() turns foreign types into rows", async () => {
  await withFolder(async (dir) => {
    const when = new Date("2020-01-02T03:04:05.678Z");
    const bytes = parquetWriteBuffer({
      columnData: [
        { name: "small", data: [1, 2, 3], type: "INT32" },
        { name: "big", data: [1n, null, 2n ** 60n], type: "INT64" },
        { name: "half", data: [1.5, 0.25, null], type: "FLOAT" },
        { name: "time", data: [when, when, null], type: "TIMESTAMP" },
        { name: "json", data: [{ a: 1 }, [2], null], type: "JSON" },
        { name: "bytes", data: [new TextEncoder().encode("é"), null, null], type: "BYTE_ARRAY" },
        { name: "image", data: [new Uint8Array([0xff, 0xd8]), null, null], type: "BYTE_ARRAY" },
      ],
    });
    const path = `${dir}/x.parquet`;
    await Deno.writeFile(path, new Uint8Array(bytes));
    const columns = ["small", "big", "half", "time", "json", "bytes"];
    const table = await readParquet(path, { columns });
    assert.deepEqual(table.columns.map(({ type }) => type), [
      "int",
      "int",
      "float",
      "timestamp",
      "json",
      "string",
    ]);
    assert.deepEqual(table.rows, [
      { small: 1, big: 1, half: 1.5, time: when.toISOString(), json: { a: 1 }, bytes: "é" },
      { small: 2, big: null, half: 0.25, time: when.toISOString(), json: [2], bytes: null },
      { small: 3, big: 2n ** 60n, half: null, time: null, json: null, bytes: null },
    ]);
    assert.equal((await readParquet(path, { columns, limit: 2 })).rows.length, 2);
    await assert.rejects(readParquet(path), /column "image".*binary data.*`columns`/);
    await assert.rejects(
      readParquet(path, { columns: ["tiem"] }),
      /no column "tiem".*did you mean "time"/,
    );
    await Deno.writeTextFile(path, "not parquet at all");
    await assert.rejects(readParquet(path), /as parquet.*`format`/);
  });
});

Deno.test("readParquet() shows days as dates and columns without a type as nulls", async () => {
  await withFolder(async (dir) => {
    const bytes = parquetWriteBuffer({
      columnData: [
        { name: "day", data: [new Date("2020-01-02"), null] },
        { name: "none", data: [null, null] },
      ],
      schema: [
        { name: "root", num_children: 2 },
        { name: "day", type: "INT32", converted_type: "DATE", repetition_type: "OPTIONAL" },
        {
          name: "none",
          type: "INT32",
          logical_type: { type: "NULL" },
          repetition_type: "OPTIONAL",
        },
      ],
    });
    await Deno.writeFile(`${dir}/d.parquet`, new Uint8Array(bytes));
    const { rows } = await readParquet(`${dir}/d.parquet`);
    assert.deepEqual(rows, [{ day: "2020-01-02", none: null }, { day: null, none: null }]);
  });
});

Deno.test("timestamps, decimals and unsigned integers of a parquet file are exact", async () => {
  await withFolder(async (dir) => {
    const time = (name: string, unit: "MICROS" | "NANOS", isAdjustedToUTC: boolean) => ({
      name,
      type: "INT64" as const,
      logical_type: { type: "TIMESTAMP" as const, unit, isAdjustedToUTC },
      repetition_type: "OPTIONAL" as const,
    });
    const decimal = (name: string, precision: number, scale: number) => ({
      name,
      type: "INT64" as const,
      converted_type: "DECIMAL" as const,
      precision,
      scale,
      repetition_type: "OPTIONAL" as const,
    });
    const path = `${dir}/exact.parquet`;
    const unsigned = {
      name: "unsigned",
      type: "INT64" as const,
      converted_type: "UINT_64" as const,
      repetition_type: "OPTIONAL" as const,
    };
    const bytes = parquetWriteBuffer({
      columnData: [
        { name: "micros", data: [1_582_977_600_000_001n, -1n] },
        { name: "nanos", data: [1_582_977_600_123_456_789n, null] },
        { name: "price", data: [1.15, -0.01] },
        { name: "long", data: [12345678901234.56, null] },
        { name: "unsigned", data: [2n ** 63n - 1n, 7n] },
      ],
      schema: [
        { name: "root", num_children: 5 },
        time("micros", "MICROS", false),
        time("nanos", "NANOS", true),
        decimal("price", 9, 2),
        decimal("long", 17, 2),
        unsigned,
      ],
    });
    await Deno.writeFile(path, new Uint8Array(bytes));
    const { columns, rows } = await readParquet(path);
    assert.deepEqual(columns.map(({ type, unit, utc }) => [type, unit, utc]), [
      ["timestamp", "us", false],
      ["timestamp", "ns", true],
      ["float", undefined, undefined],
      ["string", undefined, undefined],
      ["int", undefined, undefined],
    ]);
    assert.deepEqual(rows, [
      {
        micros: "2020-02-29T12:00:00.000001",
        nanos: "2020-02-29T12:00:00.123456789Z",
        price: 1.15,
        long: "12345678901234.56",
        unsigned: 2n ** 63n - 1n,
      },
      { micros: "1969-12-31T23:59:59.999999", nanos: null, price: -0.01, long: null, unsigned: 7 },
    ]);
    await writeDataset(dir, { columns, splits: { data: rows } });
    assert.deepEqual(await readDataset(dir), { columns, splits: { data: rows } });
  });
});

Deno.test("readParquet() reads gzip pages", async () => {
  await withFolder(async (dir) => {
    assert.ok(compressors.ZSTD && compressors.GZIP);
    const bytes = parquetWriteBuffer({
      columnData: [{ name: "a", data: ["x", "y"], type: "STRING" }],
      codec: "GZIP",
      compressors: { GZIP: (input) => gzipSync(input) },
    });
    await Deno.writeFile(`${dir}/g.parquet`, new Uint8Array(bytes));
    assert.deepEqual((await readParquet(`${dir}/g.parquet`)).rows, [{ a: "x" }, { a: "y" }]);
  });
});

const REVIEWS = new URL(
  "../../../shared/data/text/movie-reviews/train-00000-of-00001.parquet",
  import.meta.url,
);
const absent = !await Deno.stat(REVIEWS).then(() => true, () => false);

Deno.test({
  name: `the shared reviews are read as they are${
    absent ? " (skipped: ../shared is not there)" : ""
  }`,
  ignore: absent,
  async fn(): Promise<void> {
    const { columns, rows } = await readParquet(filePath(REVIEWS));
    assert.deepEqual(columns, [{ name: "text", type: "string" }, { name: "label", type: "int" }]);
    assert.equal(rows.length, 10081);
    assert.ok(
      rows.every(({ text, label }) => typeof text === "string" && (label === 0 || label === 1)),
    );
  },
});

Deno.test("a table of thousands of columns of which hardly any row has one is refused", async () => {
  const columns = Array.from(
    { length: 2_000 },
    (_, i) => ({ name: `k${i}`, type: "int" as const }),
  );
  const rows = Array.from({ length: 9_000 }, (_, i) => ({ [`k${i % 2_000}`]: i }));
  await assert.rejects(
    writeDataset(await temporaryDirectory(), { columns, splits: { data: rows } }),
    /split "data" has 2000 columns, and hardly any row has a value in one of them/,
  );
  // Wide and full is another thing, and its row groups hold fewer rows.
  const wide = columns.slice(0, 1_000);
  const dir = await temporaryDirectory();
  const row = Object.fromEntries(wide.map(({ name }, i) => [name, i]));
  await writeDataset(dir, { columns: wide, splits: { data: new Array<Row>(9_000).fill(row) } });
  const { buffer } = await Deno.readFile(`${dir}/data.parquet`);
  const groups = parquetMetadata(buffer).row_groups.map(({ num_rows: count }) => Number(count));
  assert.deepEqual(groups, [1_000, 8_000]);
});
