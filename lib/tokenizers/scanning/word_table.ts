/**
 * The ids of words that were seen before. Asking makes no string of the word, which is most of what a
 * `Map` would take.
 *
 * @module
 */

/** Longer words (base64, runs of one character) are rare repeats and would fill the memory. */
export const LONGEST_WORD = 64;

/** Words in the table; natural text has fewer distinct words than this per megabyte. */
const WORDS = 1 << 16;
/** At most half full. */
const SLOTS = WORDS * 2;
/** Units and ids kept in all; the table starts over where they do not do. */
const MOST = 1 << 20;

/** Words -> ids, until it is full and starts over. */
export class WordTable {
  /** Number of a word + 1, by a hash of its units; 0 is empty. Linear probing. */
  readonly #slots = new Int32Array(SLOTS);
  #words = 0;
  readonly #hashes = new Int32Array(WORDS);
  /** Where the units and ids of each word begin; those of the next begin where these end. */
  readonly #unitStarts = new Int32Array(WORDS + 1);
  readonly #idStarts = new Int32Array(WORDS + 1);
  #units = new Uint16Array(1 << 12);
  #ids = new Int32Array(1 << 12);

  /**
   * Appends the ids of a word of a text.
   *
   * @returns Whether the word is known.
   */
  append(
    text: string,
    range: { readonly from: number; readonly to: number },
    ids: number[],
  ): boolean {
    const { from, to } = range;
    const hash = hashOf(text, from, to);
    for (let slot = hash & (SLOTS - 1);; slot = (slot + 1) & (SLOTS - 1)) {
      const word = this.#slots[slot]! - 1;
      if (word === -1) return false;
      if (this.#hashes[word] !== hash || !this.#isAt(word, text, { from, to })) continue;
      const end = this.#idStarts[word + 1]!;
      for (let i = this.#idStarts[word]!; i < end; i++) ids.push(this.#ids[i]!);
      return true;
    }
  }

  /** Remembers the ids of a word: those of a list from a place on. */
  set(
    text: string,
    range: { readonly from: number; readonly to: number },
    { ids, first }: { readonly ids: readonly number[]; readonly first: number },
  ): void {
    const { from, to } = range;
    const count = ids.length - first;
    if (this.#words >= WORDS) this.#clear();
    let units = this.#unitStarts[this.#words]!;
    let place = this.#idStarts[this.#words]!;
    if (units + to - from > MOST || place + count > MOST) {
      this.#clear();
      units = place = 0;
    }
    while (units + to - from > this.#units.length) this.#units = doubled(this.#units);
    while (place + count > this.#ids.length) this.#ids = doubled(this.#ids);
    for (let i = from; i < to; i++) this.#units[units++] = text.charCodeAt(i);
    for (let i = first; i < ids.length; i++) this.#ids[place++] = ids[i]!;
    const hash = hashOf(text, from, to);
    let slot = hash & (SLOTS - 1);
    while (this.#slots[slot] !== 0) slot = (slot + 1) & (SLOTS - 1);
    this.#hashes[this.#words] = hash;
    this.#slots[slot] = ++this.#words;
    this.#unitStarts[this.#words] = units;
    this.#idStarts[this.#words] = place;
  }

  #isAt(word: number, text: string, { from, to }: { from: number; to: number }): boolean {
    const start = this.#unitStarts[word]!;
    if (this.#unitStarts[word + 1]! - start !== to - from) return false;
    for (let i = from; i < to; i++) {
      if (text.charCodeAt(i) !== this.#units[start + i - from]) return false;
    }
    return true;
  }

  #clear(): void {
    this.#slots.fill(0);
    this.#words = 0;
  }
}

function hashOf(text: string, from: number, to: number): number {
  let hash = to - from;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x9e3779b1);
  return hash ^ (hash >>> 15);
}

function doubled<T extends Uint16Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(array: T): T {
  const larger = new (array.constructor as new (length: number) => T)(array.length * 2);
  larger.set(array);
  return larger;
}
