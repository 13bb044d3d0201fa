import assert from "node:assert/strict";
import { formatUserError, UserError } from "../../lib/errors.ts";
import { resolveDownload } from "../../lib/data/resolve_download.ts";
import type { ResolveSettings } from "../../lib/data/resolved.ts";
import { runDownload } from "../../lib/data/run_download.ts";
import { type HubOptions, startHub } from "../fixtures/hub_server.ts";

const MODEL = "hf://org/tiny";

/** A folder with one model and one dataset, and a hub over it. */
async function scene(options: HubOptions = {}): Promise<Scene> {
  const root = await Deno.makeTempDir();
  const model = `${root}/hub/org/tiny`;
  await Deno.mkdir(`${model}/onnx`, { recursive: true });
  await Deno.mkdir(`${root}/hub/datasets/org/words/data`, { recursive: true });
  await Deno.writeTextFile(`${model}/config.json`, '{"model_type":"gpt2"}');
  await Deno.writeTextFile(`${model}/tokenizer.json`, '{"version":"1.0"}');
  await Deno.writeTextFile(`${model}/README.md`, "# tiny");
  await Deno.writeTextFile(`${model}/pytorch_model.bin`, "pickle");
  await Deno.writeTextFile(`${model}/onnx/model.onnx`, "onnx");
  await Deno.writeFile(`${model}/model.safetensors`, weights(50_000));
  for (const n of [1, 2, 10]) {
    await Deno.writeTextFile(
      `${root}/hub/datasets/org/words/data/part-${n}.jsonl`,
      Array.from({ length: n * 20 }, (_, i) => JSON.stringify({ text: `word ${n}.${i}`, n })).join(
        "\n",
      ),
    );
  }
  return new Scene(root, options);
}

class Scene implements AsyncDisposable {
  readonly pins = new Map<string, unknown>();
  readonly logs: string[] = [];
  readonly hub;
  #runs = 0;

  constructor(readonly root: string, options: HubOptions) {
    this.hub = startHub(`${root}/hub`, options);
  }

  get model(): string {
    return `${this.root}/hub/org/tiny`;
  }

  settings(
    more: Partial<ResolveSettings> & { HF_TOKEN?: string; HF_ENDPOINT?: string } = {},
  ): ResolveSettings {
    const env: Record<string, string | undefined> = {
      HF_ENDPOINT: more.HF_ENDPOINT ?? this.hub.url,
      HF_TOKEN: more.HF_TOKEN,
    };
    return {
      baseDir: this.root,
      pins: {
        get: (name) => this.pins.get(name),
        set: (name, pin) => void this.pins.set(name, pin),
      },
      update: false,
      offline: false,
      digestFile: () => Promise.reject(new Error("no files here")),
      env: (name) => env[name],
      signal: new AbortController().signal,
      ...more,
    };
  }

  /** Resolves and runs as the stage does; @returns the output folder. */
  async download(
    options: Record<string, unknown>,
    more: Partial<ResolveSettings> & { HF_TOKEN?: string; HF_ENDPOINT?: string } = {},
  ): Promise<string> {
    const resolved = await resolveDownload(options as { from: string }, this.settings(more));
    const output = `${this.root}/out${this.#runs++}`;
    await Deno.mkdir(output);
    await runDownload(JSON.parse(JSON.stringify(resolved.data)), {
      options: { format: "auto", split_by: "line", text_column: "text", limit: 0, ...options },
      folder: output,
      cacheDir: `${this.root}/cache`,
      offline: more.offline ?? false,
      env: more.HF_TOKEN === undefined ? {} : { HF_TOKEN: more.HF_TOKEN },
      signal: new AbortController().signal,
      log: (message) => void this.logs.push(message),
      progress: () => {},
    });
    return output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    await Deno.remove(this.root, { recursive: true });
  }
}

/** A safetensors file with one tensor of bytes. */
function weights(count: number): Uint8Array<ArrayBuffer> {
  const header = new TextEncoder().encode(
    JSON.stringify({ w: { dtype: "U8", shape: [count], data_offsets: [0, count] } }),
  );
  const bytes = new Uint8Array(8 + header.length + count);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  for (let i = 8 + header.length; i < bytes.length; i++) bytes[i] = i * 7;
  return bytes;
}

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map((entry) => entry.name).sort();
}

async function failure(promise: Promise<unknown>): Promise<UserError> {
  const error = await promise.then(() => assert.fail("it did not fail"), (error) => error);
  assert.ok(error instanceof UserError, String(error.stack));
  return error;
}

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
  const { readDataset } = await import("../../lib/data/dataset.ts");
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

Deno.test("a listing that breaks off is no server without listings", async () => {
  await using it = await scene();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () =>
      new Response(
        new ReadableStream({
          async start(controller): Promise<void> {
            controller.enqueue(new TextEncoder().encode('{"sha":'));
            await new Promise((resolve) => setTimeout(resolve, 20));
            controller.close();
          },
        }),
        { headers: { "content-length": "500" } },
      ),
  );
  const HF_ENDPOINT = `http://127.0.0.1:${server.addr.port}`;
  const error = await failure(resolveDownload({ from: MODEL }, it.settings({ HF_ENDPOINT })));
  assert.match(error.message, /listing of hf:\/\/org\/tiny was cut off/);
  await server.shutdown();
});

