/**
 * A file of the cache for downloads, and the note beside it that says which bytes it holds.
 *
 * Between two tries the bytes lie on a disk, for a moment or for weeks, and a file that goes on from
 * wrong ones may well get the right size. Many servers announce no digest that would tell. So the note
 * has the digest of what came, and what does not fit its note, or has none, starts over. A note may lag
 * behind its file: then what came after it is fetched again.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import { isJsonObject, parseJsonObject } from "../../../base/json.ts";
import { type Digest, hashFile } from "../../../base/hash.ts";

/** A note is written again after so many bytes, or so many milliseconds. */
const NOTE_EVERY = { bytes: 64 << 20, milliseconds: 500 };

/** Bytes read at a time. */
const CHUNK = 1 << 20;

interface Note {
  readonly url: string;
  /** How many bytes of the file the digest is of. */
  readonly bytes: number;
  readonly sha256: Digest;
  /** Whether that is all of it, and was checked. */
  readonly whole: boolean;
  /** The version that the bytes are of, as the server told it. */
  readonly etag?: string;
  /** How the server packed it, where it did so by itself (Content-Encoding). */
  readonly encoding?: string;
}

/** A file that this process alone has open. */
export class CachedFile implements Disposable {
  readonly path: string;
  readonly #url: string;
  readonly #handle: Deno.FsFile;
  #hash: Hash = createHash("sha256");
  #size = 0;
  #noted = { bytes: 0, at: -Infinity };
  /** The version that the bytes are of, as the server told it. */
  etag: string | undefined;
  /** How the server packed it, where it did so by itself (Content-Encoding). */
  encoding: string | undefined;

  private constructor(path: string, { url, handle }: { url: string; handle: Deno.FsFile }) {
    this.path = path;
    this.#url = url;
    this.#handle = handle;
  }

  /**
   * Opens a file for this process alone, empty where it is not there.
   *
   * @param options `onWait` is called where another process has it.
   */
  static async open(
    path: string,
    { url, onWait }: { readonly url: string; readonly onWait: () => void },
  ): Promise<CachedFile> {
    for (;;) {
      const handle = await Deno.open(path, { read: true, write: true, create: true });
      if (!await handle.tryLock(true)) {
        onWait();
        await handle.lock(true);
      }
      // Whoever had the lock may have removed the file: then this is one that nobody will find.
      const here = await statIfThere(path);
      if (here !== undefined && here.ino === (await handle.stat()).ino) {
        return new CachedFile(path, { url, handle });
      }
      handle.close();
    }
  }

  /** Bytes that are there, and known to be those that came. */
  get size(): number {
    return this.#size;
  }

  /** SHA-256 of them. */
  get digest(): Digest {
    return this.#hash.copy().digest("hex");
  }

  /**
   * Takes up what an earlier try left, as far as it is what came then.
   *
   * @returns `whole`: all of it was there and was checked; `damaged`: bytes that nothing vouches for
   *   were thrown away.
   */
  async takeUp(): Promise<"whole" | "part" | "damaged" | "empty"> {
    const { size } = await this.#handle.stat();
    const note = await this.#readNote();
    if (size === 0) {
      await this.clear();
      return "empty";
    }
    if (note === undefined || note.bytes > size || await this.#hashFirst(note) !== note.sha256) {
      await this.clear();
      return "damaged";
    }
    await this.#handle.truncate(note.bytes);
    await this.#handle.seek(note.bytes, Deno.SeekMode.Start);
    this.#size = note.bytes;
    this.#noted = { bytes: note.bytes, at: performance.now() };
    this.etag = note.etag;
    this.encoding = note.encoding;
    return note.whole ? "whole" : "part";
  }

  /** Throws away what is there. */
  async clear(): Promise<void> {
    await this.#handle.truncate(0);
    await this.#handle.seek(0, Deno.SeekMode.Start);
    this.#hash = createHash("sha256");
    this.#size = 0;
    this.#noted = { bytes: 0, at: -Infinity };
    this.etag = undefined;
    this.encoding = undefined;
    await removeIfThere(notePath(this.path));
  }

