/**
 * Where the modules of an own stage may lie.
 *
 * Deno asks for no permission where an import names its file literally, and it says what it could not
 * parse, so without this any file of the machine would be a line of code away. Two walls stand in the
 * way. The import map of every process that meets such a stage leads all other files to a place where
 * nothing is ({@linkcode confinedImports}), so they are not even opened. And the real paths of what a
 * graph consists of are compared with the folders ({@linkcode refuseOutside}), since a symbolic link
 * in a project has a name there and its content elsewhere.
 *
 * Temper's own modules are reached by the names of the import map alone.
 *
 * @module
 */
import { dirname, extname, join, resolve } from "node:path";
import type { UserError } from "../../base/errors.ts";
import { filePath, fileUrl, isWithin } from "../../base/paths.ts";

/** What an own stage's code may consist of. */
export interface Confinement {
  /** Absolute folder of the user's project. */
  readonly folder: string;
  /** Absolute paths of files and folders that the pipeline grants to read. */
  readonly granted: readonly string[];
}

/** The names by which authors of stages import Temper. */
export const NAMES: readonly string[] = ["temper", "temper/data"];

/** What makes a folder the project of the pipelines below it. */
const MARKERS = ["deno.json", "deno.jsonc", "package.json", ".git"];

/** Endings of files that are code. What has another one is no module, whatever is in it. */
const CODE = /^\.([cm]?[jt]s|[jt]sx)$/;

/** Where the import map leads what may not be imported. Nothing is there; the rest of the path tells what was meant. */
const DENIED = "file:///temper-denied/";

/** Where the import map leads the one module of Node.js that goes past permissions (`sandbox/confine.ts`). */
const SQLITE = `${DENIED}node:sqlite`;

/**
 * The folder of a user's project: the nearest above the pipeline with a `deno.json`, `package.json`
 * or `.git`, else the pipeline's own.
 *
 * @param baseDir Absolute folder of the pipeline file.
 */
export async function projectFolder(baseDir: string): Promise<string> {
  for (let folder = resolve(baseDir);; folder = dirname(folder)) {
    const found = await Promise.all(MARKERS.map((name) => isThere(join(folder, name))));
    if (found.includes(true)) return folder;
    if (dirname(folder) === folder) return resolve(baseDir);
  }
}

/**
 * Where the modules of a stage may lie.
 *
 * @param baseDir Absolute folder of the pipeline file.
 * @param granted `permissions.read` of the pipeline; counts from `baseDir`.
 */
export async function confinementOf(
  baseDir: string,
  granted: readonly string[] = [],
): Promise<Confinement> {
  const paths = granted.map((path) => resolve(baseDir, path));
  return { folder: await projectFolder(baseDir), granted: [...new Set(paths)].sort() };
}

/**
 * Entries of an import map that let through what is listed and no other file or address.
 *
 * @param allowed `urls`: modules by name, any address where absent; `within`: paths of files, and of
 *   folders with all in them.
 */
export function confinedImports(
  allowed: { readonly urls?: readonly string[]; readonly within?: readonly string[] },
): Record<string, string> {
  const { urls, within = [] } = allowed;
  const same = [...urls ?? [], ...within.map(fileUrl), ...within.map((path) => `${fileUrl(path)}/`)]
    // The root's URL ends in a slash of its own.
    .map((url) => url.replace(/\/+$/, "/"));
  return {
    "node:sqlite": SQLITE,
    sqlite: SQLITE,
    "file:///": DENIED,
    ...(urls === undefined ? {} : { "http://": `${DENIED}http/`, "https://": `${DENIED}https/` }),
    ...Object.fromEntries(same.map((url) => [url, url])),
  };
}

/**
 * The name by which `sandbox/confine.ts` imports a module of Node.js to see that it is closed, in processes of
 * {@linkcode CLOSED}: its own leads nowhere there.
 */
export function confinedName(module: string): string {
  return `confined:${module}`;
}

/** Entries of an import map for a process in which these modules are closed (`sandbox/confine.ts`). */
export const CLOSED: Readonly<Record<string, string>> = {
  "node:worker_threads": `${DENIED}node:worker_threads`,
  worker_threads: `${DENIED}node:worker_threads`,
  ...Object.fromEntries(
    ["node:sqlite", "node:worker_threads", "node:fs"].map((
      module,
    ) => [confinedName(module), module]),
  ),
};

/** A text in which modules that were led away have their own names again. */
export function withoutDetour(text: string): string {
  return text.replaceAll(`${DENIED}node:`, "node:").replaceAll(
    /\/temper-denied\/(https?)\//g,
    "$1://",
  ).replaceAll(
    "/temper-denied/",
    "/",
  );
}

/** A module that a stage's code names. */
export interface NamedModule {
  /** As Deno resolved it. */
  readonly specifier: string;
  /** True where it is JSON, text or WebAssembly: data, which needs a grant of its own. */
  readonly isData?: boolean | undefined;
}

/**
 * Why a module may not be part of an own stage, with what helps.
 *
 * @returns undefined where it may.
 */
export async function refusalOf(
  { specifier, isData }: NamedModule,
  { folder, granted }: Confinement,
): Promise<UserError["parts"] | undefined> {
  if (!specifier.startsWith("file:")) return undefined;
  if (specifier === SQLITE) {
    return {
      what: '"node:sqlite" is denied to stages of one\'s own',
      requirement:
        "SQLite opens and removes files that a database names, and asks for no permission",
      remedy: "keep data in files of JSON, or of rows by temper/data",
    };
  }
  const path = pathOf(withoutDetour(specifier));
  if (path === undefined) {
    return {
      what: `"${specifier}" is no path: denied (permission: read)`,
      requirement:
        "the name of a module has no escaped separators (%2f, %5c), and names no other machine",
      remedy: "write the path as it is",
    };
  }
  const real = await realPath(path);
  const isIn = async (place: string): Promise<boolean> =>
    isWithin(await realPath(place) ?? place, real ?? path);
  const isGranted = (await Promise.all(granted.map(isIn))).includes(true);
  const isOutside = specifier.startsWith(DENIED) || !(await isIn(folder));
  if (!isGranted && isOutside) {
    return {
      what: `the file "${path}" ${
        real === undefined || real === path ? "" : `is "${real}" and `
      }lies outside of the project's folder: denied (permission: read)`,
      requirement:
        `the modules of an own stage lie in ${folder}, or are granted, or are "temper" and "temper/data"`,
      remedy: `move it below ${folder}, or grant it in the pipeline: permissions: { read: [${
        JSON.stringify(real ?? path)
      }] }`,
    };
  }
  if (isData || [path, real ?? path].every((each) => CODE.test(extname(each)))) return undefined;
  return {
    what: `the file "${path}" is no module: denied (permission: read)`,
    requirement: "a module's name ends in .ts, .mts, .cts, .tsx, .js, .mjs, .cjs or .jsx",
    remedy:
      'rename it, or read it as data: import it with { type: "text" } or "json", and grant it in the pipeline: ' +
      `permissions: { read: [${JSON.stringify(path)}] }`,
  };
}

function pathOf(url: string): string | undefined {
  try {
    return filePath(url);
  } catch {
    return undefined;
  }
}

async function realPath(path: string): Promise<string | undefined> {
  return await Deno.realPath(path).catch(() => undefined);
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
