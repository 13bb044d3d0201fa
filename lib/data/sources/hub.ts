/**
 * What a Hugging Face hub says about a repository: its commit and its files.
 *
 * Asked through @huggingface/hub. A server that only imitates a hub may answer nothing but
 * `/REPO/resolve/REVISION/FILE`; then the headers of single files have to do.
 *
 * @module
 */
import { nearest, UserError } from "../../base/errors.ts";
import { keepSecret, keepSecretsOfUrl } from "../../base/outside/secrets.ts";
import { explainStatus, statusError } from "./answers.ts";
import { boundedText, reason, redirectOf, request, type Token } from "./http.ts";
import { announcedSize, type Limits, limitsWith } from "./limits.ts";
import { idOfEtag, type PinnedFile } from "./pinned_file.ts";
import { namesOfFiles } from "./repository/names_of_files.ts";
import type { HubRepo, HubSource } from "./source.ts";

/** The public hub. */
const DEFAULT_ENDPOINT = "https://huggingface.co";

/** How to reach a hub. */
export interface HubClient {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token?: Token | undefined;
  readonly signal: AbortSignal;
  /** Bounds other than the usual. */
  readonly limits?: Partial<Limits> | undefined;
}

/** The files of a repository at a commit. */
export interface Listing {
  readonly commit: string;
  readonly files: readonly PinnedFile[];
}

/** What a server says about one file. */
export interface FileHead extends PinnedFile {
  /** The commit that the revision stands for, where the server names it. */
  readonly commit?: string;
  /** The host that the bytes come from, where it is another one. */
  readonly host?: string;
}

/**
 * The client that the environment asks for.
 *
 * @throws {UserError} Where HF_ENDPOINT is no URL or carries a password, or HF_TOKEN is no token.
 */
export function hubClient(
  env: (name: string) => string | undefined,
  { signal, limits }: Pick<HubClient, "signal" | "limits">,
): HubClient {
  const endpoint = (env("HF_ENDPOINT")?.trim() || DEFAULT_ENDPOINT).replace(/\/+$/, "");
  keepSecretsOfUrl(endpoint);
  const requirement = `the address of a hub such as ${DEFAULT_ENDPOINT}`;
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    // What is no URL and has a password in it can't be shown without it.
    const shown = endpoint.includes("@") ? "" : ` "${endpoint}",`;
    throw new UserError({ what: `HF_ENDPOINT is${shown} no URL`, requirement });
  }
  const { username, password, search, hash } = new URL(endpoint);
  if (username !== "" || password !== "") {
    throw new UserError({
      what: `HF_ENDPOINT, ${endpoint}, has a user or password in it`,
      requirement: "the address of a hub stands in messages and in the records of a run",
      remedy: "leave them out, and give a token as HF_TOKEN: it is sent to the hub alone",
    });
  }
  if (search !== "" || hash !== "") {
    throw new UserError({ what: `HF_ENDPOINT, ${endpoint}, has parameters`, requirement });
  }
  return { endpoint, token: hubToken(endpoint, env("HF_TOKEN")), signal, limits };
}

/**
 * The token for a hub, bound to its origin. A line end after it, as files have, is cut off.
 *
 * @throws {UserError} Where it can be none; without showing it.
 */
export function hubToken(endpoint: string, value: string | undefined): Token | undefined {
  const token = value?.trim();
  if (!token) return undefined;
  keepSecret(token);
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new UserError({
      what: `HF_TOKEN holds ${
        /[\r\n]/.test(token) ? "a line break" : "what no token has: a space, or other than ASCII"
      }`,
      requirement: "a token is one word such as hf_abc",
      remedy: "set it anew: export HF_TOKEN=$(head -n 1 FILE)",
    });
  }
  return { value: token, origin: new URL(endpoint).origin };
}

/** Said when a hub cannot be reached. */
export function hubRemedy(endpoint: string): string {
  return `check the network and HF_ENDPOINT (${endpoint}); run the same command again to go on from here, ` +
    "or with --offline if everything was downloaded before";
}

/** Where the bytes of a file are. */
export function fileUrl(
  endpoint: string,
  repo: HubRepo,
  { revision, path }: { revision: string; path: string },
): string {
  const prefix = repo.type === "dataset" ? "datasets/" : "";
  const file = path.split("/").map(encodeURIComponent).join("/");
  return `${endpoint}/${prefix}${repo.name}/resolve/${encodeURIComponent(revision)}/${file}`;
}

/**
 * The files of a repository.
 *
 * @param options `orNothing`: that there is no such revision is no error.
 * @returns Undefined where the server has no listings.
 * @throws {UserError} Where it cannot be reached, refuses, or says that there is no such repository or
 * revision.
 */
