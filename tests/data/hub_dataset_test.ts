/** Datasets of a hub by their repository: configs, splits, shards, the converted branch. */
import assert from "node:assert/strict";
import { parquetWriteBuffer } from "hyparquet-writer";
import { resolveDownload } from "../../lib/data/sources/resolve_download.ts";
import { readDataset } from "../../lib/data/rows/dataset.ts";
import { failure, names, type Scene, scene } from "../fixtures/hub_scene.ts";

/** A file of parquet with one text. */
function parquet(...texts: string[]): Uint8Array {
  return new Uint8Array(
    parquetWriteBuffer({ columnData: [{ name: "text", data: texts, type: "STRING" }] }),
  );
}

/** A line of JSON with one text. */
const line = (text: string): string => JSON.stringify({ text }) + "\n";

/** The texts of each split of a download. */
async function texts(
  it: Scene,
  options: Record<string, unknown>,
  more: { offline?: boolean; update?: boolean; HF_TOKEN?: string } = {},
): Promise<Record<string, unknown[]>> {
  const { splits } = await readDataset(await it.download(options, more));
  return Object.fromEntries(
    Object.entries(splits).map(([split, rows]) => [split, rows.map(({ text }) => text)]),
  );
}

const CARD = `---
license: mit
dataset_info:
- config_name: en
  features: [{ name: text, dtype: string }]
configs:
- config_name: en
  data_files:
  - { split: train, path: "en/train-*.parquet" }
  - split: unsupervised
    path: [en/more.parquet, en/most.parquet]
- config_name: no
  data_files: "no/*.parquet"
- config_name: 1e5
  data_dir: numbers
---
# Reviews

configs: none of this is YAML
`;

const REVIEWS = {
  "README.md": CARD,
  ".gitattributes": "*.parquet",
  "en/train-00010-of-00011.parquet": parquet("ten"),
  "en/train-00002-of-00011.parquet": parquet("two a", "two b"),
  "en/more.parquet": parquet("more"),
  "en/most.parquet": parquet("most"),
  "no/any.parquet": parquet("nei"),
  "numbers/test.jsonl": line("1"),
  "numbers/dev.jsonl": line("2"),
};

Deno.test("a dataset is taken as its README.md says: a config, every split, every shard in order", async () => {
  await using it = await scene();
  await it.dataset("reviews", REVIEWS);
  const from = "hf://datasets/org/reviews";
  assert.deepEqual(await texts(it, { from, config: "en" }), {
    train: ["two a", "two b", "ten"],
    unsupervised: ["more", "most"],
  });
  // Read as the text that it is, where YAML would have a truth value and a number.
  assert.deepEqual(await texts(it, { from, config: "no" }), { train: ["nei"] });
  assert.deepEqual(await texts(it, { from, config: "1e5" }), { validation: ["2"], test: ["1"] });
});

