/**
 * Hostile hubs, one a row: listings without an end, names that lead elsewhere, sizes that are none.
 *
 * @module
 */
import { GOOD, GOOD_SHA256, type Handler, type HostileServer } from "./servers_table.ts";

const SHA = "a".repeat(40);

interface Entry {
  readonly path: unknown;
  readonly size?: unknown;
  readonly oid?: unknown;
}

/** A hub with one dataset; every file is {@linkcode GOOD}. */
function hub(
  entries: readonly Entry[],
  page: (at: Parameters<Handler>[1]) => ResponseInit = () => ({}),
): Handler {
  return (request, at) => {
    const path = new URL(request.url).pathname;
    if (path.includes("/revision/")) {
      return Response.json({
        _id: SHA,
        id: "org/words",
        sha: SHA,
        siblings: [],
        private: false,
        lastModified: new Date(0),
      });
    }
    if (path.includes("/tree/")) {
      const files = entries.map(({ path, size = GOOD.length, oid = GOOD_SHA256 }) => ({
        type: "file",
        path,
        size,
        oid: SHA,
        lfs: { oid, size, pointerSize: 134 },
      }));
      return Response.json(files, page(at));
    }
    const body = request.method === "HEAD" ? null : GOOD;
    return new Response(body, {
      headers: { etag: `"${GOOD_SHA256}"`, "content-length": `${GOOD.length}` },
    });
  };
}

/** A hub whose listing has one file of this name. */
const named = (name: string, path: unknown, error: RegExp): HostileServer => ({
  name: `a listing with ${name}`,
  asked: "hub",
  http: hub([{ path }]),
  error,
});

/** A hub whose listing says this of its file. */
const saying = (name: string, entry: Omit<Entry, "path">, error: RegExp): HostileServer => ({
  name: `a listing with ${name}`,
  asked: "hub",
  http: hub([{ path: "a.txt", ...entry }]),
  error,
});

const next = (to: string): ResponseInit => ({ headers: { link: `<${to}>; rel="next"` } });

/** All of them. */
export const HUB_SERVERS: readonly HostileServer[] = [
  { name: "a good hub", asked: "hub", http: hub([{ path: "a.txt" }]), error: undefined },
  named("a way up", "../evil.txt", /leads elsewhere/),
  named("a way up in the middle", "a/../../evil.txt", /leads elsewhere/),
  named("an absolute path", "/tmp/evil.txt", /is absolute/),
  named("a backslash", "..\\evil.txt", /backslash/),
  named("a drive", "C:evil.txt", /drive/),
  named("a NUL", "evil\0.txt", /control character/),
  named("an escape code", "\x1b[2Jevil.txt", /control character/),
  named("an override of direction", "txt.\u202elive", /control character/),
  named("an escaped separator", "..%2fevil.txt", /hides a separator/),
  named("an empty part", "a//evil.txt", /empty part/),
  named("a dot", "./evil.txt", /leads elsewhere/),
  named("a hook of git", ".git/hooks/post-checkout", /lies in \.git/),
  named("a long name", "x".repeat(300) + ".txt", /longer than 255 bytes/),
  named("a long path", "x/".repeat(600) + "a.txt", /longer than 1024 bytes/),
  named("a device", "con.txt", /every system/),
  named("a dot at its end", "evil.txt.", /every system/),
  named("a number for a name", 5, /without a name/),
  {
    name: "a listing with names that differ by case alone",
    asked: "hub",
    http: hub([{ path: "A.txt" }, { path: "a.txt" }]),
    error: /can't lie in one folder/,
  },
  {
    name: "a listing with a file twice",
    asked: "hub",
    http: hub([{ path: "a.txt" }, { path: "a.txt" }]),
    error: /can't lie in one folder/,
  },
  {
    name: "a listing with a file and a folder of one name",
    asked: "hub",
    http: hub([{ path: "a.txt" }, { path: "a.txt/b.txt" }]),
    error: /can't lie in one folder/,
  },
  saying("a negative size", { size: -1 }, /announces the size -1/),
  saying("a size in words", { size: "many" }, /announces the size/),
  saying("half a byte", { size: 0.5 }, /announces the size 0\.5/),
  saying("a size of 1e308", { size: 1e308 }, /announces the size 1e\+308/),
  saying("a size that is another's", { size: 5 }, /expected 5 bytes, got \d+|longer than 5/),
  saying("no digest for a digest", { oid: "../../x" }, /has the digest/),
  saying("another digest", { oid: "b".repeat(64) }, /damaged: expected sha256/),
  {
    name: "a page that is its own next",
    asked: "hub",
    http: (request, at) => hub([], () => next(request.url))(request, at),
    error: /leads back to itself/,
  },
  {
    name: "pages without an end",
    asked: "hub",
    http: (request, at) =>
      hub([{ path: "a.txt" }], (at) => next(`${request.url.split("&c")[0]}&c=${at.count}`))(
        request,
        at,
      ),
    error: /more than \d+ pages/,
  },
  {
    name: "a page at another server",
    asked: "hub",
    http: hub([], () => next("http://localhost:1/api/datasets/org/words/tree/x")),
    error: /goes on at another server/,
  },
  {
    name: "a listing of gigabytes",
    asked: "hub",
    http: (request, at) =>
      new URL(request.url).pathname.includes("/tree/")
        ? new Response(
          new ReadableStream({
            pull: (controller) => controller.enqueue(new Uint8Array(65536).fill(32)),
          }),
        )
        : hub([])(request, at),
    error: /listing of more than/,
  },
  {
    name: "a listing a byte at a time",
    asked: "hub",
    slow: true,
    http: (request, at) =>
      new URL(request.url).pathname.includes("/tree/")
        ? new Response(
          new ReadableStream({
            async pull(controller): Promise<void> {
              await new Promise((resolve) => setTimeout(resolve, 20));
              controller.enqueue(new Uint8Array([32]));
            },
          }),
        )
        : hub([])(request, at),
    error: /was cut off|no answer/,
  },
  {
    name: "a listing that is always too busy",
    asked: "hub",
    http: () => new Response("", { status: 429, headers: { "retry-after": "1e9" } }),
    error: /answers 429/,
  },
  {
    name: "a listing that redirects to a local file",
    asked: "hub",
    http: () => new Response(null, { status: 307, headers: { location: "file:///etc/passwd" } }),
    error: /file: address/,
  },
  {
    name: "a file that redirects to a local file",
    asked: "hub",
    http: (request, at) =>
      request.url.includes("/resolve/")
        ? new Response(null, { status: 302, headers: { location: "file:///etc/passwd" } })
        : hub([{ path: "a.txt" }])(request, at),
    error: /file: address/,
  },
  ...[300, 304, 305, 306].map((status): HostileServer => ({
    name: `a file that answers ${status} with an address`,
    asked: "hub",
    http: (request, at) =>
      request.url.includes("/resolve/")
        ? new Response(null, { status, headers: { location: "file:///etc/passwd" } })
        : hub([{ path: "a.txt" }])(request, at),
    error: new RegExp(`answers ${status}`),
  })),
  {
    name: "a page of HTML for a listing",
    asked: "hub",
    http: () => new Response("<html>", { headers: { "content-type": "text/html" } }),
    error: /has no listing/,
  },
];
