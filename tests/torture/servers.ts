/**
 * Hostile servers: whatever a server does, a download ends, in an error that names its address or with the
 * right bytes, within bounds on time, requests and disk.
 *
 * @module
 */
import assert from "node:assert/strict";
import { UserError } from "../../lib/base/errors.ts";
import { download } from "../../lib/data/sources/download.ts";
import type { Limits } from "../../lib/data/sources/limits.ts";
import { resolveDownload } from "../../lib/data/sources/resolve_download.ts";
import { runDownload } from "../../lib/data/sources/run_download.ts";
import type { Part, TortureCase } from "./part.ts";
import { HUB_SERVERS } from "./servers_hub_table.ts";
import { GOOD, GOOD_SHA256, type HostileServer, PINNED } from "./servers_table.ts";
import { REDIRECTS, UNPINNED } from "./servers_unpinned_table.ts";

/** Bounds that are reached soon. */
const LIMITS: Limits = {
  maxBytes: 1 << 20,
  answer: 10_000,
  stall: 10_000,
  stallBytes: 1024,
  requests: 12,
  pages: 6,
  listingBytes: 1 << 18,
  patience: 0.01,
};

/** And those on the time of servers that keep one waiting; others have time, however busy the machine is. */
const SHORT: Partial<Limits> = { answer: 400, stall: 400 };

/** Whatever a listing names, also what begins with a dot. */
const ANY = "{**,.*,.*/**,**/.*/**,**/.*/.*/**}";

/** What no server may make of us. */
const MOST = { milliseconds: 30_000, requests: 80, bytes: 4 << 20 };

const SERVERS: readonly HostileServer[] = [
  ...PINNED,
  ...REDIRECTS,
  ...UNPINNED,
  ...HUB_SERVERS,
];

/** The part, for the command and for the suite. */
export const servers: Part = {
  name: "servers",
  promise:
    "a download ends in an error that names its address or with the right bytes, and in bounds",
  cases: { short: SERVERS.length, long: SERVERS.length },
  run: ask,
};

async function ask({ index, folder }: TortureCase): Promise<string> {
  const server = SERVERS[index % SERVERS.length]!;
  using running = start(server);
  const begun = performance.now();
  let failure: unknown;
  try {
    const text = await fetched(server, { origin: running.origin, folder });
    assert.equal(text, new TextDecoder().decode(GOOD), `${server.name}: other bytes came`);
  } catch (error) {
    failure = error;
  }
  const told = failure instanceof Error ? failure.message : String(failure);
  const took = performance.now() - begun;
  assert.ok(took < MOST.milliseconds, `${server.name}: ${took} ms`);
  assert.ok(running.count() <= MOST.requests, `${server.name}: ${running.count()} requests`);
  const size = await bytesIn(folder);
  assert.ok(size <= MOST.bytes, `${server.name}: ${size} bytes`);
  if (failure === undefined) {
    assert.equal(server.error, undefined, `${server.name}: it was believed`);
    return "survived";
  }
  assert.ok(server.error !== undefined, `${server.name}: ${told}`);
  assert.ok(failure instanceof UserError, `${server.name}: ${(failure as Error).stack}`);
  assert.match(told, server.error, `${server.name}: ${told}`);
  const address = server.asked === "hub"
    ? /127\.0\.0\.1|hf:\/\/datasets\/org\/words/
    : /127\.0\.0\.1/;
  assert.match(told, address, `${server.name}: the address is not named: ${told}`);
  assert.doesNotMatch(told, /s3cret|root:/, server.name);
  return "refused";
}

/** What comes of a server, as text. */
async function fetched(
  server: HostileServer,
  { origin, folder }: { origin: string; folder: string },
): Promise<string> {
  const url = `${origin}/file.txt`;
  const common = {
    offline: false,
    signal: new AbortController().signal,
    limits: { ...LIMITS, ...(server.slow ? SHORT : {}) },
    log: (): void => {},
    progress: (): void => {},
    cacheDir: `${folder}/cache`,
  };
  if (server.asked === "pinned") {
    let text = "";
    const file = {
      path: "file.txt",
      url,
      written: url,
      size: GOOD.length,
      id: `sha256:${GOOD_SHA256}`,
    };
    const use = async (path: string): Promise<void> => void (text = await Deno.readTextFile(path));
    await download(file, { ...common, use });
    return text;
  }
  const pins = new Map<string, unknown>();
  const from = server.asked === "file" ? url : `hf://datasets/org/words/${ANY}`;
  const { data } = await resolveDownload({ from }, {
    ...common,
    baseDir: folder,
    pins: { get: (name) => pins.get(name), set: (name, pin) => void pins.set(name, pin) },
    update: false,
    digestFile: () => Promise.reject(new Error("no file of this machine is asked for")),
    env: (name) => name === "HF_ENDPOINT" ? origin : undefined,
  });
  let rows = 0;
  await Deno.mkdir(`${folder}/output`);
  await runDownload(JSON.parse(JSON.stringify(data)), {
    ...common,
    env: {},
    file: (path) => path,
    folder: `${folder}/output`,
    progress: () => rows++,
    note: () => {},
    options: { format: "txt", split_by: "file", text_column: "text", limit: 0, on_error: "error" },
  });
  const { readDataset } = await import("../../lib/data/mod.ts");
  const { splits } = await readDataset(`${folder}/output`);
  return String(splits.data![0]!.text);
}

interface Running extends Disposable {
  readonly origin: string;
  /** Requests so far. */
  readonly count: () => number;
}

function start(server: HostileServer): Running {
  return server.raw === undefined ? startHttp(server) : startRaw(server);
}

function startHttp({ http }: HostileServer): Running {
  const stop = new AbortController();
  let count = 0;
  let origin = "";
  const options = { hostname: "127.0.0.1", port: 0, signal: stop.signal, onListen: () => {} };
  const running = Deno.serve(options, (request) => http!(request, { origin, count: ++count }));
  origin = `http://127.0.0.1:${running.addr.port}`;
  return { origin, count: () => count, [Symbol.dispose]: () => stop.abort() };
}

function startRaw({ raw }: HostileServer): Running {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  let count = 0;
  const serve = async (connection: Deno.Conn): Promise<void> => {
    open.add(connection);
    try {
      const buffer = new Uint8Array(65536);
      const read = await connection.read(buffer) ?? 0;
      const head = new TextDecoder().decode(buffer.subarray(0, read));
      const send = async (text: string | Uint8Array): Promise<void> => {
        const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
        for (let done = 0; done < bytes.length;) {
          done += await connection.write(bytes.subarray(done));
        }
      };
      await raw!(send, { head, count: ++count });
    } catch {
      // The other side had enough.
    } finally {
      open.delete(connection);
      try {
        connection.close();
      } catch {
        // It was closed from outside.
      }
    }
  };
  (async () => {
    for await (const connection of listener) serve(connection);
  })().catch(() => {});
  return {
    origin: `http://127.0.0.1:${listener.addr.port}`,
    count: () => count,
    [Symbol.dispose](): void {
      listener.close();
      for (const connection of open) connection.close();
    },
  };
}

async function bytesIn(folder: string): Promise<number> {
  let sum = 0;
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    sum += entry.isDirectory ? await bytesIn(path) : (await Deno.stat(path)).size;
  }
  return sum;
}