Deno.test("a config is chosen where there are several, and the splits that are wanted", async () => {
  await using it = await scene();
  await it.dataset("reviews", REVIEWS);
  const from = "hf://datasets/org/reviews";
  const en = { from, config: "en" };
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ from }, /has 3 configs, and none is chosen; its configs are en, no, 1e5; choose one/],
    [{ from, config: "eng" }, /no config "eng"; did you mean "en"\?; its configs are en, no, 1e5/],
    [
      { ...en, split: "trian" },
      /no split "trian"; did you mean "train"\?; its splits are train, unsupervised/,
    ],
    [{ ...en, split: "train[:10%]" }, /no split.*`limit` reads fewer/],
    [{ ...en, split: ["train", "train"] }, /names "train" twice/],
    [{ ...en, split: { train: "con" } }, /"con" cannot be the name of a split/],
    [{ ...en, from: { test: from } }, /no split "test".*its splits are train, unsupervised/],
    [{ ...en, from: { train: from }, split: "train" }, /both `split` and the mapping/],
    [{ ...en, from: [from, "a.txt"] }, /brings its splits along, and a\.txt belongs to none/],
    [{ from: `${from}/*.parquet`, split: "train" }, /`split` is for datasets of a hub as a whole/],
    [{ from: "a.txt", config: "en" }, /`config` is for datasets of a hub as a whole/],
    [{ from: "hf://org/tiny", config: "en" }, /`config` is for datasets/],
    [{ from: "hf://datasets/org/reviewz" }, /no dataset "org\/reviewz" on the hub/],
  ];
  for (const [options, expected] of cases) {
    const error = await failure(resolveDownload(options as { from: string }, it.settings()));
    assert.match(error.message, expected, JSON.stringify(options));
  }
  assert.deepEqual(await texts(it, { ...en, split: "unsupervised" }), {
    unsupervised: ["more", "most"],
  });
  assert.deepEqual(await texts(it, { ...en, split: { unsupervised: "test", train: "train" } }), {
    test: ["more", "most"],
    train: ["two a", "two b", "ten"],
  });
  assert.deepEqual(await texts(it, { ...en, from: { unsupervised: [from] } }), {
    unsupervised: ["more", "most"],
  });
  await it.dataset("more", { "train.jsonl": line("other") });
  const both = { from: [from, "hf://datasets/org/more"], split: ["train"] };
  // Each has the configs of its own.
  assert.match((await failure(texts(it, both))).message, /has 3 configs/);
  await it.dataset("reviews", {
    "README.md": CARD.replace(
      "config_name: en\n  data_files",
      "config_name: default\n  data_files",
    ),
  });
  assert.deepEqual(await texts(it, { ...both }, { update: true }), {
    train: ["two a", "two b", "ten", "other"],
  });
  const marked = CARD.replace('"no/*.parquet"', '"no/*.parquet"\n  default: true');
  await it.dataset("reviews", { "README.md": marked });
  assert.deepEqual(await texts(it, { from }, { update: true }), { train: ["nei"] });
  await it.dataset("reviews", {
    "README.md": marked.replace("data_dir:", "default: true\n  data_dir:"),
  });
  const two = await failure(texts(it, { from }, { update: true }));
  assert.match(two.message, /3 configs, of which no and 1e5 are its default, and none is chosen/);
});

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

Deno.test("a dataset is pinned by commit and files, and works offline", async () => {
  await using it = await scene();
  await it.dataset("words2", { "train.jsonl": line("a"), "test.jsonl": line("b") });
  const from = "hf://datasets/org/words2";
  const first = await resolveDownload({ from }, it.settings());
  const pin = it.pins.get(from) as { commit: string; splits: object; files: { id: string }[] };
  assert.match(pin.commit, /^[0-9a-f]{40}$/);
  assert.deepEqual(pin.splits, { train: ["train.jsonl"], test: ["test.jsonl"] });
  assert.ok(pin.files.every(({ id }) => /^git:[0-9a-f]{40}$/.test(id)));
  // What was asked is not asked again, and no split that is not wanted counts.
  const asked = it.hub.requests.length;
  const offline = it.settings({ offline: true });
  assert.deepEqual((await resolveDownload({ from }, offline)).key, first.key);
  const train = await resolveDownload({ from, split: "train" }, offline);
  assert.equal(it.hub.requests.length, asked);
  await it.dataset("words2", { "test.jsonl": line("changed"), "new.train.jsonl": line("c") });
  assert.deepEqual((await resolveDownload({ from }, it.settings())).key, first.key);
  const moved = await resolveDownload({ from }, it.settings({ update: true }));
  assert.notDeepEqual(moved.key, first.key);
  await Deno.remove(`${it.root}/hub/datasets/org/words2/new.train.jsonl`);
  const again = await resolveDownload({ from, split: "train" }, it.settings({ update: true }));
  assert.deepEqual(again.key, train.key, "the key is that of the chosen splits");
  // A pin that somebody broke is no pin.
  it.pins.set(from, { ...pin, splits: { train: ["elsewhere.jsonl"] } });
  assert.match(
    (await failure(resolveDownload({ from }, offline))).message,
    /never resolved, and --offline/,
  );
  assert.deepEqual(await texts(it, { from, split: "train" }), { train: ["a"] });
  assert.deepEqual(await names(`${it.root}/cache`), [], "nothing stays in the cache");
});

Deno.test("progress goes once through the bytes of all splits, and once through their reading", async () => {
  await using it = await scene();
  const content = Array.from({ length: 200 }, (_, i) => line(`row ${i}`)).join("");
  const splits = ["train", "validation", "test"];
  await it.dataset("three", Object.fromEntries(splits.map((name) => [`${name}.jsonl`, content])));
  await it.download({ from: "hf://datasets/org/three" });
  const falls = it.progress.filter(([done], i) => i > 0 && done < it.progress[i - 1]![0]);
  assert.equal(falls.length, 1, JSON.stringify(it.progress));
  for (const [done, total] of it.progress) {
    assert.equal(total, 3 * content.length);
    assert.ok(done <= total);
  }
});

