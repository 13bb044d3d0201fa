/**
 * Files on the web, pinned by what their server says about them.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { UserError } from "../../base/errors.ts";
import { download, prune, statusError } from "./download.ts";
import type { Download, PinnedFile } from "./pinned_file.ts";
import { request } from "./http.ts";
import type { FetchSettings, Resolution, ResolvedSource, ResolveSettings } from "./resolved.ts";
import type { HttpSource } from "./source.ts";
import type { InputFile } from "../formats/text_file.ts";

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
  let pin = settings.update ? undefined : readPin(settings.pins.get(source.written));
  if (pin === undefined) {
    if (settings.offline) {
      throw new UserError({
        what: `${source.written} was never resolved, and --offline forbids asking its server`,
        remedy: "run once without --offline and without --update",
      });
    }
    pin = await ask(source, settings.signal);
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
  const path = `${folder}/${source.file.path}`;
  await Deno.mkdir(settings.cacheDir, { recursive: true });
  await prune(settings.cacheDir);
  await download(file, {
    cacheDir: settings.cacheDir,
    offline: settings.offline,
    signal: settings.signal,
    log: settings.log,
    remedy: REMEDY,
    progress: (bytes) => settings.progress(bytes, Math.max(bytes, file.size ?? 0)),
    use: async (cached) => await Deno.copyFile(cached, path),
  });
  settings.fetched(file);
  return [{ path, name: source.file.path }];
}

async function ask(source: HttpSource, signal: AbortSignal): Promise<HttpPin> {
  const hosts = new Set<string>();
  const options = { signal, remedy: REMEDY, onRedirect: (url: URL) => void hosts.add(url.host) };
  let response = await request(source.url, { ...options, method: "HEAD" });
  await response.body?.cancel();
  const told = response.headers.has("etag") || response.headers.has("last-modified");
  // Some servers know only GET, and some say something about a file only then.
  const whole = !response.ok || !told;
  if (whole) response = await request(source.url, options);
  if (!response.ok) throw await statusError(response, { url: source.url, written: source.written });
  const { headers } = response;
  const etag = headers.get("etag")?.replace(/^W\//, "").replace(/^"|"$/g, "");
  const modified = headers.get("last-modified");
  let id = etag ? `etag:${etag}` : modified ? `modified:${modified}` : undefined;
  const length = headers.get("content-length");
  let size = length === null ? undefined : Number(length);
  if (whole && id === undefined) {
    const hash = createHash("sha256");
    size = 0;
    for await (const chunk of response.body ?? []) {
      signal.throwIfAborted();
      hash.update(chunk);
      size += chunk.length;
    }
    id = `sha256:${hash.digest("hex")}`;
  } else if (whole) {
    await response.body?.cancel();
  }
  hosts.delete(new URL(source.url).host);
  return {
    path: fileName(source.url),
    ...(size === undefined ? {} : { size }),
    ...(id === undefined ? {} : { id }),
    ...(hosts.size === 0 ? {} : { hosts: [...hosts] }),
  };
}

function fileName(url: string): string {
  const last = new URL(url).pathname.split("/").at(-1) ?? "";
  try {
    const name = decodeURIComponent(last);
    return /^[^/\0]+$/.test(name) && !/^\.{1,2}$/.test(name) ? name : "download";
  } catch {
    return "download";
  }
}

function readPin(pin: unknown): HttpPin | undefined {
  const { path } = (pin ?? {}) as Partial<HttpPin>;
  return typeof path === "string" && !path.includes("/") ? pin as HttpPin : undefined;
}
