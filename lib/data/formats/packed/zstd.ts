/**
 * Zstandard (RFC 8878): frames one behind the other, skippable ones between them, checksums.
 *
 * Blocks are unpacked by fzstd. Frames are walked here, for it checks no checksum, no size and no
 * end, and calls itself once a frame. What Deno has in node:zlib ends at the first frame, takes a file that is cut
 * off for whole, and ends the process at a damaged one. Left out: dictionaries, and windows past 128 MB,
 * which the program `zstd` refuses, too, unless it is told.
 *
 * @module
 */
import { Decompress } from "fzstd";
import type { UserError } from "../../../base/errors.ts";
import type { InputFile } from "../row_file.ts";
import { ByteQueue } from "./byte_queue.ts";
import { damaged } from "./damaged.ts";
import {
  type BlockHeader,
  FRAME,
  type FrameHeader,
  headerFor,
  headerLength,
  joined,
  MAX_BLOCK,
  readBlock,
  readHeader,
  SKIPPABLE,
  uint32,
} from "./zstd_frame.ts";
import { XxHash64 } from "./xxhash64.ts";

/** Milliseconds that no block takes, not even on a machine that does much else. */
const MAX_BLOCK_TIME = 10_000;

/**
 * fzstd moves its whole window at each block. This many bytes moved, and so many for each that was unpacked,
 * are a file of empty blocks that is made to take for ever.
 */
const MOVED = { bytes: 2 ** 34, times: 4096 };

/** To make a window takes about as long as to move it so often. */
const MADE = 4;

/** Blocks of a frame that are looked at before the first is unpacked, to see how little it may hold. */
const LOOKED_AT = 16;

/** What unpacking a file has come to. */
interface Effort {
  /** Bytes that were unpacked. */
  content: number;
  /** Bytes of windows that were made or moved. */
  moved: number;
}

/**
 * Unpacks Zstandard.
 *
 * @throws {UserError} Where it is none, damaged, cut off, or needs a dictionary.
 */
export async function* unzstd(
  packed: AsyncGenerator<Uint8Array<ArrayBuffer>>,
  file: InputFile,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const bytes = new ByteQueue(packed);
  const isCutOff = (): UserError => damaged(file, "it is cut off");
  if (!await bytes.has(1)) throw isCutOff();
  const effort: Effort = { content: 0, moved: 0 };
  for (let frames = 0; await bytes.has(1); frames++) {
    const magic = await bytes.has(4) ? uint32(bytes.peek(4)) : 0;
    if (((magic & 0xfffffff0) >>> 0) === SKIPPABLE) {
      if (!await bytes.has(8)) throw isCutOff();
      if (!await bytes.skip(8 + uint32(bytes.peek(8).subarray(4)))) throw isCutOff();
    } else if (magic === FRAME) {
      yield* unpackFrame(bytes, file, effort);
    } else {
      throw damaged(
        file,
        frames === 0 ? "it is no zstd" : "there is something behind its end that is no zstd",
      );
    }
  }
}

async function* unpackFrame(
  bytes: ByteQueue,
  file: InputFile,
  effort: Effort,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const isCutOff = (): UserError => damaged(file, "it is cut off");
  const header = await frameHeader(bytes, file);
  if (header === undefined) throw isCutOff();
  const hash = header.hasChecksum ? new XxHash64() : undefined;
  let unpacked: Uint8Array<ArrayBuffer>[] = [];
  const decoder = new Decompress((block) => unpacked.push(block as Uint8Array<ArrayBuffer>));
  let content = 0;
  // Blocks refer to nothing that is not there: what is short needs no window, and 100,000 such not so many.
  const most = header.content ?? await mostContent(bytes, header.length);
  const window = Math.min(header.window, most);
  effort.moved += MADE * window;
  let head: Uint8Array | undefined = headerFor(window);
  bytes.take(header.length);
  for (let isLast = false; !isLast;) {
    if (!await bytes.has(3)) throw isCutOff();
    const { kind, size, length, ...read } = told(file, () => readBlock(bytes.peek(3)));
    isLast = read.isLast;
    if (!await bytes.has(length)) throw isCutOff();
    const block = bytes.take(length);
    if (size === 0 && kind < 2) continue;
    const began = performance.now();
    try {
      decoder.push(head === undefined ? block : joined(head, block));
    } catch (error) {
      throw damaged(file, `its zstd data is damaged (${(error as Error).message})`, error);
    }
    head = undefined;
    effort.moved += window;
    for (const part of unpacked) {
      content += part.length;
      effort.content += part.length;
      hash?.update(part);
      if (part.length > 0) yield part;
    }
    unpacked = [];
    if (
      performance.now() - began > MAX_BLOCK_TIME ||
      effort.moved > Math.max(MOVED.bytes, MOVED.times * effort.content)
    ) throw damaged(file, "its blocks are made to take for ever");
  }
  if (header.content !== undefined && header.content !== content) {
    throw damaged(file, `its zstd data is damaged (${content} bytes instead of ${header.content})`);
  }
  if (hash === undefined) return;
  if (!await bytes.has(4)) throw isCutOff();
  if (uint32(bytes.take(4)) !== hash.low()) {
    throw damaged(file, "its zstd data is damaged (its checksum is another)");
  }
}

/** Bytes that a frame unpacks to at most, where it ends soon; no bound where it goes on. */
async function mostContent(bytes: ByteQueue, start: number): Promise<number> {
  let [at, most] = [start, 0];
  for (let i = 0; i < LOOKED_AT && await bytes.has(at + 3); i++) {
    const { kind, size, length, isLast } = looked(bytes.peek(at + 3).subarray(at));
    most += kind === 2 ? MAX_BLOCK : size;
    if (isLast) return most;
    at += length;
  }
  return Infinity;
}

/** The block, or what stands for one that is none: that is told when its turn comes. */
function looked(bytes: Uint8Array): BlockHeader {
  try {
    return readBlock(bytes);
  } catch {
    return { kind: 0, size: Infinity, length: 0, isLast: true };
  }
}

/** The header of the frame that comes next; undefined where the file ends in it. */
async function frameHeader(bytes: ByteQueue, file: InputFile): Promise<FrameHeader | undefined> {
  if (!await bytes.has(5)) return undefined;
  const length = headerLength(bytes.peek(5));
  if (!await bytes.has(length)) return undefined;
  return told(file, () => readHeader(bytes.peek(length)));
}

function told<T>(file: InputFile, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw damaged(file, (error as Error).message, error);
  }
}
