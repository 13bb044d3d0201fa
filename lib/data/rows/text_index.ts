/**
 * Which texts were there before, in 20 bytes a text at most: a hash of 64 bits stands for each. Of a hundred
 * million texts two have the same hash by chance in one data set of thousands.
 *
 * @module
 */

import { hashText } from "../../text/duplicates/text_hash.ts";

/** Texts to numbers: the first row that had a text. */
export class TextIndex {
  /** For each place two halves of a hash, and one more than the number; 0 for nothing. */
  #table = new Uint32Array(3 << 10);
  #size = 0;
  readonly #hashed = new Uint32Array(4);
  #low = 0;
  #high = 0;

  /** How many texts. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds a text with a number, from 0 to 2^32 - 2.
   *
   * @returns The number with which it was added first; undefined where it is new.
   */
  add(text: string, number: number): number | undefined {
    if (this.#size * 5 >= this.#table.length) this.#grow();
    this.#hash(text);
    const at = this.#find(this.#low, this.#high);
    const known = this.#table[at + 2]!;
    if (known !== 0) return known - 1;
    this.#table[at] = this.#low;
    this.#table[at + 1] = this.#high;
    this.#table[at + 2] = number + 1;
    this.#size++;
    return undefined;
  }

  /** The number with which a text was added first; undefined where it is not there. */
  find(text: string): number | undefined {
    this.#hash(text);
    const known = this.#table[this.#find(this.#low, this.#high) + 2]!;
    return known === 0 ? undefined : known - 1;
  }

  /** Whether a text is there. */
  has(text: string): boolean {
    return this.find(text) !== undefined;
  }

  /** The place of a hash, or the free one where it belongs. */
  #find(low: number, high: number): number {
    const places = this.#table.length / 3;
    for (let i = low & (places - 1);; i = (i + 1) & (places - 1)) {
      const at = i * 3;
      if (this.#table[at + 2] === 0) return at;
      if (this.#table[at] === low && this.#table[at + 1] === high) return at;
    }
  }

  #grow(): void {
    const old = this.#table;
    this.#table = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 3) {
      if (old[at + 2] === 0) continue;
      this.#table.set(old.subarray(at, at + 3), this.#find(old[at]!, old[at + 1]!));
    }
  }

  #hash(text: string): void {
    hashText(this.#hashed, text);
    [this.#low, this.#high] = [this.#hashed[0]!, this.#hashed[1]!];
  }
}
