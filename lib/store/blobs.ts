/**
 * File contents by their SHA-256: `blobs/<first two digits>/<digest>`, read-only, each once.
 *
 * A blob appears by a rename of a file whose bytes are on disk already, so that it is there whole or
 * not at all. Bytes that no longer match their name are set aside as `damaged/<digest>-<time>`:
 * kept for whoever wants to know what happened, never read again.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import {
  ensureFolder,
  lstatOf,
  removeQuietly,
  syncFolder,
  temporaryName,
  writeAll,
} from "./disk/durable.ts";
import { guarded, systemCode } from "./disk/failure.ts";
import { type Digest, type FileHash, hashFile } from "../base/hash.ts";
import type { StoreLayout } from "./disk/layout.ts";
import { isSettled, type Stamp, stampOf, type StoreIndex } from "./index.ts";

/** What checking a blob found. */
export type BlobState =
  | { readonly state: "ok"; readonly size: number }
  | { readonly state: "missing" }
  /** The bytes have changed; the file lies at `setAside` now. */
  | { readonly state: "damaged"; readonly setAside: string };

/** The blobs of a store. */
export class Blobs {
  readonly #layout: StoreLayout;
  readonly #index: StoreIndex;
  /** Blobs that this process stored or linked: path -> what it knows of them. */
  readonly #fresh = new Map<string, { readonly digest: Digest; readonly stamp: Stamp }>();

  /** @param index Remembers which blobs were found sound, for as long as their stamps stay. */
  constructor(layout: StoreLayout, index: StoreIndex) {
    this.#layout = layout;
    this.#index = index;
  }

