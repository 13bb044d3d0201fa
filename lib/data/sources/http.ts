/**
 * HTTP requests that try again, follow redirects themselves and fail in words.
 *
 * Redirects are followed by hand because a token must reach the server it is for and no other: a hub
 * sends downloads of large files on to a content network.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";

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
}

const REMEDY = "check the network; the same command goes on from here";

/** Waits between tries, in milliseconds. A refused connection is tried once more: a server may be starting. */
const RETRY = { refused: [250], failed: [300, 1000, 3000], busy: [300, 1000, 3000, 6000] } as const;

/** No answer within this time, in milliseconds, counts as a failure. */
const ANSWER_TIMEOUT = 60_000;

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
    const asked = Number(response?.headers.get("retry-after") ?? 0) * 1000;
    await response?.body?.cancel();
    await sleep(
      Math.max(wait, Math.min(Number.isFinite(asked) ? asked : 0, 20_000)),
      options.signal,
    );
  }
}

async function followRedirects(start: URL, options: RequestOptions): Promise<Response> {
  let url = start;
  for (let hops = 0; hops < 10; hops++) {
    const headers = new Headers(options.headers);
    // A compressed body would have another length than the file.
    headers.set("accept-encoding", "identity");
    headers.set("user-agent", "temper");
    if (options.token !== undefined && options.token.origin === url.origin) {
      headers.set("authorization", `Bearer ${options.token.value}`);
    }
    const response = await answered(
      url,
      { method: options.method ?? "GET", headers },
      options.signal,
    );
    const location = response.headers.get("location");
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
    const next = new URL(location, url);
    if (options.follow === "away" && next.origin !== url.origin) return response;
    await response.body?.cancel();
    options.onRedirect?.(next);
    url = next;
  }
  throw new UserError({ what: `${start} redirects in circles` });
}

/** A fetch that gives up when no answer begins in time; the body may take as long as it needs. */
async function answered(
  url: URL,
  init: { method: string; headers: Headers },
  signal: AbortSignal | undefined,
): Promise<Response> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(new Error("no answer in 60 s")), ANSWER_TIMEOUT);
  try {
    const signals = signal === undefined ? [timeout.signal] : [timeout.signal, signal];
    return await fetch(url, { ...init, redirect: "manual", signal: AbortSignal.any(signals) });
  } finally {
    clearTimeout(timer);
  }
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
    message.replace(/^error sending request( for url \([^)]*\))?: (client error \(\w+\): )?/, "");
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
