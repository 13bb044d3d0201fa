/**
 * A folder for Deno (`DENO_DIR`) in which there are the packages of some code and no other.
 *
 * Deno lets code `require()` whatever lies among its downloaded packages, by path and without a
 * permission: with the usual folder, any package that anybody on this machine ever used would be
 * within reach of a stage, and in no key. And a worker's `caches` writes into that folder without
 * asking and without end; here a file stands in the place where it would.
 *
 * The packages are hard links, made once for each set of them; the folder lies in Deno's own, so that
 * it is on the same disk and goes where that goes. Downloaded and transpiled modules are shared.
 *
 * @module
 */
import { join, relative } from "node:path";
import { sha256Hex } from "../../base/hash.ts";
import { isWithin } from "../../base/paths.ts";
import { processEnvironment } from "./environment.ts";

/** Deno's folders on this machine. */
interface DenoFolders {
  readonly denoDir: string;
  readonly npmCache: string;
}

/** A folder to set as `DENO_DIR`. */
export interface PackageFolder {
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
 *   nothing can be written beside Deno's own.
 */
export async function packageFolder(
  packages: readonly string[],
  { install, spare }: { readonly install: () => Promise<void>; readonly spare: string },
): Promise<PackageFolder> {
  folders ??= denoFolders();
  const { denoDir, npmCache } = await folders;
  const wanted = [...new Set(packages)].filter((path) => isWithin(npmCache, path)).sort();
  const name = sha256Hex(JSON.stringify(wanted)).slice(0, 32);
  const sets = join(denoDir, "temper");
  const of = (path: string): PackageFolder => ({
    path,
    pathOf: (usual) => isWithin(denoDir, usual) ? join(path, relative(denoDir, usual)) : usual,
  });
  const set = join(sets, name);
  if (await touch(set)) return of(set);
  if (!(await Promise.all(wanted.map(isThere))).every((there) => there)) await install();
  const beside = join(sets, `new-${crypto.randomUUID()}`);
  const isWritable = await Deno.mkdir(beside, { recursive: true }).then(() => true, () => false);
  const target = isWritable ? beside : join(spare, "deno");
  try {
    await fill(target, { denoDir, packages: wanted });
    if (!isWritable) return of(target);
    await Deno.rename(beside, set);
  } catch (error) {
    await Deno.remove(target, { recursive: true }).catch(() => {});
    // Another process may have been faster.
    if (!await touch(set)) throw error;
  }
  await removeForgotten(sets);
  return of(set);
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

/** Whether a folder is there; says that it was used. */
async function touch(path: string): Promise<boolean> {
  const now = new Date();
  return await Deno.utime(path, now, now).then(() => true, () => isThere(path));
}

async function removeForgotten(sets: string): Promise<void> {
  for await (const { name } of Deno.readDir(sets)) {
    const path = join(sets, name);
    const used = (await Deno.lstat(path).catch(() => undefined))?.mtime?.getTime() ?? Date.now();
    if (Date.now() - used < FORGOTTEN_AFTER_MS) continue;
    await Deno.remove(path, { recursive: true }).catch(() => {});
  }
}
