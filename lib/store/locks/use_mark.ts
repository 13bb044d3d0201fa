/**
 * Marks in a folder that say that processes use what lies in it, for as long as they do.
 *
 * Whoever wants to remove what looks forgotten asks first: ages lie where a clock was set, and a process
 * may run for longer than anything is kept.
 *
 * @module
 */
import { join } from "node:path";
import { diskTime } from "../../base/disk_time.ts";
import { listNames, removeQuietly } from "../disk/durable.ts";
import { HeldFile, holderState, isAbandoned, lookAt } from "./held_file.ts";

const PREFIX = ".use-";

/** A mark of this process. */
export interface UseMark extends AsyncDisposable {
  readonly path: string;
}

/** Marks a folder, which exists; undefined where nothing can be written. */
export async function markUse(folder: string): Promise<UseMark | undefined> {
  const path = join(folder, `${PREFIX}${crypto.randomUUID()}.json`);
  try {
    const held = await HeldFile.write(path, {
      temporary: folder,
      prefix: "use",
      place: async (temporary) => {
        await Deno.rename(temporary, path);
        return true;
      },
    });
    return held && { path, [Symbol.asyncDispose]: () => held.release() };
  } catch {
    return undefined;
  }
}

/**
 * Whether anybody else uses what lies in a folder. Marks of the dead are removed.
 *
 * @param own A mark that does not count.
 */
export async function isUsed(folder: string, own?: UseMark): Promise<boolean> {
  for (const name of await listNames(folder)) {
    const path = join(folder, name);
    if (!name.startsWith(PREFIX) || path === own?.path) continue;
    const look = await lookAt(path).catch(() => undefined);
    if (look === undefined) continue;
    const state = await holderState(path, look);
    const isGone = state === "dead" ||
      state === "elsewhere" && isAbandoned(look, await diskTime(folder));
    if (!isGone) return true;
    await removeQuietly(path);
  }
  return false;
}