export async function listRepo(
  client: HubClient,
  source: HubSource,
  { orNothing = false }: { readonly orNothing?: boolean } = {},
): Promise<Listing | undefined> {
  const hub = await import("@huggingface/hub");
  const { repo, revision } = source;
  let refusal: UserError | undefined;
  let isMissing = false;
  let named: Listing | undefined;
  const pages = new Pages(client, source);
  const common = {
    hubUrl: client.endpoint,
    fetch: async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
      const url = input instanceof Request ? input.url : String(input);
      const { response, shown } = await pages.fetch(url, new Headers(init?.headers));
      refusal = refusalOf(response, { url: shown, source });
      isMissing = response.headers.get("x-error-code") === "RevisionNotFound";
      const isInfo = response.ok && new URL(url).pathname.includes("/revision/");
      if (isInfo) named = namesOfFiles(await response.clone().text());
      return response;
    },
  };
  try {
    const info = repo.type === "model"
      ? await hub.modelInfo({ ...common, name: repo.name, revision, additionalFields: ["sha"] })
      : await hub.datasetInfo({ ...common, name: repo.name, revision, additionalFields: ["sha"] });
    if (typeof info.sha !== "string" || !/^[0-9a-f]{40}$/.test(info.sha)) return undefined;
    const commit = info.sha;
    const files: PinnedFile[] = [];
    for await (
      const entry of hub.listFiles({ ...common, repo, revision: commit, recursive: true })
    ) {
      if (entry.type !== "file") continue;
      files.push(fileOf(entry, source));
    }
    return { commit, files };
  } catch (error) {
    client.signal.throwIfAborted();
    if (error instanceof UserError) throw error;
    if (isMissing && orNothing) return undefined;
    if (refusal !== undefined) throw refusal;
    if (pages.cut || (error instanceof TypeError && /body|connection|reset/i.test(reason(error)))) {
      throw new UserError({
        what: `the listing of ${source.written} was cut off: ${reason(error)}`,
        remedy: hubRemedy(client.endpoint),
        cause: error,
      });
    }
    // Anything else, such as 404 or a page of HTML, is a server without this interface, or without trees.
    return named;
  }
}

/** A file as a listing names it. @throws {UserError} Where its size or digest is none. */
function fileOf(
  { path, size, oid, lfs }: {
    path: unknown;
    size: unknown;
    oid?: unknown;
    lfs?: { oid?: unknown; size?: unknown } | undefined;
  },
  source: HubSource,
): PinnedFile {
  if (typeof path !== "string") {
    throw new UserError({ what: `the listing of ${source.written} has a file without a name` });
  }
  const of = `the listing of ${source.written}, of "${path.slice(0, 200)}",`;
  const bytes = announcedSize(lfs?.size ?? size, of);
  const id = lfs !== undefined && lfs !== null
    ? `sha256:${lfs.oid}`
    : oid
    ? `git:${oid}`
    : undefined;
  if (id !== undefined && !/^(?:sha256:[0-9a-f]{64}|git:[0-9a-f]{40})$/.test(id)) {
    throw new UserError({
      what: `${of} has the digest "${id.slice(0, 100)}"`,
      requirement: "64 hexadecimal digits of a large file's SHA-256, 40 of a small one's git hash",
      remedy: "the hub is broken, or is none: check HF_ENDPOINT",
    });
  }
  return {
    path,
    ...(bytes === undefined ? {} : { size: bytes }),
    ...(id === undefined ? {} : { id }),
  };
}

/** The requests for one listing: bounded in number and bytes, all to the hub itself, none twice. */
class Pages {
  readonly #client: HubClient;
  readonly #source: HubSource;
  readonly #limits: Limits;
  readonly #seen = new Set<string>();
  #bytes = 0;
  /** Whether a body broke off. */
  cut = false;

  constructor(client: HubClient, source: HubSource) {
    this.#client = client;
    this.#source = source;
    this.#limits = limitsWith(client.limits);
  }

