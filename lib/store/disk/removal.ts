/**
 * Removes what stages wrote, whatever that is: folders in one another without end, millions of files.
 *
 * Deno goes down into folders on the stack of a thread, which ends the process where there are some ten thousand of
 * them in one another, and no path to the lowest is short enough for the system. So folders are taken up from below,
 * one list at a time. And nobody waits long: what is not gone after a second goes on beside all else, and what is left
 * at the end is swept by the next run.
 *
 * @module
 */
import { after } from "../../base/timer.ts";

/** Folders in one another before the next is moved up. */
const LEVELS = 32;

/** Milliseconds that somebody waits for a removal. */
const PATIENCE_MS = 1000;

/**
 * Removes a file, or a folder with all in it.
 *
 * @throws What the system says, as where nothing is there.
 */
export async function removeAll(path: string): Promise<void> {
  if (!(await Deno.lstat(path)).isDirectory) return await Deno.remove(path);
  try {
    await removeFolder(path, foldersIn);
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    // Whoever made a folder may have closed it.
    await removeFolder(path, async (folder) => {
      await Deno.chmod(folder, 0o700);
      return await foldersIn(folder);
    });
  }
}

async function removeFolder(
  path: string,
  foldersIn: (folder: string) => Promise<string[]>,
): Promise<void> {
  const waiting = await foldersIn(path);
  let moved = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    // Each with the folders in it that are yet to be removed; the last one is the lowest.
    const way: { readonly folder: string; readonly inner: string[] }[] = [];
    way.push({ folder: next, inner: await foldersIn(next) });
    for (let last = way.at(-1); last !== undefined; last = way.at(-1)) {
      const inner = last.inner.pop();
      if (inner === undefined) {
        // Only files are left in it.
        await Deno.remove(last.folder, { recursive: true });
        way.pop();
      } else if (way.length < LEVELS) way.push({ folder: inner, inner: await foldersIn(inner) });
      else {
        const up = `${path}/${crypto.randomUUID()}.${moved++}`;
        await Deno.rename(inner, up);
        waiting.push(up);
      }
    }
  }
  await Deno.remove(path, { recursive: true });
}

async function foldersIn(folder: string): Promise<string[]> {
  const folders: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) folders.push(`${folder}/${name}`);
  }
  return folders;
}

/** Removals that are still going on. */
const pending = new Set<Promise<void>>();

/**
 * Waits for a removal, but not long: what takes longer goes on by itself.
 *
 * @throws What it throws meanwhile.
 */
export async function removeInTurn(removal: Promise<void>): Promise<void> {
  const tracked = removal.finally(() => pending.delete(tracked));
  pending.add(tracked);
  tracked.catch(() => {/* Later nobody asks: it stays, and is swept. */});
  await withPatience(tracked, PATIENCE_MS);
}

/** Waits for all removals that are going on, for so many milliseconds. */
export async function settleRemovals(milliseconds: number): Promise<void> {
  if (pending.size > 0) await withPatience(Promise.allSettled(pending), milliseconds);
}

async function withPatience(work: Promise<unknown>, milliseconds: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = after(milliseconds, resolve);
  await Promise.race([work, promise]).finally(timer.clear);
}
