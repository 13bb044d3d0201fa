/**
 * What a frame of Zstandard (RFC 8878) says before its blocks, and what fzstd gets in place of it.
 *
 * @module
 */

/** The numbers that frames begin with; of the second any of the last four bits. */
export const FRAME = 0xfd2fb528;
export const SKIPPABLE = 0x184d2a50;

/** Bytes of the largest block, packed or not. */
export const MAX_BLOCK = 1 << 17;

/** Bytes of the largest window. */
const MAX_WINDOW = 1 << 27;

/** What a frame says before its blocks. */
export interface FrameHeader {
  /** Bytes of it. */
  readonly length: number;
  /** Bytes of what was unpacked last that blocks may refer to. */
  readonly window: number;
  /** Bytes that it unpacks to, where it says so. */
  readonly content: number | undefined;
  readonly hasChecksum: boolean;
}

/** Bytes of the header whose first five are these. */
export function headerLength(beginning: Uint8Array): number {
  const { isSingle, dictionary, content } = partsOf(beginning[4]!);
  return 5 + (isSingle ? 0 : 1) + dictionary + content;
}

/**
 * Reads the header of a frame.
 *
 * @param header All of it.
 * @throws {Error} In words that go on after "the file:", where it is damaged, or asks for too much.
 */
export function readHeader(header: Uint8Array): FrameHeader {
  const { length } = header;
  const flags = header[4]!;
  const parts = partsOf(flags);
  if ((flags & 8) !== 0) throw new Error("its zstd data is damaged (a header)");
  const start = length - parts.content;
  const dictionary = header.subarray(start - parts.dictionary, start);
  if (dictionary.some((byte) => byte !== 0)) {
    throw new Error("it was packed with a dictionary, which is not in it");
  }
  let content = header.subarray(start).reduceRight((sum, byte) => sum * 256 + byte, 0);
  if (parts.content === 2) content += 256;
  const base = 2 ** (10 + (header[5]! >> 3));
  const window = parts.isSingle ? content : base + (base / 8) * (header[5]! & 7);
  if (window > MAX_WINDOW) {
    throw new Error(`it needs ${window} bytes of memory, and may need ${MAX_WINDOW}`);
  }
  const hasChecksum = (flags & 4) !== 0;
  return { length, window, content: parts.content === 0 ? undefined : content, hasChecksum };
}

/** What a block says in its three bytes. */
export interface BlockHeader {
  readonly isLast: boolean;
  /** 0: as it is, 1: one byte over and over, 2: packed. */
  readonly kind: number;
  /** Bytes that it unpacks to; of a packed one those that it takes. */
  readonly size: number;
  /** Bytes of the block, these three included. */
  readonly length: number;
}

/** @throws {Error} Where it is none. */
export function readBlock(bytes: Uint8Array): BlockHeader {
  const word = bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16);
  const [kind, size] = [(word >> 1) & 3, word >> 3];
  if (kind === 3 || size > MAX_BLOCK || (kind === 2 && size < 2)) {
    throw new Error("its zstd data is damaged (a block)");
  }
  return { isLast: (word & 1) === 1, kind, size, length: 3 + (kind === 1 ? 1 : size) };
}

/**
 * The header that fzstd gets in place of a frame's: of one segment, and, since it begins with no fewer than 18
 * bytes, with an empty number of a dictionary and eight bytes for the size.
 */
export function headerFor(window: number): Uint8Array {
  const header = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0xe1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  new DataView(header.buffer).setUint32(6, window, true);
  return header;
}

/** A number of four bytes. */
export function uint32(bytes: Uint8Array): number {
  return (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0;
}

/** Two pieces as one. */
export function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Bytes of the parts of a header, by its flags. */
function partsOf(flags: number): { isSingle: boolean; dictionary: number; content: number } {
  const isSingle = (flags & 0x20) !== 0;
  const content = flags >> 6 === 0 ? (isSingle ? 1 : 0) : 1 << (flags >> 6);
  return { isSingle, dictionary: [0, 1, 2, 4][flags & 3]!, content };
}
