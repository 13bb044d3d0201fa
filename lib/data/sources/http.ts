/**
 * HTTP requests that try again, follow redirects themselves and fail in words.
 *
 * Redirects are followed by hand because a token must reach the server it is for and no other: a hub
 * sends downloads of large files on to a content network.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { withoutSecrets } from "../../base/outside/secrets.ts";
import { addressOf, checkRedirect, type Limits, limitsWith } from "./limits.ts";

/** A secret for one server. */
export interface Token {
  readonly value: string;
  /** `https://host:port`: the only origin that gets it. */
  readonly origin: string;
}

/** How to ask. */
export interface RequestOptions {
  readonly method?: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: Token | undefined;
  readonly signal?: AbortSignal | undefined;
  /** `away` stops before a redirect that leaves the server and returns it; default `all`. */
  readonly follow?: "all" | "away";
  /** Called with the URL of every redirect that is followed. */
  readonly onRedirect?: (url: URL) => void;
  /** The URL to show in messages, where the real one is unreadable. */
  readonly shown?: string;
  /** Said when the server cannot be reached. */
  readonly remedy?: string;
  /** Bounds other than the usual. */
  readonly limits?: Partial<Limits> | undefined;
}

const REMEDY = "check the network; the same command goes on from here";

/** Waits between tries, in milliseconds. A refused connection is tried once more: a server may be starting. */
const RETRY = { refused: [250], failed: [300, 1000, 3000], busy: [300, 1000, 3000, 6000] } as const;

/** A server may ask to wait this long, in milliseconds, and no longer. */
const MAX_RETRY_AFTER = 20_000;

/** Statuses that redirect, where they say whereto. */
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** A chain of redirects of this length ends. */
const MAX_REDIRECTS = 10;

/**
 * Sends a request. Whoever gets the response has to read or cancel its body.
 *
 * @returns The response, whatever its status, 5xx and 429 after several tries only.
 * @throws {UserError} Where no server answers.
 */
export async function request(url: string | URL, options: RequestOptions = {}): Promise<Response> {
  for (let attempt = 0;; attempt++) {
    let response: Response | undefined;
    let failure: unknown;
    try {
      response = await followRedirects(new URL(url), options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof UserError) throw error;
      failure = error;
    }
    if (response !== undefined && response.status !== 429 && response.status < 500) return response;
    const waits = response ? RETRY.busy : isRefused(failure) ? RETRY.refused : RETRY.failed;
    const wait = waits[attempt];
    if (wait === undefined) {
      if (response !== undefined) return response;
      throw unreachableServer(options.shown ?? url, failure, options.remedy);
    }
    // Years, dates and words count as the longest wait or as none.
    const asked = Number(response?.headers.get("retry-after") ?? 0) * 1000;
    await response?.body?.cancel();
    const longest = Math.max(wait, Math.min(Number.isNaN(asked) ? 0 : asked, MAX_RETRY_AFTER));
    await sleep(longest * limitsWith(options.limits).patience, options.signal);
  }
}

async function followRedirects(start: URL, options: RequestOptions): Promise<Response> {
  const seen = new Set<string>();
  for (let url = start; seen.size <= MAX_REDIRECTS;) {
    if (seen.has(url.href)) break;
    seen.add(url.href);
    if (url.username !== "" || url.password !== "") {
      throw new UserError({
        what: `${addressOf(url)} is asked for with a user or password in its address`,
        remedy: "leave them out: a hub is given HF_TOKEN",
      });
    }
    const headers = new Headers(options.headers);
    // A compressed body would have another length than the file.
    headers.set("accept-encoding", "identity");
    headers.set("user-agent", "temper");
    if (options.token !== undefined && options.token.origin === url.origin) {
      headers.set("authorization", `Bearer ${options.token.value}`);
    }
    const response = await answered(url, { method: options.method ?? "GET", headers }, options);
    const location = response.headers.get("location");
    if (!REDIRECTS.includes(response.status) || location === null) return response;
    try {
      if (!URL.canParse(location, url)) {
        throw new UserError({ what: `${addressOf(url)} redirects to what is no address` });
      }
      const next = new URL(location, url);
      checkRedirect(url, next);
      if (options.follow === "away" && next.origin !== url.origin) return response;
      options.onRedirect?.(next);
      url = next;
    } catch (error) {
      await response.body?.cancel();
      throw error;
    }
    await response.body?.cancel();
  }
  throw new UserError({
    what: `${addressOf(start)} redirects ${
      seen.size > MAX_REDIRECTS ? `more than ${MAX_REDIRECTS} times` : "in circles"
    }`,
    remedy: "the server is broken: try again later, or name the address where the file is",
  });
}

