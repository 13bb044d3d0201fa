/**
 * What time it is by the clock of a disk.
 *
 * Ages of files are judged by the clock that wrote their times: that of this process may have been set
 * since, and the clock of the machine that keeps a network folder is another one altogether.
 *
 * @module
 */
import { join } from "node:path";

/**
 * The time by the clock of whoever keeps a folder's files, in milliseconds since 1970.
 *
 * @param folder Made where it is not there.
 * @returns 0, before which nothing is old, where no file can be made in it.
 *
 * @example
 * ```ts
 * import { diskTime } from "./disk_time.ts";
 * const folder = await Deno.makeTempDir();
 * if (await diskTime(folder) < Date.UTC(2020, 0)) throw new Error();
 * await Deno.remove(folder);
 * ```
 */
export async function diskTime(folder: string): Promise<number> {
  const probe = join(folder, `.clock.${crypto.randomUUID()}.tmp`);
  try {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(probe, "", { createNew: true });
    return (await Deno.stat(probe)).mtime?.getTime() ?? 0;
  } catch {
    return 0;
  } finally {
    await Deno.remove(probe).catch(() => {});
  }
}
