/**
 * What is written once and read at any place: the part of a first pass that is too large for memory.
 *
 * @module
 */

/** A place for bytes, such as a temporary file. What it throws passes through. */
export interface Spill {
  /** Appends bytes. They are overwritten after the call. */
  write(bytes: Uint8Array): void;
  /** Fills `into` with the bytes from `offset` on. All of them were written before. */
  read(into: Uint8Array, offset: number): void;
}

/** Bytes of a piece of memory, and of what is written to a {@linkcode Spill} at a time. */
const PIECE = 1 << 20;

/** Keeps all in memory, in pieces, so that growing copies nothing. */
export class MemorySpill implements Spill {
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const at = this.#length % PIECE;
      if (at === 0) this.#pieces.push(new Uint8Array(PIECE));
      const part = bytes.subarray(done, done + PIECE - at);
      this.#pieces.at(-1)!.set(part, at);
      done += part.length;
      this.#length += part.length;
    }
  }

  read(into: Uint8Array, offset: number): void {
    for (let done = 0; done < into.length;) {
      const at = (offset + done) % PIECE;
      const piece = this.#pieces[Math.floor((offset + done) / PIECE)]!;
      const part = piece.subarray(at, at + into.length - done);
      into.set(part, done);
      done += part.length;
    }
  }
}

/** Numbers appended to a {@linkcode Spill} through a buffer, read after the last of them. */
export class SpilledNumbers {
  readonly #spill: Spill;
  readonly #buffer = new Uint32Array(PIECE / 4);
  #used = 0;
  #written = 0;

  constructor(spill: Spill) {
    this.#spill = spill;
  }

  /** @returns Where they begin, in numbers. */
  append(numbers: Uint32Array | Int32Array): number {
    const start = this.#written + this.#used;
    for (let done = 0; done < numbers.length;) {
      const part = numbers.subarray(done, done + this.#buffer.length - this.#used);
      this.#buffer.set(part, this.#used);
      this.#used += part.length;
      done += part.length;
      if (this.#used === this.#buffer.length) this.flush();
    }
    return start;
  }

  /** Writes what is in the buffer; before the first {@linkcode read}. */
  flush(): void {
    this.#spill.write(new Uint8Array(this.#buffer.buffer, 0, 4 * this.#used));
    this.#written += this.#used;
    this.#used = 0;
  }

  /** Fills `into` with the numbers from `start` on. */
  read(into: Uint32Array | Int32Array, start: number): void {
    this.#spill.read(new Uint8Array(into.buffer, into.byteOffset, into.byteLength), 4 * start);
  }
}
