/**
 * Scratch folders: one per attempt of a stage, swept when the process that made it is dead.
 *
 * Beside each folder `scratch/<id>/` lies `scratch/<id>.json` with its owner, written before the
 * folder is made and removed after it, so a folder without one can only be a remainder.
 *
 * @module
 */
import { join } from "node:path";
import { parseJson } from "../base/json.ts";
import { listNames, lstatOf, readTextOf, removeQuietly, writeFileAtomic } from "./disk/durable.ts";
import { guarded } from "./disk/failure.ts";
import type { StoreLayout } from "./disk/layout.ts";
import { ownerState, parseOwner, thisOwner } from "./locks/owner.ts";

/** A folder for one attempt. */
export interface ScratchFolder extends AsyncDisposable {
  /** Absolute; exists and is empty. */
  readonly path: string;
  /** Removes it with all in it. */
  dispose(): Promise<void>;
}

/** What nobody can be asked about is removed when it is this old. */
const FORGOTTEN_AFTER = 24 * 3600 * 1000;

/** The scratch folders of a store. */
export class Scratch {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
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
    await guarded({ doing: "make a scratch folder", path }, async () => {
      await writeFileAtomic(ownerFile, JSON.stringify(await thisOwner()), {
        durable: false,
        temporary: this.#layout.temporary,
      });
      await Deno.mkdir(path, { mode: 0o755 });
    });
    const dispose = async (): Promise<void> => {
      await removeQuietly(path);
      if (await lstatOf(path) === undefined) await removeQuietly(ownerFile);
    };
    return { path, dispose, [Symbol.asyncDispose]: dispose };
  }

  /** Removes the folders of dead processes, and temporary files that were left behind. */
  async sweep(): Promise<void> {
    for (const name of await listNames(this.#layout.scratch)) {
      const path = join(this.#layout.scratch, name);
      if (!name.endsWith(".json")) {
        if (await lstatOf(`${path}.json`) === undefined) await removeOld(path);
        continue;
      }
      const owner = readOwner(await readTextOf(path));
      if (owner === undefined) await removeOld(path);
      else if (await ownerState(owner) === "dead") {
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

function readOwner(text: string | undefined): ReturnType<typeof parseOwner> {
  try {
    return text === undefined ? undefined : parseOwner(parseJson(text));
  } catch {
    return undefined;
  }
}

async function removeOld(path: string): Promise<void> {
  const changed = (await lstatOf(path))?.mtime?.getTime() ?? Date.now();
  if (Date.now() - changed > FORGOTTEN_AFTER) await removeQuietly(path);
}
