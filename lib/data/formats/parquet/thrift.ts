/**
 * Thrift's compact protocol, as far as the headers of parquet pages need it
 * (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
 *
 * hyparquet reads the same, and trusts it: a size that is missing there makes it read one byte for ever.
 * Here every read ends within the bytes. Left out: maps, sets, doubles, none of which a page header has.
 *
 * @module
 */

/** What a struct says: numbers and booleans by the id of their field, structs within structs. */
export interface ThriftStruct {
  readonly numbers: ReadonlyMap<number, number>;
  readonly flags: ReadonlyMap<number, boolean>;
  readonly structs: ReadonlyMap<number, ThriftStruct>;
}

/** How deep structs may lie in each other: a page header has two levels. */
const DEPTH = 4;

/** Reads structs one after the other. */
export class ThriftReader {
  /** Where the next byte is read, from the start of the bytes. */
  offset: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes;
    this.offset = offset;
  }

  /**
   * Reads a struct.
   *
   * @throws {Error} Where the bytes end within it, or it is none.
   */
  struct(depth = DEPTH): ThriftStruct {
    if (depth === 0) throw new Error("a header with structs within structs");
    const numbers = new Map<number, number>();
    const flags = new Map<number, boolean>();
    const structs = new Map<number, ThriftStruct>();
    let field = 0;
    for (;;) {
      const byte = this.#byte();
      const type = byte & 15;
      if (type === 0) return { numbers, flags, structs };
      field = byte >> 4 === 0 ? this.#zigzag() : field + (byte >> 4);
      if (type === 1 || type === 2) flags.set(field, type === 1);
      else if (type === 3) numbers.set(field, this.#byte());
      else if (type >= 4 && type <= 6) numbers.set(field, this.#zigzag());
      else if (type === 8) this.#skip(this.#varint());
      else if (type === 12) structs.set(field, this.struct(depth - 1));
      else throw new Error(`a header with a field of type ${type}`);
    }
  }

  /** An unsigned number of variable length; exact to 2^53, as sizes are. */
  #varint(): number {
    let value = 0;
    for (let scale = 1, length = 0; length < 10; length++, scale *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new Error("a number without an end");
  }

  #zigzag(): number {
    const value = this.#varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  #skip(length: number): void {
    if (length > this.#bytes.length - this.offset) throw new Error("a text that is cut off");
    this.offset += length;
  }

  #byte(): number {
    const byte = this.#bytes[this.offset++];
    if (byte === undefined) throw new Error("a header that is cut off");
    return byte;
  }
}
