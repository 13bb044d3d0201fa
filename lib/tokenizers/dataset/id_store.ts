/**
 * Token ids one after the other: in an array that grows as long as they are few, in a file beyond.
 *
 * @module
 */

/** Ids that are held in memory. */
const HELD = 1 << 24;

/** Ids that grow at one end. */
export class IdStore {
  readonly #path: string;
  readonly #most: number;
  #data = new Int32Array(1 << 12);
  /** How many of the data are meant, those that are written already left out. */
  #held = 0;
  #file: Deno.FsFile | undefined;
  #last: number | undefined;
  length = 0;

  /**
   * @param path The file, which is made where it is needed.
   * @param held Ids that are held in memory.
   */
  constructor(path: string, held: number = HELD) {
    this.#path = path;
    this.#most = held;
  }

  push(id: number): void {
    this.append([id]);
  }

  append(ids: ArrayLike<number>): void {
    if (ids.length === 0) return;
    if (this.#held + ids.length > this.#most) this.#flush();
    this.#reserve(ids.length);
    this.#data.set(ids, this.#held);
    this.#held += ids.length;
    this.length += ids.length;
    this.#last = ids[ids.length - 1];
  }

  endsWith(id: number): boolean {
    return this.#last === id;
  }

  /**
   * Ends it.
   *
   * @param length How many of the ids are meant.
   * @returns The ids, or the file where they are.
   */
  finish(length: number = this.length): Int32Array<ArrayBuffer> | string {
    this.length = length;
    if (this.#file === undefined) return this.#data.slice(0, length);
    this.#flush();
    this.#file.truncateSync(length * Int32Array.BYTES_PER_ELEMENT);
    this.#file.close();
    return this.#path;
  }

  #reserve(count: number): void {
    if (this.#held + count <= this.#data.length) return;
    const larger = new Int32Array(Math.max(this.#data.length * 2, this.#held + count));
    larger.set(this.#data);
    this.#data = larger;
  }

  #flush(): void {
    this.#file ??= Deno.openSync(this.#path, { create: true, truncate: true, write: true });
    const bytes = new Uint8Array(this.#data.buffer, 0, this.#held * Int32Array.BYTES_PER_ELEMENT);
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    this.#held = 0;
  }
}
