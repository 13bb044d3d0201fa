/**
 * Models and data files of a Hugging Face hub: resolved to a commit and pinned, then downloaded.
 *
 * Of a model only what Temper reads is taken: the configuration, safetensors weights and the
 * tokenizer. Weights in other formats (.bin, .h5, .msgpack, .onnx, ...) are left where they are.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { isHost } from "../../base/outside/hosts.ts";
import { isJsonObject, parseJsonObject } from "../../base/json.ts";
import { checkOutsidePath, checkOutsidePaths, MAX_PATH } from "../../base/outside_path.ts";
import { download, prune } from "./download.ts";
import type { Download, PinnedFile } from "./pinned_file.ts";
import { compileGlob, type Glob, isGlob, naturalCompare } from "../../base/glob.ts";
import {
  type FileHead,
  fileUrl,
  headFile,
  type HubClient,
  hubClient,
  hubRemedy,
  hubToken,
  listRepo,
  missingFile,
} from "./hub.ts";
import { boundedText, request } from "./http.ts";
import { limitsWith } from "./limits.ts";
import type { FetchSettings, Resolution, ResolvedSource, ResolveSettings } from "./resolved.ts";
import { checkSafetensorsHeader } from "../formats/safetensors_check.ts";
import type { HubSource } from "./source.ts";

/** Which files of a model to take, as `huggingface_hub.snapshot_download` names them. */
export interface ModelPatterns {
  readonly allowPatterns?: readonly string[] | undefined;
  readonly ignorePatterns?: readonly string[] | undefined;
}

/** Small files that a model may have, in the order in which they are asked for without a listing. */
const MODEL_FILES = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "vocab.txt",
  "merges.txt",
  "spiece.model",
  "tokenizer.model",
  "sentencepiece.bpe.model",
  "chat_template.jinja",
];
const WEIGHTS = "model.safetensors";
const WEIGHTS_INDEX = "model.safetensors.index.json";

/** Where the public hub keeps large files. */
const CONTENT_HOSTS = ["*.hf.co", "*.huggingface.co"];

