/**
 * Whether delta encodings can be decoded in bounded time and memory
 * (https://parquet.apache.org/docs/file-format/data-pages/encodings/).
 *
 * hyparquet makes a text of DELTA_BYTE_ARRAY as long as its two lengths say, whatever there is: here a
 * beginning is no longer than the text before it, what follows lies in the page, and all texts together have a
 * bound.
 *
 * @module
 */

const DELTA_BINARY_PACKED = 5;
const DELTA_BYTE_ARRAY = 7;

/** The largest block that is believed, in values; writers use 128. */
const MAX_BLOCK = 1 << 20;

/** Bytes of the texts of a page. */
const MAX_TEXTS = 1 << 28;

/**
 * Checks the values of a page.
 *
 * @throws {Error} Where lengths lie, or a block is of a form that none has.
 */
export function checkDelta(
  bytes: Uint8Array,
  { values, encoding }: { readonly values: number; readonly encoding: number },
): void {
  const reader = new Deltas(bytes);
  if (encoding === DELTA_BINARY_PACKED) return reader.head();
  const prefixes = encoding === DELTA_BYTE_ARRAY ? reader.numbers(values) : undefined;
  const lengths = reader.numbers(values);
  let left = bytes.length - reader.at;
  let before = 0;
  let all = 0;
  for (let i = 0; i < values; i++) {
    const [prefix, length] = [prefixes?.[i] ?? 0, lengths[i]!];
    if (prefix < 0 || prefix > before) {
      throw new Error(`a text that begins with ${prefix} bytes of one of ${before}`);
    }
    if (length < 0 || length > left) throw new Error(`a text of ${length} bytes where ${left} are`);
    left -= length;
    before = prefix + length;
    all += before;
  }
  if (all > MAX_TEXTS) throw new Error(`texts of ${all} bytes in a page of ${bytes.length}`);
}

/** Numbers of 32 bits as DELTA_BINARY_PACKED has them. */
class Deltas {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Reads the head of a stream alone. */
  head(): void {
    this.#head();
  }

  /** Reads a stream of so many numbers. */
  numbers(count: number): Int32Array {
    const { block, parts } = this.#head();
    const out = new Int32Array(count);
    this.#varint();
    let value = this.#zigzag();
    let done = 0;
    out[done++] = value;
    const size = block / parts;
    while (done < count) {
      const least = this.#zigzag();
      const widths = this.#take(parts);
      for (const width of widths) {
        if (done >= count) break;
        const part = this.#take(Math.ceil(size * width / 8));
        for (let i = 0; i < size && done < count; i++) {
          value = value + least + bitsAt(part, i * width, width) | 0;
          out[done++] = value;
        }
      }
    }
    return out;
  }

  #head(): { block: number; parts: number } {
    const [block, parts] = [this.#varint(), this.#varint()];
    if (block < 1 || block > MAX_BLOCK || parts < 1 || block % parts !== 0) {
      throw new Error(`deltas in blocks of ${block} values, cut into ${parts}`);
    }
    return { block, parts };
  }

  #take(count: number): Uint8Array {
    // Writers leave out the end of the last part.
    if (this.at > this.#bytes.length) throw new Error("deltas that are cut off");
    return this.#bytes.subarray(this.at, this.at += count);
  }

  /** Modulo 2^32, as numbers of 32 bits wrap. */
  #zigzag(): number {
    const value = this.#varint();
    return value % 2 === 0 ? value / 2 | 0 : -(value + 1) / 2 | 0;
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; shift <= 35; shift += 7) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) throw new Error("deltas that are cut off");
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new Error("a number without an end");
  }
}

/** A number of so many bits, modulo 2^32; what is behind the end is 0. */
function bitsAt(bytes: Uint8Array, start: number, width: number): number {
  let value = 0;
  for (let bit = 0; bit < Math.min(width, 32);) {
    const place = start + bit;
    const inByte = place & 7;
    const count = Math.min(8 - inByte, width - bit);
    const part = ((bytes[place >> 3] ?? 0) >> inByte) & ((1 << count) - 1);
    value |= part << bit;
    bit += count;
  }
  return value;
}
