/**
 * Files on the web, pinned by what their server says about them.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { UserError } from "../../base/errors.ts";
import { isHost } from "../../base/outside/hosts.ts";
import { checkOutsidePath } from "../../base/outside_path.ts";
import { statusError, tooLong } from "./answers.ts";
import { undoEncoding } from "../formats/packed/content_encoding.ts";
import { download, prune } from "./download.ts";
import { announcedSize, limitsWith } from "./limits.ts";
import { bareEtag, type Download, type PinnedFile } from "./pinned_file.ts";
import { pieces, reason, request } from "./http.ts";
import type { FetchSettings, Resolution, ResolvedSource, ResolveSettings } from "./resolved.ts";
import type { HttpSource } from "./source.ts";
import type { InputFile } from "../formats/row_file.ts";

const REMEDY =
  "check the address and the network; run the same command again to go on from here, " +
  "or with --offline if everything was downloaded before";

/** What `<pipeline>.lock` remembers of a URL. */
interface HttpPin extends PinnedFile {
  /** Hosts that it redirects to. */
  readonly hosts?: readonly string[];
}

/**
 * Resolves a URL: from its pin, else by its ETag or modification time; where the server tells neither,
 * by the SHA-256 of the whole file, which is read for that.
 *
 * @throws {UserError} Where the server does not answer or has no such file.
 */
export async function resolveHttp(
  source: HttpSource,
  settings: ResolveSettings,
): Promise<Resolution> {
  const { sha256 } = source;
  let pin = settings.update ? undefined : readPin(settings.pins.get(source.written));
  if (pin === undefined) {
    if (settings.offline) {
      throw new UserError({
        what: `${source.written} was never resolved, and --offline forbids asking its server`,
        remedy: "run once without --offline and without --update",
      });
    }
    const asked = await ask(source, settings);
    // Who says which bytes are meant needs no word of the server for it.
    pin = sha256 === undefined ? asked : { ...asked, id: `sha256:${sha256}` };
    settings.pins.set(source.written, pin);
  }
  const { hosts = [], ...file } = pin;
  return {
    key: { id: file.id ?? null, size: file.size ?? null },
    data: { type: "http", written: source.written, url: source.url, file },
    net: [...new Set([new URL(source.url).host, ...hosts])],
  };
}

/** Downloads a resolved URL into a folder. */
export async function fetchHttp(
  source: ResolvedSource & { type: "http" },
  settings: FetchSettings,
  folder: string,
): Promise<InputFile[]> {
  const file: Download = { ...source.file, url: source.url, written: source.written };
  const path = `${folder}/${checkOutsidePath(source.file.path, `the pin of ${source.written}`)}`;
  await Deno.mkdir(settings.cacheDir, { recursive: true });
  await prune(settings.cacheDir);
  await download(file, {
    cacheDir: settings.cacheDir,
    offline: settings.offline,
    signal: settings.signal,
    log: settings.log,
    remedy: REMEDY,
    limits: settings.limits,
    progress: (bytes) => settings.progress(bytes, file.size ?? 0),
    use: async (cached, encoding) => {
      const unpacked = { to: path, name: source.file.path, signal: settings.signal };
      if (encoding === undefined) await Deno.copyFile(cached, path);
      else await undoEncoding(cached, encoding, unpacked);
    },
  });
  settings.fetched(file);
  const name = await nameByBytes(path, source.file.path);
  if (name !== source.file.path) settings.log(`${source.file.path}: read as ${name}`);
  return [{ path, name }];
}

/** What files that are packed begin with. */
const MARKS: Readonly<Record<string, readonly number[]>> = {
  ".gz": [0x1f, 0x8b],
  ".zst": [0x28, 0xb5, 0x2f, 0xfd],
};

/**
 * The name that tells whether a file is packed. Addresses do not always: some servers say of `a.csv.gz` that its own
 * packing is one for the way alone, and others send what is packed from an address without an ending.
 */
async function nameByBytes(path: string, name: string): Promise<string> {
  const beginning = new Uint8Array(4);
  using file = await Deno.open(path);
  await file.read(beginning);
  const is = Object.keys(MARKS).find((end) =>
    MARKS[end]!.every((byte, i) => beginning[i] === byte)
  );
  const bare = name.replace(/\.(?:gz|zst)$/i, "");
  return is === undefined ? bare : name.toLowerCase().endsWith(is) ? name : bare + is;
}

async function ask(source: HttpSource, { signal, limits }: ResolveSettings): Promise<HttpPin> {
  const hosts = new Set<string>();
  const options = {
    signal,
    limits,
    remedy: REMEDY,
    onRedirect: (url: URL) => void hosts.add(url.host),
  };
  let response = await request(source.url, { ...options, method: "HEAD" });
  await response.body?.cancel();
  const told = response.headers.has("etag") || response.headers.has("last-modified");
  // Some servers know only GET, and some say something about a file only then.
  const whole = !response.ok || !told;
  if (whole) response = await request(source.url, options);
  if (!response.ok) throw await statusError(response, { url: source.url, written: source.written });
  const { headers } = response;
  const etag = headers.get("etag") ?? undefined;
  const modified = headers.get("last-modified");
  let id = etag ? `etag:${bareEtag(etag)}` : modified ? `modified:${modified}` : undefined;
  let size: number | undefined;
  try {
    size = announcedSize(headers.get("content-length"), source.written);
    // Servers without an own answer to HEAD say that of its body.
    if (size === 0 && !whole) size = undefined;
    if (whole && id === undefined) ({ size, id } = await digestOf(response, source, { limits }));
  } finally {
    await response.body?.cancel().catch(() => {});
  }
  hosts.delete(new URL(source.url).host);
  return {
    path: fileName(source.url),
    ...(size === undefined ? {} : { size }),
    ...(id === undefined ? {} : { id }),
    ...(hosts.size === 0 ? {} : { hosts: [...hosts] }),
  };
}

/** The digest of a whole file, of which nothing is kept: there is no other way to know it again. */
async function digestOf(
  response: Response,
  source: HttpSource,
  settings: Pick<ResolveSettings, "limits">,
): Promise<{ size: number; id: string }> {
  const limits = limitsWith(settings.limits);
  const hash = createHash("sha256");
  let size = 0;
  try {
    for await (const piece of pieces(response, limits)) {
      hash.update(piece);
      size += piece.length;
      if (size > limits.maxBytes) {
        const file = { path: fileName(source.url), url: source.url, written: source.written };
        throw tooLong(file, limits.maxBytes);
      }
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError({
      what: `cannot read ${source.written} to its end: ${reason(error)}`,
      remedy: REMEDY,
      cause: error,
    });
  }
  return { size, id: `sha256:${hash.digest("hex")}` };
}

/** The name of the file that a URL ends in, where it has one that a file may have. */
function fileName(url: string): string {
  const last = new URL(url).pathname.split("/").at(-1) ?? "";
  try {
    const name = decodeURIComponent(last);
    return name.includes("/") ? "download" : checkOutsidePath(name, url);
  } catch {
    return "download";
  }
}

/** A pin as the lock has it; undefined where it is none, as in a lock that somebody edited. */
function readPin(pin: unknown): HttpPin | undefined {
  const { path, hosts = [] } = (pin ?? {}) as Partial<HttpPin>;
  if (typeof path !== "string" || path.includes("/")) return undefined;
  return Array.isArray(hosts) && hosts.every((host) => typeof host === "string" && isHost(host))
    ? pin as HttpPin
    : undefined;
}