/** What `<pipeline>.lock` remembers of a source. */
interface HubPin {
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
  const name = pinName(source, patterns);
  let pin = settings.update ? undefined : readPin(settings.pins.get(name));
  if (pin === undefined) {
    if (settings.offline) {
      throw new UserError({
        what: settings.update
          ? `--update has to ask the hub for ${source.written}, and --offline forbids it`
          : `${source.written} was never resolved, and --offline forbids asking the hub`,
        remedy: "run once without --offline",
      });
    }
    pin = await ask(client, source, patterns);
    checkOutsidePaths(pin.files.map(({ path }) => path), `the listing of ${source.written}`);
    settings.pins.set(name, pin);
  }
  const { endpoint } = client;
  const known = pin.files.every((file) => /^(?:sha256|git):/.test(file.id ?? ""));
  const own = new URL(endpoint).host;
  return {
    key: known
      ? pin.files.map(({ path, id }) => ({ path, id }))
      : { commit: pin.commit ?? null, files: pin.files },
    data: {
      type: "hub",
      written: source.written,
      endpoint,
      repo: source.repo,
      revision: pin.commit ?? pin.revision,
      files: pin.files,
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
  const { revision } = source;
  if (listing === undefined) return await askFiles(client, source, patterns);
  // Before patterns are tried on them: what no system can store takes its time.
  for (const { path } of listing.files) {
    if (path.length > MAX_PATH) checkOutsidePath(path, `the listing of ${source.written}`);
  }
  const files = source.pattern === undefined
    ? chooseModelFiles(source, listing.files, patterns)
    : chooseDataFiles(source, listing.files);
  // Large files may come from another host: one of them tells which.
  const largest = [...files].sort((a, b) => (b.size ?? 0) - (a.size ?? 0))[0]!;
  const head = await headFile(client, source, { revision: listing.commit, path: largest.path });
  if (head === undefined) throw missingFile(source, largest.path, listing);
  return { revision, commit: listing.commit, ...(head.host ? { hosts: [head.host] } : {}), files };
}

function chooseDataFiles(source: HubSource, files: readonly PinnedFile[]): PinnedFile[] {
  const glob = compileGlob(source.pattern!);
  const chosen = files.filter(({ path }) => path === source.pattern || glob.test(path));
  if (chosen.length === 0) throw missingFile(source, source.pattern!, { commit: "", files });
  return chosen.sort((a, b) => naturalCompare(a.path, b.path));
}

function chooseModelFiles(
  source: HubSource,
  files: readonly PinnedFile[],
  patterns: ModelPatterns,
): PinnedFile[] {
  const compiled = (list: readonly string[]): readonly Glob[] =>
    list.map((pattern) =>
      compileGlob(pattern.endsWith("/") ? `${pattern}*` : pattern, { slash: true })
    );
  const allowed = patterns.allowPatterns && compiled(patterns.allowPatterns);
  const ignored = compiled(patterns.ignorePatterns ?? []);
  const single = files.some(({ path }) => path === WEIGHTS);
  const chosen = files.filter(({ path }) => {
    if (ignored.some((glob) => glob.test(path))) return false;
    if (allowed !== undefined) return allowed.some((glob) => glob.test(path));
    if (MODEL_FILES.includes(path)) return true;
    if (path === WEIGHTS) return true;
    return !single && (path === WEIGHTS_INDEX || /^model-\d+-of-\d+\.safetensors$/.test(path));
  });
  if (chosen.length === 0) {
    throw new UserError({
      what: `no file of ${source.written} matches allow_patterns`,
      requirement: `it has ${files.map(({ path }) => path).slice(0, 20).join(", ")}`,
    });
  }
  const has = (test: (path: string) => boolean): boolean => chosen.some(({ path }) => test(path));
  if (allowed === undefined && ignored.length === 0) {
    if (!has((path) => path === "config.json")) {
      throw missingFile(source, "config.json", { commit: "", files });
    }
    if (!has((path) => path.endsWith(".safetensors"))) {
      throw noSafetensors(source, files.map(({ path }) => path));
    }
  }
  return chosen.sort((a, b) => naturalCompare(a.path, b.path));
}

function noSafetensors(source: HubSource, paths: readonly string[]): UserError {
  const others = paths.filter((path) => /\.(?:bin|h5|msgpack|onnx|ckpt|pt|gguf)$/.test(path));
  return new UserError({
    what: `${source.written} has no weights as safetensors${
      others.length === 0 ? "" : `, only ${others.slice(0, 5).join(", ")}`
    }`,
    requirement: `a model needs ${WEIGHTS}, or several with ${WEIGHTS_INDEX}`,
    remedy:
      "choose a revision that has them, or convert the weights; allow_patterns takes other files as they are",
  });
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
  const first = pattern ?? "config.json";
  const named = await headFile(client, source, { revision, path: first });
  if (named === undefined) throw missingFile(source, first);
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
      if (!await head(WEIGHTS_INDEX)) throw noSafetensors(source, []);
      for (const path of await shardNames(client, source, at)) {
        if (!await head(path)) throw missingFile(source, path);
      }
    }
  }
  const hosts = [...new Set(heads.flatMap(({ host }) => host ?? []))];
  return {
    revision,
    ...(pinned === undefined ? {} : { commit: named.commit! }),
    ...(hosts.length === 0 ? {} : { hosts }),
    files: heads.map(({ path, size, id }) => ({
      path,
      ...(size === undefined ? {} : { size }),
      ...(id === undefined ? {} : { id }),
    })),
  };
}

/** The files that the index of sharded weights names. */
async function shardNames(
  client: HubClient,
  source: HubSource,
  revision: string,
): Promise<string[]> {
  const url = fileUrl(client.endpoint, source.repo, { revision, path: WEIGHTS_INDEX });
  const response = await request(url, {
    token: client.token,
    signal: client.signal,
    remedy: hubRemedy(client.endpoint),
    limits: client.limits,
  });
  const limits = limitsWith(client.limits);
  const text = await boundedText(response, { url, limit: limits.listingBytes, limits });
  const map = parseJsonObject(text)?.weight_map;
  if (!response.ok || !isJsonObject(map)) {
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
function readPin(pin: unknown): HubPin | undefined {
  const { files, hosts = [] } = (pin ?? {}) as Partial<HubPin>;
  const fine = Array.isArray(files) && files.length > 0 &&
    files.every((file) => typeof file?.path === "string") &&
    Array.isArray(hosts) && hosts.every((host) => typeof host === "string" && isHost(host));
  return fine ? pin as HubPin : undefined;
}
