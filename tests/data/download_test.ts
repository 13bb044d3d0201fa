import assert from "node:assert/strict";
import { download, type DownloadOptions, forget, prune } from "../../lib/data/sources/download.ts";
import { resolveHttp } from "../../lib/data/sources/http_source.ts";
import { request } from "../../lib/data/sources/http.ts";
import { sha256Hex } from "../../lib/base/hash.ts";
import type { Download } from "../../lib/data/sources/pinned_file.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** A server of one text, and a cache folder. */
async function scene(serve: (request: Request) => Response | Promise<Response>): Promise<
  AsyncDisposable & {
    url: string;
    options: DownloadOptions;
    get: (file?: Partial<Download>) => Promise<string>;
  }
> {
  const cacheDir = await temporaryDirectory();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, serve);
  const url = `http://127.0.0.1:${server.addr.port}/file.txt`;
  const options = {
    cacheDir,
    offline: false,
    signal: new AbortController().signal,
    log: () => {},
    progress: () => {},
  };
  return {
    url,
    options,
    async get(file = {}): Promise<string> {
      let text = "";
      await download({ path: "file.txt", url, written: url, ...file }, {
        ...options,
        use: async (path) => void (text = await Deno.readTextFile(path)),
      });
      return text;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await server.shutdown();
    },
  };
}

Deno.test("download() does without Range, sizes and checksums", async () => {
  let cut = true;
  await using it = await scene(() => {
    const body = "0123456789".repeat(1000);
    const half = body.slice(0, 5000);
    const short = cut;
    cut = false;
    return new Response(
      new ReadableStream({
        start(controller): void {
          controller.enqueue(new TextEncoder().encode(short ? half : body));
          controller.close();
        },
      }),
      { headers: { "content-length": String(body.length) } },
    );
  });
  assert.equal((await it.get()).length, 10_000);
});

Deno.test("download() keeps what is whole until it is forgotten, and checks it before using it", async () => {
  let requests = 0;
  await using it = await scene(() => (requests++, new Response("hello")));
  const file = { id: `sha256:${sha256Hex("hello")}`, size: 5 };
  assert.equal(await it.get(file), "hello");
  assert.equal(await it.get(file), "hello");
  assert.equal(requests, 1);
  for await (const { name } of Deno.readDir(it.options.cacheDir)) {
    if (!name.endsWith(".json")) {
      await Deno.writeTextFile(`${it.options.cacheDir}/${name}`, "jello");
    }
  }
  assert.equal(await it.get(file), "hello");
  assert.equal(requests, 2);
  await forget([{ path: "file.txt", url: it.url, written: it.url, ...file }], it.options.cacheDir);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(it.options.cacheDir)), []);
});

/** A server that sends the first half of a text at first, and then what it is asked for. */
function halving(body: () => string, etag: () => string): {
  ranges: (string | null)[];
  serve: (request: Request) => Response;
} {
  const ranges: (string | null)[] = [];
  let cut = true;
  const serve = (request: Request): Response => {
    const range = request.headers.get("range");
    ranges.push(range);
    const text = body();
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const rest = new TextEncoder().encode(text.slice(from, cut ? text.length >> 1 : undefined));
    const stalls = cut;
    cut = false;
    return new Response(
      new ReadableStream({
        start: (controller) => {
          controller.enqueue(rest);
          if (!stalls) controller.close();
        },
      }),
      {
        status: from > 0 ? 206 : 200,
        headers: {
          etag: etag(),
          "content-length": String(text.length - from),
          ...(from > 0
            ? { "content-range": `bytes ${from}-${text.length - 1}/${text.length}` }
            : {}),
        },
      },
    );
  };
  return { ranges, serve };
}

/** Downloads until half is there, and gives up as a killed process does. */
async function leaveHalf(
  it: { options: DownloadOptions; url: string },
  file: Partial<Download>,
): Promise<string> {
  const stop = new AbortController();
  const options: DownloadOptions = {
    ...it.options,
    signal: stop.signal,
    progress: (bytes) => bytes > 0 && stop.abort(new Error("stop")),
  };
  const whole = { path: "file.txt", url: it.url, written: it.url, ...file };
  await assert.rejects(download(whole, { ...options, use: () => Promise.resolve() }), /stop/);
  const names = (await Array.fromAsync(Deno.readDir(it.options.cacheDir))).map(({ name }) => name);
  return `${it.options.cacheDir}/${names.find((name) => !name.includes("."))}`;
}

const VERSES = "0123456789".repeat(1000);

Deno.test("download() goes on from the half that is there, where it is the one that came", async () => {
  const server = halving(() => VERSES, () => '"v1"');
  await using it = await scene(server.serve);
  const file = { id: "etag:v1", size: VERSES.length };
  await leaveHalf(it, file);
  assert.equal(await it.get(file), VERSES);
  assert.deepEqual(server.ranges, [null, "bytes=5000-"]);
});

const DAMAGES: Readonly<Record<string, (half: string) => Promise<void>>> = {
  "a flipped bit": async (half) => {
    const bytes = await Deno.readFile(half);
    bytes[56]! ^= 4;
    await Deno.writeFile(half, bytes);
  },
  "a missing end": async (half) => await Deno.truncate(half, 4000),
  "no note": async (half) => await Deno.remove(`${half}.json`),
  "half a note": async (half) => await Deno.truncate(`${half}.json`, 20),
  "a note of fewer bytes": async (half) => {
    const note = await Deno.readTextFile(`${half}.json`);
    await Deno.writeTextFile(`${half}.json`, note.replace('"bytes":5000', '"bytes":4000'));
  },
};

