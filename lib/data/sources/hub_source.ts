/**
 * Models and data files of a Hugging Face hub: resolved to a commit and pinned, then downloaded.
 *
 * Which files of a model are taken is said in `repository/model_files.ts`, which of a dataset as a whole in
 * `dataset_source.ts`.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { isHost } from "../../base/outside/hosts.ts";
import { isJsonObject, parseJsonObject } from "../../base/json.ts";
import { checkOutsidePath, checkOutsidePaths, MAX_PATH } from "../../base/outside_path.ts";
import { withoutEndSlashes } from "../../base/paths.ts";
import { download, prune } from "./download.ts";
import type { Download, PinnedFile } from "./pinned_file.ts";
import { isGlob, naturalCompare } from "../../base/glob.ts";
import {
  type FileHead,
  fileUrl,
  headFile,
  type HubClient,
  hubClient,
  hubRemedy,
  hubToken,
  type Listing,
  listRepo,
  missingFile,
  textOfFile,
} from "./hub.ts";
import {
  chooseModelFiles,
  isVocabulary,
  MODEL_FILES,
  type ModelPatterns,
  noSafetensors,
  WEIGHTS,
  WEIGHTS_INDEX,
} from "./repository/model_files.ts";
import { pathsMatching } from "./repository/path_pattern.ts";
import type { FetchSettings, Resolution, ResolvedSource, ResolveSettings } from "./resolved.ts";
import { checkSafetensorsHeader } from "../formats/safetensors_check.ts";
import type { HubSource } from "./source.ts";

/** Where the public hub keeps large files. */
const CONTENT_HOSTS = ["*.hf.co", "*.huggingface.co"];

/** What `<pipeline>.lock` remembers of a source. */
export interface HubPin {
  /** The revision as it was asked for. */
  readonly revision: string;
  /** What it stood for; absent where the server names no commits. */
  readonly commit?: string;
  /** Hosts that the bytes come from besides the hub. */
  readonly hosts?: readonly string[];
  readonly files: readonly PinnedFile[];
}

/**
 * Resolves a source on the hub: from its pin where there is one, else by asking.
 *
 * @throws {UserError} Where the hub does not answer, refuses or lacks what is asked for.
 */
export async function resolveHub(
  source: HubSource,
  settings: ResolveSettings,
  patterns: ModelPatterns = {},
): Promise<Resolution> {
  const client = hubClient(settings.env, settings);
  const pin = await pinOf(source, settings, {
    name: pinName(source, patterns),
    read: readPin,
    ask: () => ask(client, source, patterns),
  });
  return resolutionOf(source, { client, pin, files: pin.files });
}

/**
 * The pin of a source: the one that the lock has, else what the hub says now.
 *
 * @param name What it is called in the lock.
 */
export async function pinOf<P extends HubPin>(
  source: HubSource,
  settings: ResolveSettings,
  { name, read, ask }: {
    readonly name: string;
    readonly read: (pin: unknown) => P | undefined;
    readonly ask: () => Promise<P>;
  },
): Promise<P> {
  const known = settings.update ? undefined : read(settings.pins.get(name));
  if (known !== undefined) return known;
  if (settings.offline) {
    throw new UserError({
      what: settings.update
        ? `--update has to ask the hub for ${source.written}, and --offline forbids it`
        : `${source.written} was never resolved, and --offline forbids asking the hub`,
      remedy: "run once without --offline",
    });
  }
  const pin = await ask();
  checkOutsidePaths(pin.files.map(({ path }) => path), `the listing of ${source.written}`);
  settings.pins.set(name, pin);
  return pin;
}

/** What a stage needs for files of a pin. */
export function resolutionOf(
  source: HubSource,
  { client: { endpoint }, pin, files }: {
    readonly client: HubClient;
    readonly pin: HubPin;
    /** Those of the pin that are wanted. */
    readonly files: readonly PinnedFile[];
  },
): Resolution {
  const known = files.every((file) => /^(?:sha256|git):/.test(file.id ?? ""));
  const own = new URL(endpoint).host;
  return {
    key: known
      ? files.map(({ path, id }) => ({ path, id }))
      : { commit: pin.commit ?? null, files },
    data: {
      type: "hub",
      written: source.written,
      endpoint,
      repo: source.repo,
      revision: pin.commit ?? pin.revision,
      files,
    },
    // The public hub and its mirrors move downloads between the hosts of its content network.
    net: [...new Set([own, ...(pin.hosts ?? []), ...CONTENT_HOSTS])],
    env: ["HF_TOKEN"],
  };
}