  async fetch(url: string, headers: Headers): Promise<{ response: Response; shown: string }> {
    const { endpoint, token, signal } = this.#client;
    const shown = url.split("?")[0]!;
    const wrong = new URL(url).origin !== new URL(endpoint).origin
      ? `goes on at another server, ${shown}`
      : this.#seen.has(url)
      ? `has a page that leads back to itself: ${shown}`
      : this.#seen.size >= this.#limits.pages
      ? `has more than ${this.#limits.pages} pages: ${shown}`
      : undefined;
    if (wrong !== undefined) {
      throw new UserError({
        what: `the listing of ${this.#source.written} ${wrong}`,
        requirement: "a listing comes to an end, on the server where it began",
        remedy: `the hub is broken, or is none: check HF_ENDPOINT (${endpoint})`,
      });
    }
    this.#seen.add(url);
    const remedy = hubRemedy(endpoint);
    const limits = this.#client.limits;
    const response = await request(url, {
      headers: Object.fromEntries(headers),
      token,
      signal,
      shown,
      remedy,
      limits,
    });
    const { status, statusText } = response;
    if (!response.ok) return { response, shown };
    this.cut = true;
    const limit = this.#limits.listingBytes - this.#bytes;
    const text = await boundedText(response, { url, limit, limits: this.#limits });
    this.cut = false;
    this.#bytes += text.length;
    return {
      response: new Response(text, { status, statusText, headers: response.headers }),
      shown,
    };
  }
}

/** Whether an answer of the API is a refusal; the body stays unread. */
function refusalOf(
  response: Response,
  { url, source }: { url: string; source: HubSource },
): UserError | undefined {
  const { status } = response;
  const code = response.headers.get("x-error-code");
  if (status === 404 && (code === "RepoNotFound" || code === "RevisionNotFound")) {
    return new UserError({
      what: code === "RepoNotFound"
        ? `there is no ${source.repo.type} "${source.repo.name}" on the hub: ${url} answers 404`
        : `the ${source.repo.type} "${source.repo.name}" has no revision "${source.revision}": ${url} answers 404`,
      remedy: code === "RepoNotFound"
        ? "check the name; a private repository needs HF_TOKEN"
        : "a revision is a branch, a tag or a commit",
    });
  }
  if (status === 401 || status === 403 || status === 429 || status >= 500) {
    return explainStatus(response, { url, written: source.written });
  }
  return undefined;
}

/**
 * The text of a small file.
 *
 * @throws {UserError} Where it cannot be had, or is longer than a listing may be.
 */
export async function textOfFile(
  client: HubClient,
  source: HubSource,
  at: { readonly revision: string; readonly path: string },
): Promise<string> {
  const url = fileUrl(client.endpoint, source.repo, at);
  const remedy = hubRemedy(client.endpoint);
  const { token, signal } = client;
  const response = await request(url, { token, signal, remedy, limits: client.limits });
  if (!response.ok) throw await statusError(response, { url, written: source.written });
  const limits = limitsWith(client.limits);
  try {
    return await boundedText(response, { url, limit: limits.listingBytes, limits });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof UserError) throw error;
    throw new UserError({
      what: `${at.path} of ${source.written} was cut off: ${reason(error)}`,
      remedy,
      cause: error,
    });
  }
}

/**
 * Asks for the headers of one file.
 *
 * @returns Undefined where there is no such file.
 * @throws {UserError} Where the server cannot be reached or refuses.
 */
export async function headFile(
  client: HubClient,
  source: HubSource,
  at: { revision: string; path: string },
): Promise<FileHead | undefined> {
  const url = fileUrl(client.endpoint, source.repo, at);
  const options = {
    token: client.token,
    signal: client.signal,
    limits: client.limits,
    follow: "away",
    remedy: hubRemedy(client.endpoint),
  } as const;
  let response = await request(url, { ...options, method: "HEAD" });
  await response.body?.cancel();
  if (response.status === 405 || response.status === 501) {
    response = await request(url, options);
    await response.body?.cancel();
  }
  if (response.status === 404) return undefined;
  const { headers } = response;
  const away = redirectOf(response, url);
  if (!response.ok && away === undefined) {
    throw await statusError(response, { url, written: source.written });
  }
  const linked = headers.get("x-linked-etag");
  const size = announcedSize(
    headers.get("x-linked-size") ?? (away ? null : headers.get("content-length")),
    url,
  );
  const named = headers.get("x-repo-commit");
  const commit = named !== null && /^[\w.-]{1,128}$/.test(named) ? named : null;
  const id = linked !== null ? strongId(linked) : away ? undefined : ownId(headers);
  return {
    path: at.path,
    ...(size === undefined ? {} : { size }),
    ...(id === undefined ? {} : { id }),
    ...(commit === null ? {} : { commit }),
    ...(away === undefined ? {} : { host: away.host }),
  };
}

/** The id of a file that is elsewhere: only a digest, since the other server has ETags of its own. */
function strongId(etag: string): string | undefined {
  const id = idOfEtag(etag);
  return id.startsWith("etag:") ? undefined : id;
}

function ownId(headers: Headers): string | undefined {
  const etag = headers.get("etag");
  if (etag !== null) return idOfEtag(etag);
  const modified = headers.get("last-modified");
  return modified === null ? undefined : `modified:${modified}`;
}

/** The error for a file that a repository does not have. */
export function missingFile(source: HubSource, path: string, listing?: Listing): UserError {
  const paths = listing?.files.map((file) => file.path) ?? [];
  const shown = paths.filter((name) => !name.startsWith(".")).slice(0, 12);
  return new UserError({
    what:
      `"${path}" is not in the ${source.repo.type} "${source.repo.name}" at revision "${source.revision}"`,
    nearest: nearest(path, paths),
    ...(shown.length === 0
      ? { remedy: "check the name, the revision and the path of the file" }
      : { requirement: `it has ${shown.join(", ")}${shown.length < paths.length ? ", ..." : ""}` }),
  });
}