for (const [name, damage] of Object.entries(DAMAGES)) {
  Deno.test(`download() starts over from a half that nothing vouches for: ${name}`, async () => {
    const server = halving(() => VERSES, () => '"v1"');
    await using it = await scene(server.serve);
    const file = { id: "etag:v1", size: VERSES.length };
    await damage(await leaveHalf(it, file));
    assert.equal(await it.get(file), VERSES);
    assert.deepEqual(server.ranges, [null, null]);
  });
}

Deno.test("download() does not use a whole file that was changed, or that no note vouches for", async () => {
  for (const damage of ["bit", "note"]) {
    let requests = 0;
    await using it = await scene(() => {
      requests++;
      return new Response(VERSES, { headers: { etag: '"v1"' } });
    });
    const file = { id: "etag:v1", size: VERSES.length };
    assert.equal(await it.get(file), VERSES);
    const [whole] = (await Array.fromAsync(Deno.readDir(it.options.cacheDir)))
      .filter(({ name }) => !name.includes("."));
    const path = `${it.options.cacheDir}/${whole!.name}`;
    if (damage === "bit") await DAMAGES["a flipped bit"]!(path);
    else await Deno.remove(`${path}.json`);
    assert.equal(await it.get(file), VERSES);
    assert.equal(requests, 2, damage);
  }
});

Deno.test("download() does not join parts of two versions that one time of change covers", async () => {
  let version = 1;
  const server = halving(
    () => version === 1 ? VERSES : VERSES.replaceAll("9", "x"),
    () => `"v${version}"`,
  );
  await using it = await scene(server.serve);
  const file = { id: "modified:Thu, 01 Jan 2026 00:00:00 GMT", size: VERSES.length };
  await leaveHalf(it, file);
  version = 2;
  assert.equal(await it.get(file), VERSES.replaceAll("9", "x"));
});

Deno.test("download() refuses a file whose ETag moved", async () => {
  await using it = await scene(() => new Response("new", { headers: { etag: '"v2"' } }));
  await assert.rejects(
    it.get({ id: "etag:v1" }),
    /changed on the server.*etag was v1 and is "v2".*--update/,
  );
  assert.equal(await it.get({ id: "etag:v2" }), "new");
});

Deno.test("download() tells what a status means", async () => {
  let status = 404;
  await using it = await scene(() => new Response("", { status }));
  await assert.rejects(it.get(), /answers 404.*check the name/);
  status = 403;
  await assert.rejects(it.get(), /answers 403.*HF_TOKEN/);
});

Deno.test("download() stops when it is told to", async () => {
  const stop = new AbortController();
  await using it = await scene(() =>
    new Response(new ReadableStream({ pull: () => stop.abort(new Error("stop")) }))
  );
  const options = { ...it.options, signal: stop.signal, use: () => Promise.resolve() };
  await assert.rejects(download({ path: "f", url: it.url, written: it.url }, options), /stop/);
});

Deno.test("prune() removes what is old", async () => {
  const folder = await temporaryDirectory();
  for (const name of ["old", "old.json", "new"]) await Deno.writeTextFile(`${folder}/${name}`, "");
  const past = new Date(Date.now() - 40 * 24 * 3600 * 1000);
  for (const name of ["old", "old.json"]) await Deno.utime(`${folder}/${name}`, past, past);
  await prune(folder);
  assert.deepEqual((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name), ["new"]);
});

Deno.test("request() sends a token to its origin only, and does not run in circles", async () => {
  const seen: string[] = [];
  const note = (name: string) => (request: Request): Response => {
    seen.push(`${name} ${new URL(request.url).pathname} ${request.headers.get("authorization")}`);
    const path = new URL(request.url).pathname;
    if (path === "/a") return Response.redirect(new URL("/b", request.url));
    if (path === "/b") return Response.redirect(`http://localhost:${other.addr.port}/c`);
    if (path === "/loop") return Response.redirect(request.url);
    return new Response("end");
  };
  const first = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, note("first"));
  const other = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, note("other"));
  const origin = `http://127.0.0.1:${first.addr.port}`;
  const response = await request(`${origin}/a`, { token: { value: "t", origin } });
  assert.equal(await response.text(), "end");
  assert.deepEqual(seen, ["first /a Bearer t", "first /b Bearer t", "other /c null"]);
  await assert.rejects(request(`${origin}/loop`), /redirects in circles/);
  await Promise.all([first.shutdown(), other.shutdown()]);
});

Deno.test("resolveHttp() pins an ETag, else the time, else the bytes", async () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ etag: '"abc"' }, /^etag:abc$/],
    [{ "last-modified": "Sat, 01 Jan 2022 00:00:00 GMT" }, /^modified:Sat/],
    [{}, new RegExp(`^sha256:${sha256Hex("body")}$`)],
  ];
  for (const [headers, id] of cases) {
    await using it = await scene((request) =>
      new Response(request.method === "HEAD" ? null : "body", { headers })
    );
    const pins = new Map<string, unknown>();
    const settings = {
      baseDir: "/",
      pins: {
        get: (name: string) => pins.get(name),
        set: (name: string, pin: unknown) => void pins.set(name, pin),
      },
      update: false,
      offline: false,
      digestFile: () => Promise.resolve(""),
      env: () => undefined,
      signal: new AbortController().signal,
    };
    const source = { type: "http", written: it.url, url: it.url } as const;
    const { key, net } = await resolveHttp(source, settings);
    assert.match(String((key as { id: string }).id), id);
    assert.deepEqual(net, [new URL(it.url).host]);
    const again = await resolveHttp(source, { ...settings, offline: true });
    assert.deepEqual(again.key, key);
    await assert.rejects(
      resolveHttp(source, { ...settings, offline: true, update: true }),
      /--offline forbids/,
    );
  }
});
