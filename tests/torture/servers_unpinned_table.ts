/**
 * Hostile servers of files of which nothing is known, and redirects to where nobody should go, one a row.
 *
 * @module
 */
import { bytes, endless, GOOD, type Handler, head, type HostileServer } from "./servers_table.ts";

const redirect = (to: (at: { origin: string; count: number }) => string): Handler => (_, at) =>
  bytes(null, { location: to(at) }, 302);

/** Servers that redirect. */
export const REDIRECTS: readonly HostileServer[] = ([
  ["to itself", () => "/file.txt", /in circles/],
  ["without end", (at) => `/${at.count}`, /more than 10 times/],
  ["to a local file", () => "file:///etc/passwd", /file: address/],
  ["to data", () => "data:text/plain,hello", /data: address/],
  ["to FTP", () => "ftp://example.org/a", /ftp: address/],
  ["to a blob", () => "blob:https://example.org/1", /blob: address/],
  ["to script", () => "javascript:alert(1)", /javascript: address/],
  ["to no address", () => "http://[", /what is no address/],
  ["with a password", (at) => at.origin.replace("//", "//ann:s3cret@"), /user or password/],
] satisfies [string, (at: { origin: string; count: number }) => string, RegExp][]).flatMap(
  ([name, to, error]) =>
    (["pinned", "file"] as const).map((asked): HostileServer => ({
      name: `a redirect ${name}, ${asked}`,
      asked,
      http: redirect(to),
      error,
    })),
);

/** Servers of a file of which nothing is known. */
export const UNPINNED: readonly HostileServer[] = [
  {
    name: "a body without an end that nobody announced",
    asked: "file",
    http: (request) => bytes(request.method === "HEAD" ? null : endless()),
    error: /longer than \d+ bytes.*max_bytes/,
  },
  {
    name: "a body without an end, with an ETag",
    asked: "file",
    http: (request) => bytes(request.method === "HEAD" ? null : endless(), { etag: '"a"' }),
    error: /longer than \d+ bytes.*max_bytes/,
  },
  {
    name: "a file as large as no disk",
    asked: "file",
    raw: (send) => send(head("200 OK", { "content-length": 2 ** 52, etag: '"a"' })),
    error: /has room for|cut off/,
  },
  {
    name: "an ETag that moves",
    asked: "file",
    http: (request, at) =>
      bytes(request.method === "HEAD" ? null : GOOD, { etag: `"${at.count}"` }),
    error: /changed on the server/,
  },
  {
    name: "a file that is gone once it was seen",
    asked: "file",
    http: (request) =>
      request.method === "HEAD" ? bytes(null, { etag: '"a"' }) : bytes("", {}, 404),
    error: /answers 404/,
  },
];
