/**
 * A folder for Deno (`DENO_DIR`) in which there are the packages of some code and no other.
 *
 * Deno lets code `require()` whatever lies among its downloaded packages, by path and without a
 * permission: with the usual folder, any package that anybody on this machine ever used would be
 * within reach of a stage, and in no key. And a worker's `caches` writes into that folder without
 * asking and without end; here a file stands in the place where it would.
 *
 * The packages are hard links, made once for each set of them; the folder lies in Deno's own, so that
 * it is on the same disk and goes where that goes. Downloaded and transpiled modules are shared. A set in
 * which a file was edited is made anew, and refused where it is the same in Deno's own folder.
 *
 * @module
 */
import { join, relative } from "node:path";
import { diskTime } from "../../base/disk_time.ts";
import { UserError } from "../../base/errors.ts";
import { sha256Hex } from "../../base/hash.ts";
import { isWithin } from "../../base/paths.ts";
import { isUsed, markUse, type StoreIndex, type UseMark } from "../../store/mod.ts";
import { processEnvironment } from "./environment.ts";
import { changedPackageFile } from "./package_files.ts";

/** Deno's folders on this machine. */
interface DenoFolders {
  readonly denoDir: string;
  readonly npmCache: string;
}

/** A folder to set as `DENO_DIR`; it stays for as long as it is not disposed of. */
export interface PackageFolder extends AsyncDisposable {
  readonly path: string;
  /** Where a file of Deno's usual folder is in this one; the same path for any other file. */
  readonly pathOf: (usual: string) => string;
}

/** Sets of packages that nobody used for this long are removed. */
const FORGOTTEN_AFTER_MS = 30 * 24 * 3600 * 1000;

/** What is shared with the usual folder: code by its address and by its content. */
const SHARED = ["gen", "remote"];

let folders: Promise<DenoFolders> | undefined;

/**
 * Makes or finds the folder.
 *
 * @param packages Absolute folders of the packages as Deno downloaded them.
 * @param options `install` downloads what is missing; `spare` is an existing folder to use where
 *   nothing can be written beside Deno's own; `index` remembers digests.
 * @throws {UserError} Where a file of a package is not what it was when it was first used.
 */
export async function packageFolder(
  packages: readonly string[],
  { install, spare, index }: {
    readonly install: () => Promise<void>;
    readonly spare: string;
    readonly index: StoreIndex;
  },
): Promise<PackageFolder> {
  folders ??= denoFolders();
  const { denoDir, npmCache } = await folders;
  const wanted = [...new Set(packages)].filter((path) => isWithin(npmCache, path)).sort();
  const name = sha256Hex(JSON.stringify(wanted)).slice(0, 32);
  const sets = join(denoDir, "temper");
  const isWritable = await Deno.mkdir(sets, { recursive: true }).then(() => true, () => false);
  // Before it is looked for, so that nobody removes it once it is found.
  const mark = isWritable ? await markUse(sets) : undefined;
  const of = (path: string): PackageFolder => ({
    path,
    pathOf: (usual) => isWithin(denoDir, usual) ? join(path, relative(denoDir, usual)) : usual,
    [Symbol.asyncDispose]: async () => await mark?.[Symbol.asyncDispose](),
  });
  const set = join(sets, name);
  const changedIn = (folder: string): Promise<string | undefined> =>
    changedPackageFile(folder, {
      known: `${set}.json`,
      packages: wanted.map((path) => join(folder, relative(denoDir, path))),
      index: folder === set ? index : undefined,
    });
  try {
    if (await touch(set, sets) && await changedIn(set) === undefined) return of(set);
    if (!(await Promise.all(wanted.map(isThere))).every((there) => there)) await install();
    const beside = mark === undefined
      ? join(spare, "deno")
      : join(sets, `new-${crypto.randomUUID()}`);
    try {
      await fill(beside, { denoDir, packages: wanted });
      const changed = await changedIn(beside);
      if (changed !== undefined) throw editedPackage(join(denoDir, changed), wanted);
      if (mark === undefined) return of(beside);
      await place(beside, { set, changedIn });
    } catch (error) {
      await removeAll(beside);
      throw error;
    }
    await removeForgotten(sets, mark);
    return of(set);
  } catch (error) {
    await mark?.[Symbol.asyncDispose]();
    throw error;
  }
}

