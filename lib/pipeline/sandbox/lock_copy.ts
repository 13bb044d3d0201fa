/**
 * A copy of `deno.lock` for a process that Deno may resolve new packages in.
 *
 * Deno writes packages that are new to it into the lock file it is given, and what an own stage imports is none
 * of the project's.
 *
 * @module
 */
import { dirname, join } from "node:path";

const PREFIX = "temper-lock-";

/** No process that is asked for a graph or a description takes this long. */
const FORGOTTEN_AFTER_MS = 24 * 3600 * 1000;

/**
 * Calls `use` with the flag that names a copy of the project's lock file, or that there is none.
 *
 * The copy goes when `use` is done. What a kill left of earlier ones goes with it, since a killed process
 * cannot do it.
 *
 * @param project Folder with `deno.json` and, where it has one, `deno.lock`.
 * @param use Gets `--lock=PATH` or `--no-lock`.
 */
export async function withLockCopy<T>(
  project: string,
  use: (flag: string) => Promise<T>,
): Promise<T> {
  const scratch = await Deno.makeTempDir({ prefix: PREFIX });
  try {
    const lock = join(scratch, "deno.lock");
    const isLocked = await Deno.copyFile(join(project, "deno.lock"), lock)
      .then(() => true, (error) => {
        if (error instanceof Deno.errors.NotFound) return false;
        throw error;
      });
    return await use(isLocked ? `--lock=${lock}` : "--no-lock");
  } finally {
    await removeQuietly(scratch);
    await removeForgotten(dirname(scratch));
  }
}

async function removeForgotten(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.startsWith(PREFIX)) continue;
    const path = join(folder, name);
    const changed = (await Deno.lstat(path).catch(() => undefined))?.mtime?.getTime() ?? Date.now();
    if (Date.now() - changed > FORGOTTEN_AFTER_MS) await removeQuietly(path);
  }
}

/** Another process may have been faster, or it is another user's: neither is a reason to stop. */
async function removeQuietly(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch(() => {});
}
