/**
 * Bytes that are written once and read at any place, in a file that is gone at the end.
 *
 * @module
 */
import type { Spill } from "../../text/duplicates/spill.ts";

/** A file of bytes. Disposing of it removes the file. */
export class FileBytes implements Spill, Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;

  constructor(path: string) {
    this.#path = path;
    this.#file = Deno.openSync(path, { create: true, truncate: true, read: true, write: true });
  }

  write(bytes: Uint8Array): void {
    this.#file.seekSync(0, Deno.SeekMode.End);
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
  }

  read(into: Uint8Array, offset: number): void {
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let at = 0; at < into.length;) {
      const count = this.#file.readSync(into.subarray(at));
      if (count === null) throw new Error(`${this.#path} ends at ${offset + at}`);
      at += count;
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
    Deno.removeSync(this.#path);
  }
}
