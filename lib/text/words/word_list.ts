/**
 * Lists of words, such as those that no text may hold, and spelling maps: other words in their place.
 *
 * What a word is, `word_trie.ts` says.
 *
 * @module
 */
import { WordTrie } from "./word_trie.ts";

/** A text after replacing. */
export interface Replaced {
  readonly text: string;
  /** How many places were replaced. */
  readonly count: number;
}

/**
 * A list of words and phrases.
 *
 * @example
 * ```ts
 * import { WordList } from "./word_list.ts";
 * const list = new WordList(["whale", "white shark"]);
 * if (list.firstIn("Whales, a WHITE\n  shark") !== "white shark") throw new Error();
 * if (list.replace("a whale.", "[fish]").text !== "a [fish].") throw new Error();
 * ```
 */
export class WordList {
  readonly #words: readonly string[];
  readonly #trie: WordTrie;

  /** @param options `exactCase`: small and capital letters differ. */
  constructor(words: readonly string[], options: { exactCase?: boolean } = {}) {
    this.#words = words;
    this.#trie = new WordTrie(words, options);
  }

  /** The first word of the list in a text, as the list has it; undefined where there is none. */
  firstIn(text: string): string | undefined {
    for (const { word } of this.#trie.matches(text)) return this.#words[word];
    return undefined;
  }

  /** How many places of a text have a word of the list. */
  countIn(text: string): number {
    let count = 0;
    for (const _ of this.#trie.matches(text)) count++;
    return count;
  }

  /** Puts `by` in place of every word of the list. What it puts there is not looked at again. */
  replace(text: string, by: string): Replaced {
    return replaceMatches(text, this.#trie, () => by);
  }
}

/**
 * Words in place of others, with the capital letters of what they replace: `colour: color` makes Color of
 * Colour and COLOR of COLOUR.
 *
 * @example
 * ```ts
 * import { SpellingMap } from "./word_list.ts";
 * const american = new SpellingMap({ colour: "color", "per cent": "percent" });
 * if (american.replace("Colour COLOURS, per  cent").text !== "Color COLOURS, percent") throw new Error();
 * ```
 */
export class SpellingMap {
  readonly #trie: WordTrie;
  readonly #targets: readonly string[];

  /** @param spellings Word to what takes its place. */
  constructor(spellings: Readonly<Record<string, string>>) {
    const entries = Object.entries(spellings);
    this.#trie = new WordTrie(entries.map(([from]) => from));
    this.#targets = entries.map(([, to]) => to);
  }

  /** Replaces whole words. What is put there is not looked at again. */
  replace(text: string): Replaced {
    return replaceMatches(text, this.#trie, (found, word) => inCaseOf(found, this.#targets[word]!));
  }
}

function replaceMatches(
  text: string,
  trie: WordTrie,
  by: (found: string, word: number) => string,
): Replaced {
  const parts: string[] = [];
  let done = 0;
  let count = 0;
  for (const { word, start, end } of trie.matches(text)) {
    parts.push(text.slice(done, start), by(text.slice(start, end), word));
    done = end;
    count++;
  }
  return count === 0 ? { text, count } : { text: parts.join("") + text.slice(done), count };
}

/** The word in the letters of another: all capital, the first one capital, else as it is. */
function inCaseOf(model: string, word: string): string {
  const small = model.toLowerCase();
  if (model === small) return word;
  const capital = model.toUpperCase();
  const [first] = model;
  const [, ...rest] = model;
  // One letter alone, as in "A", begins a sentence more often than it shouts.
  if (model === capital && rest.some((char) => char !== char.toLowerCase())) {
    return word.toUpperCase();
  }
  const isTitle = first !== first!.toLowerCase() && rest.join("") === small.slice(first!.length);
  if (!isTitle) return word;
  const [initial = ""] = word;
  return initial.toUpperCase() + word.slice(initial.length);
}