Deno.test("a private dataset is read with the token, which no other host and no record sees", async () => {
  await using it = await scene({ token: "secret-9", largeFrom: 10 });
  await it.dataset("private", {
    "README.md": CARD.replaceAll("en/", "data/"),
    "data/train-0.parquet": parquet("mine"),
    "data/more.parquet": parquet("m"),
    "data/most.parquet": parquet("m"),
  });
  const from = "hf://datasets/org/private";
  assert.match((await failure(texts(it, { from, config: "en" }))).message, /401.*HF_TOKEN/);
  const found = await texts(it, { from, config: "en", split: "train" }, { HF_TOKEN: "secret-9" });
  assert.deepEqual(found, { train: ["mine"] });
  const cdn = it.hub.requests.filter(({ server }) => server === "cdn");
  // The README.md, too, may lie elsewhere.
  assert.ok(cdn.some(({ path }) => path.endsWith("README.md")));
  assert.ok(cdn.every(({ authorization }) => authorization === null));
  assert.ok(!JSON.stringify([[...it.pins], it.logs, it.notes]).includes("secret-9"));
});

Deno.test("what a README.md says wrongly is told, and never guessed at", async () => {
  const card = (yaml: string): Record<string, string> => ({
    "README.md": `---\n${yaml}\n---\n`,
    "train.jsonl": line("a"),
  });
  const bomb = ["a: &a [x, x]"].concat(
    Array.from({ length: 30 }, (_, i) => {
      const [of, own] = [i === 0 ? "a" : `b${i - 1}`, `b${i}`];
      return `${own}: &${own} [*${of}, *${of}]`;
    }),
  ).join("\n");
  const cases: [string, RegExp][] = [
    ["configs: [", /README\.md of .* does not say what its configs are: its YAML cannot be read/],
    ["configs: en", /its `configs` is no list/],
    ["configs: [{ data_files: a }]", /has no config_name/],
    ["configs: [{ config_name: a }, { config_name: a }]", /two configs "a"/],
    ["configs: [{ config_name: a, data_files: { train: x } }]", /neither patterns nor a list/],
    [
      "configs: [{ config_name: a, data_files: [{ split: s, path: x }, { split: s, path: y }] }]",
      /the split "s" twice/,
    ],
    ["configs: [{ config_name: a, data_dir: [x] }]", /data_dir that is no text/],
    [
      'configs: [{ config_name: a, data_files: "trian.jsonl" }]',
      /no file .* matches "trian\.jsonl", which its README\.md names.*it has/,
    ],
    [
      'configs: [{ config_name: a, data_files: "https://example.org/x.csv" }]',
      /files of the repository itself, and that names another place/,
    ],
    ['configs: [{ config_name: a, data_files: "../x.csv" }]', /names another place/],
    ["configs: [{ config_name: a, data_dir: nowhere }]", /no files that can be read in nowhere/],
    [`${bomb}\nconfigs: [{ config_name: a }]`, /YAML cannot be read/],
    [`configs: ${"[".repeat(50_000)}`, /YAML cannot be read/],
  ];
  await using it = await scene();
  for (const [i, [yaml, expected]] of cases.entries()) {
    await it.dataset(`wrong${i}`, card(yaml));
    const from = `hf://datasets/org/wrong${i}`;
    const error = await failure(resolveDownload({ from }, it.settings()));
    assert.match(error.message, expected, yaml.slice(0, 100));
  }
  for (const yaml of ["license: mit", "configs:", "configs: []", "configs: ~"]) {
    await it.dataset("silent", card(yaml));
    const from = "hf://datasets/org/silent";
    assert.deepEqual(await texts(it, { from }, { update: true }), { train: ["a"] });
  }
  await it.dataset("silent", card("configs: [{ config_name: a, data_files: ./, sep: ';' }]"));
  await texts(it, { from: "hf://datasets/org/silent" }, { update: true });
  assert.match(it.notes.at(-1)!, /README\.md sets sep for the config "a", which is not heeded/);
});

Deno.test("a dataset as a whole needs a listing", async () => {
  await using it = await scene({ plain: true });
  const from = "hf://datasets/org/words";
  assert.match(
    (await failure(resolveDownload({ from }, it.settings()))).message,
    /no listing of "org\/words", which a dataset as a whole needs; name its files one by one/,
  );
});
