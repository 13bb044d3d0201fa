/**
 * Files that are there whole or not at all, even when the power fails.
 *
 * The order is the whole trick: write a temporary file, fsync it, rename it over the name, fsync
 * the folder. Without the first fsync a crash can leave the name on an empty file; without the last
 * one the name can be gone again.
 *
 * @module
 */
import { removeAll } from "./removal.ts";
import { dirname, join } from "node:path";
import { UserError } from "../../base/errors.ts";
import { systemCode } from "./failure.ts";

/** Options of {@linkcode writeFileAtomic}. */
export interface WriteOptions {
  /** Folder for the temporary file, on the same file system; default the file's own folder. */
  readonly temporary?: string;
  /** Permission bits; default 0o644. */
  readonly mode?: number;
  /** False skips the fsyncs, for files whose loss in a power cut costs nothing. Default true. */
  readonly durable?: boolean;
  /** Whether a folder that stands in the file's place is removed: where nobody keeps anything. Default false. */
  readonly replacesFolder?: boolean;
}

/** A name that no other process or call uses. Begins with a dot: listings skip it. */
export function temporaryName(base: string): string {
  return `.${base.slice(0, 100)}.${crypto.randomUUID()}.tmp`;
}

/** Whether a name is one that {@linkcode temporaryName} gave. */
export function isTemporaryName(name: string): boolean {
  return /^\..*\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/s.test(name);
}

/** Writes `data` to `path`: a reader sees the old content or the new one, never a part. */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  options: WriteOptions = {},
): Promise<void> {
  const folder = dirname(path);
  const durable = options.durable ?? true;
  const temporary = join(options.temporary ?? folder, temporaryName("write"));
  try {
    await Deno.mkdir(folder, { recursive: true });
    if (options.temporary !== undefined) await Deno.mkdir(options.temporary, { recursive: true });
    {
      using file = await Deno.open(temporary, {
        write: true,
        createNew: true,
        mode: options.mode ?? 0o644,
      });
      await writeAll(file, typeof data === "string" ? new TextEncoder().encode(data) : data);
      if (durable) await file.sync();
    }
    await Deno.rename(temporary, path).catch(async (error) => {
      if (!options.replacesFolder || systemCode(error) !== "EISDIR") throw error;
      await Deno.remove(path, { recursive: true });
      await Deno.rename(temporary, path);
    });
  } catch (error) {
    await removeQuietly(temporary);
    throw error;
  }
  if (durable) await syncFolder(folder);
}

/** Writes every byte; `write` alone may stop short. */
export async function writeAll(file: Deno.FsFile, data: Uint8Array): Promise<void> {
  let done = 0;
  while (done < data.length) done += await file.write(data.subarray(done));
}

/** Forces a folder's entries to disk. A no-op on Windows, where folders cannot be opened. */
export async function syncFolder(path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using folder = await Deno.open(path, { read: true });
  try {
    await folder.sync();
  } catch (error) {
    // Some network file systems refuse fsync on folders and order their operations themselves.
    if (!["EINVAL", "ENOTSUP", "EOPNOTSUPP"].includes(systemCode(error) ?? "")) throw error;
  }
}

/** Makes a folder and, if it was new, the entry that names it durable. */
export async function ensureFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return await refuseOther(path);
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await ensureFolder(dirname(path));
    await mkdirBelow(path);
  }
  await syncFolder(dirname(path));
}

/** Makes a folder in one that is there. */
async function mkdirBelow(path: string): Promise<void> {
  try {
    await Deno.mkdir(path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    // As in /proc: the folder above is there, and the system says that it is not.
    throw new UserError({
      what: `cannot make the folder ${path}: the system makes none there`,
      remedy: "name another place with --runs or TEMPER_RUNS",
      cause: error,
    });
  }
}

/** Refuses what is no folder, and a link whose target is gone: nothing can be made below, and the system says only that. */
async function refuseOther(path: string): Promise<void> {
  try {
    if ((await Deno.stat(path)).isDirectory) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) || await lstatOf(path) === undefined) throw error;
    throw new UserError({
      what: `${path} is a link that leads nowhere`,
      requirement: "a folder is needed there",
      remedy: "make the folder that it leads to (its disk may not be mounted), or remove the link",
      cause: error,
    });
  }
  throw new UserError({
    what: `${path} is no folder`,
    requirement: "a folder is needed there",
    remedy: "move it away and run again",
  });
}

/** Removes a file or a folder with all in it; that it is not there is fine. */
export async function removeQuietly(path: string): Promise<void> {
  try {
    await removeAll(path);
  } catch {
    // Gone already, or in use by another process: it is a temporary file and swept later.
  }
}

/** `lstat`, or undefined where nothing is. */
export async function lstatOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/**
 * A text file's content, or undefined where there is none: a folder, a link that leads back to itself,
 * and a pipe, which could be waited for without end, are none.
 */
export async function readTextOf(path: string): Promise<string | undefined> {
  try {
    if (!(await Deno.stat(path)).isFile) return undefined;
    return await Deno.readTextFile(path);
  } catch (error) {
    if (isAbsent(error) || systemCode(error) === "ELOOP") return undefined;
    throw error;
  }
}

/** Names in a folder, sorted; none where there is no such folder. */
export async function listNames(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) names.push(entry.name);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  return names.sort();
}

/** Whether an error says that there is nothing at a path, also because a file stands above it. */
export function isAbsent(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || systemCode(error) === "ENOTDIR";
}
