/**
 * Things that stand where a store's own folders belong, set aside: a half-restored copy of `runs`, or a
 * slip of the hand.
 *
 * Links are left alone. One that leads to a folder of another disk is somebody's choice, and one that
 * leads nowhere may do so because its disk is not mounted; whoever needs the folder says so then.
 *
 * @module
 */
import { basename, join } from "node:path";
import { UserError } from "../../base/errors.ts";
import { isAbsent, lstatOf } from "./durable.ts";
import { guarded, systemCode } from "./failure.ts";
import type { StoreLayout } from "./layout.ts";

/** Something that was set aside. */
export interface SetAside {
  /** Where it stood. */
  readonly path: string;
  /** Where it lies now. */
  readonly setAside: string;
}

/**
 * Sets aside what is no folder where the store needs one; the folders are made when they are needed.
 *
 * @throws {UserError} Where the store itself is no folder: in a folder that somebody named for runs, a file
 *   of that name may be their own. On an unwritable disk.
 */
export async function mendFolders(layout: StoreLayout): Promise<SetAside[]> {
  const { store, damaged, ...others } = layout;
  if (await isMisplaced(store)) {
    throw new UserError({
      what: `${store} is no folder`,
      requirement: "results are kept in a folder of that name",
      remedy: "move it away, or name another place with --runs or TEMPER_RUNS",
    });
  }
  const folders = [
    damaged,
    others.blobs,
    others.artifacts,
    others.actions,
    others.trees,
    others.snapshots,
    others.locks,
    others.scratch,
    others.resume,
    others.temporary,
    join(store, "downloads"),
  ];
  const found: SetAside[] = [];
  for (const path of folders) {
    if (await isMisplaced(path)) found.push(...await moveAside(path, layout));
  }
  for (const name of await filesIn(others.blobs)) {
    found.push(...await moveAside(join(others.blobs, name), layout));
  }
  return found;
}

async function isMisplaced(path: string): Promise<boolean> {
  const info = await lstatOf(path);
  return info !== undefined && !info.isDirectory && !info.isSymlink;
}

/** What lies right among the folders of blobs and is none. */
async function filesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      if (!entry.isDirectory && !entry.isSymlink) names.push(entry.name);
    }
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  return names;
}

/** Moves one thing; nothing where another process was quicker. */
async function moveAside(path: string, { damaged }: StoreLayout): Promise<SetAside[]> {
  const time = new Date().toISOString().replaceAll(/[-:]/g, "");
  const isPlace = path === damaged;
  const setAside = isPlace ? `${path}-${time}` : join(damaged, `${basename(path)}-${time}`);
  return await guarded({ doing: "set aside what stands in a folder's place", path }, async () => {
    if (!isPlace) await Deno.mkdir(damaged, { recursive: true });
    try {
      // Not renamed: another process may have made the folder meanwhile, and that must stay.
      await Deno.link(path, setAside);
      await Deno.remove(path);
    } catch (error) {
      if (!await isMisplaced(path)) return [];
      if (
        !["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(systemCode(error) ?? "")
      ) {
        throw error;
      }
      await Deno.rename(path, setAside);
    }
    return [{ path, setAside }];
  });
}