/** Where an answer redirects to, which was checked; undefined where it does not. */
export function redirectOf(response: Response, url: string): URL | undefined {
  const location = response.headers.get("location");
  return REDIRECTS.includes(response.status) && location !== null
    ? new URL(location, url)
    : undefined;
}

/** A fetch that gives up when no answer begins in time; the body may take as long as it needs. */
async function answered(
  url: URL,
  init: { method: string; headers: Headers },
  { signal, limits }: RequestOptions,
): Promise<Response> {
  const { answer } = limitsWith(limits);
  const timeout = new AbortController();
  const timer = setTimeout(
    () => timeout.abort(new Error(`no answer in ${answer / 1000} s`)),
    answer,
  );
  try {
    const signals = signal === undefined ? [timeout.signal] : [timeout.signal, signal];
    return await fetch(url, { ...init, redirect: "manual", signal: AbortSignal.any(signals) });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A body, piece by piece, as long as enough of it keeps coming.
 *
 * @throws {Error} Where too little arrives in `limits.stall`; a failure of the connection, as others are.
 */
export async function* pieces(
  response: Response,
  limits: Limits,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  let arrived = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const clock = (): Promise<"late"> =>
    new Promise((resolve) => timer = setTimeout(() => resolve("late"), limits.stall));
  try {
    let late = clock();
    let next = reader.read();
    for (;;) {
      const first = await Promise.race([next, late]);
      if (first === "late") {
        if (arrived < limits.stallBytes) {
          throw new Error(`only ${arrived} bytes arrived in ${limits.stall / 1000} s`);
        }
        arrived = 0;
        late = clock();
        continue;
      }
      if (first.done) return;
      arrived += first.value.length;
      yield first.value;
      next = reader.read();
    }
  } finally {
    clearTimeout(timer);
    await reader.cancel().catch(() => {});
  }
}

/**
 * The text of a small body.
 *
 * @param options `limit`: bytes that it may have.
 * @throws {UserError} Where it is longer, or breaks off.
 */
export async function boundedText(
  response: Response,
  { url, limit, limits }: { url: string; limit: number; limits: Limits },
): Promise<string> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const part of pieces(response, limits)) {
    size += part.length;
    if (size > limit) {
      throw new UserError({
        what: `${addressOf(url)} sends a listing of more than ${limits.listingBytes} bytes`,
        requirement: "no repository has so many files",
        remedy: "the server is broken, or is no hub: check HF_ENDPOINT",
      });
    }
    parts.push(part);
  }
  return await new Blob(parts).text();
}

/** The failure as an error that names the URL and what to do. */
function unreachableServer(url: string | URL, failure: unknown, remedy = REMEDY): UserError {
  if (failure instanceof Deno.errors.NotCapable) {
    return new UserError({
      what: `the stage may not connect to ${new URL(url).host}: ${failure.message}`,
      remedy: "run with --update, so that the hosts of the source are found anew",
      cause: failure,
    });
  }
  return new UserError({ what: `cannot reach ${url}: ${reason(failure)}`, remedy, cause: failure });
}

/** The innermost message of an error: the outer ones say "fetch failed". */
export function reason(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause !== undefined) inner = inner.cause;
  const message = inner instanceof Error ? inner.message : String(inner);
  return /[^:]*\(os error \d+\)/.exec(message)?.[0].trim() ??
    // Deno begins with the URL, which stands in the sentence around this already.
    withoutSecrets(
      message.replace(/^error sending request( for url \([^)]*\))?: (client error \(\w+\): )?/, ""),
    );
}

function isRefused(error: unknown): boolean {
  return error instanceof Deno.errors.NotCapable ||
    /refused|lookup|dns|resolve|certificate|invalid/i.test(reason(error));
}

/** Waits; ends early with the signal's reason. */
export async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
