/**
 * Snapshots: files of a person's own, as they were when a key was made: `snapshots/<digest>/`.
 *
 * A key tells digests of code and granted files; a stage that starts an hour later has to read exactly
 * these. So they are copied, each below the snapshot under its whole path, where relative imports and
 * paths lead from one to the other as they do in the original. The name follows from the content: runs
 * that read the same share one.
 *
 * Left out: modes, links (what they lead to is copied), empty folders.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { diskTime } from "../base/disk_time.ts";
import { canonicalDigest } from "../base/canonical_json.ts";
import { type Digest, hashFile, sha256Hex } from "../base/hash.ts";
import {
  ensureFolder,
  listNames,
  lstatOf,
  removeQuietly,
  temporaryName,
  writeAll,
} from "./disk/durable.ts";
import { guarded, systemCode } from "./disk/failure.ts";
import type { StoreLayout } from "./disk/layout.ts";
import type { StoreIndex } from "./index.ts";

/** Absolute path -> SHA-256 of the file. */
export type SnapshotFiles = Readonly<Record<string, Digest>>;

/** What {@linkcode Snapshots.take} came to. */
export type Snapshot =
  | { readonly type: "taken"; readonly root: string }
  /** A file that no longer has its digest, or is gone. */
  | { readonly type: "changed"; readonly path: string };

/** A snapshot that no run used for so long is removed: 30 days, in milliseconds. */
const FORGOTTEN_AFTER = 30 * 24 * 3600 * 1000;

/** Where a file lies in a snapshot. */
export function snapshotPath(root: string, path: string): string {
  return join(root, path.replace(/^([A-Za-z]):/, "$1"));
}

/** The snapshots of a store. */
export class Snapshots {
  readonly #layout: StoreLayout;
  readonly #index: StoreIndex;
  /** What this process has taken: a stage may import from it for as long as it runs. */
  readonly #taken = new Set<string>();

  constructor(layout: StoreLayout, index: StoreIndex) {
    this.#layout = layout;
    this.#index = index;
  }

  /**
   * Copies files, or finds the copy that is there.
   *
   * @throws {UserError} On a full or unwritable disk.
   */
  async take(files: SnapshotFiles, signal?: AbortSignal): Promise<Snapshot> {
    const root = join(this.#layout.snapshots, canonicalDigest(files));
    this.#taken.add(root);
    return await guarded({ doing: "keep a copy of what a stage reads", path: root }, async () => {
      // Its age counts from its last use, and whoever sweeps looks once more.
      const now = new Date(await diskTime(this.#layout.temporary));
      if (now.getTime() > 0) await Deno.utime(root, now, now).catch(() => {});
      if (!await this.#isWhole(root, { files, signal })) {
        const temporary = join(this.#layout.temporary, temporaryName("snapshot"));
        try {
          const places = Object.keys(files).map((path) => snapshotPath(temporary, path));
          for (const folder of new Set(places.map(dirname))) {
            await Deno.mkdir(folder, { recursive: true });
          }
          for (const [path, digest] of Object.entries(files)) {
            const to = snapshotPath(temporary, path);
            if (!await copyFile(path, { to, digest, signal })) return { type: "changed", path };
          }
          await this.#place(temporary, { root, files, signal });
        } finally {
          await removeQuietly(temporary);
        }
      }
      return { type: "taken", root };
    });
  }

  /** Whether a snapshot still holds what it was taken of: read only where a file's stamps have moved. */
  async isWhole(root: string, files: SnapshotFiles, signal?: AbortSignal): Promise<boolean> {
    return await this.#isWhole(root, { files, signal });
  }

  /**
   * Removes what no run has used for long.
   *
   * @param options `isBusy`: whether another process has a run that goes on. Its stages may still
   *   import from what they were started from, days ago or before the clock was set: all stays. `now`:
   *   milliseconds since 1970; default what the disk's clock says.
   */
  async sweep(
    options: { readonly isBusy?: () => Promise<boolean>; readonly now?: number } = {},
  ): Promise<void> {
    const names = await listNames(this.#layout.snapshots);
    if (names.length === 0) return;
    const now = options.now ?? await diskTime(this.#layout.temporary);
    const isForgotten = async (path: string): Promise<boolean> =>
      now - ((await lstatOf(path))?.mtime?.getTime() ?? now) > FORGOTTEN_AFTER &&
      !await options.isBusy?.();
    for (const name of names) {
      const path = join(this.#layout.snapshots, name);
      if (this.#taken.has(path) || !await isForgotten(path)) continue;
      const aside = join(this.#layout.temporary, temporaryName("old"));
      if (!await Deno.rename(path, aside).then(() => true, () => false)) continue;
      // A run that began in between has found it before it went, or finds it gone and makes another.
      const isMissed = !await isForgotten(aside) &&
        await Deno.rename(aside, path).then(() => true, () => false);
      if (!isMissed) await removeQuietly(aside);
    }
  }

  async #place(
    temporary: string,
    { root, ...what }: { root: string; files: SnapshotFiles; signal: AbortSignal | undefined },
  ): Promise<void> {
    await ensureFolder(this.#layout.snapshots);
    for (let attempt = 0;; attempt++) {
      try {
        return await Deno.rename(temporary, root);
      } catch (error) {
        if (!["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(systemCode(error) ?? "") || attempt > 2) {
          throw error;
        }
      }
      // Another process was quicker, and a stage of it may be reading; one that is damaged has to go.
      if (await this.#isWhole(root, what)) return;
      const old = join(this.#layout.temporary, temporaryName("old"));
      await Deno.rename(root, old).catch(() => {});
      await removeQuietly(old);
    }
  }

  async #isWhole(
    root: string,
    { files, signal }: { files: SnapshotFiles; signal: AbortSignal | undefined },
  ): Promise<boolean> {
    if (await lstatOf(root) === undefined) return false;
    for (const [path, digest] of Object.entries(files)) {
      const found = await this.#index.digestFile(snapshotPath(root, path), signal).catch(() => "");
      signal?.throwIfAborted();
      if (found !== digest) return false;
    }
    return true;
  }
}

/** Up to this many bytes a file is copied at once. */
const SMALL = 1 << 20;

/**
 * Copies a file that is to have a certain digest.
 *
 * @returns Whether it had; false also where it is gone.
 */
export async function copyFile(
  from: string,
  { to, digest, signal }: {
    readonly to: string;
    readonly digest: Digest;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<boolean> {
  signal?.throwIfAborted();
  try {
    if ((await Deno.stat(from)).size <= SMALL) {
      const bytes = await Deno.readFile(from);
      await Deno.writeFile(to, bytes, { createNew: true, mode: 0o444 });
      return sha256Hex(bytes) === digest;
    }
    using copy = await Deno.open(to, { write: true, createNew: true, mode: 0o444 });
    const hash = await hashFile(from, { signal, tee: (chunk) => writeAll(copy, chunk) });
    return hash.digest === digest;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
