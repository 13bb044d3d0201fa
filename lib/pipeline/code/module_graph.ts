/**
 * The module graph of a stage: every local file and every package that its code consists of.
 *
 * `deno info --json` resolves it; nothing is executed. Followed are the imports that exist when the
 * code runs: static, dynamic with a literal path, JSON and text. Left out: `import type`, which is
 * erased, and paths computed at run time, which nobody can know.
 *
 * A subprocess per stage would be most of a warm run, so a graph is remembered with the stamps of
 * its files and believed for as long as those, `deno.json` and `deno.lock` stay what they were.
 *
 * @module
 */
import { dirname, join, relative, resolve, sep } from "node:path";
import { InternalError, UserError } from "../../base/errors.ts";
import { isSettled, stampOf, type StoreIndex } from "../../store/index.ts";
import { filePath, fileUrl } from "../../base/paths.ts";
import { denoInfo, type Resolved } from "./ask_deno.ts";
import { type CodeLock, codeLock } from "./code_lock.ts";
import { type Confinement, NAMES, refusalOf } from "./confinement.ts";
import type { DenoInfo } from "./deno_info.ts";
import {
  brokenModule,
  type Importer,
  labelOf,
  placeOf,
  type ReachedModule,
} from "./module_error.ts";

/** What a stage's code consists of. */
export interface ModuleGraph {
  /** Label of the stage's own module. */
  readonly root: string;
  /**
   * Label -> SHA-256 of the file. Labels of files in the project count from it
   * (`lib/decoding/strategies/draws.ts`); others begin with `./` or `../` and count from the root module;
   * remote modules have their URL.
   */
  readonly files: Readonly<Record<string, string>>;
  /** Names of the import map that lead to files -> label: `temper` -> `lib/pipeline/mod.ts`. */
  readonly imports: Readonly<Record<string, string>>;
  /** `name@version` of every npm package, also those that packages need, sorted. */
  readonly packages: readonly string[];
  /** Absolute paths of the files, sorted; for permissions, not part of any key. */
  readonly paths: readonly string[];
  /**
   * Absolute path -> SHA-256 of those that are files of this machine, no downloads, and of `deno.json` and
   * `deno.lock`; for snapshots.
   */
  readonly local: Readonly<Record<string, string>>;
  /** Those of `paths` that are imported as JSON, text or WebAssembly: data. */
  readonly data: readonly string[];
  /** What a process needs to load it on this machine, not part of any key. */
  readonly loading: Loading;
}

/** How the code of a graph is found on this machine. */
export interface Loading {
  /** Names of all modules as imports resolve to them, and as they are called after redirects. */
  readonly urls: readonly string[];
  readonly lock: CodeLock;
  /** Absolute folders of its packages. */
  readonly packages: readonly string[];
  /** Package -> where it comes from. */
  readonly registries: Readonly<Record<string, string>>;
}

/** A graph as far as it can be followed. */
export interface FollowedGraph {
  readonly graph: ModuleGraph;
  /** Why an import leads nowhere, the first of them. */
  readonly broken?: UserError | undefined;
}

