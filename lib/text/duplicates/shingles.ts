/**
 * A text as the set of its word n-grams (shingles; Broder, "On the resemblance and containment of
 * documents", 1997), each as a hash of 32 bits, and the Jaccard similarity of two such sets.
 *
 * Words are runs of letters, marks and digits in their NFKC form, in small letters: neither case, nor
 * punctuation, nor white space counts. In scripts that write no spaces between words (Han, kana, Thai, Lao,
 * Khmer, Myanmar) each character is a word. A text of fewer words than n is one shingle of all of them; one
 * without words is one shingle of its characters, so that it is like its copies alone.
 *
 * @module
 */
import { hashText, mixed } from "./text_hash.ts";

/** What a UTF-16 unit is: between words, of a word, or a word by itself. */
const GAP = 0, LETTER = 1, WORD = 2;

/** Odd, so that no bit of an earlier word is lost: 2^32 over the golden ratio. */
const BASE = 0x9e3779b1 | 0;

/** Hashes of the shingles of texts, one text after the other in the same memory. */
export class Shingler {
  readonly #ngram: number;
  /** BASE to the power n: what the word that leaves the n-gram was multiplied by. */
  readonly #leaving: number;
  #words = new Int32Array(1024);
  readonly #hash = new Uint32Array(4);

  /** @param ngram Words a shingle, from 1. */
  constructor(ngram: number) {
    this.#ngram = ngram;
    let leaving = 1;
    for (let i = 0; i < ngram; i++) leaving = Math.imul(leaving, BASE);
    this.#leaving = leaving;
  }

  /**
   * The shingles of a text in their order, repeated ones too; at least one.
   *
   * @returns A view that the next call overwrites.
   */
  shinglesOf(text: string): Int32Array {
    const normal = text.normalize("NFKC").toLowerCase();
    const count = this.#readWords(normal);
    const words = this.#words;
    if (count === 0) {
      hashText(this.#hash, normal.trim());
      words[0] = this.#hash[0]!;
      return words.subarray(0, 1);
    }
    const n = Math.min(this.#ngram, count);
    let rolling = 0;
    for (let i = 0; i < n; i++) rolling = Math.imul(rolling, BASE) + words[i]! | 0;
    const shingles = count - n + 1;
    for (let i = 0; i < shingles; i++) {
      // The place of word i isn't needed once the shingle without it is made: that shingle goes there.
      const left = words[i]!;
      words[i] = mixed(rolling);
      const next = i + n < count ? words[i + n]! : 0;
      rolling = Math.imul(rolling, BASE) + next - Math.imul(left, this.#leaving) | 0;
    }
    return words.subarray(0, shingles);
  }

  /** Puts a hash of each word into `#words`. @returns How many. */
  #readWords(text: string): number {
    const kinds = unitKinds();
    const length = text.length;
    if (this.#words.length < length) this.#words = new Int32Array(length);
    const words = this.#words;
    let count = 0;
    let hash = 0;
    let inside = false;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      const kind = kinds[unit]!;
      if (kind === LETTER) {
        hash = Math.imul(hash ^ unit, 0x01000193) + 0x3c6ef372 | 0;
        inside = true;
        continue;
      }
      if (inside) words[count++] = mixed(hash);
      inside = false;
      hash = 0;
      if (kind === WORD) words[count++] = mixed(Math.imul(unit, BASE) + 1 | 0);
    }
    if (inside) words[count++] = mixed(hash);
    return count;
  }
}

/**
 * The Jaccard similarity of two texts, exactly: how many of the different shingles of both they share.
 *
 * @param options `ngram`: words a shingle.
 * @returns From 0 to 1.
 *
 * @example
 * ```ts
 * import { jaccardSimilarity } from "./shingles.ts";
 * if (jaccardSimilarity(["a b c d", "A b c, e"], { ngram: 2 }) !== 0.5) throw new Error();
 * ```
 */
export function jaccardSimilarity(
  [a, b]: readonly [string, string],
  options: { ngram: number },
): number {
  const shingler = new Shingler(options.ngram);
  const ofA = distinct(shingler.shinglesOf(a).slice());
  return overlap(ofA, distinct(shingler.shinglesOf(b).slice()));
}

/** Sorts hashes in place. @returns The different ones, in order, in the same memory. */
export function distinct(hashes: Int32Array): Int32Array {
  hashes.sort();
  let count = 0;
  for (let i = 0; i < hashes.length; i++) {
    if (i === 0 || hashes[i] !== hashes[i - 1]) hashes[count++] = hashes[i]!;
  }
  return hashes.subarray(0, count);
}

/** How two sets of hashes are compared. */
export interface OverlapOptions {
  /**
   * Only hashes that are at most this count: a fair sample of a set, for hashes have no order that texts know
   * of. Default all.
   */
  readonly most?: number;
  /** A similarity below this may be told as 0, which is found out sooner. Default 0. */
  readonly atLeast?: number;
}

/**
 * The Jaccard similarity of two sets of hashes.
 *
 * @param a Different hashes in order; `b` as well.
 */
export function overlap(a: Int32Array, b: Int32Array, options: OverlapOptions = {}): number {
  const { most = 0x7fffffff, atLeast = 0 } = options;
  const [lengthA, lengthB] = [countUpTo(a, most), countUpTo(b, most)];
  // Of s shared ones the similarity is s / (lengthA + lengthB - s).
  const needed = atLeast * (lengthA + lengthB) / (1 + atLeast) - 1e-6;
  let [i, j, shared] = [0, 0, 0];
  while (i < lengthA && j < lengthB) {
    const x = a[i]!, y = b[j]!;
    if (x === y) shared++;
    else if (shared + Math.min(lengthA - i, lengthB - j) < needed) return 0;
    if (x <= y) i++;
    if (y <= x) j++;
  }
  const all = lengthA + lengthB - shared;
  return all === 0 ? 0 : shared / all;
}

/** How many of the sorted hashes are at most `most`. */
function countUpTo(hashes: Int32Array, most: number): number {
  let count = hashes.length;
  while (count > 0 && hashes[count - 1]! > most) count--;
  return count;
}

let kindTable: Uint8Array | undefined;

/** The kind of every UTF-16 unit. Halves of pairs count as letters: words of emoji are words. */
function unitKinds(): Uint8Array {
  if (kindTable !== undefined) return kindTable;
  kindTable = new Uint8Array(1 << 16);
  for (let unit = 0; unit < 1 << 16; unit++) {
    const char = String.fromCharCode(unit);
    if (unit >= 0xd800 && unit < 0xe000) kindTable[unit] = LETTER;
    else if (
      /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u
        .test(char)
    ) kindTable[unit] = /[\p{L}\p{N}]/u.test(char) ? WORD : LETTER;
    // Joiners stand within words of Persian and of the scripts of India.
    else if (/[\p{L}\p{M}\p{N}\u200c\u200d]/u.test(char)) kindTable[unit] = LETTER;
    else kindTable[unit] = GAP;
  }
  return kindTable;
}
