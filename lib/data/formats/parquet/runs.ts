/**
 * Whether what a page of parquet holds can be decoded in bounded time and memory: runs of levels and of
 * dictionary indices (RLE/bit-packed hybrid), and the blocks of delta encodings
 * (https://parquet.apache.org/docs/file-format/data-pages/encodings/).
 *
 * hyparquet decodes them; a run that a damaged byte made 2^30 values long, or of no values at all, keeps it
 * busy for minutes or for ever; an index past its dictionary would silently be a null. Delta encodings are in
 * `deltas.ts`.
 *
 * @module
 */
import type { ParquetType } from "hyparquet";
import { checkDelta } from "./deltas.ts";

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
  /** The largest that may stand in it. */
  readonly most: number;
}

/** What a data page says of itself, and the highest levels of its column. */
export interface PageContent {
  readonly values: number;
  /** As parquet numbers encodings. */
  readonly encoding: number;
  readonly maxRepetition: number;
  readonly maxDefinition: number;
  /** Of the values. */
  readonly type: ParquetType;
  /** Bytes of one, where all have as many. */
  readonly width: number | undefined;
  /** Values of the dictionary; undefined where there is none. */
  readonly dictionary: number | undefined;
}

const PLAIN_DICTIONARY = 2;
const RLE = 3;
const DELTA = [5, 6, 7];
const RLE_DICTIONARY = 8;
const BYTE_STREAM_SPLIT = 9;

/** Bytes of a value of the types that have a width of their own. */
const WIDTHS: Readonly<Partial<Record<ParquetType, number>>> = {
  INT32: 4,
  INT64: 8,
  FLOAT: 4,
  DOUBLE: 8,
};

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
      most: max,
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
  content: PageContent & {
    readonly repetitionBytes: number;
    readonly definitionBytes: number;
    readonly nulls: number;
  },
): void {
  const { values: count, maxRepetition, maxDefinition, repetitionBytes, definitionBytes } = content;
  const end = repetitionBytes + definitionBytes;
  if (maxRepetition > 0) {
    const width = bitWidth(maxRepetition);
    checkRuns(bytes, { start: 0, end: repetitionBytes, width, count, most: maxRepetition });
  }
  let present = count;
  if (maxDefinition > 0) {
    const levels = { width: bitWidth(maxDefinition), most: maxDefinition, counted: maxDefinition };
    present = checkRuns(bytes, { start: repetitionBytes, end, count, ...levels });
  }
  if (present !== count - content.nulls) {
    throw new Error(`a page of ${count - content.nulls} values where its levels say ${present}`);
  }
}

/** Checks the values of a page, which come after its levels. */
export function checkValues(bytes: Uint8Array, content: PageContent): void {
  const { values, encoding, type, width: valueWidth, dictionary } = content;
  if (values === 0) return;
  if (DELTA.includes(encoding)) return checkDelta(bytes, { values, encoding });
  if (encoding === BYTE_STREAM_SPLIT) {
    const width = WIDTHS[type] ?? valueWidth ?? 0;
    if (width * values > bytes.length) throw new Error("values that are longer than their page");
    return;
  }
  if (![PLAIN_DICTIONARY, RLE_DICTIONARY, RLE].includes(encoding)) return;
  const isBoolean = type === "BOOLEAN";
  if (isBoolean !== (encoding === RLE)) {
    throw new Error(`values of type ${type} in encoding ${encoding}, which is not for them`);
  }
  if (isBoolean) {
    const end = 4 + uint32(bytes, 0);
    if (end > bytes.length) throw new Error("values that are longer than their page");
    checkRuns(bytes, { start: 4, end, width: 1, count: values, most: 1 });
    return;
  }
  if (dictionary === undefined) throw new Error("indices without a dictionary");
  const width = bytes[0] ?? 0;
  if (width > 32) throw new Error(`indices of ${width} bits`);
  // Indices of no bits are all 0.
  if (dictionary === 0) throw new Error("indices into a dictionary of no values");
  const runs = { start: 1, end: bytes.length, count: values, most: dictionary - 1 };
  if (width > 0) checkRuns(bytes, { ...runs, width });
}

/** Walks along runs. @returns How often the counted value stands in them. */
function checkRuns(bytes: Uint8Array, runs: Runs): number {
  const { end, width, count, counted, most } = runs;
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
      // Where every value that has so many bits is allowed, and none is counted, none has to be looked at.
      if (counted !== undefined || most < 2 ** width - 1) {
        found += scanPacked(bytes, { at, width, taken, counted, most });
      }
      at += (length / 8) * width;
    } else {
      let value = 0;
      for (let i = 0; i < (width + 7) >> 3; i++) value += (bytes[at++] ?? 0) * 2 ** (8 * i);
      if (value > most) throw new Error(`a value of ${value} where ${most} is the largest`);
      if (value === counted) found += taken;
    }
    seen += taken;
  }
  return found;
}

/** Looks at packed values. @returns How often the counted one is among them. */
function scanPacked(
  bytes: Uint8Array,
  { at, width, taken, counted, most }: {
    at: number;
    width: number;
    taken: number;
    counted: number | undefined;
    most: number;
  },
): number {
  let found = 0;
  let next = at;
  // Beyond 24 bits a number of 32 would not hold what is left of one byte beside a value.
  const scale = 2 ** width;
  for (let i = 0, held = 0, bits = 0; i < taken; i++) {
    for (; bits < width; bits += 8) held += (bytes[next++] ?? 0) * 2 ** bits;
    const value = width <= 24 ? held & (scale - 1) : held % scale;
    held = width <= 24 ? held >>> width : Math.floor(held / scale);
    bits -= width;
    if (value > most) throw new Error(`a value of ${value} where ${most} is the largest`);
    if (value === counted) found++;
  }
  return found;
}

function uint32(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) throw new Error("a page that is cut off");
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(at, true);
}

function bitWidth(value: number): number {
  return 32 - Math.clz32(value);
}
