import assert from "node:assert/strict";
import { formatUserError } from "../../lib/base/errors.ts";
import { resolveDownload } from "../../lib/data/sources/resolve_download.ts";
import { failure, MODEL, names, scene, weights } from "../fixtures/hub_scene.ts";

Deno.test("a model comes with its configuration, weights and tokenizer, and nothing else", async () => {
  await using it = await scene();
  const output = await it.download({ from: MODEL });
  assert.deepEqual(await names(output), ["config.json", "model.safetensors", "tokenizer.json"]);
  assert.deepEqual(await Deno.readFile(`${output}/model.safetensors`), weights(50_000));
  assert.deepEqual(await names(`${it.root}/cache`), [], "nothing stays in the cache");
  const pin = it.pins.get(MODEL) as { commit: string; files: { id: string }[] };
  assert.match(pin.commit, /^[0-9a-f]{40}$/);
  assert.ok(
    it.hub.requests.some(({ path }) => path === `/org/tiny/resolve/${pin.commit}/config.json`),
  );
});

Deno.test("allow_patterns and ignore_patterns choose a model's files", async () => {
  await using it = await scene();
  assert.deepEqual(await names(await it.download({ from: MODEL, allow_patterns: ["*.json"] })), [
    "config.json",
    "tokenizer.json",
  ]);
  assert.deepEqual(await names(await it.download({ from: MODEL, allow_patterns: ["onnx/"] })), [
    "onnx",
  ]);
  assert.deepEqual(
    await names(await it.download({ from: MODEL, ignore_patterns: ["*.safetensors"] })),
    [
      "config.json",
      "tokenizer.json",
    ],
  );
  assert.match(
    (await failure(it.download({ from: MODEL, allow_patterns: ["*.gguf"] }))).message,
    /matches allow_patterns/,
  );
});

Deno.test("a dataset's files match a pattern, in the order a person counts", async () => {
  await using it = await scene();
  const output = await it.download({
    from: "hf://datasets/org/words/data/part-*.jsonl",
    limit: 65,
  });
  const info = JSON.parse(await Deno.readTextFile(`${output}/dataset.json`));
  assert.equal(info.splits.data.rows, 65);
  const { readDataset } = await import("../../lib/data/rows/dataset.ts");
  const rows = (await readDataset(output)).splits.data!;
  assert.deepEqual([rows[0]!.n, rows[20]!.n, rows[60]!.n], [1, 2, 10]);
});

Deno.test("a pinned source asks nobody and keeps its key; --update asks again", async () => {
  await using it = await scene();
  const first = await resolveDownload({ from: MODEL }, it.settings());
  const asked = it.hub.requests.length;
  assert.deepEqual((await resolveDownload({ from: MODEL }, it.settings())).key, first.key);
  assert.deepEqual(
    (await resolveDownload({ from: MODEL }, it.settings({ offline: true }))).key,
    first.key,
  );
  assert.equal(it.hub.requests.length, asked);

  await Deno.writeTextFile(`${it.model}/README.md`, "changed");
  const readme = await resolveDownload({ from: MODEL }, it.settings({ update: true }));
  assert.deepEqual(readme.key, first.key, "another commit with the same bytes is the same source");
  await Deno.writeTextFile(`${it.model}/config.json`, "{}");
  assert.deepEqual((await resolveDownload({ from: MODEL }, it.settings())).key, first.key);
  const moved = await resolveDownload({ from: MODEL }, it.settings({ update: true }));
  assert.notDeepEqual(moved.key, first.key);
});

Deno.test("offline without a pin is an error, before any request", async () => {
  await using it = await scene();
  const error = await failure(resolveDownload({ from: MODEL }, it.settings({ offline: true })));
  assert.match(error.message, /never resolved.*run once without --offline/);
  assert.equal(it.hub.requests.length, 0);
});

Deno.test("offline with a pin uses what is on this machine, and asks nobody for the rest", async () => {
  await using it = await scene();
  await resolveDownload({ from: MODEL }, it.settings());
  const asked = it.hub.requests.length;
  const error = await failure(it.download({ from: MODEL }, { offline: true }));
  assert.match(
    error.message,
    /config\.json of hf:\/\/org\/tiny is not on this machine, and --offline forbids/,
  );
  assert.equal(it.hub.requests.length, asked);
});

Deno.test("resolving names the hosts that the stage may connect to, and the token", async () => {
  await using it = await scene();
  const { net, env } = await resolveDownload({ from: MODEL }, it.settings());
  assert.equal(net[0], new URL(it.hub.url).host);
  assert.match(net[1]!, /^localhost:\d+$/);
  assert.deepEqual(env, ["HF_TOKEN"]);
});

