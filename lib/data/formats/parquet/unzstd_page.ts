/**
 * Zstandard in pages of parquet: as `packed/zstd.ts`, at once and into memory of a size that is known.
 *
 * fzstd alone believes what a frame says of its size and its window, up to 2 GB, and Deno's own zlib ends the
 * process at a damaged frame. Left out: checksums, which parquet has no need of and hardly any writer puts in.
 *
 * @module
 */
import { Decompress } from "fzstd";
import {
  FRAME,
  headerFor,
  headerLength,
  joined,
  readBlock,
  readHeader,
  SKIPPABLE,
  uint32,
} from "../packed/zstd_frame.ts";

/** fzstd moves its whole window at each block: so many bytes, or so many for each that comes out. */
const MOVED = { bytes: 2 ** 30, times: 4096 };

/**
 * Unpacks a page.
 *
 * @param length Bytes that it is to unpack to; where it is fewer, fewer come back.
 * @throws {Error} Where it is damaged, cut off, or more.
 */
export function unzstdPage(page: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let filled = 0;
  let at = 0;
  const take = (count: number): Uint8Array => {
    if (count > page.length - at) throw new Error("a page whose zstd data is cut off");
    return page.subarray(at, at += count);
  };
  const peek = (count: number): Uint8Array => {
    const bytes = take(count);
    at -= count;
    return bytes;
  };
  while (at < page.length) {
    const magic = uint32(peek(4));
    if (((magic & 0xfffffff0) >>> 0) === SKIPPABLE) {
      take(8 + uint32(peek(8).subarray(4)));
      continue;
    }
    if (magic !== FRAME) throw new Error("a page that is no zstd");
    const header = readHeader(take(headerLength(peek(5))));
    if ((header.content ?? 0) > length - filled) throw new Error(MORE);
    const decoder = new Decompress((block) => {
      if (block.length > length - filled) throw new Error(MORE);
      out.set(block, filled);
      filled += block.length;
    });
    // Blocks refer to nothing that is not there.
    const window = Math.max(1, Math.min(header.window, length));
    let head: Uint8Array | undefined = headerFor(window);
    let moved = 0;
    for (let isLast = false; !isLast;) {
      const block = readBlock(peek(3));
      isLast = block.isLast;
      const bytes = take(block.length);
      if (block.size === 0 && block.kind < 2) continue;
      decoder.push(head === undefined ? bytes : joined(head, bytes));
      head = undefined;
      moved += window;
      if (moved > Math.max(MOVED.bytes, MOVED.times * filled)) {
        throw new Error("a page whose blocks are made to take for ever");
      }
    }
    if (header.hasChecksum) take(4);
  }
  return out.subarray(0, filled);
}

const MORE = "a page that unpacks to more bytes than it says";
