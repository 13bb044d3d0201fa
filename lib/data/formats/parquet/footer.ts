/**
 * Whether the footer of a parquet file can be read in bounded time and memory, asked before it is.
 *
 * hyparquet makes an array of as many elements as a list says that it has, and a level of the stack for each
 * struct within a struct: some bytes can ask for gigabytes. Here every list fits into the bytes that are
 * there, and all of them together into a bound.
 *
 * @module
 */
import type { SchemaElement } from "hyparquet";
import type { PageBytes } from "./check.ts";

/** The end of a file: the length of the footer and `PAR1`. */
const TAIL = 8;
const MAGIC = 0x31524150;

/** Numbers, texts, lists and structs of a footer: 4 million describe some 150,000 column chunks. */
const MAX_VALUES = 1 << 22;

/** How deep structs and lists may lie in each other: those of a footer have some ten levels. */
const MAX_DEPTH = 32;

/** How deep columns may lie in each other. */
const MAX_NESTING = 100;

/** Digits after the point of a decimal; what has 38 digits has no more of them. */
const MAX_SCALE = 100;

/**
 * Walks along a footer.
 *
 * @throws {Error} Where it is cut off, or says that it has more than it holds. What is no parquet file at all
 *   is left to whoever reads it.
 */
export function checkFooter(file: PageBytes): void {
  if (file.byteLength < TAIL) return;
  const tail = new DataView(file.slice(file.byteLength - TAIL, file.byteLength));
  const length = tail.getUint32(0, true);
  if (tail.getUint32(4, true) !== MAGIC || length > file.byteLength - TAIL) return;
  const end = file.byteLength - TAIL;
  new Footer(new Uint8Array(file.slice(end - length, end))).struct(0);
}

/** A footer as its bytes are passed over (Thrift's compact protocol, as in `thrift.ts`). */
class Footer {
  readonly #bytes: Uint8Array;
  #at = 0;
  #values = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  struct(depth: number): void {
    if (depth > MAX_DEPTH) throw new Error("a footer with structs within structs without an end");
    for (;;) {
      const byte = this.#byte();
      const type = byte & 15;
      if (type === 0) return;
      if (byte >> 4 === 0) this.#varint();
      this.#count(1);
      // Booleans of a struct are their type.
      if (type !== 1 && type !== 2) this.#value(type, depth);
    }
  }

  #value(type: number, depth: number): void {
    switch (type) {
      case 1:
      case 2:
      case 3:
        this.#skip(1);
        return;
      case 4:
      case 5:
      case 6:
        this.#varint();
        return;
      case 7:
        this.#skip(8);
        return;
      case 8:
        this.#skip(this.#varint());
        return;
      case 9:
        this.#list(depth + 1);
        return;
      case 12:
        this.struct(depth + 1);
        return;
      default:
        throw new Error(`a footer with a value of type ${type}`);
    }
  }

  #list(depth: number): void {
    if (depth > MAX_DEPTH) throw new Error("a footer with lists within lists without an end");
    const head = this.#byte();
    const length = head >> 4 === 15 ? this.#varint() : head >> 4;
    // An element takes a byte at least.
    if (length > this.#bytes.length - this.#at) {
      throw new Error(`a list of ${length} values in a footer of ${this.#bytes.length} bytes`);
    }
    this.#count(length);
    for (let i = 0; i < length; i++) this.#value(head & 15, depth);
  }

  #count(values: number): void {
    this.#values += values;
    if (this.#values > MAX_VALUES) throw new Error(`a footer of more than ${MAX_VALUES} values`);
  }

  /** @returns A number of at most 32 bits exactly; of longer ones only that they end. */
  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new Error("a number without an end");
  }

  #skip(length: number): void {
    if (length > this.#bytes.length - this.#at) throw new Error("a footer that is cut off");
    this.#at += length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Error("a footer that is cut off");
    return byte;
  }
}

/**
 * Holds a schema against itself: a list of elements, each of which says how many of those behind it lie in
 * it.
 *
 * @throws {Error} Naming what does not agree.
 */
export function checkSchema(schema: readonly SchemaElement[]): void {
  /** Of each element that is open, how many are still to come in it. */
  const open: number[] = [];
  for (const [i, { name, num_children: children = 0, scale, type }] of schema.entries()) {
    if (i > 0 && open.length === 0) {
      throw new Error(`a schema of ${schema.length} elements, of which ${i} belong to it`);
    }
    if (!Number.isInteger(children) || children < 0 || children > schema.length - 1 - i) {
      throw new Error(`"${name}" has ${children} columns where ${schema.length - 1 - i} are left`);
    }
    if (scale !== undefined && (scale < 0 || scale > MAX_SCALE)) {
      throw new Error(`"${name}" has ${scale} digits after the point`);
    }
    if (children > 0 && type !== undefined) throw new Error(`"${name}" is a value and has columns`);
    if (open.length > 0) open[open.length - 1]!--;
    open.push(children);
    if (open.length > MAX_NESTING) {
      throw new Error(`columns within columns, more than ${MAX_NESTING} levels deep`);
    }
    while (open.at(-1) === 0) open.pop();
  }
  if (open.length > 0) throw new Error("a schema that is cut off");
}
