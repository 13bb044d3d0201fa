/** Datasets of a hub by their repository: configs, splits, pins, tokens, mistakes. */
import assert from "node:assert/strict";
import { resolveDownload } from "../../lib/data/sources/resolve_download.ts";
import { line, parquet, texts } from "../fixtures/hub_datasets.ts";
import { failure, names, scene } from "../fixtures/hub_scene.ts";

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
