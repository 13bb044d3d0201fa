/**
 * Four ways to write a text anew with its meaning kept, for more data to train on: EDA (Wei and Zou, "EDA: Easy Data
 * Augmentation Techniques for Boosting Performance on Text Classification Tasks", 2019).
 *
 * A rate is the paper's alpha: of n words `max(1, floor(alpha n))` are replaced, put in or moved, and each is left
 * out with the probability alpha. Unlike the paper's code, one place is changed at a time, not all that have the
 * same word; and case, punctuation and spaces stay.
 *
 * @module
 */
import type { RandomStream } from "../../base/random.ts";
import { isStopWord } from "./stop_words.ts";
import type { Synonyms } from "./wordnet.ts";
import { type Piece, wordPlaces } from "./words.ts";

/** The rules, in the order in which they apply. */
export const AUGMENT_RULES = ["synonyms", "insertion", "swap", "deletion"] as const;

/** Name of a rule. */
export type AugmentRule = typeof AUGMENT_RULES[number];

/** How strongly a text is changed, and by what. */
export interface Changing {
  /** Share of the words, above 0, at most 1. */
  readonly rate: number;
  readonly random: RandomStream;
  /** For the rules that need one. */
  readonly synonymsOf: Synonyms;
}

/** Words that are tried for one that has synonyms, as in the paper's code. */
const TRIES = 10;

/** Space that a line does not end in. */
const SPACE = /^[^\S\r\n]+$/;

/**
 * Changes a text by a rule.
 *
 * @param pieces The text; it is not changed.
 * @returns The pieces of the new one: the same as before where there is nothing to change.
 */
export function changedBy(
  rule: AugmentRule,
  pieces: readonly Piece[],
  changing: Changing,
): readonly Piece[] {
  switch (rule) {
    case "synonyms":
      return withSynonyms(pieces, changing);
    case "insertion":
      return withInsertions(pieces, changing);
    case "swap":
      return withSwaps(pieces, changing);
    case "deletion":
      return withDeletions(pieces, changing);
    default:
      throw new Error(`Internal error: no rule ${rule satisfies never}`);
  }
}

/** How many words a rate stands for. */
function countOf(places: readonly number[], rate: number): number {
  return Math.max(1, Math.floor(rate * places.length));
}

/** Puts synonyms in place of words that have any. */
function withSynonyms(
  pieces: readonly Piece[],
  { rate, random, synonymsOf }: Changing,
): readonly Piece[] {
  const places = wordPlaces(pieces);
  const changed = [...pieces];
  let left = countOf(places, rate);
  // One after the other of those that were not tried: a shuffle that ends when there are enough.
  for (let tried = 0; tried < places.length && left > 0; tried++) {
    const at = tried + random.nextBelow(places.length - tried);
    [places[tried], places[at]] = [places[at]!, places[tried]!];
    const place = places[tried]!;
    const word = pieces[place]!.text;
    const synonym = synonymFor(word, { random, synonymsOf });
    if (synonym === undefined) continue;
    changed[place] = { text: inCaseOf(word, synonym), isWord: true };
    left--;
  }
  return changed;
}

/** Puts synonyms of words of the text before other words. */
function withInsertions(
  pieces: readonly Piece[],
  { rate, random, synonymsOf }: Changing,
): readonly Piece[] {
  const places = wordPlaces(pieces);
  if (places.length === 0) return pieces;
  const inserted = new Map<number, Piece[]>();
  for (let left = countOf(places, rate); left > 0; left--) {
    let synonym: string | undefined;
    for (let tries = 0; tries < TRIES && synonym === undefined; tries++) {
      const word = pieces[places[random.nextBelow(places.length)]!]!.text;
      synonym = synonymFor(word, { random, synonymsOf });
    }
    if (synonym === undefined) continue;
    const place = places[random.nextBelow(places.length)]!;
    const own = inserted.get(place) ?? [];
    own.push({ text: synonym, isWord: true }, { text: " ", isWord: false });
    inserted.set(place, own);
  }
  return pieces.flatMap((piece, at) => [...inserted.get(at) ?? [], piece]);
}

/** Lets pairs of words change places. */
function withSwaps(pieces: readonly Piece[], { rate, random }: Changing): readonly Piece[] {
  const places = wordPlaces(pieces);
  if (places.length < 2) return pieces;
  const changed = [...pieces];
  for (let left = countOf(places, rate); left > 0; left--) {
    const first = random.nextBelow(places.length);
    // Never with itself: of the others, each as likely.
    const second = (first + 1 + random.nextBelow(places.length - 1)) % places.length;
    const [a, b] = [places[first]!, places[second]!];
    [changed[a], changed[b]] = [changed[b]!, changed[a]!];
  }
  return changed;
}

/** Leaves words out, each with a space beside it; never all of them. */
function withDeletions(pieces: readonly Piece[], { rate, random }: Changing): readonly Piece[] {
  const places = wordPlaces(pieces);
  if (places.length < 2) return pieces;
  const deleted = new Set(places.filter(() => random.nextFloat() < rate));
  if (deleted.size === places.length) deleted.delete(places[random.nextBelow(places.length)]!);
  const kept: Piece[] = [];
  for (let at = 0; at < pieces.length; at++) {
    if (!deleted.has(at)) {
      kept.push(pieces[at]!);
      continue;
    }
    const next = pieces[at + 1];
    const last = kept.at(-1);
    if (next !== undefined && SPACE.test(next.text)) at++;
    else if (last !== undefined && SPACE.test(last.text)) kept.pop();
  }
  return kept;
}

/** A synonym of a word that may have one, as the lexicon spells it. */
function synonymFor(
  word: string,
  { random, synonymsOf }: Pick<Changing, "random" | "synonymsOf">,
): string | undefined {
  // One letter and what has digits in it is a name for something here, and no word of a language.
  if (word.length < 2 || /\d/.test(word) || isStopWord(word)) return undefined;
  const synonyms = synonymsOf(word);
  return synonyms.length === 0 ? undefined : synonyms[random.nextBelow(synonyms.length)]!;
}

/** A synonym in the case of the word that it replaces: small, Capitalized or ALL CAPITALS. */
function inCaseOf(word: string, synonym: string): string {
  if (word === word.toUpperCase() && word !== word.toLowerCase()) return synonym.toUpperCase();
  const [first] = word;
  const isCapital = first !== undefined && first !== first.toLowerCase();
  return isCapital ? synonym.charAt(0).toUpperCase() + synonym.slice(1) : synonym;
}
