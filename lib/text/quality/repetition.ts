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

/**
 * The n-grams of a page that occur more than once.
 *
 * Those of n + 1 words are found among those of n: only where two that repeat lie one behind the other can a
 * longer one repeat. So a usual text costs hardly more than its pairs of words, and equality is exact.
 */
export class RepeatedNgrams {
  readonly #sizes: Uint32Array;
  readonly #characters: number;
  /** At index n - 1: of each place the number of the n-gram that begins there; -1 where it occurs once. */
  readonly #levels: Int32Array[];
  /** At index n - 1: whether the n-gram that begins there was there before. */
  readonly #repeats: Uint8Array[];
  /** At index n - 1: of each n-gram how often it occurs. */
  readonly #counts: number[][];

  constructor(page: Page) {
    const { words } = page;
    this.#sizes = Uint32Array.from(words, characterCount);
    this.#characters = this.#sizes.reduce((sum, size) => sum + size, 0);
    this.#levels = [];
    this.#repeats = [];
    this.#counts = [];
    this.#addLevel(words.length, (place) => words[place]!);
  }

  /** The share of characters in occurrences of the most frequent n-gram; of equally frequent ones the longest. */
  topShare(n: number): number {
    this.#growTo(n);
    const level = this.#levels[n - 1]!;
    const counts = this.#counts[n - 1]!;
    let [most, longest, top] = [1, 0, -1];
    for (let place = 0; place < level.length; place++) {
      const ngram = level[place]!;
      if (ngram < 0 || counts[ngram]! < most) continue;
      const size = this.#size(place, n);
      if (counts[ngram]! === most && size <= longest) continue;
      [most, longest, top] = [counts[ngram]!, size, ngram];
    }
    return top < 0 ? 0 : this.#share(n, (place) => level[place] === top);
  }

  /** The share of characters in n-grams that were there before. */
  duplicateShare(n: number): number {
    this.#growTo(n);
    const repeats = this.#repeats[n - 1]!;
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

  #growTo(n: number): void {
    while (this.#levels.length < n) {
      const below = this.#levels.at(-1)!;
      const places = Math.max(0, below.length - 1);
      // Two that overlap in all but a word each are one of a word more. Their numbers are below 2^26.
      this.#addLevel(places, (place) => {
        const [left, right] = [below[place]!, below[place + 1]!];
        return left < 0 || right < 0 ? undefined : left * 2 ** 26 + right;
      });
    }
  }

  #addLevel(places: number, keyAt: (place: number) => string | number | undefined): void {
    const numbers = new Map<string | number, number>();
    const counts: number[] = [];
    const level = new Int32Array(places).fill(-1);
    const repeats = new Uint8Array(places);
    for (let place = 0; place < places; place++) {
      const key = keyAt(place);
      if (key === undefined) continue;
      let number = numbers.get(key);
      if (number === undefined) {
        numbers.set(key, number = counts.length);
        counts.push(0);
      } else repeats[place] = 1;
      counts[number]!++;
      level[place] = number;
    }
    for (let place = 0; place < places; place++) {
      if (level[place]! >= 0 && counts[level[place]!] === 1) level[place] = -1;
    }
    this.#levels.push(level);
    this.#repeats.push(repeats);
    this.#counts.push(counts);
  }
}
