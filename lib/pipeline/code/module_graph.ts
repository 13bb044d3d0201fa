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
import { InternalError, type Location, UserError } from "../../base/errors.ts";
import { isSettled, stampOf, type StoreIndex } from "../../store/index.ts";
import { filePath, fileUrl } from "../../base/paths.ts";
import type { DenoInfo, InfoModule } from "./deno_info.ts";
import { withProcessFolder, writeConfig } from "./process_config.ts";

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
  /** Absolute path -> SHA-256 of those that are files of this machine, no downloads; for snapshots. */
  readonly local: Readonly<Record<string, string>>;
  /** Those of `paths` that are imported as JSON or text: read, not run. */
  readonly data: readonly string[];
}

/** Options of {@linkcode moduleGraph}. */
export interface ModuleGraphOptions {
  /** Absolute folder with `deno.json` and `deno.lock`. */
  readonly project: string;
  /** Remembers graphs and digests between processes. */
  readonly index: StoreIndex;
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

const NAMESPACE = "module-graph";

/**
 * The module graph of a stage.
 *
 * @param module Absolute path or `file:` URL of the stage's module.
 * @throws {UserError} With the place of the import where a module is missing or cannot be resolved,
 *   and with the place of the mistake where one cannot be parsed.
 */
export async function moduleGraph(
  module: string,
  options: ModuleGraphOptions,
): Promise<ModuleGraph> {
  const path = module.startsWith("file:") ? filePath(module) : resolve(module);
  const key = JSON.stringify([path, options.project]);
  const remembered = options.index.get(NAMESPACE, key);
  if (isRemembered(remembered)) {
    const watched = await unchanged(remembered.watched, options);
    if (watched !== undefined) {
      if (watched !== remembered.watched) {
        options.index.set(NAMESPACE, key, { ...remembered, watched } satisfies Remembered);
      }
      return remembered.graph;
    }
  }
  const info = await denoInfo(path, options);
  const found = await assemble(info, path, options);
  options.index.set(NAMESPACE, key, { deno: Deno.version.deno, ...found } satisfies Remembered);
  return found.graph;
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

async function denoInfo(path: string, { project, signal }: ModuleGraphOptions): Promise<DenoInfo> {
  const { success, stdout, stderr } = await withProcessFolder(async (folder) => {
    const config = await writeConfig(folder, { project });
    return await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--config", config, fileUrl(path)],
      cwd: project,
      env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
      stdin: "null",
      ...(signal === undefined ? {} : { signal }),
    }).output();
  });
  signal?.throwIfAborted();
  if (!success) {
    throw new UserError({
      what: `cannot find out what ${path} imports: ${new TextDecoder().decode(stderr).trim()}`,
    });
  }
  // A warm run never comes here and need not load the schema library for it.
  const { parseDenoInfo } = await import("./deno_info.ts");
  return parseDenoInfo(new TextDecoder().decode(stdout));
}

async function assemble(
  info: DenoInfo,
  path: string,
  options: ModuleGraphOptions,
): Promise<{ graph: ModuleGraph; watched: WatchedFile[] }> {
  const root = fileUrl(path);
  const label = labeller(options.project, path);
  const files = new Map<string, string>();
  const imports = new Map<string, string>();
  const packages = new Set<string>();
  const data = new Set<string>();
  const locals = new Map<string, string>();
  const watched: WatchedFile[] = [];
  const watchAlso = async (local: string): Promise<WatchedFile> => {
    const file = await watch(local, options.index, options.signal);
    watched.push(file);
    return file;
  };
  await watchAlso(join(options.project, "deno.json"));
  await watchAlso(join(options.project, "deno.lock"));

  for (const { module, importer } of reachable(info, root)) {
    if (module.error !== undefined) throw brokenModule(module, importer, label);
    if (module.npmPackage !== undefined) addPackage(info, module.npmPackage, packages);
    if (module.local === undefined) continue;
    const file = await watchAlso(module.local);
    if (file.digest === "") {
      throw brokenModule({ ...module, error: "no such file" }, importer, label);
    }
    files.set(labelOf(module.specifier, label), file.digest);
    if (module.specifier.startsWith("file:")) locals.set(module.local, file.digest);
    if (module.isData && module.specifier.startsWith("file:")) data.add(module.local);
    for (const { specifier, target } of module.imports) {
      if (target?.startsWith("file:") && !/^(\.{0,2}\/|file:)/.test(specifier)) {
        imports.set(specifier, labelOf(target, label));
      }
    }
  }
  const graph: ModuleGraph = {
    root: label(path),
    files: sortedRecord(files),
    imports: sortedRecord(imports),
    packages: [...packages].sort(),
    paths: watched.slice(2).map((file) => file.path).sort(),
    data: [...data].sort(),
    local: sortedRecord(locals),
  };
  return { graph, watched };
}

