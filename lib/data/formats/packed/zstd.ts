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
import { XxHash64 } from "./xxhash64.ts";

const FRAME = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;

/** Bytes of the largest block, packed or not. */
const MAX_BLOCK = 1 << 17;

/** Bytes of the largest window. */
const MAX_WINDOW = 1 << 27;

/** Milliseconds that no block takes, not even on a machine that does much else. */
const MAX_BLOCK_TIME = 10_000;

/**
 * fzstd moves its whole window at each block. This many bytes moved, and so many for each that was unpacked,
 * are a file of empty blocks that is made to take for ever.
 */
const MOVED = { bytes: 2 ** 34, times: 4096 };

/** What a frame says before its blocks. */
interface FrameHeader {
  /** Bytes of it. */
  readonly length: number;
  /** Bytes of what was unpacked last that blocks may refer to. */
  readonly window: number;
  /** Bytes that it unpacks to, where it says so. */
  readonly content: number | undefined;
  readonly hasChecksum: boolean;
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
  for (let frames = 0; await bytes.has(1); frames++) {
    const magic = await bytes.has(4) ? uint32(bytes.peek(4)) : 0;
    if (((magic & 0xfffffff0) >>> 0) === SKIPPABLE) {
      if (!await bytes.has(8)) throw isCutOff();
      if (!await bytes.skip(8 + uint32(bytes.peek(8).subarray(4)))) throw isCutOff();
    } else if (magic === FRAME) {
      yield* unpackFrame(bytes, file);
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
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const isCutOff = (): UserError => damaged(file, "it is cut off");
  const header = await frameHeader(bytes, file);
  if (header === undefined) throw isCutOff();
  const hash = header.hasChecksum ? new XxHash64() : undefined;
  let unpacked: Uint8Array<ArrayBuffer>[] = [];
  const decoder = new Decompress((block) => unpacked.push(block as Uint8Array<ArrayBuffer>));
  let [content, moved] = [0, 0];
  // Blocks refer to nothing that is not there: what is short needs no window, and 100,000 such not so many.
  const window = Math.min(header.window, header.content ?? Infinity);
  let head: Uint8Array | undefined = headerFor(window);
  bytes.take(header.length);
  for (let isLast = false; !isLast;) {
    if (!await bytes.has(3)) throw isCutOff();
    const [a, b, c] = bytes.peek(3);
    const word = a! | (b! << 8) | (c! << 16);
    isLast = (word & 1) === 1;
    const kind = (word >> 1) & 3;
    const size = word >> 3;
    if (kind === 3 || size > MAX_BLOCK || (kind === 2 && size < 2)) {
      throw damaged(file, "its zstd data is damaged (a block)");
    }
    const length = 3 + (kind === 1 ? 1 : size);
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
    moved += window;
    for (const part of unpacked) {
      content += part.length;
      hash?.update(part);
      if (part.length > 0) yield part;
    }
    unpacked = [];
    if (
      performance.now() - began > MAX_BLOCK_TIME ||
      moved > Math.max(MOVED.bytes, MOVED.times * content)
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

/**
 * The header that fzstd gets in place of a frame's: of one segment, and, since it begins with no fewer than 18
 * bytes, with an empty number of a dictionary and eight bytes for the size.
 */
function headerFor(window: number): Uint8Array {
  const header = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0xe1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  new DataView(header.buffer).setUint32(6, window, true);
  return header;
}

/** The header of the frame that comes next; undefined where the file ends in it. */
async function frameHeader(bytes: ByteQueue, file: InputFile): Promise<FrameHeader | undefined> {
  if (!await bytes.has(5)) return undefined;
  const flags = bytes.peek(5)[4]!;
  const isSingle = (flags & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][flags & 3]!;
  const contentBytes = flags >> 6 === 0 ? (isSingle ? 1 : 0) : 1 << (flags >> 6);
  const windowBytes = isSingle ? 0 : 1;
  const length = 5 + windowBytes + dictionaryBytes + contentBytes;
  if (!await bytes.has(length)) return undefined;
  const header = bytes.peek(length);
  if ((flags & 8) !== 0) throw damaged(file, "its zstd data is damaged (a header)");
  const dictionary = header.subarray(5 + windowBytes, 5 + windowBytes + dictionaryBytes);
  if (dictionary.some((byte) => byte !== 0)) {
    throw damaged(file, "it was packed with a dictionary, which is not in it");
  }
  let content = header.subarray(length - contentBytes).reduceRight(
    (sum, byte) => sum * 256 + byte,
    0,
  );
  if (contentBytes === 2) content += 256;
  const base = 2 ** (10 + (header[5]! >> 3));
  const window = isSingle ? content : base + (base / 8) * (header[5]! & 7);
  if (window > MAX_WINDOW) {
    throw damaged(file, `it needs ${window} bytes of memory, and may need ${MAX_WINDOW}`);
  }
  return {
    length,
    window,
    content: contentBytes === 0 ? undefined : content,
    hasChecksum: (flags & 4) !== 0,
  };
}

function uint32(bytes: Uint8Array): number {
  return (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
