/**
 * A set of hashes in little memory: open addressing with linear probing (Knuth, volume 3, 6.4) over typed
 * arrays.
 *
 * It keeps 64 bits of a hash: of 100 million different texts, two are taken for the same with a chance of
 * 3 in 10,000. It is cut into shards by the hash, each of which grows by a half when it is three quarters
 * full: 11 to 16 bytes a hash, and growing never holds more than one shard twice.
 *
 * @module
 */

/** Shards: enough that copying one to grow is small beside all. */
const SHARDS = 256;

/** Slots of a new shard. */
const SLOTS = 12;

/** Of a shard's slots, the part that may be in use: past it, looking for a hash takes long. */
const LOAD = 0.75;

/** Two numbers a slot: the first and second 32 bits of a hash, 0 and 0 where it is free. */
interface Shard {
  slots: Uint32Array;
  used: number;
}

/**
 * Remembers hashes. The same hashes in the same order give the same answers on every machine.
 *
 * @example
 * ```ts
 * import { SeenHashes } from "./seen_hashes.ts";
 * import { hashText } from "./text_hash.ts";
 * const seen = new SeenHashes();
 * const hash = new Uint32Array(4);
 * hashText(hash, "ahoy");
 * if (seen.add(hash) || !seen.add(hash) || seen.size !== 1) throw new Error();
 * ```
 */
export class SeenHashes {
  readonly #shards: Shard[] = Array.from(
    { length: SHARDS },
    () => ({ slots: new Uint32Array(2 * SLOTS), used: 0 }),
  );
  #size = 0;

  /** How many different hashes were added. */
  get size(): number {
    return this.#size;
  }

  /** Memory in use, in bytes. */
  get bytes(): number {
    return this.#shards.reduce((sum, { slots }) => sum + slots.byteLength, 0);
  }

  /**
   * Adds a hash.
   *
   * @param hash Its first two numbers count, as {@linkcode hashText} gives them.
   * @returns Whether it was there before.
   */
  add(hash: Uint32Array): boolean {
    const shard = this.#shards[hash[0]! % SHARDS]!;
    const place = find(shard.slots, hash[0]!, hash[1]!);
    if (place < 0) return true;
    put(shard.slots, place, hash[0]!, hash[1]!);
    this.#size++;
    if (++shard.used > LOAD * shard.slots.length / 2) grow(shard);
    return false;
  }

  /** Whether a hash was added. */
  has(hash: Uint32Array): boolean {
    return find(this.#shards[hash[0]! % SHARDS]!.slots, hash[0]!, hash[1]!) < 0;
  }
}

/** The free place where a hash belongs; -1 where it is there. */
function find(slots: Uint32Array, first: number, second: number): number {
  const kept = keptSecond(first, second);
  // The shard is told by the first number; the place in it by the second, whose bits are independent of it.
  let place = 2 * Math.floor(kept / 2 ** 32 * (slots.length / 2));
  for (;;) {
    const [a, b] = [slots[place]!, slots[place + 1]!];
    if (a === 0 && b === 0) return place;
    if (a === first && b === kept) return -1;
    place += 2;
    if (place === slots.length) place = 0;
  }
}

function put(slots: Uint32Array, place: number, first: number, second: number): void {
  slots[place] = first;
  slots[place + 1] = keptSecond(first, second);
}

/** Two zeros mark a free slot, so the hash of two zeros is kept as another. */
function keptSecond(first: number, second: number): number {
  return first === 0 && second === 0 ? 1 : second;
}

function grow(shard: Shard): void {
  const old = shard.slots;
  const slots = new Uint32Array(2 * Math.ceil(old.length / 2 * 1.5));
  for (let i = 0; i < old.length; i += 2) {
    const [first, second] = [old[i]!, old[i + 1]!];
    if (first !== 0 || second !== 0) put(slots, find(slots, first, second), first, second);
  }
  shard.slots = slots;
}
