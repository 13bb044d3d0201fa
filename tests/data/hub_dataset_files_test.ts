/** Which files of a dataset's repository are taken: by README.md, by names, from the converted branch. */
import assert from "node:assert/strict";
import { resolveDownload } from "../../lib/data/sources/resolve_download.ts";
import { line, parquet, texts } from "../fixtures/hub_datasets.ts";
import { failure, MODEL, scene } from "../fixtures/hub_scene.ts";

Deno.test("files that a README.md names one by one are all taken, of those in a folder one format", async () => {
  await using it = await scene();
  await it.dataset("named", {
    "README.md": "---\nconfigs:\n- config_name: a\n  data_files:\n" +
      "  - { split: train, path: [./a.jsonl, b.csv] }\n  - { split: test, path: rows/ }\n---\n",
    "a.jsonl": line("a"),
    "b.csv": "text\nb\n",
    "rows/1.csv": "text\nc\n",
    "rows/2.csv": "text\nd\n",
    "rows/schema.json": '{"text": "a column"}',
  });
  assert.deepEqual(await texts(it, { from: "hf://datasets/org/named" }), {
    train: ["a", "b"],
    test: ["c", "d"],
  });
  assert.match(it.notes.join("\n"), /left out: rows\/schema\.json/);
});

Deno.test("a pattern takes hidden files of a repository only where it says the dot", async () => {
  await using it = await scene();
  await it.dataset("hidden", {
    ".gitattributes": "*.parquet",
    "a.jsonl": line("a"),
    ".b.jsonl": line("b"),
    ".c/c.jsonl": line("c"),
  });
  const from = "hf://datasets/org/hidden";
  assert.deepEqual(await texts(it, { from: `${from}/**` }), { data: ["a"] });
  assert.deepEqual(await texts(it, { from: `${from}/.*.jsonl` }), { data: ["b"] });
  assert.deepEqual(await texts(it, { from: `${from}/.c/*` }), { data: ["c"] });
  assert.deepEqual(await texts(it, { from }), { train: ["a"] });
});

Deno.test("brackets in the name of a folder of a repository are part of it", async () => {
  await using it = await scene();
  await it.dataset("odd", {
    "README.md": '---\nconfigs: [{ config_name: a, data_files: "[x]/*.jsonl" }]\n---\n',
    "[x]/1.jsonl": line("in brackets"),
    "x/1.jsonl": line("x"),
  });
  const from = "hf://datasets/org/odd";
  assert.deepEqual(await texts(it, { from }), { train: ["in brackets"] });
  assert.deepEqual(await texts(it, { from: `${from}/[x]/*` }), { data: ["in brackets"] });
  assert.deepEqual(await texts(it, { from: `${from}/[xy]/*` }), { data: ["x"] });
});