/** Options of {@linkcode moduleGraph}. */
export interface ModuleGraphOptions {
  /** Absolute folder with `deno.json` and `deno.lock`. */
  readonly project: string;
  /** Remembers graphs and digests between processes. */
  readonly index: StoreIndex;
  /** Where modules may lie; anywhere for code that is Temper's own. */
  readonly confinement?: Confinement | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A remembered graph. `watched` are its files, `deno.json` and `deno.lock`. */
interface Remembered {
  readonly deno: string;
  readonly graph: ModuleGraph;
  readonly watched: readonly WatchedFile[];
}

interface WatchedFile {
  readonly path: string;
  /** Empty where there was no file, or where it was too fresh to believe its stamp. */
  readonly stamp: string;
  /** SHA-256; empty where there was no file. */
  readonly digest: string;
}

/** Raised when a graph gets other members: what an earlier version remembered is not it. */
const NAMESPACE = "module-graph-2";
/** Somebody who saves without a pause is told so when the copies are made. */
const MOST_ATTEMPTS = 5;

/**
 * The module graph of a stage.
 *
 * @param module Absolute path or `file:` URL of the stage's module.
 * @throws {UserError} With the place of the import where a module is missing or cannot be resolved,
 *   or lies where it may not, and with the place of the mistake where one cannot be parsed.
 */
export async function moduleGraph(
  module: string,
  options: ModuleGraphOptions,
): Promise<ModuleGraph> {
  const { graph, broken } = await followedGraph(module, options);
  if (broken !== undefined) throw broken;
  return graph;
}

/**
 * The module graph of a stage as far as it can be followed, for saying what is wrong with it.
 *
 * @throws {UserError} Where a module lies where it may not.
 */
export async function followedGraph(
  module: string,
  options: ModuleGraphOptions,
): Promise<FollowedGraph> {
  const path = module.startsWith("file:") ? filePath(module) : resolve(module);
  const key = JSON.stringify([path, options.project, options.confinement ?? null]);
  const remembered = options.index.get(NAMESPACE, key);
  if (isRemembered(remembered)) {
    const watched = await unchanged(remembered.watched, options);
    if (watched !== undefined) {
      if (watched !== remembered.watched) {
        options.index.set(NAMESPACE, key, { ...remembered, watched } satisfies Remembered);
      }
      return { graph: remembered.graph };
    }
  }
  const { broken, ...found } = await followed(path, options);
  if (broken !== undefined) return { graph: found.graph, broken };
  options.index.set(
    NAMESPACE,
    key,
    { deno: Deno.version.deno, ...found } satisfies Remembered,
  );
  return found;
}

type Assembled = Awaited<ReturnType<typeof assemble>>;

/**
 * Asks Deno what a module imports, again where a file was saved meanwhile: what it said may be of the
 * text before, and the digests of the text after.
 */
async function followed(path: string, options: ModuleGraphOptions): Promise<Assembled> {
  let before: Assembled | undefined;
  for (let attempt = 0;; attempt++) {
    const began = Date.now();
    const found = await assemble(await denoInfo(path, options), path, options);
    const isSteady = before !== undefined &&
      before.watched.every(({ digest }, i) => found.watched[i]?.digest === digest);
    const isUntouched = found.watched.every((file) => (stampOf(file.path)?.changed ?? 0) < began);
    if (isSteady || isUntouched || attempt === MOST_ATTEMPTS) return found;
    before = found;
  }
}

/** The watched files with fresh stamps if no content changed (the same array if no stamp did). */
async function unchanged(
  watched: readonly WatchedFile[],
  { index, signal }: ModuleGraphOptions,
): Promise<readonly WatchedFile[] | undefined> {
  let fresh: WatchedFile[] | undefined;
  for (const [i, file] of watched.entries()) {
    const stamp = index.verify ? undefined : stampOf(file.path);
    if (stamp === undefined ? file.digest === "" : stamp.text === file.stamp) continue;
    const now = await watch(file.path, index, signal);
    if (now.digest !== file.digest) return undefined;
    if (now.stamp === file.stamp) continue;
    fresh ??= [...watched];
    fresh[i] = now;
  }
  return fresh ?? watched;
}

async function watch(
  path: string,
  index: StoreIndex,
  signal: AbortSignal | undefined,
): Promise<WatchedFile> {
  const began = Date.now();
  const stamp = stampOf(path);
  if (stamp === undefined) return { path, stamp: "", digest: "" };
  const digest = await index.digestFile(path, signal);
  return { path, stamp: isSettled(stamp, began) ? stamp.text : "", digest };
}

async function assemble(
  { info, lock }: Resolved,
  path: string,
  options: ModuleGraphOptions,
): Promise<{ graph: ModuleGraph; watched: WatchedFile[]; broken?: UserError }> {
  const { confinement } = options;
  const root = fileUrl(path);
  const label = labeller(options.project, path);
  const files = new Map<string, string>();
  const imports = new Map<string, string>();
  const packages = new Set<string>();
  const data = new Set<string>();
  const locals = new Map<string, string>();
  const urls = new Set<string>([root]);
  const watched: WatchedFile[] = [];
  let broken: UserError | undefined;
  const watchAlso = async (local: string): Promise<WatchedFile> => {
    const file = await watch(local, options.index, options.signal);
    watched.push(file);
    return file;
  };
  // What names lead to, and versions, are of the code: a process that runs a copy of it needs these as well.
  for (const name of ["deno.json", "deno.lock"]) {
    const { path, digest } = await watchAlso(join(options.project, name));
    if (digest !== "") locals.set(path, digest);
  }

  const own = confinement === undefined ? new Set<string>() : temperModules(info, root);
  for (const { module, importer, asked } of reachable(info, root)) {
    const { specifier } = module;
    // Before anything else is said of it: what could not be parsed is told with a piece of it.
    if (confinement !== undefined && !own.has(specifier)) {
      const refusal = await refusalOf(module, confinement);
      if (refusal !== undefined) throw outside(refusal, importer, label);
    }
    if (/^(file|https?):/.test(specifier)) urls.add(specifier).add(asked);
    if (module.error !== undefined) {
      broken ??= brokenModule(module, importer, label);
      continue;
    }
    if (module.npmPackage !== undefined) addPackage(info, module.npmPackage, packages);
    if (module.local === undefined) continue;
    const file = await watchAlso(module.local);
    if (file.digest === "") {
      broken ??= brokenModule({ ...module, error: "no such file" }, importer, label);
      continue;
    }
    files.set(labelOf(specifier, label), file.digest);
    if (specifier.startsWith("file:")) locals.set(module.local, file.digest);
    if (module.isData && specifier.startsWith("file:")) data.add(module.local);
    for (const { specifier, target } of module.imports) {
      if (target?.startsWith("file:") && !/^(\.{0,2}\/|file:)/.test(specifier)) {
        imports.set(specifier, labelOf(target, label));
      }
    }
  }
  const found = [...packages].map((id) => info.packages.get(id)!);
  const graph: ModuleGraph = {
    root: label(path),
    files: sortedRecord(files),
    imports: sortedRecord(imports),
    packages: [...new Set(found.map(({ name, version }) => `${name}@${version}`))].sort(),
    paths: watched.slice(2).map((file) => file.path).sort(),
    data: [...data].sort(),
    local: sortedRecord(locals),
    loading: {
      urls: [...urls].sort(),
      lock: codeLock(lock, packages),
      packages: found.flatMap(({ localPath }) => localPath ?? []).sort(),
      registries: Object.fromEntries(
        found.flatMap(({ name, registryUrl }) =>
          registryUrl === undefined ? [] : [[name, registryUrl]]
        ),
      ),
    },
  };
  return { graph, watched, ...(broken === undefined ? {} : { broken }) };
}

/** The modules that run, from the root on, each with the first import that led to it. */
function* reachable(info: DenoInfo, root: string): Generator<ReachedModule> {
  const queue: { specifier: string; importer: Importer | undefined }[] = [
    { specifier: root, importer: undefined },
  ];
  const seen = new Set<string>();
  for (const { specifier, importer } of queue) {
    const target = info.redirects.get(specifier) ?? specifier;
    if (seen.has(target)) continue;
    seen.add(target);
    const module = info.modules.get(target) ??
      { specifier: target, imports: [], error: `deno does not list ${target}` };
    yield { module, importer, asked: specifier };
    for (const [index, edge] of module.imports.entries()) {
      if (edge.target === undefined) {
        const error = edge.error ?? "it cannot be resolved";
        yield {
          module: { specifier: edge.specifier, imports: [], error },
          importer: { module, index },
          asked: edge.specifier,
        };
      } else queue.push({ specifier: edge.target, importer: { module, index } });
    }
  }
}

/** Temper's modules: what stages' authors reach by name, and all that those import. */
function temperModules(info: DenoInfo, root: string): Set<string> {
  const found = new Set<string>();
  for (const { module } of reachable(info, root)) {
    for (const { specifier, target } of module.imports) {
      if (!NAMES.includes(specifier) || target === undefined || found.has(target)) continue;
      for (const { module } of reachable(info, target)) found.add(module.specifier);
    }
  }
  return found;
}

function outside(
  { what, ...rest }: UserError["parts"],
  importer: Importer | undefined,
  label: (path: string) => string,
): UserError {
  if (importer === undefined) return new UserError({ what, ...rest });
  const at = placeOf(importer, label);
  const { specifier } = importer.module.imports[importer.index]!;
  return new UserError({
    what: `cannot import "${specifier}": ${what}`,
    ...rest,
    ...(at === undefined ? {} : { at }),
  });
}

function addPackage(info: DenoInfo, id: string, packages: Set<string>): void {
  const queue = [id];
  for (const next of queue) {
    if (packages.has(next)) continue;
    const found = info.packages.get(next);
    if (found === undefined) throw new InternalError(`deno info names no package ${next}`);
    packages.add(next);
    queue.push(...found.dependencies);
  }
}

/** Names files by where they are to the project, or else to the root module, never by the machine. */
function labeller(project: string, root: string): (path: string) => string {
  const inside = resolve(project) + sep;
  return (path) => {
    if (path.startsWith(inside)) return path.slice(inside.length).replaceAll("\\", "/");
    const local = relative(dirname(root), path).replaceAll("\\", "/");
    return local.startsWith("../") ? local : `./${local}`;
  };
}

function sortedRecord(map: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The index checks its rows' content; what is left to tell is another version's shape. */
function isRemembered(value: unknown): value is Remembered {
  return typeof value === "object" && value !== null && "graph" in value && "watched" in value &&
    typeof value.graph === "object" && value.graph !== null && "local" in value.graph &&
    "deno" in value && value.deno === Deno.version.deno;
}