/** Downloads the files of a resolved source into a folder. @returns Their paths below it. */
export async function fetchHub(
  source: ResolvedSource & { type: "hub" },
  settings: FetchSettings,
  folder: string,
): Promise<string[]> {
  const { endpoint, repo, revision } = source;
  const token = hubToken(endpoint, settings.env.HF_TOKEN);
  checkOutsidePaths(source.files.map(({ path }) => path), `the pin of ${source.written}`);
  const files = source.files.map((file): Download => ({
    ...file,
    url: fileUrl(endpoint, repo, { revision, path: file.path }),
    written: `${file.path} of ${source.written}`,
  }));
  await Deno.mkdir(settings.cacheDir, { recursive: true });
  await prune(settings.cacheDir);
  const isKnown = files.every(({ size }) => size !== undefined);
  const total = isKnown ? files.reduce((sum, file) => sum + file.size!, 0) : 0;
  let before = 0;
  for (const file of files) {
    await download(file, {
      cacheDir: settings.cacheDir,
      token,
      offline: settings.offline,
      signal: settings.signal,
      log: settings.log,
      remedy: hubRemedy(endpoint),
      limits: settings.limits,
      progress: (bytes) => settings.progress(before + bytes, total),
      use: async (path) => {
        if (file.path.endsWith(".safetensors")) await checkSafetensorsHeader(path, file.written);
        await place(path, `${folder}/${file.path}`);
      },
    });
    before += (await Deno.stat(`${folder}/${file.path}`)).size;
    settings.log(`${file.path}: ${(await Deno.stat(`${folder}/${file.path}`)).size} bytes`);
  }
  files.forEach(settings.fetched);
  return files.map((file) => file.path);
}

/** Puts a file of the cache where it is wanted, without a second copy where the disk allows it. */
async function place(from: string, to: string): Promise<void> {
  await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
  try {
    await Deno.link(from, to);
  } catch {
    // Another disk, or one without hard links.
    await Deno.copyFile(from, to);
  }
}

/** Asks the hub what is there. */
async function ask(client: HubClient, source: HubSource, patterns: ModelPatterns): Promise<HubPin> {
  const listing = await listRepo(client, source);
  if (listing === undefined) return await askFiles(client, source, patterns);
  refuseLongPaths(source, listing);
  const files = source.pattern === undefined
    ? modelFiles(source, { listing, patterns })
    : chooseDataFiles(source, listing.files);
  return await pinFiles(client, source, { listing, files });
}

/** Before patterns are tried on them: what no system can store takes its time. */
export function refuseLongPaths(source: HubSource, { files }: Listing): void {
  for (const { path } of files) {
    if (path.length > MAX_PATH) checkOutsidePath(path, `the listing of ${source.written}`);
  }
}

/** The pin of some files of a listing. */
export async function pinFiles(
  client: HubClient,
  source: HubSource,
  { listing, files }: { readonly listing: Listing; readonly files: readonly PinnedFile[] },
): Promise<HubPin> {
  const { commit } = listing;
  const head = async (path: string): Promise<FileHead> => {
    const found = await headFile(client, source, { revision: commit, path });
    if (found === undefined) throw missingFile(source, path, listing);
    return found;
  };
  // Large files may come from another host: one of them tells which.
  const largest = [...files].sort((a, b) => (b.size ?? 0) - (a.size ?? 0))[0]!;
  // A listing of names alone says neither which bytes are meant nor how many.
  const isBare = files.every(({ id, size }) => id === undefined && size === undefined);
  const heads: FileHead[] = [];
  for (const { path } of isBare ? files : [largest]) heads.push(await head(path));
  return {
    revision: source.revision,
    commit,
    ...hostsOf(heads),
    files: isBare ? heads.map(pinnedFile) : files,
  };
}

function hostsOf(heads: readonly FileHead[]): Pick<HubPin, "hosts"> {
  const hosts = [...new Set(heads.flatMap(({ host }) => host ?? []))];
  return hosts.length === 0 ? {} : { hosts };
}

function pinnedFile({ path, size, id }: FileHead): PinnedFile {
  return {
    path,
    ...(size === undefined ? {} : { size }),
    ...(id === undefined ? {} : { id }),
  };
}

function modelFiles(
  source: HubSource,
  { listing, patterns }: { readonly listing: Listing; readonly patterns: ModelPatterns },
): PinnedFile[] {
  const { written } = source;
  const missing = (path: string): UserError => missingFile(source, path, listing);
  const paths = listing.files.map(({ path }) => path);
  const meant = new Set(chooseModelFiles(paths, { written, patterns, missing }));
  return listing.files.filter(({ path }) => meant.has(path))
    .sort((a, b) => naturalCompare(a.path, b.path));
}

function chooseDataFiles(source: HubSource, files: readonly PinnedFile[]): PinnedFile[] {
  const pattern = source.pattern!;
  const meant = new Set(pathsMatching(pattern, files.map(({ path }) => path)));
  // All by these names: that a listing has one twice is somebody else's to find.
  const chosen = files.filter(({ path }) => meant.has(path))
    .sort((a, b) => naturalCompare(a.path, b.path));
  if (chosen.length === 0) {
    const folder = `${withoutEndSlashes(pattern)}/`;
    if (!files.some(({ path }) => path.startsWith(folder))) {
      throw missingFile(source, pattern, { commit: "", files });
    }
    throw new UserError({
      what: `"${pattern}" is a folder of the dataset "${source.repo.name}"`,
      requirement: "after its name stands a file or a pattern, or nothing",
      remedy: `name what is in it: ${withoutEndSlashes(source.written)}/*`,
    });
  }
  return chosen;
}

