/**
 * All ways to cut a word into pieces: how likely they are together, and the best of them.
 *
 * @module
 */
import { widthAt } from "../components/aligned_text.ts";
import { Trie } from "../models/trie.ts";

/** By how much an unknown character is less likely than any piece. */
const UNKNOWN_PENALTY = 10;

/** Words that are less likely are computed with logarithms: float64 ends at 1e-308. */
const LEAST_LIKELIHOOD = 1e-200;

/** The id of a character that is no piece. */
export const UNKNOWN = -1;

/** Pieces with the logarithm of how likely each is. */
export class Pieces {
  readonly texts: readonly string[];
  /** -Infinity for a piece that was given up. */
  readonly scores: Float64Array;
  readonly trie = new Trie();

  constructor(texts: readonly string[], scores: Float64Array) {
    this.texts = texts;
    this.scores = scores;
    texts.forEach((text, id) => this.trie.set(text, id));
  }

  /** The least likely piece's score. */
  leastScore(): number {
    let least = Infinity;
    for (const score of this.scores) if (score !== -Infinity && score < least) least = score;
    return least === Infinity ? 0 : least;
  }

  /** Pieces that were not given up. */
  count(): number {
    return this.scores.reduce((count, score) => score === -Infinity ? count : count + 1, 0);
  }

  /** Only those with these ids. */
  kept(keep: readonly number[]): Pieces {
    return new Pieces(
      keep.map((id) => this.texts[id]!),
      Float64Array.from(keep, (id) => this.scores[id]!),
    );
  }
}

/** The pieces of a word, by their beginning; one after the other for many words. */
export class Lattice {
  readonly #pieces: Pieces;
  readonly #unknownScore: number;
  /** How likely each piece is. */
  readonly #likelihoods: Float64Array;
  #length = 0;
  #count = 0;
  #starts = new Int32Array(256);
  #ends = new Int32Array(256);
  #ids = new Int32Array(256);
  #scores = new Float64Array(256);
  /** By unit of the word: of all ways to there, and from there. */
  #before = new Float64Array(64);
  #after = new Float64Array(64);
  #last = new Int32Array(64);

  /** @param pieces Their scores may not change while it is used. */
  constructor(pieces: Pieces) {
    this.#pieces = pieces;
    this.#unknownScore = pieces.leastScore() - UNKNOWN_PENALTY;
    this.#likelihoods = pieces.scores.map(Math.exp);
  }