Deno.test("without configs, names of files and folders tell the splits, as in datasets", async () => {
  const cases: [string[], Record<string, string[]>, RegExp?][] = [
    [[
      "data/train-00001-of-00002.jsonl",
      "data/train-00000-of-00002.jsonl",
      "data/a.b-00000-of-00001.jsonl",
      "x.jsonl",
    ], {
      train: ["data/train-00000-of-00002.jsonl", "data/train-00001-of-00002.jsonl"],
      "a.b": ["data/a.b-00000-of-00001.jsonl"],
    }, /1 files whose names tell no split were left out: x\.jsonl/],
    [["plain_text/train-00000-of-00001.jsonl", "plain_text/test-00000-of-00001.jsonl"], {
      train: ["plain_text/train-00000-of-00001.jsonl"],
      test: ["plain_text/test-00000-of-00001.jsonl"],
    }],
    [["my_dev_set/a.csv", "training/b.csv", "training/c.csv", "Eval/d.csv"], {
      train: ["training/b.csv", "training/c.csv"],
      validation: ["my_dev_set/a.csv"],
    }, /Eval\/d\.csv/],
    [["sub/a-eval.csv", "val1.csv", "training.csv", "trains.csv"], {
      train: ["training.csv"],
      validation: ["val1.csv"],
      test: ["sub/a-eval.csv"],
    }, /left out: trains\.csv/],
    [["b.jsonl", "a.jsonl.gz", ".hidden.jsonl", "__x/c.jsonl", "dataset_infos.json", "notes.md"], {
      train: ["a.jsonl.gz", "b.jsonl"],
    }],
    [["train.csv", "train2.csv", "train.jsonl", "requirements.txt"], {
      train: ["train.csv", "train2.csv"],
    }, /files in other formats than the rest of their split were left out: train\.jsonl/],
  ];
  cases.push([["train.csv", "train.jsonl", "dev.jsonl", "test.csv", "more-test.csv"], {
    train: ["train.csv"],
    validation: ["dev.jsonl"],
    test: ["more-test.csv", "test.csv"],
  }, /left out: train\.jsonl/]);
  await using it = await scene();
  for (const [i, [paths, splits, told]] of cases.entries()) {
    await it.dataset(`d${i}`, Object.fromEntries(paths.map((path) => [path, line(path)])));
    const from = `hf://datasets/org/d${i}`;
    const { data } = await resolveDownload({ from }, it.settings());
    const found = Object.entries(data.splits).map(([split, [source]]) =>
      [split, source?.type === "hub" ? source.files.map(({ path }) => path) : []] as const
    );
    assert.deepEqual(Object.fromEntries(found), splits, paths.join());
    assert.deepEqual(found.map(([split]) => split), Object.keys(splits), "in the usual order");
    const [source] = Object.values(data.splits)[0]!;
    const notes = source?.type === "hub" ? source.notes ?? [] : [];
    if (told === undefined) assert.deepEqual(notes, []);
    else assert.match(notes.join("\n"), told);
  }
  await it.dataset("both", { "train_test_split/a.csv": "text\na\n" });
  const error = await failure(
    resolveDownload({ from: "hf://datasets/org/both" }, it.settings()),
  );
  assert.match(
    error.message,
    /train_test_split\/a\.csv in hf:\/\/datasets\/org\/both tells 2 splits: train, test; .*from: { train:/,
  );
});

Deno.test("a repository with a script alone is read from its converted branch, and what is partial is said", async () => {
  await using it = await scene();
  await it.dataset("scripted", { "scripted.py": "import datasets", "README.md": "# no YAML" });
  const from = "hf://datasets/org/scripted";
  assert.match(
    (await failure(texts(it, { from }))).message,
    /no files of rows that can be read, but a script, which nothing here runs.*refs\/convert\/parquet/,
  );
  await it.dataset("scripted@refs-convert-parquet", {
    "plain/test/0000.parquet": parquet("t"),
    "plain/partial-train/0001.parquet": parquet("b"),
    "plain/partial-train/0000.parquet": parquet("a"),
    "other/train/0000.parquet": parquet("o"),
    "older/scripted-train-00000-of-00001.parquet": parquet("old"),
    "README.md": "nothing",
  });
  assert.match((await failure(texts(it, { from }))).message, /3 configs.*older, other, plain/);
  assert.deepEqual(await texts(it, { from, config: "plain" }), { train: ["a", "b"], test: ["t"] });
  assert.match(it.notes.join("\n"), /taken from its branch refs\/convert\/parquet/);
  assert.match(it.notes.join("\n"), /the split "train" is only its beginning/);
  assert.deepEqual(await texts(it, { from, config: "older" }), { train: ["old"] });
  const there = `${from}@refs/convert/parquet`;
  assert.deepEqual(await texts(it, { from: there, config: "other" }), { train: ["o"] });
  await it.dataset("scripted", {
    "README.md": "---\nconfigs:\n- config_name: plain\n- config_name: other\n---\n",
  });
  assert.deepEqual(await texts(it, { from, config: "other" }, { update: true }), { train: ["o"] });
  // Beside a script, files are what it reads: the conversion is what it makes of them.
  await it.dataset("scripted", { "raw/train.jsonl": line("raw") });
  assert.deepEqual(await texts(it, { from, config: "other" }, { update: true }), { train: ["o"] });
  await Deno.remove(`${it.root}/hub/datasets/org/scripted@refs-convert-parquet`, {
    recursive: true,
  });
  assert.deepEqual(await texts(it, { from }, { update: true }), { train: ["raw"] });
  assert.match(it.notes.at(-1)!, /its script, scripted\.py, is not run/);
});

Deno.test("the conversion is of the branch main alone, and of no other revision", async () => {
  await using it = await scene();
  for (const branch of ["old", "old@v1"]) await it.dataset(branch, { "old.py": "import datasets" });
  await it.dataset("old@refs-convert-parquet", { "default/train/0000.parquet": parquet("a") });
  const from = "hf://datasets/org/old";
  assert.deepEqual(await texts(it, { from }), { train: ["a"] });
  assert.match(
    (await failure(texts(it, { from: `${from}@v1` }))).message,
    /but a script.*leave out @v1: the hub converts the branch main alone/,
  );
});

Deno.test("the conversion stands in for files in formats that nothing reads", async () => {
  await using it = await scene();
  await it.dataset("zipped", { "data.zip": "PK", "images/a.png": "png" });
  const from = "hf://datasets/org/zipped";
  assert.match((await failure(texts(it, { from }))).message, /it has data\.zip, images\/a\.png/);
  await it.dataset("zipped@refs-convert-parquet", { "default/train/0000.parquet": parquet("z") });
  assert.deepEqual(await texts(it, { from }), { train: ["z"] });
});

Deno.test("a hub that names files without trees gives models and datasets as well, and they are checked", async () => {
  await using it = await scene({ treeless: true });
  await it.dataset("bare", {
    "README.md": "# no configs",
    "train-1.jsonl": line("a"),
    "test.jsonl": line("b"),
  });
  const from = "hf://datasets/org/bare";
  assert.deepEqual(await texts(it, { from }), { train: ["a"], test: ["b"] });
  const { files } = it.pins.get(from) as { files: { id: string; size: number }[] };
  assert.ok(files.every(({ id, size }) => /^git:/.test(id) && size > 0));
  await it.download({ from: MODEL });
  assert.deepEqual(await texts(it, { from: "hf://datasets/org/words/data/*-2.jsonl", limit: 1 }), {
    data: ["word 2.0"],
  });
});
