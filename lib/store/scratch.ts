/**
 * Scratch folders: one per attempt of a stage, swept when the process that made it is dead.
 *
 * Beside each folder `scratch/<id>/` lies `scratch/<id>.json` with its owner, written before the
 * folder is made, renewed while it is used and removed after it, so a folder without one can only be
 * a remainder. Whether an owner lives is told as for locks; a sweeper does not wait for a lease to
 * run out, so where that alone would tell, the folder stays until its owner's file is a day old.
 *
 * @module
 */
import { join } from "node:path";
import { diskTime } from "../base/disk_time.ts";
import { ensureFolder, listNames, lstatOf, removeQuietly } from "./disk/durable.ts";
import { guarded } from "./disk/failure.ts";
import { removeInTurn } from "./disk/removal.ts";
import type { StoreLayout } from "./disk/layout.ts";
import { HeldFile, holderState, isAbandoned, lookAtFile } from "./locks/held_file.ts";

/** A folder for one attempt. */
export interface ScratchFolder extends AsyncDisposable {
  /** Absolute; exists and is empty. */
  readonly path: string;
  /** Removes it with all in it; what takes longer than a second goes on by itself. */
  dispose(): Promise<void>;
}

/** What nobody can be asked about is removed when it is this old. */
const FORGOTTEN_AFTER = 24 * 3600 * 1000;

/** The scratch folders of a store. */
export class Scratch {
  readonly #layout: StoreLayout;
  readonly #lease: number | undefined;

  /** @param options `lease`: length of the owners' leases in milliseconds; default a minute. */
  constructor(layout: StoreLayout, options: { readonly lease?: number } = {}) {
    this.#layout = layout;
    this.#lease = options.lease;
  }

  /**
   * Makes a folder of this process's own.
   *
   * @throws {UserError} On a full or unwritable disk.
   */
  async create(): Promise<ScratchFolder> {
    const id = crypto.randomUUID();
    const path = join(this.#layout.scratch, id);
    const ownerFile = `${path}.json`;
    const owner = await guarded({ doing: "make a scratch folder", path }, async () => {
      await ensureFolder(this.#layout.scratch);
      await ensureFolder(this.#layout.temporary);
      const held = await HeldFile.write(ownerFile, {
        temporary: this.#layout.temporary,
        lease: this.#lease,
        place: async (temporary) => {
          await Deno.rename(temporary, ownerFile);
          return true;
        },
      });
      try {
        await Deno.mkdir(path, { mode: 0o755 });
      } catch (error) {
        await held?.release();
        throw error;
      }
      return held;
    });
    const remove = async (): Promise<void> => {
      await removeQuietly(path);
      await owner?.release({ keep: await lstatOf(path) !== undefined });
    };
    const dispose = (): Promise<void> => removeInTurn(remove());
    return { path, dispose, [Symbol.asyncDispose]: dispose };
  }

  /**
   * Removes the folders of dead processes, and temporary files that were left behind.
   *
   * @param options `isBusy`: whether another process has a run that goes on. Then what names no owner
   *   may be its, and stays, be it as old as it may: a clock that is set forward ages all there is.
   */
  async sweep({ isBusy }: { readonly isBusy?: () => Promise<boolean> } = {}): Promise<void> {
    const now = await diskTime(this.#layout.temporary);
    const removeOld = async (path: string): Promise<void> => {
      const changed = (await lstatOf(path))?.mtime?.getTime() ?? now;
      if (now - changed > FORGOTTEN_AFTER && !await isBusy?.()) await removeQuietly(path);
    };
    for (const name of await listNames(this.#layout.scratch)) {
      const path = join(this.#layout.scratch, name);
      if (!name.endsWith(".json")) {
        if (await lstatOf(`${path}.json`) === undefined) await removeOld(path);
        continue;
      }
      const look = await lookAtFile(path);
      if (look === undefined) {
        await removeOld(path);
        continue;
      }
      const state = await holderState(path, look);
      if (look.owner === undefined) await removeOld(path);
      else if (
        state === "dead" ||
        state === "elsewhere" && isAbandoned(look, now)
      ) {
        const folder = path.slice(0, -".json".length);
        await removeQuietly(folder);
        if (await lstatOf(folder) === undefined) await removeQuietly(path);
      }
    }
    for (const name of await listNames(this.#layout.temporary)) {
      await removeOld(join(this.#layout.temporary, name));
    }
  }
}
