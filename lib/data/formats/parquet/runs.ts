/**
 * Whether what a page of parquet holds can be decoded in bounded time and memory: runs of levels and of
 * dictionary indices (RLE/bit-packed hybrid), and the blocks of delta encodings
 * (https://parquet.apache.org/docs/file-format/data-pages/encodings/).
 *
 * hyparquet decodes them; a run that a damaged byte made 2^30 values long, or of no values at all, keeps it
 * busy for minutes or for ever. Left out: the second stream of DELTA_BYTE_ARRAY, which needs the first.
 *
 * @module
 */

/** What a stream of runs is. */
interface Runs {
  /** Where it begins and ends. */
  readonly start: number;
  readonly end: number;
  /** Bits a value. */
  readonly width: number;
  /** How many values are to come out of it. */
  readonly count: number;
  /** The value to count. */
  readonly counted?: number;
}

/** What a data page says of itself, and the highest levels of its column. */
export interface PageContent {
  readonly values: number;
  /** As parquet numbers encodings. */
  readonly encoding: number;
  readonly maxRepetition: number;
  readonly maxDefinition: number;
  readonly boolean: boolean;
}

const PLAIN_DICTIONARY = 2;
const RLE = 3;
const DELTA = [5, 6, 7];
const RLE_DICTIONARY = 8;

/** The largest block of delta encodings that is believed, in values; writers use 128. */
const MAX_BLOCK = 1 << 20;

/**
 * Checks the bytes of a version 1 page, after decompression.
 *
 * @throws {Error} Where a run is longer than the page, of no values, or cut off.
 */
export function checkPage(bytes: Uint8Array, content: PageContent): void {
  const { values, maxRepetition, maxDefinition } = content;
  let at = 0;
  let present = values;
  const levels = (max: number, counted?: number): number => {
    const length = uint32(bytes, at);
    const start = at + 4;
    if (length > bytes.length - start) throw new Error("levels that are longer than their page");
    const found = checkRuns(bytes, {
      start,
      end: start + length,
      width: bitWidth(max),
      count: values,
      ...(counted === undefined ? {} : { counted }),
    });
    at = start + length;
    return found;
  };
  if (maxRepetition > 0) levels(maxRepetition);
  if (maxDefinition > 0) present = levels(maxDefinition, maxDefinition);
  checkValues(bytes.subarray(at), { ...content, values: present });
}

/** Checks the levels of a version 2 page, which are never compressed. */
export function checkLevels(
  bytes: Uint8Array,
  content: PageContent & { readonly repetitionBytes: number; readonly definitionBytes: number },
): void {
  const { values: count, maxRepetition, maxDefinition, repetitionBytes, definitionBytes } = content;
  const end = repetitionBytes + definitionBytes;
  if (maxRepetition > 0) {
    checkRuns(bytes, { start: 0, end: repetitionBytes, width: bitWidth(maxRepetition), count });
  }
  if (maxDefinition > 0) {
    checkRuns(bytes, { start: repetitionBytes, end, width: bitWidth(maxDefinition), count });
  }
}

/** Checks the values of a page, which come after its levels. */
export function checkValues(
  bytes: Uint8Array,
  { values, encoding, boolean }: Pick<PageContent, "values" | "encoding" | "boolean">,
): void {
  if (values === 0) return;
  if (DELTA.includes(encoding)) return checkDelta(bytes);
  if (![PLAIN_DICTIONARY, RLE_DICTIONARY, RLE].includes(encoding)) return;
  if (boolean || encoding === RLE) {
    const end = 4 + uint32(bytes, 0);
    if (end > bytes.length) throw new Error("values that are longer than their page");
    checkRuns(bytes, { start: 4, end, width: 1, count: values });
    return;
  }
  const width = bytes[0] ?? 0;
  if (width > 32) throw new Error(`indices of ${width} bits`);
  if (width > 0) checkRuns(bytes, { start: 1, end: bytes.length, width, count: values });
}

/** Walks along runs. @returns How often the counted value stands in them. */
function checkRuns(bytes: Uint8Array, runs: Runs): number {
  const { end, width, count, counted } = runs;
  let at = runs.start;
  let seen = 0;
  let found = 0;
  while (seen < count) {
    let header = 0;
    for (let shift = 0;; shift += 7) {
      if (at >= end || shift > 28) throw new Error("runs that end before their values");
      const byte = bytes[at++]!;
      header += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    const packed = header % 2 === 1;
    const length = Math.floor(header / 2) * (packed ? 8 : 1);
    // The last packed run is filled up to whole groups of eight; some writers fill up whole blocks.
    if (length === 0 || seen + length > count + (packed ? 512 : 0)) {
      throw new Error(`a run of ${length} values where ${count - seen} are left`);
    }
    const taken = Math.min(length, count - seen);
    if (packed) {
      if (counted !== undefined) found += countPacked(bytes, { at, width, taken, counted });
      at += (length / 8) * width;
    } else {
      let value = 0;
      for (let i = 0; i < (width + 7) >> 3; i++) value += (bytes[at++] ?? 0) * 2 ** (8 * i);
      if (value === counted) found += taken;
    }
    seen += taken;
  }
  return found;
}

function countPacked(
  bytes: Uint8Array,
  { at, width, taken, counted }: { at: number; width: number; taken: number; counted: number },
): number {
  let found = 0;
  for (let i = 0, bit = 0; i < taken; i++) {
    let value = 0;
    for (let b = 0; b < width; b++, bit++) {
      value |= (((bytes[at + (bit >> 3)] ?? 0) >> (bit & 7)) & 1) << b;
    }
    if (value === counted) found++;
  }
  return found;
}

/** The head of a delta encoding: values a block, and the smaller blocks that it is cut into. */
function checkDelta(bytes: Uint8Array): void {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift <= 28; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error("deltas that are cut off");
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new Error("a number without an end");
  };
  const block = varint();
  const parts = varint();
  if (block < 1 || block > MAX_BLOCK || parts < 1 || block % parts !== 0) {
    throw new Error(`deltas in blocks of ${block} values, cut into ${parts}`);
  }
}

function uint32(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) throw new Error("a page that is cut off");
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(at, true);
}

function bitWidth(value: number): number {
  return 32 - Math.clz32(value);
}