Deno.test("the token goes to the hub and to nobody else", async () => {
  await using it = await scene({ token: "secret-7" });
  const refused = await failure(it.download({ from: MODEL }));
  assert.match(refused.message, /401.*HF_TOKEN/);
  await it.download({ from: MODEL }, { HF_TOKEN: "secret-7" });
  const of = (server: string): Set<string | null> =>
    new Set(
      it.hub.requests.filter((request) => request.server === server).map((request) =>
        request.authorization
      ),
    );
  assert.ok(of("hub").has("Bearer secret-7"));
  assert.deepEqual(of("cdn"), new Set([null]));
  assert.ok(!JSON.stringify([...it.pins]).includes("secret"));
  const wrong = await failure(it.download({ from: MODEL }, { HF_TOKEN: "secret-8", update: true }));
  assert.ok(!formatUserError(wrong).includes("secret-8"));
});

Deno.test("what a hub does not have is said, with what it has", async () => {
  await using it = await scene();
  const cases: [string, RegExp][] = [
    ["hf://org/tinny", /no model "org\/tinny" on the hub/],
    ["hf://org/tiny@v2", /no revision "v2"/],
    [
      "hf://datasets/org/words/data/part-3.jsonl",
      /"data\/part-3\.jsonl" is not in the dataset.*did you mean "data\/part-1\.jsonl"/,
    ],
    ["hf://datasets/org/words/data", /"data" is a folder.*hf:\/\/datasets\/org\/words\/data\/\*/],
    ["hf://datasets/org/words/data/", /"data\/" is a folder/],
    ["hf://datasets/org/words/*.parquet", /it has data\/part-1\.jsonl, data\/part-10\.jsonl/],
  ];
  for (const [from, expected] of cases) {
    assert.match((await failure(resolveDownload({ from }, it.settings()))).message, expected);
  }
  await Deno.remove(`${it.model}/model.safetensors`);
  assert.match(
    (await failure(resolveDownload({ from: MODEL }, it.settings()))).message,
    /no weights as safetensors, only onnx\/model\.onnx, pytorch_model\.bin/,
  );
});

Deno.test("a plain file server behind /resolve/ will do", async () => {
  await using it = await scene({ plain: true });
  const output = await it.download({ from: MODEL });
  assert.deepEqual(await names(output), ["config.json", "model.safetensors", "tokenizer.json"]);
  assert.equal(
    (await names(await it.download({ from: "hf://datasets/org/words/data/part-2.jsonl" }))).length,
    2,
  );
  const error = await failure(it.download({ from: "hf://datasets/org/words/data/*.jsonl" }));
  assert.match(error.message, /no listing.*name the files one by one/);
  // Without any checksum, a file that cannot be safetensors is still found out.
  await Deno.writeTextFile(`${it.model}/model.safetensors`, "<html>".repeat(100));
  assert.match(
    (await failure(it.download({ from: MODEL }, { update: true }))).message,
    /is no safetensors file/,
  );
});

Deno.test("sharded weights come whole, with and without a listing", async () => {
  for (const plain of [false, true]) {
    await using it = await scene({ plain });
    await Deno.remove(`${it.model}/model.safetensors`);
    const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    for (const shard of shards) await Deno.writeFile(`${it.model}/${shard}`, weights(2000));
    const weight_map = { a: shards[0], b: shards[1] };
    await Deno.writeTextFile(
      `${it.model}/model.safetensors.index.json`,
      JSON.stringify({ weight_map }),
    );
    const output = await it.download({ from: MODEL });
    assert.deepEqual(await names(output), [
      "config.json",
      ...shards,
      "model.safetensors.index.json",
      "tokenizer.json",
    ]);
  }
});

Deno.test("options for rows are refused beside a model, and the other way round", async () => {
  await using it = await scene();
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ from: MODEL, limit: 3 }, /`limit` is for rows/],
    [{ from: MODEL, columns: ["a"] }, /`columns` is for rows/],
    [{ from: [MODEL] }, /a model is the only source/],
    [{ from: { train: MODEL } }, /a model is the only source/],
    [
      { from: "hf://datasets/org/words/data/*.jsonl", allow_patterns: ["*"] },
      /`allow_patterns` chooses files of a model/,
    ],
  ];
  for (const [options, expected] of cases) {
    assert.match(
      (await failure(resolveDownload(options as { from: string }, it.settings()))).message,
      expected,
    );
  }
});
