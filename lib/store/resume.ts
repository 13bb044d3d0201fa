/**
 * Folders in which a stage keeps how far it has come, so that a run after a kill goes on from there:
 * `resume/<key>/`, one for each key.
 *
 * A key names all that decides a result, so what lies in its folder can only be of the same work: a
 * changed option, input or line of code has another folder. Whoever uses or removes one holds the
 * key's lock. It goes when the result is published; what a kill leaves after that, and what nobody
 * went on with for 30 days, is swept by the next run.
 *
 * @module
 */
import { join } from "node:path";
import { diskTime } from "../base/disk_time.ts";
import { type Actions, keyLock } from "./records/action.ts";
import { ensureFolder, listNames, lstatOf, removeQuietly } from "./disk/durable.ts";
import { guarded } from "./disk/failure.ts";
import { removeInTurn } from "./disk/removal.ts";
import { isDigest } from "../base/hash.ts";
import type { StoreLayout } from "./disk/layout.ts";
import type { Locks } from "./locks/lock.ts";

/** Work that nobody went on with for so long is given up: 30 days, in milliseconds. */
const GIVEN_UP_AFTER = 30 * 24 * 3600 * 1000;

/** What stands between a key and a name that nobody else has, in the name of a folder that is being removed. */
const ASIDE = "~";

/** Far more files than a stage needs to go on. */
const LOOKED_AT = 1000;

/** The resume folders of a store. */
export class ResumeFolders {
  readonly #layout: StoreLayout;
  readonly #actions: Actions;
  readonly #locks: Locks;

  constructor(layout: StoreLayout, { actions, locks }: { actions: Actions; locks: Locks }) {
    this.#layout = layout;
    this.#actions = actions;
    this.#locks = locks;
  }

  /**
   * The folder of a key, made where it is not there. The caller holds the key's lock.
   *
   * @param key The key of a stage.
   * @param options `fresh`: whether what is in it is thrown away first.
   * @returns Its absolute path.
   * @throws {UserError} On a full or unwritable disk.
   */
  async open(key: string, { fresh = false }: { fresh?: boolean } = {}): Promise<string> {
    const path = join(this.#layout.resume, key);
    if (fresh) await this.#drop(path);
    await guarded({ doing: "make a folder to resume from", path }, () => ensureFolder(path));
    return path;
  }

  /** Removes the folder of a key, whose result is published. The caller holds the key's lock. */
  async remove(key: string): Promise<void> {
    await this.#drop(join(this.#layout.resume, key));
  }

  /** Takes a folder out of the way at once, and removes it in its time. */
  async #drop(path: string): Promise<void> {
    const aside = `${path}${ASIDE}${crypto.randomUUID()}`;
    // Nothing may be there.
    const isMoved = await Deno.rename(path, aside).then(() => true, () => false);
    if (isMoved) await removeInTurn(removeQuietly(aside));
  }

  /**
   * Removes the folders of keys whose result is there, and those given up; none that is in use.
   *
   * @param time Milliseconds since 1970, to judge age by; default what the disk's clock says.
   */
  async sweep(time?: number): Promise<void> {
    const names = await listNames(this.#layout.resume);
    for (const name of names.filter((name) => isDigest(name.split(ASIDE)[0]!) && !isDigest(name))) {
      await removeQuietly(join(this.#layout.resume, name));
    }
    const keys = names.filter(isDigest);
    if (keys.length === 0) return;
    const now = time ?? await diskTime(this.#layout.temporary);
    for (const key of keys) {
      const path = join(this.#layout.resume, key);
      const isOver = async (): Promise<boolean> =>
        await this.#actions.read(key) !== undefined ||
        now - await lastChange(path) > GIVEN_UP_AFTER;
      if (!await isOver()) continue;
      await using lock = await this.#locks.tryAcquire(keyLock(key));
      // Somebody may have gone on with it since.
      if (lock !== undefined && await isOver()) await this.#drop(path);
    }
  }
}

/** When a folder or something right in it last changed; of very much in it some is looked at. */
async function lastChange(folder: string): Promise<number> {
  let last = 0;
  const names = (await listNames(folder)).slice(0, LOOKED_AT);
  for (const path of [folder, ...names.map((name) => join(folder, name))]) {
    last = Math.max(last, (await lstatOf(path))?.mtime?.getTime() ?? 0);
  }
  return last;
}
