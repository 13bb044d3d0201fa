/**
 * How often each word of the training texts occurs, which is all that is learned from them.
 *
 * Of texts with more different words than fit into the memory, the rarest are forgotten now and then
 * (lossy counting, Manku and Motwani 2002); what was forgotten counts from 0 where it comes again.
 *
 * @module
 */
import { splitWords } from "../components/byte_level.ts";

/** Makes the words of a text. */
export type CutWords = (text: string) => Iterable<string>;

/** Different words to remember: learning from as many takes some 700 MB at most, from twice as many 1.2 GB. */
const MOST = 1 << 20;

/** Words and their counts. */
export class WordCounts {
  readonly #counts = new Map<string, number>();
  readonly #cut: CutWords;
  readonly #most: number;
  #forgotten = 0;

  /**
   * @param cut Makes the words of a text; default GPT-2's.
   * @param options `most`: different words to remember.
   */
  constructor(
    cut: CutWords = splitWords,
    { most = MOST }: { readonly most?: number } = {},
  ) {
    this.#cut = cut;
    this.#most = most;
  }

  static of(texts: Iterable<string>, cut?: CutWords): WordCounts {
    const counts = new WordCounts(cut);
    for (const text of texts) counts.add(text);
    return counts;
  }

  /** Different words that were too rare to be remembered. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Counts the words of a text. */
  add(text: string): void {
    for (const word of this.#cut(text)) {
      const count = this.#counts.get(word);
      this.#counts.set(count === undefined ? detached(word) : word, (count ?? 0) + 1);
      if (this.#counts.size > this.#most) this.#forget();
    }
  }

  /** Words in order of first appearance, and their counts. */
  entries(): Iterable<[string, number]> {
    return this.#counts;
  }

  /** Half of the table at least becomes free, so that it is gone through seldom. */
  #forget(): void {
    for (let least = 1; this.#counts.size > this.#most / 2; least++) {
      for (const [word, count] of this.#counts) {
        if (count > least) continue;
        this.#counts.delete(word);
        this.#forgotten++;
      }
    }
  }
}

/** A long part of a text is a view of it, which would keep all of the text in memory. */
function detached(word: string): string {
  return word.length < 13 ? word : JSON.parse(JSON.stringify(word));
}
