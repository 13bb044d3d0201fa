/**
 * Prefixes of a word that are tokens, found in one pass over the word.
 *
 * @module
 */

/** A tree of UTF-16 units, kept as a table from a node and a unit to the next node. */
export class Trie {
  /** node * 2^16 + unit + 1 -> slot; 0 is empty. Linear probing, at most half full. */
  #keys = new Float64Array(1 << 10);
  #next = new Int32Array(1 << 10);
  #values: Int32Array = new Int32Array(1 << 9).fill(-1);
  #nodes = 1;

  /** Adds a token with what stands for it: its id. A later one takes the place of an earlier. */
  set(token: string, value: number): void {
    let node = 0;
    for (let i = 0; i < token.length; i++) {
      const unit = token.charCodeAt(i);
      const child = this.child(node, unit);
      node = child === -1 ? this.#add(node, unit) : child;
    }
    this.#values[node] = value;
  }

  /** The node that a unit leads to from a node (0 at the start), or -1. */
  child(node: number, unit: number): number {
    const key = node * 65536 + unit + 1;
    const mask = this.#keys.length - 1;
    for (let slot = hash(node, unit) & mask;; slot = (slot + 1) & mask) {
      const found = this.#keys[slot]!;
      if (found === key) return this.#next[slot]!;
      if (found === 0) return -1;
    }
  }

  /** What stands for the token that ends at a node, or -1. */
  valueAt(node: number): number {
    return this.#values[node]!;
  }

  #add(node: number, unit: number): number {
    if (this.#nodes * 2 >= this.#keys.length) this.#grow();
    const made = this.#nodes++;
    if (made >= this.#values.length) {
      const larger = new Int32Array(this.#values.length * 2).fill(-1);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#put(node * 65536 + unit + 1, made);
    return made;
  }

  #put(key: number, next: number): void {
    const mask = this.#keys.length - 1;
    const [node, unit] = [Math.floor((key - 1) / 65536), (key - 1) % 65536];
    let slot = hash(node, unit) & mask;
    while (this.#keys[slot] !== 0) slot = (slot + 1) & mask;
    this.#keys[slot] = key;
    this.#next[slot] = next;
  }

  #grow(): void {
    const [keys, next] = [this.#keys, this.#next];
    this.#keys = new Float64Array(keys.length * 2);
    this.#next = new Int32Array(keys.length * 2);
    for (let i = 0; i < keys.length; i++) if (keys[i] !== 0) this.#put(keys[i]!, next[i]!);
  }
}

function hash(node: number, unit: number): number {
  const mixed = Math.imul(node ^ Math.imul(unit, 0x9e3779b1), 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
