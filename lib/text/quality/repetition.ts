/**
 * How much of a text repeats: the measures of Gopher's rules against repetition (Rae et al. 2021, "Scaling
 * Language Models", https://arxiv.org/abs/2112.11446, table A1).
 *
 * An n-gram is n words next to each other, equal where each word is, with its case and punctuation. Characters
 * are those of words, white space between them left out, in what is counted and in what it is divided by, and
 * each counts once however many n-grams it is in, so that a share is never above 1. datatrove's
 * GopherRepetitionFilter divides by all characters, white space too, and so is about a sixth more lenient; it
 * splits punctuation from words; it skips n words after a repeated n-gram; and the most frequent n-gram is its
 * own where it occurs once, which drops texts of a few words.
 *
 * @module
 */
import { characterCount } from "../clean.ts";
import type { Page } from "./page.ts";

/** Shares of a text, from 0 to 1. */
export interface Duplicates {
  /** Of the parts, those that were there before. */
  readonly parts: number;
  /** Of the parts' characters, those in parts that were there before. */
  readonly characters: number;
}

/** How many of some lines or paragraphs repeat earlier ones. */
export function duplicatesOf(parts: readonly string[]): Duplicates {
  const seen = new Set<string>();
  let [count, repeated, all] = [0, 0, 0];
  for (const part of parts) {
    const size = characterCount(part);
    all += size;
    if (seen.has(part)) {
      count++;
      repeated += size;
    } else seen.add(part);
  }
  return all === 0 ? { parts: 0, characters: 0 } : {
    parts: count / parts.length,
    characters: repeated / all,
  };
}

/** The n-grams of one length, by the place of their first word. */
interface Level {
  /** The number of the n-gram at each place; -1 where it occurs once. */
  readonly ngrams: Int32Array;
  /** Whether the n-gram at each place was there before. */
  readonly repeats: Uint8Array;
  /** How often each n-gram occurs. */
  readonly counts: Int32Array;
}

/**
 * The n-grams of a page that occur more than once.
 *
 * Those of n + 1 words are found among those of n: only where two that repeat lie one behind the other can a
 * longer one repeat. So a usual text costs hardly more than its pairs of words, and equality is exact.
 */
export class RepeatedNgrams {
  readonly #sizes: Uint32Array;
  readonly #characters: number;
  /** At index n - 1. */
  readonly #levels: Level[];

  constructor(page: Page) {
    const { words } = page;
    this.#sizes = new Uint32Array(words.length);
    let characters = 0;
    for (let i = 0; i < words.length; i++) {
      characters += this.#sizes[i] = characterCount(words[i]!);
    }
    this.#characters = characters;
    this.#levels = [levelOfWords(words)];
  }

  /**
   * The share of characters in occurrences of the most frequent n-gram; of equally frequent ones the longest.
   */
  topShare(n: number): number {
    const { ngrams, counts } = this.#level(n);
    let [most, longest, top] = [1, 0, -1];
    for (let place = 0; place < ngrams.length; place++) {
      const ngram = ngrams[place]!;
      if (ngram < 0 || counts[ngram]! < most) continue;
      const size = this.#size(place, n);
      if (counts[ngram]! === most && size <= longest) continue;
      [most, longest, top] = [counts[ngram]!, size, ngram];
    }
    return top < 0 ? 0 : this.#share(n, (place) => ngrams[place] === top);
  }

  /** The share of characters in n-grams that were there before. */
  duplicateShare(n: number): number {
    const { repeats } = this.#level(n);
    return this.#share(n, (place) => repeats[place] === 1);
  }

  /** The share of characters in n-grams at chosen places, each once. */
  #share(n: number, isChosen: (place: number) => boolean): number {
    if (this.#characters === 0) return 0;
    let covered = 0;
    let end = 0;
    for (let place = 0; place + n <= this.#sizes.length; place++) {
      if (!isChosen(place)) continue;
      for (let word = Math.max(place, end); word < place + n; word++) covered += this.#sizes[word]!;
      end = place + n;
    }
    return covered / this.#characters;
  }

  #size(place: number, n: number): number {
    let size = 0;
    for (let word = place; word < place + n; word++) size += this.#sizes[word]!;
    return size;
  }

  #level(n: number): Level {
    while (this.#levels.length < n) this.#levels.push(levelAbove(this.#levels.at(-1)!));
    return this.#levels[n - 1]!;
  }
}

function levelOfWords(words: readonly string[]): Level {
  const firsts = new Map<string, number>();
  return levelOf(words.length, (place) => {
    const first = firsts.get(words[place]!);
    if (first === undefined) firsts.set(words[place]!, place);
    return first;
  });
}

/** The n-grams that are a word longer: two that overlap in all but a word each. */
function levelAbove({ ngrams }: Level): Level {
  const places = Math.max(0, ngrams.length - 1);
  const isCandidate = (place: number): boolean => ngrams[place]! >= 0 && ngrams[place + 1]! >= 0;
  let candidates = 0;
  for (let place = 0; place < places; place++) if (isCandidate(place)) candidates++;
  // Open addressing: one more than the place where a pair was first, 0 where a slot is free.
  const mask = (1 << Math.ceil(Math.log2(2 * candidates + 2))) - 1;
  const slots = new Int32Array(mask + 1);
  return levelOf(places, (place) => {
    if (!isCandidate(place)) return -1;
    const [left, right] = [ngrams[place]!, ngrams[place + 1]!];
    let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    for (hash ^= hash >>> 15;; hash++) {
      const first = slots[hash & mask]! - 1;
      if (first < 0) {
        slots[hash & mask] = place + 1;
        return undefined;
      }
      if (ngrams[first] === left && ngrams[first + 1] === right) return first;
    }
  });
}

/**
 * Numbers n-grams.
 *
 * @param firstOf Where the n-gram at a place was first; undefined where it is there, -1 where it can't repeat.
 */
function levelOf(places: number, firstOf: (place: number) => number | undefined): Level {
  const ngrams = new Int32Array(places).fill(-1);
  const repeats = new Uint8Array(places);
  const counts = new Int32Array(places);
  let count = 0;
  for (let place = 0; place < places; place++) {
    const first = firstOf(place);
    if (first === -1) continue;
    const ngram = first === undefined ? count++ : ngrams[first]!;
    ngrams[place] = ngram;
    counts[ngram]!++;
    if (first !== undefined) repeats[place] = 1;
  }
  for (let place = 0; place < places; place++) {
    if (ngrams[place]! >= 0 && counts[ngrams[place]!] === 1) ngrams[place] = -1;
  }
  return { ngrams, repeats, counts: counts.subarray(0, count) };
}
