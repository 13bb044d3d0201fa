/** Models and tokenizers from folders of this machine, and tokenizers alone from a hub. */
import assert from "node:assert/strict";
import { resolveDownload } from "../../lib/data/sources/resolve_download.ts";
import download from "../../stages/download.ts";
import { failure, MODEL, names, scene, weights } from "../fixtures/hub_scene.ts";

/** Digests are of no matter here. */
const digestFile = (path: string): Promise<string> => Promise.resolve(`digest of ${path}`);

Deno.test("a folder with a slash at its end is a model: what Temper reads of it", async () => {
  await using it = await scene();
  await Deno.writeTextFile(`${it.model}/.env`, "HF_TOKEN=no business of a model");
  const output = await it.download({ from: "hub/org/tiny/" }, { digestFile });
  assert.deepEqual(await names(output), ["config.json", "model.safetensors", "tokenizer.json"]);
  assert.deepEqual(await Deno.readFile(`${output}/model.safetensors`), weights(50_000));
  const { key, read, net } = await resolveDownload(
    { from: "hub/org/tiny/" },
    it.settings({ digestFile }),
  );
  assert.deepEqual(Object.keys(Object.values(key)[0] as object), [
    "config.json",
    "model.safetensors",
    "tokenizer.json",
  ]);
  assert.deepEqual(
    read,
    ["config.json", "model.safetensors", "tokenizer.json"].map((name) => `${it.model}/${name}`),
  );
  assert.deepEqual(net, []);
  for (const from of [`${it.model}/`, `file://${it.model}/`, "./hub/../hub/org/tiny/"]) {
    assert.equal((await names(await it.download({ from }, { digestFile }))).length, 3, from);
  }
  const chosen = await it.download({ from: `${it.model}/`, allow_patterns: ["onnx/", "*.json"] }, {
    digestFile,
  });
  assert.deepEqual(await names(chosen), ["config.json", "onnx", "tokenizer.json"]);
  const left = await it.download({ from: `${it.model}/`, ignore_patterns: ["*.safetensors"] }, {
    digestFile,
  });
  assert.deepEqual(await names(left), ["config.json", "tokenizer.json"]);
});

Deno.test("a folder or repository with a tokenizer alone is one, in each form that there is", async () => {
  const forms = [
    ["tokenizer.json", "tokenizer_config.json"],
    ["merges.txt", "vocab.json"],
    ["vocab.txt"],
    ["spiece.model"],
    ["config.json", "sentencepiece.bpe.model"],
  ];
  await using it = await scene();
  for (const [i, form] of forms.entries()) {
    const folder = `${it.root}/hub/org/tok${i}`;
    await Deno.mkdir(folder);
    for (const name of [...form, "README.md"]) await Deno.writeTextFile(`${folder}/${name}`, "{}");
    for (const from of [`hf://org/tok${i}`, `${folder}/`]) {
      assert.deepEqual(await names(await it.download({ from }, { digestFile })), form, from);
    }
  }
  // Weights in another format make it a model that lacks those that can be read.
  await Deno.writeTextFile(`${it.root}/hub/org/tok0/pytorch_model.bin`, "pickle");
  for (const from of ["hf://org/tok0", `${it.root}/hub/org/tok0/`]) {
    const error = await failure(it.download({ from }, { digestFile, update: true }));
    assert.match(error.message, /config\.json/);
  }
  await using plain = await scene({ plain: true });
  const folder = `${plain.root}/hub/org/tok`;
  await Deno.mkdir(folder);
  await Deno.writeTextFile(`${folder}/tokenizer.json`, "{}");
  assert.deepEqual(await names(await plain.download({ from: "hf://org/tok" })), ["tokenizer.json"]);
});

Deno.test("what is no folder of a model is told, with what to write instead", async () => {
  await using it = await scene();
  const cases: [unknown, RegExp][] = [
    ["hub/org/tinny/", /no folder hub\/org\/tinny\/.*count from/],
    [
      "hub/datasets/org/words/data/",
      /has no config\.json, and is no folder of a model.*part-1\.jsonl.*\*\.jsonl/,
    ],
    ["hub/org/tiny", /is a folder.*write hub\/org\/tiny\/$/],
    ["hub/datasets", /is a folder.*hub\/datasets\/\*\.txt/],
    [["hub/org/tiny/"], /is a model, among several sources.*hub\/org\/tiny\/\*\.jsonl/],
    [{ train: "hub/org/tiny/" }, /is a model, among several sources/],
  ];
  for (const [from, expected] of cases) {
    const error = await failure(
      resolveDownload({ from: from as string }, it.settings({ digestFile })),
    );
    assert.match(error.message, expected, JSON.stringify(from));
  }
  await Deno.remove(`${it.model}/model.safetensors`);
  const from = `${it.model}/`;
  const error = await failure(resolveDownload({ from }, it.settings({ digestFile })));
  assert.match(error.message, /no weights as safetensors, only pytorch_model\.bin/);
  await Deno.writeTextFile(`${it.model}/model.safetensors`, "<html>".repeat(100));
  assert.match(
    (await failure(it.download({ from }, { digestFile }))).message,
    /model\.safetensors of .*is no safetensors file/,
  );
});

Deno.test("a model's folder has no links that lead out, but those of a hub's cache", async () => {
  await using it = await scene();
  const cache = `${it.root}/elsewhere/models--org--tiny`;
  const snapshot = `${cache}/snapshots/abc`;
  await Deno.mkdir(snapshot, { recursive: true });
  await Deno.mkdir(`${cache}/blobs`);
  for (const name of ["config.json", "tokenizer.json", "model.safetensors"]) {
    await Deno.copyFile(`${it.model}/${name}`, `${cache}/blobs/${name}.blob`);
    await Deno.symlink(`../../blobs/${name}.blob`, `${snapshot}/${name}`);
  }
  const settings = { digestFile, baseDir: `${it.root}/hub` };
  const output = await it.download({ from: `${snapshot}/` }, settings);
  assert.deepEqual(await Deno.readFile(`${output}/model.safetensors`), weights(50_000));
  await Deno.writeTextFile(`${it.root}/key`, "secret");
  await Deno.symlink(`${it.root}/key`, `${snapshot}/vocab.txt`);
  assert.match(
    (await failure(resolveDownload({ from: `${snapshot}/` }, it.settings(settings)))).message,
    /takes in .*vocab\.txt, a link that leads out of its folder/,
  );
});

Deno.test("download: its output is a model where the source is a folder of one", () => {
  const output = download.output as (options: unknown) => string;
  for (const from of ["models/tuned/", "/a/b/", "file:///a/b/", "./", MODEL]) {
    assert.equal(output({ from }), "model", from);
  }
  for (
    const from of [
      ...["models/tuned", "https://example.org/rows/", "hf://datasets/org/name/", "data/*/"],
      ["models/tuned/"],
    ]
  ) assert.equal(output({ from }), "rows", String(from));
});
