/**
 * Byte-level BPE encoding on integer ids: the same ids as Hugging Face tokenizers, several times
 * faster than working on strings. Words that were seen before come from a cache.
 *
 * Source: Sennrich et al. 2016 (arXiv:1508.07909); merge order as in `Word::merge_all` of Hugging
 * Face tokenizers: lowest rank first, leftmost first among equals. Left out: dropout, unknown tokens,
 * prefixes and suffixes of subwords, byte fallback. Byte-level vocabularies need none of them.
 *
 * @module
 */
import { BYTE_TO_CHAR, splitWords } from "./byte_level.ts";

/** Words kept in the cache; natural text has fewer distinct words than this per megabyte. */
const CACHE_WORDS = 1 << 17;
/** Longer words (base64, runs of one character) are rare repeats and would fill the memory. */
const CACHE_WORD_LENGTH = 256;

/** A vocabulary and merges, ready to encode. */
export class ByteLevelBpe {
  /** Id of each byte's token, [256]. */
  readonly #byteIds: Int32Array;
  /** left id * #base + right id -> rank of the merge. */
  readonly #ranks = new Map<number, number>();
  readonly #base: number;
  /** Id that a merge makes, by rank. */
  readonly #merged: Int32Array;
  readonly #addPrefixSpace: boolean;
  /** Whole words to take as they are before merging; undefined unless the model says `ignore_merges`. */
  readonly #wholeWords: ReadonlyMap<string, number> | undefined;
  readonly #cache = new Map<string, readonly number[]>();
  readonly #encoder = new TextEncoder();

  /**
   * @param vocab Token -> id; tokens spelled with the byte characters. Must hold all 256 of them.
   * @param options `merges` in order of rank; `addPrefixSpace` puts a space before a text that
   * starts with none; `ignoreMerges` takes a word that is in the vocabulary without merging.
   * @throws {RangeError} where a byte or a part of a merge is not in the vocabulary.
   */
  constructor(
    vocab: ReadonlyMap<string, number>,
    options: {
      readonly merges: Iterable<readonly [string, string]>;
      readonly addPrefixSpace?: boolean;
      readonly ignoreMerges?: boolean;
    },
  ) {
    const idOf = (token: string): number => {
      const id = vocab.get(token);
      if (id === undefined) throw new RangeError(`the vocabulary lacks "${token}"`);
      return id;
    };
    this.#byteIds = Int32Array.from(BYTE_TO_CHAR, idOf);
    let highest = 0;
    for (const id of vocab.values()) highest = Math.max(highest, id);
    this.#base = highest + 1;
    const merged: number[] = [];
    for (const [left, right] of options.merges) {
      this.#ranks.set(idOf(left) * this.#base + idOf(right), merged.length);
      merged.push(idOf(left + right));
    }
    this.#merged = Int32Array.from(merged);
    this.#addPrefixSpace = options.addPrefixSpace ?? false;
    this.#wholeWords = options.ignoreMerges === true ? vocab : undefined;
  }

  /** Appends the ids of `text` to `ids`. */
  encode(text: string, ids: number[]): void {
    if (this.#addPrefixSpace && !text.startsWith(" ")) text = " " + text;
    for (const word of splitWords(text)) {
      let known = this.#cache.get(word);
      if (known === undefined) {
        known = this.#encodeWord(word);
        if (word.length <= CACHE_WORD_LENGTH) {
          if (this.#cache.size >= CACHE_WORDS) this.#cache.clear();
          this.#cache.set(word, known);
        }
      }
      for (let i = 0; i < known.length; i++) ids.push(known[i]!);
    }
  }

  #encodeWord(word: string): number[] {
    const bytes = this.#encoder.encode(word);
    if (this.#wholeWords !== undefined) {
      const whole = this.#wholeWords.get(Array.from(bytes, (b) => BYTE_TO_CHAR[b]!).join(""));
      if (whole !== undefined) return [whole];
    }
    return this.#merge(Array.from(bytes, (byte) => this.#byteIds[byte]!));
  }

  /**
   * Merges symbols until no merge applies. Symbols are a linked list over their first positions;
   * the queue holds rank * 2^32 + position, so that its smallest number is the next merge.
   */
  #merge(symbols: number[]): number[] {
    const length = symbols.length;
    const next = Int32Array.from({ length }, (_, i) => i + 1);
    const previous = Int32Array.from({ length }, (_, i) => i - 1);
    const queue = new MinHeap();
    const rankAt = (position: number): number | undefined => {
      const right = next[position]!;
      if (right >= length) return undefined;
      return this.#ranks.get(symbols[position]! * this.#base + symbols[right]!);
    };
    const offer = (position: number): void => {
      const rank = rankAt(position);
      if (rank !== undefined) queue.push(rank * 2 ** 32 + position);
    };
    for (let i = 0; i + 1 < length; i++) offer(i);
    for (let top = queue.pop(); top !== undefined; top = queue.pop()) {
      const position = top % 2 ** 32;
      const id = this.#merged[Math.floor(top / 2 ** 32)]!;
      if (symbols[position] === -1) continue;
      // The pair may have changed since it was queued; the entry counts if it still makes this token.
      const rank = rankAt(position);
      if (rank === undefined || this.#merged[rank] !== id) continue;
      const right = next[position]!;
      symbols[position] = id;
      symbols[right] = -1;
      next[position] = next[right]!;
      if (next[position]! < length) previous[next[position]!] = position;
      if (previous[position]! >= 0) offer(previous[position]!);
      offer(position);
    }
    return symbols.filter((id) => id !== -1);
  }
}

/** A binary heap of numbers, smallest first. One for any order, as training has, encodes new words slower. */
class MinHeap {
  readonly #items: number[] = [];

  push(value: number): void {
    const items = this.#items;
    let i = items.length;
    items.push(value);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (items[parent]! <= value) break;
      items[i] = items[parent]!;
      i = parent;
    }
    items[i] = value;
  }

  pop(): number | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1]! < items[child]!) child++;
      if (items[child]! >= last) break;
      items[i] = items[child]!;
      i = child;
    }
    items[i] = last;
    return top;
  }
}
