import assert from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { sha256Hex } from "../../lib/base/hash.ts";
import download from "../../stages/download.ts";
import { runRowsStage } from "../fixtures/rows_stage.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** Calls `use` with a folder of these files. */
async function withFiles<T>(
  files: Record<string, string>,
  use: (dir: string) => Promise<T>,
): Promise<T> {
  const dir = await temporaryDirectory();
  for (const [name, content] of Object.entries(files)) {
    await Deno.writeTextFile(`${dir}/${name}`, content);
  }
  return await use(dir);
}

const FILES = {
  "poems.txt": "one\ntwo\n\nthree\n",
  "more.txt": "four\n",
  "rows.csv": "text,label\na,1\nb,2\n",
  "rows.dat": "a|1\nb|2\n",
  "both.json": '{"a":[{"n":1}],"b":[{"n":2}]}',
  "rows.jsonl": '{"text":"a","label":1}\n',
};

Deno.test("download: every option for rows has an effect", async () => {
  const cases: [Record<string, unknown>, Record<string, unknown[]>][] = [
    [{ from: "poems.txt" }, {
      data: [{ text: "one" }, { text: "two" }, { text: "" }, { text: "three" }],
    }],
    [{ from: "poems.txt", split_by: "blank_line" }, {
      data: [{ text: "one\ntwo" }, { text: "three" }],
    }],
    [{ from: "poems.txt", split_by: "file", text_column: "poem" }, {
      data: [{ poem: "one\ntwo\n\nthree\n" }],
    }],
    [{ from: "poems.txt", limit: 1 }, { data: [{ text: "one" }] }],
    [{ from: ["more.txt", "poems.txt"], limit: 2 }, { data: [{ text: "four" }, { text: "one" }] }],
    [{ from: { train: "more.txt", test: ["rows.csv"] }, columns: ["text"] }, {
      train: [{ text: "four" }],
      test: [{ text: "a" }, { text: "b" }],
    }],
    [{ from: "rows.csv", columns: { label: "y" } }, { data: [{ y: 1 }, { y: 2 }] }],
    [{ from: "rows.dat", format: "csv", delimiter: "|", column_names: ["t", "n"] }, {
      data: [{ t: "a", n: 1 }, { t: "b", n: 2 }],
    }],
    [{ from: "rows.csv", text_column: "label" }, {
      data: [{ text: "a", label: "1" }, { text: "b", label: "2" }],
    }],
    [{ from: "*.jsonl" }, { data: [{ text: "a", label: 1 }] }],
    [{ from: "both.json", field: "b" }, { data: [{ n: 2 }] }],
    [{ from: "rows.csv", types: { label: "string" } }, {
      data: [{ text: "a", label: "1" }, { text: "b", label: "2" }],
    }],
  ];
  await withFiles(FILES, async (baseDir) => {
    for (const [options, splits] of cases) {
      const { dataset } = await runRowsStage(download, { options, baseDir });
      assert.deepEqual(dataset.splits, splits, JSON.stringify(options));
    }
  });
});

Deno.test("download: splits may differ in their columns", async () => {
  await withFiles(FILES, async (baseDir) => {
    const options = { from: { train: "rows.csv", test: "more.txt" } };
    const { dataset } = await runRowsStage(download, { options, baseDir });
    assert.deepEqual(dataset.splits.test, [{ text: "four", label: null }]);
  });
});

Deno.test("download: an option for one format is for those splits that have it", async () => {
  await withFiles(FILES, async (baseDir) => {
    const from = { train: "both.json", test: "rows.csv", more: "poems.txt" };
    const options = { from, field: "b", delimiter: ",", split_by: "blank_line" };
    const { dataset } = await runRowsStage(download, { options, baseDir });
    assert.deepEqual(Object.values(dataset.splits).map((rows) => rows.length), [1, 2, 2]);
  });
});

Deno.test("download: `field` is refused where no file is json", async () => {
  await withFiles(FILES, async (baseDir) => {
    await assert.rejects(
      runRowsStage(download, { options: { from: "rows.csv", field: "a" }, baseDir }),
      /`field` is for json, and the files are csv/,
    );
  });
});

Deno.test("download: its key is the bytes of its files, and it may read only them", async () => {
  await withFiles(FILES, async (baseDir) => {
    const of = async (): Promise<{ key: unknown; read: unknown }> => {
      const { sources } = await runRowsStage(download, {
        options: { from: ["poems.txt", "more.txt"] },
        baseDir,
      });
      return { key: sources!.key, read: sources!.read };
    };
    const before = await of();
    assert.deepEqual(before.read, [`${baseDir}/poems.txt`, `${baseDir}/more.txt`]);
    assert.deepEqual(Object.keys(before.key as object), ["poems.txt", "more.txt"]);
    await Deno.writeTextFile(`${baseDir}/more.txt`, "five\n");
    assert.notDeepEqual((await of()).key, before.key);
  });
});

