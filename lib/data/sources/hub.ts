/**
 * What a Hugging Face hub says about a repository: its commit and its files.
 *
 * Asked through @huggingface/hub. A server that only imitates a hub may answer nothing but
 * `/REPO/resolve/REVISION/FILE`; then the headers of single files have to do.
 *
 * @module
 */
import { nearest, UserError } from "../../base/errors.ts";
import { explainStatus, statusError } from "./download.ts";
import { reason, request, type Token } from "./http.ts";
import { idOfEtag, type PinnedFile } from "./pinned_file.ts";
import type { HubRepo, HubSource } from "./source.ts";

/** The public hub. */
const DEFAULT_ENDPOINT = "https://huggingface.co";

/** How to reach a hub. */
export interface HubClient {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token?: Token | undefined;
  readonly signal: AbortSignal;
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
 * @throws {UserError} Where HF_ENDPOINT is no URL.
 */
export function hubClient(
  env: (name: string) => string | undefined,
  signal: AbortSignal,
): HubClient {
  const endpoint = (env("HF_ENDPOINT") || DEFAULT_ENDPOINT).replace(/\/+$/, "");
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    throw new UserError({
      what: `HF_ENDPOINT is "${endpoint}", which is no URL`,
      requirement: `the address of a hub such as ${DEFAULT_ENDPOINT}`,
    });
  }
  return { endpoint, token: hubToken(endpoint, env("HF_TOKEN")), signal };
}

/** The token for a hub, bound to its origin. */
export function hubToken(endpoint: string, value: string | undefined): Token | undefined {
  return value ? { value: value.trim(), origin: new URL(endpoint).origin } : undefined;
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
 * @returns Undefined where the server has no listings.
 * @throws {UserError} Where it cannot be reached, refuses, or says that there is no such repository or
 * revision.
 */
export async function listRepo(client: HubClient, source: HubSource): Promise<Listing | undefined> {
  const hub = await import("@huggingface/hub");
  const { repo, revision } = source;
  let refusal: UserError | undefined;
  const common = {
    hubUrl: client.endpoint,
    fetch: async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
      const url = input instanceof Request ? input.url : String(input);
      const headers = Object.fromEntries(new Headers(init?.headers));
      const shown = url.split("?")[0]!;
      const response = await request(url, {
        headers,
        token: client.token,
        signal: client.signal,
        shown,
        remedy: hubRemedy(client.endpoint),
      });
      refusal = refusalOf(response, { url: shown, source });
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
      const id = entry.lfs ? `sha256:${entry.lfs.oid}` : entry.oid ? `git:${entry.oid}` : undefined;
      files.push({
        path: entry.path,
        size: entry.lfs?.size ?? entry.size,
        ...(id === undefined ? {} : { id }),
      });
    }
    return { commit, files };
  } catch (error) {
    client.signal.throwIfAborted();
    if (error instanceof UserError) throw error;
    if (refusal !== undefined) throw refusal;
    if (error instanceof TypeError && /body|connection|reset/i.test(reason(error))) {
      throw new UserError({
        what: `the listing of ${source.written} was cut off: ${reason(error)}`,
        remedy: hubRemedy(client.endpoint),
        cause: error,
      });
    }
    // Anything else, such as 404 or a page of HTML, is a server without this interface.
    return undefined;
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
  if (response.status >= 400) throw await statusError(response, { url, written: source.written });
  const { headers } = response;
  const away = response.status >= 300 ? new URL(headers.get("location")!, url) : undefined;
  const linked = headers.get("x-linked-etag");
  const size = headers.get("x-linked-size") ?? (away ? null : headers.get("content-length"));
  const commit = headers.get("x-repo-commit");
  const id = linked !== null ? strongId(linked) : away ? undefined : ownId(headers);
  return {
    path: at.path,
    ...(size === null ? {} : { size: Number(size) }),
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
