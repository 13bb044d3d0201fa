/**
 * The configuration of a Deno process that the runner starts: a `deno.json` and a copy of `deno.lock` in a
 * folder of their own.
 *
 * A copy, because Deno writes packages that are new to it into the lock file it finds, and what an own
 * stage imports is none of the project's. Permissions stand in the file rather than in flags, because a
 * flag's list is cut at commas and data files have commas in their names.
 *
 * @module
 */
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../../base/errors.ts";
import { filePath, fileUrl } from "../../base/paths.ts";
import { guarded, snapshotPath } from "../../store/mod.ts";
import { type CodeLock, lockText } from "./code_lock.ts";
import { CLOSED, confinedImports, type Confinement } from "./confinement.ts";

/** A permission set as `deno.json` spells it. Lists, never `true`, except for `ffi` of an own stage that may load any library. */
export interface Grants {
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly net: readonly string[];
  readonly env: readonly string[];
  readonly ffi: true | readonly string[];
  /** Hosts whose modules it may import, beside npm's. */
  readonly import: readonly string[];
}

/** The folder of Temper's own modules. */
export const TEMPER: string = resolve(import.meta.dirname!, "../..");

/** Name of the permission set: `deno run -P=stage`. */
export const PERMISSION_SET = "stage";

/** The code that a process may load, and nothing else. */
export interface LoadableCode {
  /** `file:` URL of what the process is started with: it, too, is looked up in the import map. */
  readonly entry: string;
  /** Modules by name: `file:` and `https:` URLs, as they are called where there is no snapshot. */
  readonly urls: readonly string[];
  readonly locks: readonly CodeLock[];
  /** Where packages come from, by their names; for Deno to look for them where it put them. */
  readonly registries: Readonly<Record<string, string>>;
}

/**
 * Writes the configuration.
 *
 * @param folder Where to; it exists.
 * @param options `project`: folder with the `deno.json` whose import map counts; `grants`: what
 *   `-P=stage` allows, nothing where absent; `confinement`: the only files that are opened, beside the
 *   project's own; `root`: the snapshot in which the project's files lie, where that is not their own
 *   place.
 * @returns Deno's arguments.
 */
export async function writeConfig(
  folder: string,
  { project, grants = {}, confinement, root }: {
    readonly project: string;
    readonly grants?: Partial<Grants>;
    readonly confinement?: Confinement | undefined;
    readonly root?: string | undefined;
  },
): Promise<string[]> {
  const path = join(folder, "deno.json");
  const { imports, allowScripts } = await configOf(project, root);
  const walls = confinement === undefined
    ? undefined
    : confinedImports({ within: [project, TEMPER, confinement.folder, ...confinement.granted] });
  // Beside a map in `deno.json` Deno asks that of the folders whose names are in it, too, and the user's may say
  // that another module is "temper".
  const map = join(folder, "import_map.json");
  const config = {
    ...(walls === undefined ? { imports } : {}),
    nodeModulesDir: "none",
    allowScripts,
    permissions: { [PERMISSION_SET]: grants },
  };
  await guarded({ doing: "write what a process is started with", path: folder }, () =>
    Promise.all([
      Deno.writeTextFile(path, JSON.stringify(config, undefined, 2)),
      walls && Deno.writeTextFile(map, JSON.stringify({ imports: { ...imports, ...walls } })),
      Deno.copyFile(placeIn(root, join(project, "deno.lock")), join(folder, "deno.lock")).catch(
        (error) => {
          if (!(error instanceof Deno.errors.NotFound)) throw error;
        },
      ),
    ]));
  return [...walls === undefined ? [] : ["--import-map", map], "--config", path];
}

/** Where a file lies in a snapshot; in its own place where there is none. */
function placeIn(root: string | undefined, path: string): string {
  return root === undefined ? path : snapshotPath(root, path);
}

/** Where a module lies in a snapshot; in its own place where there is none, or where it is no file. */
export function snapshotUrl(url: string, root: string | undefined): string {
  return root === undefined || !url.startsWith("file:")
    ? url
    : fileUrl(snapshotPath(root, filePath(url)));
}

/**
 * Writes the configuration of a process that may load some code and nothing else: no other file,
 * address or package, not by a name that is computed either. It asks no registry for anything.
 *
 * The import map is a file of its own, because Deno expects all packages of one that stands in
 * `deno.json` in the lock.
 *
 * @param folder Where to; it exists.
 * @returns Deno's arguments.
 */
