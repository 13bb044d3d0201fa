import assert from "node:assert/strict";
import { formatUserError } from "../../lib/base/errors.ts";
import { resolveDownload } from "../../lib/data/sources/resolve_download.ts";
import { failure, MODEL, names, scene, weights } from "../fixtures/hub_scene.ts";

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

Deno.test("two stages may download the same file at once", async () => {
  await using it = await scene({ faults: [{ match: /safetensors/, dieAfter: 25_000, times: 1 }] });
  await resolveDownload({ from: MODEL }, it.settings());
  const outputs = await Promise.all([1, 2, 3].map(() => it.download({ from: MODEL })));
  for (const output of outputs) {
    assert.deepEqual(await Deno.readFile(`${output}/model.safetensors`), weights(50_000));
  }
});
