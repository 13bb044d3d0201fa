/**
 * Hostile servers, one a row: what each does, and what has to come of it.
 *
 * @module
 */
import { sha256Hex } from "../../lib/base/hash.ts";

/** What everybody wants: text that no compression makes much smaller than a request. */
export const GOOD: Uint8Array<ArrayBuffer> = new TextEncoder().encode(
  Array.from({ length: 4000 }, (_, i) => `line ${i}\n`).join(""),
);

/** The digest of {@linkcode GOOD}. */
export const GOOD_SHA256: string = sha256Hex(GOOD);

const HALF = GOOD.length >> 1;

/** A server that answers in HTTP. */
export type Handler = (request: Request, at: { origin: string; count: number }) =>
  | Response
  | Promise<Response>;

/** A server that answers whatever it likes, once the head of a request is there. */
export type RawHandler = (
  send: (text: string | Uint8Array) => Promise<void>,
  at: { head: string; count: number },
) => Promise<void>;

/** A server, how it is asked, and what comes of it. */
export interface HostileServer {
  readonly name: string;
  /** `pinned`: its file is known by size and digest; `file`: nothing is known; `hub`: it plays a hub. */
  readonly asked: "pinned" | "file" | "hub";
  readonly http?: Handler;
  readonly raw?: RawHandler;
  /** Whether it keeps one waiting: then the waits are cut short. */
  readonly slow?: boolean;
  /** What the error says; undefined where the right bytes have to come in the end. */
  readonly error: RegExp | undefined;
}

const html = { "content-type": "text/html; charset=utf-8" };

/** An answer. */
export function bytes(
  body: BodyInit | null,
  headers: Record<string, string> = {},
  status = 200,
): Response {
  return new Response(body, { status, headers });
}

/** A body that never ends. */
export function endless(chunk: Uint8Array<ArrayBuffer> = GOOD): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller): Promise<void> {
      await new Promise((resolve) => setTimeout(resolve, 1));
      controller.enqueue(chunk);
    },
  });
}