export async function writeLockedConfig(
  folder: string,
  { project, grants, code, root }: {
    readonly project: string;
    readonly grants: Grants;
    readonly code: LoadableCode;
    readonly root?: string | undefined;
  },
): Promise<string[]> {
  const { imports, allowScripts } = await configOf(project, root);
  const config = join(folder, "deno.json");
  const map = join(folder, "import_map.json");
  const copies = code.urls.map((url): [string, string] => [url, snapshotUrl(url, root)]);
  const walls = confinedImports({
    urls: [code.entry, ...copies.map(([, copy]) => copy)],
    within: grants.read,
  });
  // An import may name a file by its whole address, which is that of the original.
  const led = { ...imports, ...walls, ...CLOSED, ...Object.fromEntries(copies) };
  await guarded({ doing: "write what a process is started with", path: folder }, () =>
    Promise.all([
      Deno.writeTextFile(map, JSON.stringify({ imports: led })),
      Deno.writeTextFile(
        config,
        JSON.stringify({
          nodeModulesDir: "none",
          allowScripts,
          lock: { path: "./deno.lock", frozen: true },
          permissions: { [PERMISSION_SET]: grants },
        }),
      ),
      Deno.writeTextFile(join(folder, "deno.lock"), lockText(code.locks)),
      Deno.writeTextFile(join(folder, ".npmrc"), npmrc(code.registries)),
    ]));
  // What one stage leaves in a cache of code, others would run.
  return ["--cached-only", "--no-code-cache", "--import-map", map, "--config", config];
}

/** Which registry each scope has; without anybody's name or token, since nothing is asked there. */
function npmrc(registries: Readonly<Record<string, string>>): string {
  const lines = Object.entries(registries).map(([name, registry]) => {
    const url = new URL(registry);
    url.username = url.password = "";
    const scope = /^(@[^/]+)\//.exec(name)?.[1];
    return `${scope === undefined ? "" : `${scope}:`}registry=${url.href}`;
  });
  return [...new Set(lines), ""].join("\n");
}

async function configOf(project: string, root: string | undefined): Promise<{
  readonly imports: Readonly<Record<string, string>>;
  readonly allowScripts?: unknown;
}> {
  const source = join(project, "deno.json");
  const { imports = {}, allowScripts } = JSON.parse(
    await Deno.readTextFile(placeIn(root, source)),
  ) as {
    readonly imports?: Readonly<Record<string, string>>;
    readonly allowScripts?: unknown;
  };
  const base = fileUrl(source);
  const absolute = Object.entries(imports).map(([name, target]) => [
    name,
    /^\.{0,2}\//.test(target) ? snapshotUrl(new URL(target, base).href, root) : target,
  ]);
  return { imports: Object.fromEntries(absolute), allowScripts };
}

const PREFIX = "temper-process-";

/** No process that is asked for a graph or a description takes this long. */
const FORGOTTEN_AFTER_MS = 24 * 3600 * 1000;

/**
 * Calls `use` with a temporary folder for the configuration of processes that belong to no run.
 *
 * The folder goes when `use` is done. What a kill left of earlier ones goes with it, since a killed
 * process cannot do it.
 */
export async function withProcessFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await guarded(
    { doing: "make a temporary folder", path: tmpdir() },
    () => Deno.makeTempDir({ prefix: PREFIX }).catch(refuseMissing),
  );
  // By the clock of the disk: this process's may have been set since others made their folders.
  const now = await changeOf(folder);
  try {
    return await use(folder);
  } finally {
    await removeQuietly(folder);
    await removeForgotten(dirname(folder), now);
  }
}

/** The folder is what the environment says, whether there is one or not. */
function refuseMissing(error: unknown): never {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
  throw new UserError({
    what: `there is no folder ${tmpdir()}, where temporary files are to be`,
    remedy: "make it, or have TMPDIR name one that is there",
    cause: error,
  });
}

async function removeForgotten(folder: string, now: number): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.startsWith(PREFIX)) continue;
    const path = join(folder, name);
    if (now - await changeOf(path) > FORGOTTEN_AFTER_MS) await removeQuietly(path);
  }
}

/** When a folder last changed, in milliseconds since 1970; never, where nobody can say. */
async function changeOf(path: string): Promise<number> {
  return (await Deno.lstat(path).catch(() => undefined))?.mtime?.getTime() ?? Infinity;
}

/** Another process may have been faster, or it is another user's: neither is a reason to stop. */
async function removeQuietly(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch(() => {});
}