Deno.test("resolving names the hosts that the stage may connect to, and the token", async () => {
  await using it = await scene();
  const { net, env } = await resolveDownload({ from: MODEL }, it.settings());
  assert.equal(net[0], new URL(it.hub.url).host);
  assert.match(net[1]!, /^localhost:\d+$/);
  assert.deepEqual(env, ["HF_TOKEN"]);
});

Deno.test("a download that breaks off goes on from there, in the same call and in a later one", async () => {
  await using it = await scene();
  it.hub.faults.push({ match: /safetensors/, dieAfter: 20_000, times: 1 });
  await it.download({ from: MODEL });
  const ranges = it.hub.requests.filter(({ server }) => server === "cdn").map(({ range }) => range);
  assert.deepEqual(ranges, [null, "bytes=20000-"]);

  it.hub.requests.length = 0;
  it.hub.faults.push({ match: /safetensors/, dieAfter: 0 });
  const error = await failure(it.download({ from: MODEL }));
  assert.match(error.message, /cut off: expected \d+ bytes, got 0/);

  it.hub.faults.length = 0;
  it.hub.faults.push({ match: /safetensors/, dieAfter: 30_000, times: 1 }, {
    match: /safetensors/,
    status: 500,
  });
  it.hub.faults[1] = { match: /model.safetensors/, status: 403, times: 0 };
  it.hub.faults.push({ match: /model.safetensors/, dieAfter: 0 });
  assert.match(
    (await failure(it.download({ from: MODEL }))).message,
    /got 30000.*part that arrived is kept/,
  );

  it.hub.faults.length = 0;
  it.hub.requests.length = 0;
  const output = await it.download({ from: MODEL });
  assert.deepEqual(await Deno.readFile(`${output}/model.safetensors`), weights(50_000));
  const later = it.hub.requests.filter(({ server }) => server === "cdn").map(({ range }) => range);
  assert.deepEqual(later, ["bytes=30000-"]);
  const small = it.hub.requests.filter(({ path }) => path.endsWith("config.json"));
  assert.deepEqual(small, [], "what was whole already is not fetched again");
});

Deno.test("a truncated download is refused", async () => {
  await using it = await scene({ faults: [{ match: /safetensors/, truncate: 1234 }] });
  const error = await failure(it.download({ from: MODEL }));
  assert.match(
    error.message,
    /model\.safetensors of hf:\/\/org\/tiny.*expected 50\d+ bytes, got 1234/,
  );
});

Deno.test("a tampered download is refused, large files and small ones", async () => {
  await using it = await scene({ faults: [{ match: /model.safetensors/, flip: 30_000 }] });
  const error = await failure(it.download({ from: MODEL }));
  assert.match(
    error.message,
    /damaged: expected sha256 [0-9a-f]{64}, got sha256 [0-9a-f]{64}.*nothing of it is kept/,
  );
  it.hub.faults.length = 0;
  it.hub.faults.push({ match: /config.json/, flip: 3 });
  await Deno.remove(`${it.root}/cache`, { recursive: true });
  assert.match(
    (await failure(it.download({ from: MODEL }))).message,
    /expected git blob [0-9a-f]{40}/,
  );
});

Deno.test("a first half that does not fit any more is thrown away", async () => {
  await using it = await scene({
    faults: [{ match: /safetensors/, dieAfter: 20_000, flip: 500, times: 1 }],
  });
  const output = await it.download({ from: MODEL });
  assert.deepEqual(await Deno.readFile(`${output}/model.safetensors`), weights(50_000));
  assert.match(it.logs.join("\n"), /starting over/);
});

Deno.test("a busy server is asked again", async () => {
  await using it = await scene({
    faults: [{ match: /./, status: 503, times: 1 }, { match: /tokenizer/, status: 429, times: 1 }],
  });
  assert.equal((await names(await it.download({ from: MODEL }))).length, 3);
});

Deno.test("a server that is down is named, with what to do", async () => {
  await using it = await scene();
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const HF_ENDPOINT = `http://127.0.0.1:${closed.addr.port}`;
  closed.close();
  const start = performance.now();
  const text = formatUserError(await failure(it.download({ from: MODEL }, { HF_ENDPOINT })));
  assert.ok(text.includes(`cannot reach ${HF_ENDPOINT}/api/models/org/tiny`), text);
  assert.match(text, /refused/i);
  assert.match(text, /HF_ENDPOINT.*same command.*--offline/);
  assert.ok(performance.now() - start < 3000);
  // The pin is made by one hub; the download goes on from another one later.
  await resolveDownload({ from: MODEL }, it.settings());
  assert.match(
    (await failure(it.download({ from: MODEL }, { HF_ENDPOINT }))).message,
    /resolve\/[0-9a-f]{40}\/config\.json/,
  );
  assert.equal((await names(await it.download({ from: MODEL }))).length, 3);
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

Deno.test("two stages may download the same file at once", async () => {
  await using it = await scene({ faults: [{ match: /safetensors/, dieAfter: 25_000, times: 1 }] });
  await resolveDownload({ from: MODEL }, it.settings());
  const outputs = await Promise.all([1, 2, 3].map(() => it.download({ from: MODEL })));
  for (const output of outputs) {
    assert.deepEqual(await Deno.readFile(`${output}/model.safetensors`), weights(50_000));
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
