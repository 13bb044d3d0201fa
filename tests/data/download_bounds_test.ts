import assert from "node:assert/strict";
import { UserError } from "../../lib/base/errors.ts";
import { checkRoom, diskFailure } from "../../lib/data/sources/cache/disk.ts";
import { request } from "../../lib/data/sources/http.ts";
import type { ResolveSettings } from "../../lib/data/sources/resolved.ts";
import { failure } from "../fixtures/hub_scene.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import stage from "../../stages/download.ts";

const file = { path: "a.bin", url: "https://example.org/a.bin", written: "a.bin of hf://org/name" };

Deno.test("a full disk is told with the file, the folder and what helps", () => {
  const full = [
    Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" }),
    new Error("No space left on device (os error 28)"),
    new Error("Disk quota exceeded (os error 122)"),
  ];
  for (const error of full) {
    const told = diskFailure(error, { file: { ...file, size: 9 }, folder: "/runs/store" });
    assert.ok(told instanceof UserError);
    assert.match(told.message, /the disk is full: a\.bin of .*, 9 bytes, does not fit into/);
    assert.match(told.message, /kept; make room.*goes on from here/);
  }
});

Deno.test("a file that no disk has room for is refused before it is asked for", async () => {
  const folder = await temporaryDirectory();
  const size = Number.MAX_SAFE_INTEGER;
  const error = await failure(checkRoom({ ...file, size }, { folder, have: 0 }));
  assert.match(error.message, /has 9007199254740991 bytes, and .* has room for \d+/);
  await checkRoom({ ...file, size }, { folder, have: size });
  await checkRoom(file, { folder, have: 0 });
});

Deno.test("max_bytes of download bounds a file that nobody announced", async () => {
  const body = (): ReadableStream<Uint8Array> =>
    new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1000)) });
  const stop = new AbortController();
  const options = { hostname: "127.0.0.1", port: 0, signal: stop.signal, onListen: (): void => {} };
  const server = Deno.serve(
    options,
    (request) => new Response(request.method === "HEAD" ? null : body()),
  );
  const context: ResolveSettings = {
    baseDir: "/",
    pins: { get: () => undefined, set: () => {} },
    update: false,
    offline: false,
    digestFile: () => Promise.resolve(""),
    env: () => undefined,
    signal: new AbortController().signal,
  };
  const from = `http://127.0.0.1:${server.addr.port}/a.txt`;
  const given = stage.options.parse({ from, max_bytes: 5000 });
  const error = await failure(Promise.resolve(stage.resolve!({ ...context, options: given })));
  assert.match(error.message, /a\.txt.* is longer than 5000 bytes; .*max_bytes/);
  stop.abort();
  await server.finished;
});

Deno.test("a host on the way is asked for no longer than the bounds say", async () => {
  let asked = 0;
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    asked++;
    return new Response("", { status: 503, headers: { "retry-after": "1e300" } });
  });
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const response = await request(url, { limits: { patience: 0.001 } });
  assert.equal(response.status, 503);
  assert.equal(asked, 5);
});
