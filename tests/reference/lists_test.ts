/** Lists in parquet, against pyarrow, pandas and `datasets`. */
import assert from "node:assert/strict";
import type { Column, Items, Row } from "../../lib/data/formats/columns.ts";
import { readParquet, writeParquet } from "../fixtures/parquet_files.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { hasPackages, runScript } from "./python.ts";

const without = await hasPackages("pyarrow", "pandas", "datasets")
  ? ""
  : " (skipped: no Python with pyarrow, pandas and datasets)";

const WIDE = 9007199254740993n;

/** Each column of `lists.py`: what its items are (none for json), and its cells. */
const EXPECTED: Record<string, [Items | undefined, unknown[]]> = {
  "text": [{ type: "string" }, [["a", null, "🐋"], [], null, [""]]],
  "old names": [{ type: "string" }, [["a", null], [], null]],
  "large": [{ type: "string" }, [["a"], [], null]],
  "fixed": [{ type: "int" }, [[1, 2], null, [3, null]]],
  "dictionary": [{ type: "string" }, [["a", "b", "a"], []]],
  "int64": [{ type: "int" }, [[1, WIDE, -(2n ** 63n)], [null]]],
  "uint32": [{ type: "int" }, [[2 ** 32 - 1]]],
  "uint64": [{ type: "int" }, [[2n ** 63n - 1n, 7]]],
  "past": [{ type: "string" }, [["18446744073709551615", "7"], []]],
  "float": [{ type: "float" }, [[0.5, null], []]],
  "bool": [{ type: "bool" }, [[true, null, false], null]],
  "short": [{ type: "float" }, [[1.15], [-0.01]]],
  "long": [{ type: "string" }, [["12345678901234567890123456.78", null]]],
  "naive": [
    { type: "timestamp", unit: "us", utc: false },
    [["2024-02-29T12:00:00.000001", null]],
  ],
  "zoned": [{ type: "timestamp", unit: "ms", utc: true }, [["2024-02-29T12:00:00.001Z"]]],
  "nanos": [{ type: "timestamp", unit: "ns", utc: false }, [["2024-02-29T12:00:00.000000001"]]],
  "date": [{ type: "string" }, [["1970-01-02"]]],
  "nulls": [{ type: "string" }, [[null], [], null]],
  "lists": [undefined, [[["a"], [], null], []]],
  "structs": [undefined, [[{ x: String(WIDE) }], null]],
  "map": [undefined, [{ k: 1 }, null]],
};

Deno.test({
  name: `lists that pyarrow wrote are read exactly${without}`,
  ignore: without !== "",
  async fn(): Promise<void> {
    const write = await temporaryDirectory();
    const [files] = await runScript<Record<string, string[]>>("lists.py", [{ write }]);
    assert.deepEqual(Object.keys(files!).sort(), Object.keys(EXPECTED).sort());
    for (const [name, paths] of Object.entries(files!)) {
      const [items, cells] = EXPECTED[name]!;
      for (const path of paths) {
        const { columns, rows } = await readParquet(path);
        assert.deepEqual(
          columns,
          [items === undefined ? { name: "a", type: "json" } : { name: "a", type: "list", items }],
          path,
        );
        const times = rows.length / cells.length;
        const expected = Array.from({ length: times }, () => cells).flat();
        assert.deepEqual(rows.map(({ a }) => a), expected, path);
      }
    }
  },
});

interface Read {
  readonly schema: Record<string, string>;
  readonly rows: Row[];
  readonly pandas: string;
  readonly features: Record<string, string>;
}

Deno.test({
  name: `lists are what pyarrow, pandas and datasets expect${without}`,
  ignore: without !== "",
  async fn(): Promise<void> {
    const list = (name: string, items: Items): Column => ({ name, type: "list", items });
    const columns: Column[] = [
      list("tags", { type: "string" }),
      list("ids", { type: "int" }),
      list("scores", { type: "float" }),
      list("flags", { type: "bool" }),
      list("when", { type: "timestamp", unit: "us", utc: true }),
    ];
    const row = {
      tags: ["a", null, "🐋"],
      ids: [1, 2 ** 53 - 1, null],
      scores: [0.5, 1],
      flags: [true, null],
      when: ["2024-02-29T12:00:00.000001Z"],
    };
    const none = Object.fromEntries(columns.map(({ name }) => [name, null]));
    const empty = Object.fromEntries(columns.map(({ name }) => [name, []]));
    const rows: Row[] = [row, none, empty];
    const dir = await temporaryDirectory();
    writeParquet(`${dir}/plain.parquet`, columns, { rows });
    const names = ["O", "PER"];
    const classes: Column[] = [...columns.slice(0, 1), list("ids", { type: "int", names })];
    writeParquet(`${dir}/classes.parquet`, classes, { rows: [{ tags: ["a"], ids: [0, 1] }] });
    const [plain, labelled] = await runScript<Read>("lists.py", [
      { read: `${dir}/plain.parquet` },
      { read: `${dir}/classes.parquet` },
    ]);
    assert.deepEqual(plain!.schema, {
      tags: "list<element: string>",
      ids: "list<element: int64>",
      scores: "list<element: double>",
      flags: "list<element: bool>",
      when: "list<element: timestamp[us, tz=UTC]>",
    });
    const when = ["2024-02-29 12:00:00.000001+00:00"];
    assert.deepEqual(plain!.rows, [{ ...row, when }, none, empty]);
    assert.equal(plain!.pandas, "ndarray");
    assert.equal(plain!.features.tags, "List(Value('string'))");
    assert.equal(labelled!.features.ids, "List(ClassLabel(names=['O', 'PER']))");
    assert.equal(labelled!.features.tags, "List(Value('string'))");
    const back = await readParquet(`${dir}/classes.parquet`);
    assert.deepEqual(back.columns, classes);
  },
});
