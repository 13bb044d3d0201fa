/**
 * Data files that ship in npm packages.
 *
 * Deno itself obtains the package: importing one of its files downloads and unpacks it as it does for
 * code, from the registry the user configured, with the checks that go with it. The files are then read
 * from Deno's own folder. A version is exact and never changes, so nothing has to be pinned.
 *
 * @module
 */
import { sep } from "node:path";
import { UserError } from "../../base/errors.ts";
import { expandGlob, isGlob } from "../../base/glob.ts";
import { checkOutsidePath } from "../../base/outside_path.ts";
import type { FetchSettings, Resolution, ResolvedSource } from "./resolved.ts";
import type { NpmSource } from "./source.ts";
import type { InputFile } from "../formats/text_file.ts";

/** Resolves a source: the version says it all. */
export async function resolveNpm(source: NpmSource): Promise<Resolution> {
  const { package: name, version, pattern } = source;
  const cacheDir = await npmCacheDir();
  return {
    key: { version },
    data: { type: "npm", written: source.written, package: name, version, pattern, cacheDir },
    read: [cacheDir],
  };
}

/**
 * Finds the files of a resolved source, obtaining the package where it is not there yet.
 *
 * @throws {UserError} Where the package cannot be had or has no such file.
 */
export async function fetchNpm(
  source: ResolvedSource & { type: "npm" },
  settings: Pick<FetchSettings, "offline" | "log">,
): Promise<InputFile[]> {
  const folder = await packageFolder(source) ?? await obtain(source, settings);
  const { pattern } = source;
  const paths = isGlob(pattern)
    ? await expandGlob(folder, pattern).catch(() => [])
    : (await Deno.stat(`${folder}/${pattern}`).catch(() => undefined))?.isFile
    ? [pattern]
    : [];
  if (paths.length === 0) {
    const top: string[] = [];
    for await (const entry of Deno.readDir(folder)) {
      top.push(entry.name + (entry.isDirectory ? "/" : ""));
    }
    throw new UserError({
      what: `no file "${pattern}" in ${source.package}@${source.version}`,
      requirement: `the package has ${top.sort().join(", ")}`,
    });
  }
  for (const path of paths) await checkInside(folder, path, source);
  return paths.map((path) => ({ path: `${folder}/${path}`, name: path }));
}

/** A package is somebody else's: none of its files may be a link to one of ours, or a device. */
async function checkInside(
  folder: string,
  path: string,
  source: { package: string; version: string },
): Promise<void> {
  const from = `${source.package}@${source.version}`;
  checkOutsidePath(path, from);
  const [root, real] = [await Deno.realPath(folder), await Deno.realPath(`${folder}/${path}`)];
  if (real.startsWith(`${root}${sep}`) && (await Deno.stat(real)).isFile) return;
  throw new UserError({
    what: `${path} of ${from} is no file of the package, but leads out of it`,
    requirement: "files of a package are plain files within it",
    remedy: "don't use this package",
  });
}

/** Makes Deno download and unpack a package. */
async function obtain(
  source: ResolvedSource & { type: "npm" },
  { offline, log }: Pick<FetchSettings, "offline" | "log">,
): Promise<string> {
  const specifier = `npm:${source.package}@${source.version}/package.json`;
  if (offline) {
    throw new UserError({
      what:
        `${source.package}@${source.version} is not on this machine, and --offline forbids downloading it`,
      remedy: "run once without --offline",
    });
  }
  log(`obtaining ${source.package}@${source.version}`);
  let failure: unknown;
  try {
    // Not a literal: which package it is stands in the pipeline, and none of its code is run.
    await import(specifier, { with: { type: "json" } });
  } catch (error) {
    // A package may forbid importing this file; it has been unpacked by then.
    failure = error;
  }
  const folder = await packageFolder(source);
  if (folder !== undefined) return folder;
  const message = failure instanceof Error ? failure.message : "it was not unpacked";
  const unknown = /not find|does not exist|404|constraint/i.test(message) &&
    !/sending request/.test(message);
  throw new UserError({
    what: `cannot obtain ${source.package}@${source.version}: ${
      message.split("\n").map((line) => line.trim()).join(" ")
    }`,
    remedy: unknown
      ? "check the name and the version of the package"
      : "check the network and the registry that npm is configured with; the same command goes on from here",
    cause: failure,
  });
}

/** Where a package lies unpacked: below a folder for the registry it came from. */
async function packageFolder(
  source: ResolvedSource & { type: "npm" },
): Promise<string | undefined> {
  const inside = `${source.package.toLowerCase()}/${source.version}`;
  try {
    for await (const registry of Deno.readDir(source.cacheDir)) {
      const folder = `${source.cacheDir}/${registry.name}/${inside}`;
      if (registry.isDirectory && await exists(`${folder}/package.json`)) return folder;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return undefined;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Deno's folder of npm packages, as Deno tells. */
async function npmCacheDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const info: { npmCache?: unknown } = JSON.parse(new TextDecoder().decode(stdout));
  if (typeof info.npmCache !== "string") {
    throw new UserError({
      what: "Deno does not tell where it keeps npm packages",
      remedy: "set DENO_DIR",
    });
  }
  return info.npmCache;
}
