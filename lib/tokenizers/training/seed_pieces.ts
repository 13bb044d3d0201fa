/**
 * What Unigram begins with: characters, and the substrings of words that stand there most often.
 *
 * Source: `MakeSeedSentencePieces` of SentencePiece. A substring counts as often as the words that it
 * stands in do, and only where no longer one stands in all the same places. Found by sorting all suffixes
 * of words character by character (Bentley and Sedgewick 1997, multikey quicksort), as deep as a piece
 * may be long: ranges of equal beginnings are the substrings.
 *
 * @module
 */

/** How many pieces, and how long. */
export interface SeedOptions {
  /** Most characters (code points) of a piece. */
  readonly maxPieceLength: number;
  /** Most pieces. */
  readonly limit: number;
}

/** A piece and its score: how often it stands in the texts, times its length. */
export type SeedPiece = readonly [piece: string, score: number];

/**
 * Finds the pieces to begin with.
 *
 * @param words Words, none empty, and how often each occurs.
 * @returns Characters by count, then longer pieces by score.
 */
export function seedPieces(
  words: readonly (readonly [word: string, count: number])[],
  options: SeedOptions,
): SeedPiece[] {
  const characters = new Map<string, number>();
  for (const [word, count] of words) {
    for (const character of word) {
      characters.set(character, (characters.get(character) ?? 0) + count);
    }
  }
  const singles = [...characters].sort(([a, m], [b, n]) => m === n ? (a < b ? -1 : 1) : n - m);
  const suffixes = new Suffixes(words, {
    depth: options.maxPieceLength,
    most: Math.max(0, options.limit - singles.length),
  });
  return [...singles, ...suffixes.repeated()];
}

/** A substring: where it stands once, its length, its score. */
interface Found {
  readonly at: number;
  readonly length: number;
  readonly score: number;
}

/** All suffixes of words. */
class Suffixes {
  readonly #depth: number;
  /** Code points of the words one after the other, each with a 0 behind it. */
  readonly #points: Int32Array;
  /** Where suffixes begin, sorted as far as anybody asked. */
  readonly #places: Int32Array;
  /** How often the word at a place occurs. */
  readonly #counts: Float64Array;
  /** Most substrings to give. */
  readonly #most: number;
  #found: Found[] = [];

  constructor(
    words: readonly (readonly [string, number])[],
    { depth, most }: { readonly depth: number; readonly most: number },
  ) {
    this.#depth = depth;
    this.#most = most;
    let length = 0;
    for (const [word] of words) length += word.length + 1;
    this.#points = new Int32Array(length);
    this.#counts = new Float64Array(length);
    const places = new Int32Array(length);
    let [at, count] = [0, 0];
    for (const [word, times] of words) {
      for (const character of word) {
        // A NUL of the text would end the word: any other unassigned number stands for it.
        this.#points[at] = character.codePointAt(0)! || NUL;
        this.#counts[at] = times;
        places[count++] = at++;
      }
      at++;
    }
    this.#places = places.subarray(0, count);
  }

  /** Substrings of at least two characters that occur at least twice, by score. */
  repeated(): SeedPiece[] {
    this.#visit(0, this.#places.length, 0);
    this.#keepBest();
    return this.#found.map(({ at, length, score }) => [this.#text(at, length), score]);
  }

  /** Of equal scores what was found first stays. */
  #keepBest(): void {
    this.#found = this.#found.sort((a, b) => b.score - a.score).slice(0, this.#most);
  }

  /** Visits the suffixes of a range, which have their first `depth` characters in common. */
  #visit(from: number, to: number, depth: number): void {
    for (; to > from; depth++) {
      const next = depth === this.#depth ? 0 : this.#pointAt(from, depth);
      const isSame = to === from + 1 || this.#isSame(from, to, { depth, next });
      if (next === 0 || !isSame) this.#note(from, to, depth);
      if (depth === this.#depth || (isSame && next === 0)) return;
      if (!isSame) return this.#divide(from, to, depth);
    }
  }

  /** Sorts a range by the characters at a depth, and visits what begins alike. */
  #divide(from: number, to: number, depth: number): void {
    while (to - from > 0) {
      const pivot = median(
        this.#pointAt(from, depth),
        this.#pointAt((from + to) >> 1, depth),
        this.#pointAt(to - 1, depth),
      );
      let [less, at, more] = [from, from, to];
      while (at < more) {
        const point = this.#pointAt(at, depth);
        if (point < pivot) this.#swap(less++, at++);
        else if (point > pivot) this.#swap(at, --more);
        else at++;
      }
      if (pivot !== 0) this.#visit(less, more, depth + 1);
      // The smaller side by itself, the larger in this loop: so the stack stays short.
      if (less - from < to - more) {
        this.#divide(from, less, depth);
        from = more;
      } else {
        this.#divide(more, to, depth);
        to = less;
      }
    }
  }

  #note(from: number, to: number, length: number): void {
    if (length < 2) return;
    let count = 0;
    for (let i = from; i < to; i++) count += this.#counts[this.#places[i]!]!;
    if (count < 2) return;
    this.#found.push({ at: this.#places[from]!, length, score: count * length });
    // There may be twice as many as there are characters.
    if (this.#found.length >= 2 * this.#most + SPARE) this.#keepBest();
  }

  #isSame(
    from: number,
    to: number,
    { depth, next }: { readonly depth: number; readonly next: number },
  ): boolean {
    if (depth === this.#depth) return true;
    for (let i = from + 1; i < to; i++) if (this.#pointAt(i, depth) !== next) return false;
    return true;
  }

  #pointAt(index: number, depth: number): number {
    return this.#points[this.#places[index]! + depth]!;
  }

  #swap(a: number, b: number): void {
    const place = this.#places[a]!;
    this.#places[a] = this.#places[b]!;
    this.#places[b] = place;
  }

  #text(at: number, length: number): string {
    let text = "";
    for (let i = at; i < at + length; i++) {
      const point = this.#points[i]!;
      text += point === NUL ? "\0" : String.fromCodePoint(point);
    }
    return text;
  }
}

/** Substrings that are held beyond those that are kept, so that few are sorted seldom. */
const SPARE = 1 << 16;

/** Past all code points. */
const NUL = 0x110000;

function median(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
