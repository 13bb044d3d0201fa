/**
 * A file as hyparquet wants it, and as its pages are checked.
 *
 * @module
 */
import type { AsyncBuffer } from "hyparquet";
import { UserError } from "../../../base/errors.ts";
import type { PageBytes } from "./check.ts";

/** A file that is open. */
export type ParquetBuffer = AsyncBuffer & PageBytes & { readonly path: string; close(): void };

/** Opens a file. Reading is synchronous, so that concurrent slices cannot mix. */
export function openBuffer(path: string): ParquetBuffer {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (error) {
    throw new UserError({ what: `cannot open ${path}: ${(error as Error).message}`, cause: error });
  }
  const byteLength = file.statSync().size;
  const starts = new WeakMap<ArrayBufferLike, number>();
  return {
    path,
    byteLength,
    startOf: (buffer) => starts.get(buffer),
    slice(start: number, end: number = byteLength): ArrayBuffer {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, byteLength) - start));
      file.seekSync(start, Deno.SeekMode.Start);
      for (let at = 0; at < bytes.length;) {
        const n = file.readSync(bytes.subarray(at));
        if (n === null) break;
        at += n;
      }
      starts.set(bytes.buffer, start);
      return bytes.buffer;
    },
    close: () => file.close(),
  };
}