/** An import that leads to a module. */
interface Importer {
  readonly module: InfoModule;
  /** Which of its imports. */
  readonly index: number;
}

/** The modules that run, from the root on, each with the first import that led to it. */
function* reachable(
  info: DenoInfo,
  root: string,
): Generator<{ module: InfoModule; importer: Importer | undefined }> {
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
    yield { module, importer };
    for (const [index, edge] of module.imports.entries()) {
      if (edge.target === undefined) {
        const error = edge.error ?? "it cannot be resolved";
        yield {
          module: { specifier: edge.specifier, imports: [], error },
          importer: { module, index },
        };
      } else queue.push({ specifier: edge.target, importer: { module, index } });
    }
  }
}

function addPackage(info: DenoInfo, id: string, packages: Set<string>): void {
  const queue = [id];
  const seen = new Set<string>();
  for (const next of queue) {
    if (seen.has(next)) continue;
    seen.add(next);
    const found = info.packages.get(next);
    if (found === undefined) throw new InternalError(`deno info names no package ${next}`);
    packages.add(`${found.name}@${found.version}`);
    queue.push(...found.dependencies);
  }
}

function brokenModule(
  module: InfoModule,
  importer: Importer | undefined,
  label: (path: string) => string,
): UserError {
  const error = module.error ?? "";
  // The parser tells the place in the module itself: "... at file:///a/b.ts:1:14".
  const parsed = /\bat (file:\S+):(\d+):(\d+)\s*$/.exec(error);
  if (parsed !== null) {
    const [, url = "", line, column] = parsed;
    const sentence = error.split("\n")[0] ?? error;
    return new UserError({
      what: `cannot read the module: ${sentence}`,
      at: placeIn(url, Number(line), Number(column), undefined, label),
    });
  }
  const sentence = error.replaceAll(/file:\/\/[^\s"']+/g, (url) => labelOf(url, label))
    .replace(/\.\s*$/, "");
  if (importer === undefined) {
    return new UserError({ what: `cannot load ${labelOf(module.specifier, label)}: ${sentence}` });
  }
  const edge = importer.module.imports[importer.index]!;
  return new UserError({
    what: `cannot import "${edge.specifier}": ${sentence}`,
    requirement: "a stage's imports must be files that exist, names of the import map in " +
      "deno.json, or `npm:` and `node:` modules",
    at: edge.span === undefined ? undefined : placeIn(
      importer.module.specifier,
      edge.span.line,
      edge.span.column,
      edge.span.length,
      label,
    ),
  });
}

function placeIn(
  url: string,
  line: number,
  column: number,
  length: number | undefined,
  label: (path: string) => string,
): Location {
  let text: string | undefined;
  try {
    text = Deno.readTextFileSync(new URL(url)).split(/\r?\n/)[line - 1];
  } catch {
    // Remote, or gone by now: the place alone has to do.
  }
  return {
    file: labelOf(url, label),
    line,
    column,
    ...(length === undefined ? {} : { length }),
    ...(text === undefined ? {} : { text }),
  };
}

function labelOf(specifier: string, label: (path: string) => string): string {
  return specifier.startsWith("file:") ? label(filePath(specifier)) : specifier;
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
