/**
 * Data files that ship in npm packages.
 *
 * Deno itself obtains the package: importing one of its files downloads and unpacks it as it does for
 * code, from the registry the user configured, with the checks that go with it. The files are then read
 * from Deno's own folder. A version is exact and never changes, so it is the key. But that folder is one
 * that people open and edit: the digests of its files are pinned as soon as the package is there, and
 * what is read is a copy that was compared with them. Of a package that a stage obtains itself, the
 * first run of all takes what was unpacked.
 *
 * @module
 */
import { sep } from "node:path";
import { canonicalDigest } from "../../base/canonical_json.ts";
import { UserError } from "../../base/errors.ts";
import { expandGlob, isGlob } from "../../base/glob.ts";
import { type Digest, hashFile, isDigest } from "../../base/hash.ts";
import { isJsonObject } from "../../base/json.ts";
import { checkOutsidePath } from "../../base/outside_path.ts";
import type { FetchSettings, Resolution, ResolvedSource, ResolveSettings } from "./resolved.ts";
import type { NpmSource } from "./source.ts";
import type { InputFile } from "../formats/row_file.ts";

/** What `<pipeline>.lock` remembers of a source, which may be of thousands of files. */
interface NpmPin {
  readonly files: number;
  /** Digest of the names and digests of all of them. */
  readonly sha256: Digest;
}

function pinOf(digests: Readonly<Record<string, Digest>>): NpmPin {
  return { files: Object.keys(digests).length, sha256: canonicalDigest(digests) };
}

/** What resolving uses: the digests of files that are there, and the pins. */
export type NpmSettings = Pick<ResolveSettings, "pins" | "update" | "digestFile">;

/**
 * Resolves a source: the version is its key. That a file was edited since it was pinned is told to
 * who reads it; a result that was made of the right one is none the worse.
 */
export async function resolveNpm(source: NpmSource, settings: NpmSettings): Promise<Resolution> {
  const { package: name, version, pattern, written } = source;
  const cacheDir = await npmCacheDir();
  let pin = readPin(settings.pins.get(written));
  if (settings.update) pin = undefined;
  const where = { package: name, version, pattern, cacheDir };
  const folder = await packageFolder(where);
  const paths = folder === undefined ? [] : await filesOf(folder, where);
  if (folder !== undefined && paths.length > 0) {
    const digests = await Promise.all(
      paths.map(async (path) => [path, await settings.digestFile(`${folder}/${path}`)] as const),
    );
    pin ??= pinOf(Object.fromEntries(digests));
  }
  if (pin !== undefined) settings.pins.set(written, pin);
  return {
    key: { version },
    data: {
      type: "npm",
      written,
      ...where,
      ...(pin === undefined ? {} : { pin }),
    },
    read: [cacheDir],
  };
}

/**
 * Finds the files of a resolved source, obtaining the package where it is not there yet.
 *
 * @throws {UserError} Where the package cannot be had, has no such file, or another one than was pinned.
 */
export async function fetchNpm(
  source: ResolvedSource & { type: "npm" },
  settings: Pick<FetchSettings, "offline" | "log" | "file">,
): Promise<InputFile[]> {
  const folder = await packageFolder(source) ?? await obtain(source, settings);
  const paths = await filesOf(folder, source);
  if (paths.length === 0) {
    const top: string[] = [];
    for await (const entry of Deno.readDir(folder)) {
      top.push(entry.name + (entry.isDirectory ? "/" : ""));
    }
    throw new UserError({
      what: `no file "${source.pattern}" in ${source.package}@${source.version}`,
      requirement: `the package has ${top.sort().join(", ")}`,
    });
  }
  const files = paths.map((path) => ({ path: settings.file(`${folder}/${path}`), name: path }));
  if (source.pin !== undefined) {
    const digests = files.map(async ({ path, name }) =>
      [name, (await hashFile(path)).digest] as const
    );
    const found = Object.fromEntries(await Promise.all(digests));
    checkPinned(found, { pin: source.pin, source, folder });
  }
  return files;
}

/** Paths of the files that are meant, in the package. */
async function filesOf(
  folder: string,
  source: { package: string; version: string; pattern: string },
): Promise<string[]> {
  const { pattern } = source;
  // A file that is called so is meant, whatever else its name may be read as.
  const isFile = (await Deno.stat(`${folder}/${pattern}`).catch(() => undefined))?.isFile;
  const paths = isFile
    ? [pattern]
    : isGlob(pattern)
    ? await expandGlob(folder, pattern).catch(() => [])
    : [];
  for (const path of paths) await checkInside(folder, path, source);
  return paths;
}

/** Refuses files that are not what they were when the source was first used. */
function checkPinned(
  found: Readonly<Record<string, Digest>>,
  { pin, source, folder }: {
    readonly pin: NpmPin;
    readonly source: { readonly package: string; readonly version: string };
    readonly folder: string;
  },
): void {
  const is = pinOf(found);
  if (is.sha256 === pin.sha256) return;
  throw new UserError({
    what: `what is read of ${source.package}@${source.version} is not what was pinned: expected ` +
      `${pin.files} files of sha256 ${pin.sha256}, got ${is.files} of ${is.sha256}`,
    requirement: "a version of a package never changes: its files in Deno's folder were edited",
    remedy:
      `remove ${folder}, and it is downloaded again; to take what is there, run with --update`,
  });
}

/** A pin as the lock has it; undefined where it is none, as in a lock that somebody edited. */
function readPin(pin: unknown): NpmPin | undefined {
  if (!isJsonObject(pin)) return undefined;
  const { files, sha256 } = pin;
  return typeof files === "number" && isDigest(sha256) ? { files, sha256 } : undefined;
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
  source: { package: string; version: string; cacheDir: string },
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