/** Puts a finished set in its place, where none is that will do. */
async function place(
  beside: string,
  { set, changedIn }: {
    readonly set: string;
    readonly changedIn: (folder: string) => Promise<string | undefined>;
  },
): Promise<void> {
  for (let attempt = 0;; attempt++) {
    try {
      return await Deno.rename(beside, set);
    } catch (error) {
      if (!await isThere(set) || attempt > 2) throw error;
    }
    // Another process may have been faster; a set that was edited has to go.
    if (await changedIn(set) === undefined) return await removeAll(beside);
    const old = `${beside}-old`;
    await Deno.rename(set, old).catch(() => {});
    await removeAll(old);
  }
}

function editedPackage(file: string, packages: readonly string[]): UserError {
  const folder = packages.find((path) => isWithin(path, file)) ?? file;
  return new UserError({
    what: `${file} is not what it was when its package was first used`,
    requirement:
      "a version of a package never changes, and a stage's key names the version alone: the file was edited",
    remedy: `remove ${folder}, and it is downloaded again; changes of your own go into a copy`,
  });
}

async function fill(
  target: string,
  { denoDir, packages }: { readonly denoDir: string; readonly packages: readonly string[] },
): Promise<void> {
  await Deno.mkdir(target, { recursive: true });
  for (const path of packages) await link(path, join(target, relative(denoDir, path)));
  for (const shared of SHARED) {
    await Deno.symlink(join(denoDir, shared), join(target, shared), { type: "junction" });
  }
  await Deno.writeTextFile(join(target, "location_data"), "", { mode: 0o444 });
}

async function denoFolders(): Promise<DenoFolders> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-config"],
    env: processEnvironment({}),
    clearEnv: true,
    stdin: "null",
  }).output();
  const { denoDir, npmCache } = JSON.parse(new TextDecoder().decode(stdout)) as DenoFolders;
  // Modules have the real paths of their packages.
  const real = (path: string): Promise<string> => Deno.realPath(path).catch(() => path);
  return { denoDir: await real(denoDir), npmCache: await real(npmCache) };
}

/** Links every file of a folder; copies it where the disk has no links. */
async function link(from: string, to: string): Promise<void> {
  // A package for another system is not downloaded.
  if (!await isThere(from)) return;
  await Deno.mkdir(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    if (isDirectory) await link(source, target);
    else {
      try {
        Deno.linkSync(source, target);
      } catch {
        Deno.copyFileSync(source, target);
      }
    }
  }
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** Whether a folder is there; says that it, and what is known of its files, was used. */
async function touch(path: string, sets: string): Promise<boolean> {
  if (!await isThere(path)) return false;
  const now = new Date(await diskTime(sets));
  if (now.getTime() > 0) {
    for (const each of [path, `${path}.json`]) await Deno.utime(each, now, now).catch(() => {});
  }
  return true;
}

/** Removes what nobody used for long, unless somebody may still load from it. */
async function removeForgotten(sets: string, mark: UseMark): Promise<void> {
  const now = await diskTime(sets);
  for await (const { name } of Deno.readDir(sets)) {
    const path = join(sets, name);
    const used = (await Deno.lstat(path).catch(() => undefined))?.mtime?.getTime() ?? now;
    if (now - used < FORGOTTEN_AFTER_MS || path === mark.path) continue;
    if (await isUsed(sets, mark)) return;
    await removeAll(path);
  }
}

async function removeAll(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch(() => {});
}
