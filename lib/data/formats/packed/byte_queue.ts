/**
 * Bytes that come in pieces, taken in other pieces.
 *
 * @module
 */

/** A queue of bytes. */
export class ByteQueue {
  readonly #source: AsyncIterator<Uint8Array<ArrayBuffer>>;
  #bytes = new Uint8Array();

  constructor(source: AsyncIterator<Uint8Array<ArrayBuffer>>) {
    this.#source = source;
  }

  /** Whether so many bytes are left; afterwards they can be had. */
  async has(count: number): Promise<boolean> {
    if (this.#bytes.length >= count) return true;
    const parts = [this.#bytes];
    let length = this.#bytes.length;
    while (length < count) {
      const { done, value } = await this.#source.next();
      if (done) break;
      parts.push(value);
      length += value.length;
    }
    this.#bytes = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      this.#bytes.set(part, at);
      at += part.length;
    }
    return length >= count;
  }

  /** The next bytes, which stay. */
  peek(count: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, count);
  }

  /** The next bytes. */
  take(count: number): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }

  /** Passes bytes over, however many; says whether they were there. */
  async skip(count: number): Promise<boolean> {
    for (let left = count; left > 0;) {
      if (!await this.has(1)) return false;
      left -= this.take(Math.min(left, this.#bytes.length)).length;
    }
    return true;
  }
}
