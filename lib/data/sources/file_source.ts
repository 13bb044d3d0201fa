/**
 * Files on this machine, named one by one or by a pattern, and folders with a model; relative to the pipeline's
 * folder or, where that has none, to the folder that the user is in.
 *
 * @module
 */
import { basename, dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { nearest, UserError } from "../../base/errors.ts";
import { expandGlob, isGlob, literalParts, naturalCompare } from "../../base/glob.ts";
import { isSystemPath, SYSTEM_WORDS } from "../../base/paths.ts";
import { checkSafetensorsHeader } from "../formats/safetensors_check.ts";
import type { InputFile } from "../formats/row_file.ts";
import { chooseModelFiles, isVocabulary, type ModelPatterns } from "./repository/model_files.ts";
import type { FetchSettings, Resolution, ResolvedSource, ResolveSettings } from "./resolved.ts";
import type { FileSource, FolderSource } from "./source.ts";

/**
 * Finds the files of a source and their digests.
 *
 * @throws {UserError} Where there is none, with what is there instead.
 */
export async function resolveFiles(
  source: FileSource,
  settings: ResolveSettings,
): Promise<Resolution> {
  const { folder, paths } = await findFiles(source, foldersOf(source.pattern, settings.baseDir));
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

/**
 * Finds the files of a model in a folder and their digests.
 *
 * @throws {UserError} Where there is no such folder, or neither a model nor a tokenizer in it.
 */
export async function resolveFolder(
  { written, path }: FolderSource,
  settings: ResolveSettings,
  patterns: ModelPatterns = {},
): Promise<Resolution> {
  const bases = foldersOf(path, settings.baseDir);
  const folder = await firstFolder(bases.map((base) => resolve(base, path)));
  if (folder === undefined) {
    throw new UserError({
      what: `there is no folder ${path}`,
      requirement: "a path with a slash at its end is the folder of a model or of a tokenizer",
      remedy: `paths ${countFrom(bases)}`,
    });
  }
  // Only patterns reach below it, and the folders below may be anybody's.
  const below = patterns.allowPatterns === undefined ? "*" : "**";
  const names = await expandGlob(folder, below);
  const missing = (name: string): UserError =>
    new UserError({
      what: `${written} has no ${name}, and is no folder of a model`,
      requirement:
        `a model has config.json and safetensors weights, a tokenizer tokenizer.json or ` +
        `its kind; it holds ${names.slice(0, 10).join(", ") || "no files"}`,
      remedy: `for rows name the files with a pattern: ${path}*.jsonl`,
    });
  const chosen = chooseModelFiles(names, { written, patterns, missing });
  const paths = chosen.map((name) => resolve(folder, name));
  // A hub's cache has links to its own blobs.
  const blobs = resolve(folder, "../../blobs");
  const isCache = basename(dirname(folder)) === "snapshots" && await isFolder(blobs);
  const roots = [folder, settings.baseDir, ...isCache ? [blobs] : []];
  await refuseWaysOut(paths, { holder: written, roots });
  const digests: [string, string][] = [];
  for (const [i, name] of chosen.entries()) {
    settings.signal.throwIfAborted();
    digests.push([name, await settings.digestFile(paths[i]!)]);
  }
  const files = chosen.map((name, i) => ({ path: paths[i]!, name }));
  return {
    key: Object.fromEntries(digests),
    data: { type: "folder", written, files },
    read: paths,
  };
}

async function firstFolder(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    if (isSystemPath(path)) throw noData(path, `it lies ${SYSTEM_WORDS}`);
    if (await isFolder(path)) return path;
  }
  return undefined;
}

async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false);
}

/** Copies the files of a resolved folder into another. */
export async function fetchFolder(
  { written, files }: ResolvedSource & { type: "folder" },
  settings: Pick<FetchSettings, "file" | "signal">,
  folder: string,
): Promise<InputFile[]> {
  for (const { path, name } of files) {
    settings.signal.throwIfAborted();
    const from = settings.file(path);
    if (name.endsWith(".safetensors")) await checkSafetensorsHeader(from, `${name} of ${written}`);
    const to = `${folder}/${name}`;
    await Deno.mkdir(dirname(to), { recursive: true });
    // Not copyFile, which would keep the mode of what may be read-only.
    await Deno.writeFile(to, (await Deno.open(from)).readable);
  }
  return files.map(({ name }) => ({ path: `${folder}/${name}`, name }));
}

/** Where relative paths count from: the pipeline's folder, then the one that the user is in. */
function foldersOf(path: string, baseDir: string): string[] {
  return isAbsolute(path) ? [baseDir] : [...new Set([resolve(baseDir), Deno.cwd()])];
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
      const names = await filesIn(exact) ?? [];
      const isModel = names.some((name) => name === "config.json" || isVocabulary(name));
      throw new UserError({
        what: `${pattern} is a folder`,
        requirement: "a source names files, or the folder of a model with a slash at its end",
        remedy: isModel ? `write ${pattern}/` : `name them with a pattern: ${pattern}/*.txt`,
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
  const fixed = await literalParts(isAbsolute(pattern) ? "" : baseDir, parts);
  const root = resolve(baseDir, `${parts.slice(0, fixed).join("/")}${fixed > 0 ? "/" : ""}`);
  try {
    const found = await expandGlob(root, parts.slice(fixed).join("/"));
    const paths = found.map((path) => resolve(root, path));
    await refuseWaysOut(paths, { holder: `the pattern ${pattern}`, roots: [root, baseDir] });
    return await eachOnce(paths, root);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    if (error instanceof UserError) throw error;
    throw new UserError({
      what: `cannot look for ${pattern}: ${(error as Error).message}`,
      cause: error,
    });
  }
}

/** The same files without the links to others of them: rows that come twice weigh twice. */
async function eachOnce(paths: readonly string[], root: string): Promise<string[]> {
  const realRoot = await Deno.realPath(root);
  const byReal = new Map<string, string>();
  for (const path of paths) {
    const real = await Deno.realPath(path);
    const isItself = real === resolve(realRoot, relative(root, path));
    if (isItself || !byReal.has(real)) byReal.set(real, path);
  }
  const kept = new Set(byReal.values());
  return paths.filter((path) => kept.has(path));
}

/**
 * Refuses files that a pattern or a folder's name stands for and that are links to elsewhere: in a folder that came from somebody
 * else, `data/x.txt` may be a link to a key. Who names a file itself means it, wherever it leads.
 */
async function refuseWaysOut(
  paths: readonly string[],
  { holder, roots }: { readonly holder: string; readonly roots: readonly string[] },
): Promise<void> {
  const real = await Promise.all(roots.map((root) => Deno.realPath(root)));
  for (const path of paths) {
    const target = await Deno.realPath(path);
    if (real.some((root) => target.startsWith(root.endsWith(sep) ? root : root + sep))) continue;
    throw new UserError({
      what: `${holder} takes in ${path}, a link that leads out of its folder to ${target}`,
      requirement: "files below its folder or the pipeline's are taken",
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
