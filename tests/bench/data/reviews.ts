/**
 * Texts like reviews, of any number, from a seed: words as frequent as in English (Zipf), about 1 KB each,
 * some of them copies of others or nearly so.
 *
 * A row is a function of the seed and its number, so that a corpus of any size needs no memory, and it is known
 * of each copy what it is one of.
 *
 * @module
 */
import { randomStream } from "../../../lib/base/random.ts";

/** What a row is: a text of its own, an exact copy of another row, or one with some words changed. */
export type Planted = "own" | "exact" | "near";

/** A row. */
export interface Review {
  readonly id: number;
  readonly text: string;
  readonly label: number;
  readonly planted: Planted;
  /** The row that it is a copy of: its own number where it is none. */
  readonly of: number;
}

/** How a corpus is made. */
export interface ReviewOptions {
  readonly seed?: number;
  /** Share of rows that are copies of others. */
  readonly exact?: number;
  /** Share of rows that are near duplicates of others, of a Jaccard similarity (5 words) from 0.8 on. */
  readonly near?: number;
}

/** Words of the language, and entries of the table that they are drawn from. */
const WORDS = 30_000;
const TABLE = 1 << 16;

/** Words of a text: from the first number to the sum of both. */
const LENGTH = [100, 120] as const;

/** Words of a shingle, as `near` of the filter has it by default. */
const NGRAM = 5;

/** Of so many rows the first may be copied, and the middle one may be a copy: none is a copy of a copy. */
const COPIED = 8;

const ONSETS = "b c d f g h j k l m n p r s t v w br ch cl dr fl gr pl sh sl sp st th tr".split(
  " ",
);
const VOWELS = "a e i o u ai ea ee io oo ou".split(" ");
const ENDS = ["", "", "n", "r", "s", "t", "l", "d", "ng", "st"];

/** Streams of a row: of its own words, and of what is changed in a copy. */
const TEXT = 0;
const CHANGE = 1;
const KIND = 2;

/** Makes rows. */
export class Reviews {
  readonly #seed: number;
  readonly #exact: number;
  readonly #near: number;
  readonly #words: readonly string[];
  /** Places in the list of words, each as often as its word is frequent. */
  readonly #table: Uint16Array;

  constructor({ seed = 1, exact = 0.03, near = 0.03 }: ReviewOptions = {}) {
    this.#seed = seed;
    this.#exact = exact;
    this.#near = near;
    this.#words = words(seed);
    this.#table = table();
  }

  /** Row `id`, from 0. */
  row(id: number): Review {
    const planted = this.#plantedAt(id);
    const of = planted === "own" ? id : this.#sourceOf(id);
    const random = randomStream(this.#seed, TEXT, of);
    const picked = this.#pick(random, LENGTH[0] + random.nextBelow(LENGTH[1]));
    if (planted === "near") this.#change(picked, randomStream(this.#seed, CHANGE, id));
    return { id, text: written(picked), label: of % 2, planted, of };
  }

  /** What a row is. */
  #plantedAt(id: number): Planted {
    if (id % COPIED !== COPIED / 2) return "own";
    const drawn = randomStream(this.#seed, KIND, id).nextFloat() / COPIED;
    if (drawn < this.#exact) return "exact";
    return drawn < this.#exact + this.#near ? "near" : "own";
  }

  /** The row that a copy is of: any before it, so that copies lie far apart. */
  #sourceOf(id: number): number {
    const sources = Math.floor(id / COPIED) + 1;
    return COPIED * randomStream(this.#seed, KIND, id, 1).nextBelow(sources);
  }

  #pick(random: ReturnType<typeof randomStream>, count: number): string[] {
    const picked = new Array<string>(count);
    for (let i = 0; i < count; i++) {
      picked[i] = this.#words[this.#table[random.nextUint32() >>> 16]!]!;
    }
    return picked;
  }

  /** Changes as many words, far from each other, as leave the similarity at 0.8 or above. */
  #change(picked: string[], random: ReturnType<typeof randomStream>): void {
    const shingles = picked.length - NGRAM + 1;
    // Of n shingles a changed word takes 5: (n - 5k) / (n + 5k) is the similarity.
    const most = Math.floor(shingles / (9 * NGRAM));
    const count = 1 + random.nextBelow(Math.max(1, most));
    const stretch = Math.floor(picked.length / count);
    for (let i = 0; i < count; i++) {
      const at = i * stretch + random.nextBelow(Math.max(1, stretch - NGRAM));
      picked[at] = `x${random.nextBelow(1e9).toString(36)}`;
    }
  }
}

/** Words in sentences, with a line break of HTML now and then. */
function written(picked: readonly string[]): string {
  let text = "";
  for (let i = 0; i < picked.length; i++) {
    const word = picked[i]!;
    // Where sentences end follows from the words, so that near duplicates keep theirs.
    const isFirst = i === 0 || i % 13 === 0;
    if (i > 0) text += isFirst ? (i % 65 === 0 ? ".<br />" : ". ") : i % 9 === 0 ? ", " : " ";
    text += isFirst ? word.charAt(0).toUpperCase() + word.slice(1) : word;
  }
  return text + ".";
}

/** Different words of one to four syllables, the frequent ones short. */
function words(seed: number): string[] {
  const random = randomStream(seed, WORDS);
  const any = (from: readonly string[]): string => from[random.nextBelow(from.length)]!;
  const all = new Set<string>();
  while (all.size < WORDS) {
    const syllables = 1 + Math.floor(3.5 * Math.sqrt(all.size / WORDS) * random.nextFloat());
    let word = "";
    for (let i = 0; i < syllables; i++) word += any(ONSETS) + any(VOWELS);
    all.add(word + any(ENDS));
  }
  return [...all];
}

/** Word r as often as 1 / (r + 2.7) says (Mandelbrot's form of Zipf's law). */
function table(): Uint16Array {
  const weights = Array.from({ length: WORDS }, (_, rank) => 1 / (rank + 2.7));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const places = new Uint16Array(TABLE);
  let [word, reached] = [0, weights[0]! / sum];
  for (let i = 0; i < TABLE; i++) {
    while ((i + 0.5) / TABLE > reached && word < WORDS - 1) reached += weights[++word]! / sum;
    places[i] = word;
  }
  return places;
}