/** Without a listing: asks for the files by the names that they usually have. */
async function askFiles(
  client: HubClient,
  source: HubSource,
  patterns: ModelPatterns,
): Promise<HubPin> {
  const { revision, pattern } = source;
  const isModel = pattern === undefined;
  if (pattern !== undefined && isGlob(pattern)) {
    throw new UserError({
      what:
        `${client.endpoint} has no listing of "${source.repo.name}", which the pattern "${pattern}" needs`,
      remedy: "name the files one by one",
    });
  }
  if (patterns.allowPatterns !== undefined || patterns.ignorePatterns !== undefined) {
    throw new UserError({
      what:
        `${client.endpoint} has no listing of "${source.repo.name}", which allow_patterns and ignore_patterns need`,
      remedy: "leave them out",
    });
  }
  let first = pattern ?? "config.json";
  let named = await headFile(client, source, { revision, path: first });
  if (named === undefined && isModel) {
    // A tokenizer alone may have no configuration.
    first = "tokenizer.json";
    named = await headFile(client, source, { revision, path: first });
  }
  if (named === undefined) throw missingFile(source, pattern ?? "config.json");
  // A server may name commits and yet know only the branch.
  const pinned = named.commit === undefined
    ? undefined
    : await headFile(client, source, { revision: named.commit, path: first });
  const at = pinned === undefined ? revision : named.commit!;
  const heads: FileHead[] = [pinned ?? named];
  const head = async (path: string): Promise<boolean> => {
    const found = await headFile(client, source, { revision: at, path });
    if (found !== undefined) heads.push(found);
    return found !== undefined;
  };
  if (isModel) {
    for (const path of MODEL_FILES) if (path !== first) await head(path);
    if (!await head(WEIGHTS)) {
      const isSharded = await head(WEIGHTS_INDEX);
      // Whether it has weights in another format, nobody here can say: with a configuration it is a model.
      const isTokenizer = first !== "config.json" && heads.some(({ path }) => isVocabulary(path));
      if (!isSharded && !isTokenizer) throw noSafetensors(source.written, []);
      for (const path of isSharded ? await shardNames(client, source, at) : []) {
        if (!await head(path)) throw missingFile(source, path);
      }
    }
  }
  return {
    revision,
    ...(pinned === undefined ? {} : { commit: named.commit! }),
    ...hostsOf(heads),
    files: heads.map(pinnedFile),
  };
}

/** The files that the index of sharded weights names. */
async function shardNames(
  client: HubClient,
  source: HubSource,
  revision: string,
): Promise<string[]> {
  const text = await textOfFile(client, source, { revision, path: WEIGHTS_INDEX });
  const map = parseJsonObject(text)?.weight_map;
  if (!isJsonObject(map)) {
    const url = fileUrl(client.endpoint, source.repo, { revision, path: WEIGHTS_INDEX });
    throw new UserError({
      what: `${url} is no index of weights`,
      remedy: hubRemedy(client.endpoint),
    });
  }
  const names = [...new Set(Object.values(map))].map((name) => {
    const path = checkOutsidePath(name, `${WEIGHTS_INDEX} of ${source.written}`);
    if (path.includes("/") || !path.endsWith(".safetensors")) {
      throw new UserError({
        what: `${WEIGHTS_INDEX} of ${source.written} names "${path}"`,
        requirement: "shards are safetensors files beside their index",
      });
    }
    return path;
  });
  return names.sort(naturalCompare);
}

/** What a source is called in the lock: as it is written, with the patterns that choose its files. */
function pinName(source: HubSource, { allowPatterns, ignorePatterns }: ModelPatterns): string {
  const allow = allowPatterns === undefined
    ? ""
    : ` allow_patterns=${JSON.stringify(allowPatterns)}`;
  const ignore = ignorePatterns === undefined
    ? ""
    : ` ignore_patterns=${JSON.stringify(ignorePatterns)}`;
  return source.written + allow + ignore;
}

/** A pin as the lock has it; undefined where it is none, as in a lock that somebody edited. */
export function readPin(pin: unknown): HubPin | undefined {
  const { files, hosts = [] } = (pin ?? {}) as Partial<HubPin>;
  const fine = Array.isArray(files) && files.length > 0 &&
    files.every((file) => typeof file?.path === "string") &&
    Array.isArray(hosts) && hosts.every((host) => typeof host === "string" && isHost(host));
  return fine ? pin as HubPin : undefined;
}