  /**
   * Takes another word.
   *
   * @param withoutWhole Leaves out the piece that is all of the word.
   */
  read(word: string, { withoutWhole = false }: { readonly withoutWhole?: boolean } = {}): void {
    const { trie, scores } = this.#pieces;
    this.#length = word.length;
    this.#count = 0;
    if (word.length >= this.#before.length) this.#widen(word.length + 1);
    for (let start = 0; start < word.length;) {
      const width = widthAt(word, start);
      let isKnown = false;
      for (let at = start, node = 0; at < word.length;) {
        node = trie.child(node, word.charCodeAt(at++));
        if (node === -1) break;
        const id = trie.valueAt(node);
        if (id === -1 || scores[id] === -Infinity) continue;
        if (withoutWhole && at - start === word.length) continue;
        this.#push(id, { start, end: at, score: scores[id]! });
        if (at - start === width) isKnown = true;
      }
      if (!isKnown && !(withoutWhole && width === word.length)) {
        this.#push(UNKNOWN, { start, end: start + width, score: this.#unknownScore });
      }
      start += width;
    }
  }

  /**
   * Adds to each piece how often it is expected in the word.
   *
   * @param expected By id.
   * @param count How often the word occurs.
   */
  addExpected(expected: Float64Array, count: number): void {
    const [before, after, length] = [this.#before, this.#after, this.#length];
    const [starts, ends, ids, likelihoods] = [
      this.#starts,
      this.#ends,
      this.#ids,
      this.#likelihoods,
    ];
    const unknown = Math.exp(this.#unknownScore);
    before.fill(0, 0, length + 1);
    after.fill(0, 0, length + 1);
    before[0] = after[length] = 1;
    for (let i = 0; i < this.#count; i++) {
      const id = ids[i]!;
      before[ends[i]!]! += before[starts[i]!]! * (id === UNKNOWN ? unknown : likelihoods[id]!);
    }
    const all = before[length]!;
    // Sums of logarithms take several times as long, and only long words need them.
    if (!(all > LEAST_LIKELIHOOD)) return this.#addExpectedOfLong(expected, count);
    for (let i = this.#count - 1; i >= 0; i--) {
      const id = ids[i]!;
      const likelihood = id === UNKNOWN ? unknown : likelihoods[id]!;
      const rest = likelihood * after[ends[i]!]!;
      after[starts[i]!]! += rest;
      if (id !== UNKNOWN) expected[id]! += count * before[starts[i]!]! * rest / all;
    }
  }

  #addExpectedOfLong(expected: Float64Array, count: number): void {
    const [before, after, length] = [this.#before, this.#after, this.#length];
    before.fill(-Infinity, 0, length + 1);
    after.fill(-Infinity, 0, length + 1);
    before[0] = after[length] = 0;
    for (let i = 0; i < this.#count; i++) {
      const [start, end] = [this.#starts[i]!, this.#ends[i]!];
      before[end] = logSum(before[end]!, before[start]! + this.#scores[i]!);
    }
    for (let i = this.#count - 1; i >= 0; i--) {
      const [start, end] = [this.#starts[i]!, this.#ends[i]!];
      after[start] = logSum(after[start]!, after[end]! + this.#scores[i]!);
    }
    const all = before[length]!;
    for (let i = 0; i < this.#count; i++) {
      const id = this.#ids[i]!;
      if (id === UNKNOWN) continue;
      const way = before[this.#starts[i]!]! + this.#scores[i]! + after[this.#ends[i]!]!;
      expected[id]! += count * Math.exp(way - all);
    }
  }

  /** The likeliest way: its ids and score; undefined where there is none. */
  best(): { readonly ids: readonly number[]; readonly score: number } | undefined {
    const [before, last, length] = [this.#before, this.#last, this.#length];
    before.fill(-Infinity, 0, length + 1);
    before[0] = 0;
    for (let i = 0; i < this.#count; i++) {
      const end = this.#ends[i]!;
      const score = before[this.#starts[i]!]! + this.#scores[i]!;
      if (score <= before[end]!) continue;
      before[end] = score;
      last[end] = i;
    }
    if (before[length] === -Infinity) return undefined;
    const ids: number[] = [];
    for (let end = length; end > 0; end = this.#starts[last[end]!]!) {
      ids.push(this.#ids[last[end]!]!);
    }
    return { ids: ids.reverse(), score: before[length]! };
  }

  #push(
    id: number,
    { start, end, score }: { readonly start: number; readonly end: number; readonly score: number },
  ): void {
    if (this.#count === this.#ids.length) {
      this.#starts = doubled(this.#starts);
      this.#ends = doubled(this.#ends);
      this.#ids = doubled(this.#ids);
      this.#scores = doubled(this.#scores);
    }
    this.#starts[this.#count] = start;
    this.#ends[this.#count] = end;
    this.#ids[this.#count] = id;
    this.#scores[this.#count++] = score;
  }

  #widen(length: number): void {
    this.#before = new Float64Array(length * 2);
    this.#after = new Float64Array(length * 2);
    this.#last = new Int32Array(length * 2);
  }
}

/** log(exp(a) + exp(b)). */
function logSum(a: number, b: number): number {
  const [less, more] = a < b ? [a, b] : [b, a];
  // Further apart the smaller adds nothing that a float64 holds; it may be -Infinity, too.
  return less < more - 50 ? more : more + Math.log1p(Math.exp(less - more));
}

function doubled<T extends Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>(array: T): T {
  const larger = new (array.constructor as new (length: number) => T)(array.length * 2);
  larger.set(array);
  return larger;
}