  /**
   * Writes all of a piece to the end, and notes from time to time what there is by now.
   *
   * @param options `size`: bytes of the whole file, where that is known: it is noted when it was checked.
   */
  async write(piece: Uint8Array, { size }: { readonly size?: number | undefined }): Promise<void> {
    for (let done = 0; done < piece.length;) {
      done += await this.#handle.write(piece.subarray(done));
    }
    this.#hash.update(piece);
    this.#size += piece.length;
    const { bytes, at } = this.#noted;
    const isDue = this.#size - bytes >= NOTE_EVERY.bytes ||
      performance.now() - at >= NOTE_EVERY.milliseconds;
    if (isDue && this.#size !== size) await this.note();
  }

  /** Notes what there is, for a later try to go on from. */
  async note({ whole = false }: { readonly whole?: boolean } = {}): Promise<void> {
    if (this.#size === 0 && !whole) return;
    const note: Note = {
      url: this.#url,
      bytes: this.#size,
      sha256: this.digest,
      whole,
      ...(this.etag === undefined ? {} : { etag: this.etag }),
      ...(this.encoding === undefined ? {} : { encoding: this.encoding }),
    };
    // After a power cut, too, the note is of bytes that are there.
    await this.#handle.syncData();
    const path = notePath(this.path);
    await Deno.writeTextFile(`${path}.new`, JSON.stringify(note));
    await Deno.rename(`${path}.new`, path);
    this.#noted = { bytes: this.#size, at: performance.now() };
  }

  /** Whether the disk gives back what was written. */
  async isSound(): Promise<boolean> {
    return (await hashFile(this.path)).digest === this.digest;
  }

  [Symbol.dispose](): void {
    this.#handle.close();
  }

  async #readNote(): Promise<Note | undefined> {
    let text: string;
    try {
      text = await Deno.readTextFile(notePath(this.path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
    const note = parseJsonObject(text);
    if (!isJsonObject(note)) return undefined;
    const { url, bytes, sha256, whole, etag, encoding } = note;
    const isFine = url === this.#url && typeof bytes === "number" &&
      Number.isSafeInteger(bytes) && bytes >= 0 &&
      typeof sha256 === "string" && typeof whole === "boolean" &&
      (etag === undefined || typeof etag === "string") &&
      (encoding === undefined || typeof encoding === "string");
    if (!isFine) return undefined;
    return {
      ...{ url, bytes, sha256, whole },
      ...(etag === undefined ? {} : { etag }),
      ...(encoding === undefined ? {} : { encoding }),
    };
  }

  /** Reads the first bytes, and goes on hashing from there. */
  async #hashFirst({ bytes }: Note): Promise<Digest> {
    await this.#handle.seek(0, Deno.SeekMode.Start);
    const buffer = new Uint8Array(CHUNK);
    for (let left = bytes; left > 0;) {
      const count = await this.#handle.read(buffer.subarray(0, Math.min(left, CHUNK)));
      if (count === null) break;
      this.#hash.update(buffer.subarray(0, count));
      left -= count;
    }
    return this.digest;
  }
}

/** Removes a file and its note, unless another process is using them. */
export async function removeCached(path: string): Promise<void> {
  if (await statIfThere(path) === undefined) return await removeIfThere(notePath(path));
  try {
    using handle = await Deno.open(path, { read: true, write: true });
    // Whoever has it will remove it.
    if (!await handle.tryLock(true)) return;
    await removeIfThere(notePath(path));
    await removeIfThere(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The file that a path in the cache belongs to, be it its note. */
export function cachedPathOf(path: string): string {
  return path.replace(/\.json(?:\.new)?$/, "");
}

function notePath(path: string): string {
  return `${path}.json`;
}

async function statIfThere(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