Deno.test("download: an empty source and a wrong row are errors with their place", async () => {
  await withFiles({ "e.jsonl": "", "b.jsonl": '{"text":1}\nnope\n' }, async (baseDir) => {
    await assert.rejects(
      runRowsStage(download, { options: { from: "e.jsonl" }, baseDir }),
      /neither rows nor columns/,
    );
    await assert.rejects(
      runRowsStage(download, { options: { from: "b.jsonl" }, baseDir }),
      /this line is not JSON/,
    );
  });
});

Deno.test("download: a URL is fetched and read by the format of its name", async () => {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response('{"text":"from afar"}\n', { headers: { etag: '"1"' } }),
  );
  const from = `http://127.0.0.1:${server.addr.port}/rows.jsonl?x=1`;
  const { dataset, sources } = await runRowsStage(download, { options: { from: [from, from] } });
  assert.deepEqual(dataset.splits.data, [{ text: "from afar" }]);
  assert.deepEqual(sources!.net, [`127.0.0.1:${server.addr.port}`]);
  assert.deepEqual((sources!.key as Record<string, { id: string }>)[from]!.id, "etag:1");
  await server.shutdown();
});

Deno.test("download: its output is a model where the source is one", () => {
  const output = download.output as (options: unknown) => string;
  assert.equal(output({ from: "hf://org/name" }), "model");
  for (const from of ["hf://datasets/org/name/x", "a.txt", ["hf://org/name"]]) {
    assert.equal(output({ from }), "rows");
  }
});

Deno.test("download: a file that two sources name is read once, and one in two splits is told", async () => {
  await withFiles(FILES, async (baseDir) => {
    const from = { train: ["*.csv", "rows.csv"], test: "rows.*v" };
    const { dataset, notes } = await runRowsStage(download, { options: { from }, baseDir });
    assert.equal(dataset.splits.train!.length, 2);
    assert.equal(dataset.splits.test!.length, 2);
    assert.deepEqual(notes, [
      "named twice for a split and read once: rows.csv",
      "in two splits: rows.csv (train and test)",
    ]);
  });
});

Deno.test("download: a URL with a checksum has these bytes, or none", async () => {
  const content = '{"text":"from afar"}\n';
  let sent = content;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(sent, { headers: { etag: '"the same"' } }),
  );
  const from = `http://127.0.0.1:${server.addr.port}/rows.jsonl#sha256=${sha256Hex(content)}`;
  const { dataset, sources } = await runRowsStage(download, { options: { from } });
  assert.deepEqual(dataset.splits.data, [{ text: "from afar" }]);
  assert.deepEqual(Object.values(sources!.key as object)[0].id, `sha256:${sha256Hex(content)}`);
  sent = content.replace("afar", "near");
  await assert.rejects(
    runRowsStage(download, { options: { from } }),
    /damaged: expected sha256 .*the server has another file than its checksum says/,
  );
  await server.shutdown();
});

Deno.test("download: whether a file is packed is told by its bytes, where an address does not", async () => {
  const csv = "text,n\na,1\nb,2\n";
  const gzip = new Uint8Array(gzipSync(csv));
  const zstd = new Uint8Array(zstdCompressSync(csv));
  const served: Record<string, [Uint8Array<ArrayBuffer>, Record<string, string>]> = {
    // The packing is the file's own, and said to be one for the way.
    "a.csv.gz": [gzip, { "content-encoding": "gzip" }],
    "b.csv.gz": [new Uint8Array(gzipSync(gzip)), { "content-encoding": "gzip" }],
    "c.csv.gz": [gzip, {}],
    "d.csv": [gzip, {}],
    "e.csv": [zstd, {}],
    "f.csv.zst": [zstd, { "content-encoding": "zstd" }],
    "g.csv": [gzip, { "content-encoding": "gzip" }],
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const name = new URL(request.url).pathname.slice(1);
    const [body, headers] = served[name]!;
    return new Response(body, { headers: { etag: `"${name}"`, ...headers } });
  });
  for (const name of Object.keys(served)) {
    const from = `http://127.0.0.1:${server.addr.port}/${name}`;
    const { dataset } = await runRowsStage(download, { options: { from } });
    assert.deepEqual(dataset.splits.data, [{ text: "a", n: 1 }, { text: "b", n: 2 }], name);
  }
  await server.shutdown();
  const baseDir = await temporaryDirectory();
  for (const [end, bytes] of [["gz", gzip], ["zst", zstd]] as const) {
    await Deno.writeFile(`${baseDir}/packed.csv`, bytes);
    await assert.rejects(
      runRowsStage(download, { options: { from: "packed.csv" }, baseDir }),
      new RegExp(`packed\\.csv is no text: it is packed with .*call it packed\\.csv\\.${end}`),
    );
  }
});