  /** Where a blob lies, whether it exists or not. */
  pathOf(digest: Digest): string {
    return join(this.#layout.blobs, digest.slice(0, 2), digest);
  }

  /** The size of a blob by `stat` alone, or undefined where there is none. */
  async sizeOf(digest: Digest): Promise<number | undefined> {
    const info = await lstatOf(this.pathOf(digest));
    return info?.isFile ? info.size : undefined;
  }

  /**
   * Whether a blob is there with the bytes of its name: read only where anything about the file has
   * changed since it was last found sound. Nothing is set aside.
   */
  async check(digest: Digest, signal?: AbortSignal): Promise<"ok" | "missing" | "damaged"> {
    const path = this.pathOf(digest);
    try {
      if (!(await lstatOf(path))?.isFile) return "missing";
      return await this.#index.digestFile(path, signal) === digest ? "ok" : "damaged";
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "missing";
      throw error;
    }
  }

  /**
   * Makes another name for a blob. That moves its ctime and, unlike a write, is no reason to read it.
   *
   * @throws What the file system answers where it cannot.
   */
  link(digest: Digest, path: string): void {
    const blob = this.pathOf(digest);
    const before = stampOf(blob);
    const isSound = before !== undefined &&
      (this.#index.known(blob) === digest || this.#fresh.get(blob)?.stamp.text === before.text);
    Deno.linkSync(blob, path);
    const after = stampOf(blob);
    if (isSound && after?.content === before.content) {
      this.#fresh.set(blob, { digest, stamp: after });
    }
  }

  /**
   * Stores a file's content. The file may be gone afterwards: it moves in where that is safe.
   *
   * @throws {UserError} On a full or unwritable disk.
   */
  async put(
    file: string,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<FileHash> {
    const attempt = { doing: `store ${basename(file)}`, path: this.#layout.blobs };
    return await guarded(
      attempt,
      async () => await this.#move(file, signal) ?? await this.#copy(file, signal),
    );
  }

  /**
   * Remembers, at the end of a run, which of the blobs that it stored and linked are sound, so that the
   * next one need not read them. Those of the last moments are left out: a write in the same tick of
   * the clock would leave no trace.
   */
  settle(): void {
    const now = Date.now();
    this.#index.batch(() => {
      for (const [path, { digest, stamp }] of this.#fresh) {
        if (!isSettled(stamp, now) || stampOf(path)?.text !== stamp.text) continue;
        this.#index.remember(path, { stamp, digest });
        this.#fresh.delete(path);
      }
    });
  }

  /** Reads every byte of a blob and sets it aside if they do not match its name. */
  async verify(digest: Digest, signal?: AbortSignal): Promise<BlobState> {
    const path = this.pathOf(digest);
    const before = await lstatOf(path);
    if (before === undefined) return { state: "missing" };
    if (before.isFile) {
      const stamp = stampOf(path);
      const began = Date.now();
      let found: FileHash;
      try {
        found = await hashFile(path, { signal });
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return { state: "missing" };
        throw error;
      }
      if (found.digest === digest) {
        const isStill = stamp !== undefined && stampOf(path)?.text === stamp.text;
        if (isStill && isSettled(stamp, began)) this.#index.remember(path, { stamp, digest });
        return { state: "ok", size: found.size };
      }
      // Another process may have mended it while this one read: look at what stands there now.
      if ((await lstatOf(path))?.ino !== before.ino) return await this.verify(digest, signal);
    }
    return await this.#setAside(digest);
  }

  async #setAside(digest: Digest): Promise<BlobState> {
    const time = new Date().toISOString().replaceAll(/[-:]/g, "");
    const setAside = join(this.#layout.damaged, `${digest}-${time}`);
    return await guarded({ doing: "set a damaged file aside", path: setAside }, async () => {
      await ensureFolder(this.#layout.damaged);
      try {
        await Deno.rename(this.pathOf(digest), setAside);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return { state: "missing" };
        throw error;
      }
      await syncFolder(dirname(this.pathOf(digest)));
      return { state: "damaged", setAside };
    });
  }

  /** Moves the file itself in; undefined where it has to be copied. */
  async #move(file: string, signal: AbortSignal | undefined): Promise<FileHash | undefined> {
    const before = await Deno.lstat(file);
    // A file with a second name could still be written under that name.
    if (before.nlink !== 1) return undefined;
    try {
      await Deno.chmod(file, 0o444);
    } catch (error) {
      if (systemCode(error) === "EPERM") return undefined;
      throw error;
    }
    const stamp = stampOf(file);
    const hash = await hashFile(file, { signal });
    {
      using handle = await Deno.open(file, { read: true });
      await handle.sync();
    }
    if (stampOf(file)?.content !== stamp?.content) {
      throw new Error(`${basename(file)} was written to while it was being stored`);
    }
    try {
      await this.#adopt(file, { hash, stamp });
    } catch (error) {
      if (systemCode(error) === "EXDEV") return undefined;
      throw error;
    }
    return hash;
  }

  async #copy(file: string, signal: AbortSignal | undefined): Promise<FileHash> {
    const temporary = await this.#temporary();
    try {
      let hash: FileHash;
      {
        using copy = await Deno.open(temporary, { write: true, createNew: true });
        hash = await hashFile(file, { signal, tee: (chunk) => writeAll(copy, chunk) });
        await copy.sync();
      }
      await Deno.chmod(temporary, 0o444);
      await this.#adopt(temporary, { hash, stamp: stampOf(temporary) });
      return hash;
    } finally {
      await removeQuietly(temporary);
    }
  }

  /** Renames a finished file to its blob's name, unless a sound one is there. */
  async #adopt(
    file: string,
    { hash: { digest }, stamp }: { readonly hash: FileHash; readonly stamp: Stamp | undefined },
  ): Promise<void> {
    const path = this.pathOf(digest);
    await ensureFolder(dirname(path));
    // Keeping the old file keeps what is hard-linked to it shared; a damaged one must go.
    if ((await this.verify(digest)).state === "ok") {
      await Deno.remove(file);
      return;
    }
    await Deno.rename(file, path);
    await syncFolder(dirname(path));
    const after = stampOf(path);
    if (after !== undefined && after.content === stamp?.content) {
      this.#fresh.set(path, { digest, stamp: after });
    }
  }

  async #temporary(): Promise<string> {
    await ensureFolder(this.#layout.temporary);
    return join(this.#layout.temporary, temporaryName("blob"));
  }
}