/** The head of an answer, written by hand. */
export function head(status: string, headers: Record<string, string | number> = {}): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status}\r\n${lines.join("")}connection: close\r\n\r\n`;
}

function rangeOf(text: string): number | undefined {
  const first = /range: bytes=(\d+)-/i.exec(text)?.[1];
  return first === undefined ? undefined : Number(first);
}

/** Sends half, then breaks off; what it says when it is asked for the rest. */
const halfThen = (rest: (from: number) => string): RawHandler => async (send, at) => {
  const from = rangeOf(at.head);
  if (from === undefined) {
    await send(head("200 OK", { "content-length": GOOD.length, etag: '"a"' }));
    await send(GOOD.subarray(0, HALF));
  } else await send(rest(from));
};

const total = GOOD.length;

/** Servers of a file that is pinned. */
export const PINNED: readonly HostileServer[] = [
  {
    name: "a body without an end where a size is pinned",
    asked: "pinned",
    http: () => bytes(endless()),
    error: /longer than \d+ bytes/,
  },
  {
    name: "one byte more than announced",
    asked: "pinned",
    http: () => bytes(endless(GOOD.subarray(0, GOOD.length - 1))),
    error: /longer than \d+ bytes/,
  },
  {
    name: "a Content-Length above the pinned size",
    asked: "pinned",
    http: () => bytes(new Uint8Array(total + 1)),
    error: /expected \d+ bytes, got \d+/,
  },
  {
    name: "a Content-Length below the pinned size",
    asked: "pinned",
    http: () => bytes("short"),
    error: /expected \d+ bytes, got 5/,
  },
  {
    name: "a page that asks to log in",
    asked: "pinned",
    http: () => bytes("<html>log in</html>", html),
    error: /web page.*log in/,
  },
  {
    name: "other bytes of the right length",
    asked: "pinned",
    http: () => bytes(GOOD.map((byte) => byte ^ 1)),
    error: /damaged: expected sha256/,
  },
  {
    name: "a body a byte at a time",
    asked: "pinned",
    slow: true,
    raw: async (send) => {
      await send(head("200 OK", { "content-length": total }));
      for (const byte of GOOD) {
        await send(new Uint8Array([byte]));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    error: /cut off.*only \d+ bytes arrived|no answer/,
  },
  {
    name: "a body that stops after its first byte",
    asked: "pinned",
    slow: true,
    raw: async (send) => {
      await send(head("200 OK", { "content-length": total }) + "l");
      await new Promise((resolve) => setTimeout(resolve, 5000));
    },
    error: /cut off.*only \d+ bytes arrived|no answer/,
  },
  {
    name: "no answer at all",
    asked: "pinned",
    slow: true,
    raw: async () => await new Promise((resolve) => setTimeout(resolve, 5000)),
    error: /no answer in/,
  },
  {
    name: "headers a byte at a time",
    asked: "pinned",
    slow: true,
    raw: async (send) => {
      await send("HTTP/1.1 200 OK\r\n");
      for (let i = 0; i < 1000; i++) {
        await send(`x-${i}: y\r\n`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    error: /no answer in|cannot reach/,
  },
  {
    name: "headers without an end",
    asked: "pinned",
    slow: true,
    raw: async (send) => {
      await send("HTTP/1.1 200 OK\r\n");
      for (;;) await send(`x-long: ${"y".repeat(60_000)}\r\n`);
    },
    error: /cannot reach|no answer/,
  },
  {
    name: "interim answers without an end",
    asked: "pinned",
    slow: true,
    raw: async (send) => {
      for (;;) await send("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000));
    },
    error: /cannot reach|no answer/,
  },
  {
    name: "a connection that is closed at each try",
    asked: "pinned",
    raw: async () => {},
    error: /cannot reach/,
  },
  {
    name: "what is no HTTP",
    asked: "pinned",
    raw: (send) => send("220 ready for mail\r\n"),
    error: /cannot reach/,
  },
  {
    name: "two lengths",
    asked: "pinned",
    raw: (send) =>
      send(`HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: ${total}\r\n\r\nhello`),
    error: /cannot reach|announces the size|expected/,
  },
  {
    name: "a negative length",
    asked: "pinned",
    raw: (send) => send(head("200 OK", { "content-length": -5 }) + "hello"),
    error: /cannot reach|announces the size/,
  },
  {
    name: "a length of 1e308",
    asked: "pinned",
    raw: (send) => send(head("200 OK", { "content-length": "1e308" }) + "hello"),
    error: /cannot reach|announces the size/,
  },
  {
    name: "a length and chunks",
    asked: "pinned",
    raw: (send) =>
      send(
        head("200 OK", { "content-length": 3, "transfer-encoding": "chunked" }) +
          "5\r\nhello\r\n0\r\n\r\n",
      ),
    error: /cut off|expected|cannot reach/,
  },
  {
    name: "chunks that break off",
    asked: "pinned",
    raw: (send) => send(head("200 OK", { "transfer-encoding": "chunked" }) + "ff\r\nhello"),
    error: /cut off/,
  },
  {
    name: "chunks of no size",
    asked: "pinned",
    raw: (send) => send(head("200 OK", { "transfer-encoding": "chunked" }) + "zz\r\nhello\r\n"),
    error: /cut off/,
  },
  {
    name: "a bomb in Content-Encoding",
    asked: "pinned",
    http: () =>
      bytes(
        new Blob([new Uint8Array(8e6)]).stream().pipeThrough(new CompressionStream("gzip")),
        { "content-encoding": "gzip" },
      ),
    error: /longer than|cut off|damaged/,
  },
  {
    name: "a hundred bytes a try, from the start each time",
    asked: "pinned",
    raw: async (send) => {
      await send(head("200 OK", { "content-length": total }));
      await send(GOOD.subarray(0, 100));
    },
    error: /cut off/,
  },
  {
    name: "a hundred bytes a try, from where the last ended",
    asked: "pinned",
    raw: async (send, at) => {
      const from = rangeOf(at.head) ?? 0;
      const status = from === 0 ? "200 OK" : "206 Partial Content";
      await send(head(status, {
        "content-length": total - from,
        "content-range": `bytes ${from}-${total - 1}/${total}`,
      }));
      await send(GOOD.subarray(from, from + 100));
    },
    error: /cut off/,
  },
  {
    name: "one reset in the middle",
    asked: "pinned",
    raw: halfThen((from) =>
      head("206 Partial Content", {
        "content-length": total - from,
        "content-range": `bytes ${from}-${total - 1}/${total}`,
        etag: '"a"',
      }) + new TextDecoder().decode(GOOD.subarray(from))
    ),
    error: undefined,
  },
  {
    name: "all of it for a part",
    asked: "pinned",
    raw: halfThen(() =>
      head("200 OK", { "content-length": total }) + new TextDecoder().decode(GOOD)
    ),
    error: undefined,
  },
  {
    name: "a part where none was asked for",
    asked: "pinned",
    http: () => bytes(GOOD.slice(5), { "content-range": `bytes 5-${total - 1}/${total}` }, 206),
    error: /cut off.*another part/,
  },
  {
    name: "another part than was asked for",
    asked: "pinned",
    raw: halfThen(() =>
      head("206 Partial Content", { "content-length": 5, "content-range": `bytes 0-4/${total}` }) +
      "hello"
    ),
    error: /cut off/,
  },
  {
    name: "a part of a longer file",
    asked: "pinned",
    raw: halfThen((from) =>
      head("206 Partial Content", {
        "content-length": 5,
        "content-range": `bytes ${from}-${from + 4}/${total * 2}`,
      }) + "hello"
    ),
    error: /expected \d+ bytes, got \d+/,
  },
  {
    name: "a part that is longer than it says",
    asked: "pinned",
    raw: halfThen((from) =>
      head("206 Partial Content", {
        "content-length": 99999,
        "content-range": `bytes ${from}-${total - 1}/${total}`,
      })
    ),
    error: /cut off/,
  },
  {
    name: "a part of another version at each try",
    asked: "pinned",
    raw: halfThen((from) =>
      head("206 Partial Content", {
        "content-length": total - from,
        "content-range": `bytes ${from}-${total - 1}/${total}`,
        etag: `"${Math.random()}"`,
      })
    ),
    error: /cut off/,
  },
  {
    name: "no such part, whatever is asked for",
    asked: "pinned",
    http: () => bytes(null, { "content-range": "bytes */0" }, 416),
    error: /cut off/,
  },
  {
    name: "nothing, with success",
    asked: "pinned",
    http: () => bytes(null, {}, 204),
    error: /cut off/,
  },
  {
    name: "come again in a million years",
    asked: "pinned",
    http: () => bytes("", { "retry-after": "31536000000000" }, 429),
    error: /answers 429/,
  },
  {
    name: "come again yesterday",
    asked: "pinned",
    http: () => bytes("", { "retry-after": "-86400" }, 503),
    error: /answers 503/,
  },
  {
    name: "come again some time",
    asked: "pinned",
    http: () => bytes("", { "retry-after": "soon" }, 503),
    error: /answers 503/,
  },
];
