/**
 * Files on this machine, named one by one or by a pattern, relative to the pipeline's folder or, where
 * that has none, to the folder that the user is in.
 *
 * @module
 */
import { basename, dirname, isAbsolute, resolve, sep } from "node:path";
import { nearest, UserError } from "../../base/errors.ts";
import { expandGlob, isGlob, naturalCompare } from "../../base/glob.ts";
import { isSystemPath, SYSTEM_WORDS } from "../../base/paths.ts";
import type { Resolution, ResolveSettings } from "./resolved.ts";
import type { FileSource } from "./source.ts";

/**
 * Finds the files of a source and their digests.
 *
 * @throws {UserError} Where there is none, with what is there instead.
 */
export async function resolveFiles(
  source: FileSource,
  settings: ResolveSettings,
): Promise<Resolution> {
  const { folder, paths } = await findFiles(source, foldersOf(source, settings.baseDir));
  const digests = new Map<string, string>();
  const files: { path: string; name: string }[] = [];
  for (const path of paths) {
    settings.signal.throwIfAborted();
    // Readers tell formats by names, and of a pattern only the key tells which files it matched.
    const name = path === resolve(folder, source.pattern) ? "sha256" : shownName(path, folder);
    digests.set(name, await settings.digestFile(path));
    files.push({ path, name: shownName(path, folder) });
  }
  return { key: Object.fromEntries(digests), data: { type: "file", files }, read: paths };
}

/** Where relative paths count from: the pipeline's folder, then the one that the user is in. */
function foldersOf({ pattern }: FileSource, baseDir: string): string[] {
  return isAbsolute(pattern) ? [baseDir] : [...new Set([resolve(baseDir), Deno.cwd()])];
}

/** The files in the first folder that has any, and that folder. */
async function findFiles(
  source: FileSource,
  folders: readonly string[],
): Promise<{ folder: string; paths: string[] }> {
  const { pattern } = source;
  for (const folder of folders) {
    const exact = resolve(folder, pattern);
    if (isSystemPath(exact)) throw noData(pattern, `it lies ${SYSTEM_WORDS}`);
    const info = await Deno.stat(exact).catch(async (error) => {
      // A pattern is no name: what it reads like may be anything.
      if (!isGlob(pattern)) await refuseLink(pattern, { path: exact, error });
    });
    if (info?.isFile) {
      // Deno tells what a link leads to, and lets nobody read it.
      if (isSystemPath(await Deno.realPath(exact))) {
        throw noData(pattern, `it lies ${SYSTEM_WORDS}`);
      }
      return { folder, paths: [exact] };
    }
    if (info !== undefined && !info.isDirectory) {
      throw noData(pattern, "it is a pipe, a socket or a device");
    }
    if (info?.isDirectory) {
      throw new UserError({
        what: `${pattern} is a folder`,
        requirement: "a source names files",
        remedy: `name them with a pattern: ${pattern.replace(/\/$/, "")}/*.txt`,
      });
    }
    const paths = isGlob(pattern) ? await expand(pattern, folder) : [];
    if (paths.length > 0) return { folder, paths };
  }
  if (!isGlob(pattern)) throw await missing(source, folders);
  throw new UserError({
    what: `no file matches ${pattern}`,
    requirement: `patterns ${countFrom(folders)}`,
  });
}

function noData(pattern: string, why: string, cause?: unknown): UserError {
  return new UserError({
    what: `${pattern} is no data: ${why}`,
    requirement: "a source names files",
    remedy: "write what is meant into a file, and name that",
    cause,
  });
}

/** Refuses what is there and leads to no file that can be read. */
async function refuseLink(
  pattern: string,
  { path, error }: { path: string; error: unknown },
): Promise<void> {
  // A link into the system's own folders.
  if (error instanceof Deno.errors.NotCapable) {
    throw noData(pattern, `it lies ${SYSTEM_WORDS}`, error);
  }
  const isLink = await Deno.lstat(path).then((info) => info.isSymlink, () => false);
  const loops = error instanceof Deno.errors.FilesystemLoop;
  if (!loops && !isLink) return;
  throw new UserError({
    what: `${pattern} is a link that leads ${loops ? "back to itself" : "nowhere"}`,
    requirement: "a source names files",
    remedy: "name the file itself, or mend the link",
    cause: error,
  });
}

function countFrom([own, calling]: readonly string[]): string {
  return `count from the folder of the pipeline, ${own}` +
    (calling === undefined ? "" : `, or from the one that you are in, ${calling}`);
}

async function expand(pattern: string, baseDir: string): Promise<string[]> {
  const parts = pattern.split("/");
  const fixed = parts.slice(0, parts.findIndex(isGlob)).join("/");
  const root = isAbsolute(pattern) ? fixed || "/" : resolve(baseDir, fixed);
  const rest = pattern.slice(fixed === "" && !isAbsolute(pattern) ? 0 : fixed.length + 1);
  try {
    const paths = (await expandGlob(root, rest)).map((path) => resolve(root, path));
    await refuseWaysOut(paths, { pattern, roots: [root, baseDir] });
    return paths;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    if (error instanceof UserError) throw error;
    throw new UserError({
      what: `cannot look for ${pattern}: ${(error as Error).message}`,
      cause: error,
    });
  }
}

/**
 * Refuses files that a pattern found and that are links to elsewhere: in a folder that came from somebody
 * else, `data/x.txt` may be a link to a key. Who names a file itself means it, wherever it leads.
 */
async function refuseWaysOut(
  paths: readonly string[],
  { pattern, roots }: { pattern: string; roots: readonly string[] },
): Promise<void> {
  const real = await Promise.all(roots.map((root) => Deno.realPath(root)));
  for (const path of paths) {
    const target = await Deno.realPath(path);
    if (real.some((root) => target.startsWith(root.endsWith(sep) ? root : root + sep))) continue;
    throw new UserError({
      what:
        `the pattern ${pattern} matches ${path}, a link that leads out of its folder to ${target}`,
      requirement: "a pattern takes files below its folder or the pipeline's",
      remedy: `name the file itself if it is meant: ${target}`,
    });
  }
}

async function missing(source: FileSource, folders: readonly string[]): Promise<UserError> {
  const all: string[] = [];
  const found: string[] = [];
  for (const path of folders.map((folder) => resolve(folder, source.pattern))) {
    const folder = dirname(path);
    const names = await filesIn(folder);
    all.push(...names ?? []);
    const shown = names?.sort(naturalCompare).slice(0, 10).join(", ");
    found.push(
      shown === undefined
        ? `the folder ${folder} is not there either`
        : shown === ""
        ? `${folder} holds no files`
        : `${folder} holds ${shown}`,
    );
  }
  return new UserError({
    what: `there is no file ${source.pattern}`,
    nearest: nearest(basename(source.pattern), all),
    requirement: found.join("; "),
    remedy: `paths ${countFrom(folders)}`,
  });
}

/** Names of the files in a folder; undefined where there is no such folder. */
async function filesIn(folder: string): Promise<string[] | undefined> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    return entries.filter(({ isFile }) => isFile).map(({ name }) => name);
  } catch {
    return undefined;
  }
}

/** The path as a message shows it: from the folder it was found from, where it lies below. */
function shownName(path: string, baseDir: string): string {
  const base = resolve(baseDir) + "/";
  return path.startsWith(base) ? path.slice(base.length) : path;
}
