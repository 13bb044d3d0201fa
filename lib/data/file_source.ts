/**
 * Files on this machine, named one by one or by a pattern, relative to the pipeline's folder.
 *
 * @module
 */
import { basename, dirname, isAbsolute, resolve } from "node:path";
import { nearest, UserError } from "../errors.ts";
import { expandGlob, isGlob, naturalCompare } from "./glob.ts";
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
  const { pattern } = source;
  const exact = resolve(settings.baseDir, pattern);
  const info = await Deno.stat(exact).catch(() => undefined);
  let paths: string[];
  if (info?.isFile) {
    paths = [exact];
  } else if (info?.isDirectory) {
    throw new UserError({
      what: `${pattern} is a folder`,
      requirement: "a source names files",
      remedy: `name them with a pattern: ${pattern.replace(/\/$/, "")}/*.txt`,
    });
  } else if (isGlob(pattern)) {
    paths = await expand(pattern, settings.baseDir);
  } else {
    throw await missing(source, exact);
  }
  if (paths.length === 0) {
    throw new UserError({
      what: `no file matches ${pattern}`,
      requirement: `patterns count from the folder of the pipeline, ${settings.baseDir}`,
    });
  }
  const digests: Record<string, string> = {};
  const files: { path: string; name: string }[] = [];
  for (const path of paths) {
    settings.signal.throwIfAborted();
    const name = paths.length === 1 ? "sha256" : shownName(path, settings.baseDir);
    digests[name] = await settings.digestFile(path);
    files.push({ path, name: shownName(path, settings.baseDir) });
  }
  return { key: digests, data: { type: "file", files }, read: paths };
}

async function expand(pattern: string, baseDir: string): Promise<string[]> {
  const parts = pattern.split("/");
  const fixed = parts.slice(0, parts.findIndex(isGlob)).join("/");
  const root = isAbsolute(pattern) ? fixed || "/" : resolve(baseDir, fixed);
  const rest = pattern.slice(fixed === "" && !isAbsolute(pattern) ? 0 : fixed.length + 1);
  try {
    return (await expandGlob(root, rest)).map((path) => resolve(root, path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new UserError({
      what: `cannot look for ${pattern}: ${(error as Error).message}`,
      cause: error,
    });
  }
}

async function missing(source: FileSource, path: string): Promise<UserError> {
  const folder = dirname(path);
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) if (entry.isFile) names.push(entry.name);
  } catch {
    return new UserError({
      what: `there is no file ${source.pattern}`,
      requirement: `the folder ${folder} is not there either`,
      remedy: "paths count from the folder of the pipeline",
    });
  }
  const shown = names.sort(naturalCompare).slice(0, 10).join(", ");
  return new UserError({
    what: `there is no file ${source.pattern}`,
    nearest: nearest(basename(path), names),
    requirement: shown === "" ? `${folder} holds no files` : `${folder} holds ${shown}`,
    remedy: "paths count from the folder of the pipeline",
  });
}

/** The path as a message shows it: from the pipeline's folder where it lies below. */
function shownName(path: string, baseDir: string): string {
  const base = resolve(baseDir) + "/";
  return path.startsWith(base) ? path.slice(base.length) : path;
}
