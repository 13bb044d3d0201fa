/**
 * How often each word of the training texts occurs, which is all that is learned from them.
 *
 * @module
 */
import { splitWords } from "../components/byte_level.ts";

/** Words and their counts. */
export class WordCounts {
  readonly #counts = new Map<string, number>();
  readonly #cut: (text: string) => Iterable<string>;

  /** @param cut Makes the words of a text; default GPT-2's. */
  constructor(cut: (text: string) => Iterable<string> = splitWords) {
    this.#cut = cut;
  }

  static of(texts: Iterable<string>, cut?: (text: string) => Iterable<string>): WordCounts {
    const counts = new WordCounts(cut);
    for (const text of texts) counts.add(text);
    return counts;
  }

  /** Counts the words of a text. */
  add(text: string): void {
    for (const word of this.#cut(text)) {
      const count = this.#counts.get(word);
      this.#counts.set(count === undefined ? detached(word) : word, (count ?? 0) + 1);
    }
  }

  /** Words in order of first appearance, and their counts. */
  entries(): Iterable<[string, number]> {
    return this.#counts;
  }
}

/** A long part of a text is a view of it, which would keep all of the text in memory. */
function detached(word: string): string {
  return word.length < 13 ? word : JSON.parse(JSON.stringify(word));
}
