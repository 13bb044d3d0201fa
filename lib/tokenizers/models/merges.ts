/**
 * The merges of a BPE model on integer ids.
 *
 * @module
 */
import type { Settings } from "../components/settings.ts";
import { MinHeap } from "./min_heap.ts";

/** Words up to so many symbols are merged by looking at all pairs each time, which is faster than a heap. */
const SHORT = 32;

/** Pairs of ids, their ranks and what they make. */
export class Merges {
  /** The tokens that merges make. */
  readonly made: ReadonlySet<string>;
  /** left id * #base + right id -> rank. */
  readonly #ranks = new Map<number, number>();
  readonly #base: number;
  /** Id that a merge makes, by rank. */
  readonly #merged: Int32Array;
  /** Room for one call of `apply`, which most often takes a few places of it. */
  #next = new Int32Array(1 << 8);
  readonly #shortRanks = new Int32Array(SHORT);

  constructor(
    settings: Settings,
    { vocab, prefix }: { readonly vocab: ReadonlyMap<string, number>; readonly prefix: string },
  ) {
    const idOf = (token: string): number => {
      const id = vocab.get(token);
      if (id !== undefined) return id;
      throw settings.wrong(`has merges that do not fit its vocabulary, which lacks "${token}"`);
    };
    let highest = 0;
    for (const id of vocab.values()) highest = Math.max(highest, id);
    this.#base = highest + 1;
    // Pairs of ids are one number each.
    if (this.#base > 2 ** 26) throw settings.wrong(`has the id ${highest}, past what merges take`);
    const merged: number[] = [];
    const made = new Set<string>();
    // The file was checked: older ones write "a b", newer ones ["a", "b"].
    const list = settings.list("merges") as readonly (string | readonly [string, string])[];
    for (const merge of list) {
      const [left, right] = typeof merge === "string"
        ? merge.split(" ") as [string, string]
        : merge;
      const token = left + right.slice(prefix.length);
      this.#ranks.set(idOf(left) * this.#base + idOf(right), merged.length);
      merged.push(idOf(token));
      made.add(token);
    }
    this.#merged = Int32Array.from(merged);
    this.made = made;
  }

  /**
   * Merges symbols in place until no merge applies. The symbols of what was merged are at the first of
   * their places.
   *
   * @returns For the place of each symbol that is left, the place after its last; until the next call.
   */
  apply(symbols: number[]): Int32Array {
    if (symbols.length > this.#next.length) this.#next = new Int32Array(symbols.length * 2);
    const next = this.#next;
    for (let i = 0; i < symbols.length; i++) next[i] = i + 1;
    if (symbols.length <= SHORT) this.#applyToShort(symbols, next);
    else this.#applyToLong(symbols, next);
    return next;
  }

  #rankOf(left: number, right: number): number {
    return this.#ranks.get(left * this.#base + right) ?? -1;
  }

  #applyToShort(symbols: number[], next: Int32Array): void {
    const length = symbols.length;
    const ranks = this.#shortRanks;
    for (let i = 0; i + 1 < length; i++) ranks[i] = this.#rankOf(symbols[i]!, symbols[i + 1]!);
    if (length > 0) ranks[length - 1] = -1;
    for (;;) {
      let [best, at, before] = [-1, -1, -1];
      for (let i = 0, last = -1; i < length; last = i, i = next[i]!) {
        const rank = ranks[i]!;
        if (rank !== -1 && (best === -1 || rank < best)) [best, at, before] = [rank, i, last];
      }
      if (at === -1) return;
      symbols[at] = this.#merged[best]!;
      const after = next[at] = next[next[at]!]!;
      ranks[at] = after < length ? this.#rankOf(symbols[at]!, symbols[after]!) : -1;
      if (before !== -1) ranks[before] = this.#rankOf(symbols[before]!, symbols[at]!);
    }
  }

  /** The queue holds rank * 2^32 + place, so that its smallest number is the next merge. */
  #applyToLong(symbols: number[], next: Int32Array): void {
    const length = symbols.length;
    const previous = Int32Array.from({ length }, (_, i) => i - 1);
    const queue = new MinHeap();
    const rankAt = (place: number): number =>
      next[place]! < length ? this.#rankOf(symbols[place]!, symbols[next[place]!]!) : -1;
    const offer = (place: number): void => {
      const rank = rankAt(place);
      if (rank !== -1) queue.push(rank * 2 ** 32 + place);
    };
    for (let i = 0; i + 1 < length; i++) offer(i);
    for (let top = queue.pop(); top !== undefined; top = queue.pop()) {
      const place = top % 2 ** 32;
      const id = this.#merged[Math.floor(top / 2 ** 32)]!;
      if (symbols[place] === -1) continue;
      // The pair may have changed since it was queued; the entry counts if it still makes this token.
      const rank = rankAt(place);
      if (rank === -1 || this.#merged[rank] !== id) continue;
      const right = next[place]!;
      symbols[place] = id;
      symbols[right] = -1;
      next[place] = next[right]!;
      if (next[place]! < length) previous[next[place]!] = place;
      if (previous[place]! >= 0) offer(previous[place]!);
      offer(place);
    }
  }
}
