/**
 * Near duplicates among very many texts: MinHash, locality-sensitive hashing, and the exact Jaccard
 * similarity of whatever these propose.
 *
 * Two phases. {@linkcode NearDuplicates.add} sees each text once and keeps 8 bytes a row in memory (12 where
 * the longest is kept); shingles (4 bytes a word) and hashes of bands (4 bytes a band: 84 a row by default)
 * are spilled. {@linkcode NearDuplicates.clusters} takes one band after the other: it sorts its hashes (8
 * bytes a row), compares the texts that agree, and joins those that are as similar as the threshold (4 bytes a
 * row). {@linkcode NearDuplicates.across} does the same with texts of different parts, and joins nothing.
 *
 * Similarity is that of the texts' shingles, exact where a text has at most 4,000 different ones; of
 * longer texts the 4,000 smallest hashes stand for all (a bottom-k sketch, standard error below 0.01).
 * Clusters are transitive: their first and last member may be less alike than the threshold.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { type Bands, bandsFor } from "./bands.ts";
import { hashBands, MinHash } from "./minhash.ts";
import { NumberColumn } from "./number_column.ts";
import { DisjointRows } from "./disjoint_rows.ts";
import { distinct, overlap, Shingler } from "./shingles.ts";
import { MemorySpill, type Spill, SpilledNumbers } from "./spill.ts";

/** Which row of a cluster stands for it. Of equally long ones it is the first. */
export type KeptRow = "first" | "longest";

/** What counts as a near duplicate. */
export interface NearDuplicateOptions {
  /** Least Jaccard similarity, above 0, at most 1. Default 0.8. */
  readonly threshold?: number;
  /** Words a shingle. Default 5. */
  readonly ngram?: number;
  /** Length of signatures. Default 128. */
  readonly permutations?: number;
  /** Default `first`. */
  readonly keep?: KeptRow;
  /** Where to put what is too much for memory. Default: memory. */
  readonly spill?: Spill;
}

/** Rows whose hashes of bands are spilled together. */
const BLOCK = 4096;

/** Most shingles that are kept of a text. */
const SHINGLES = 4000;

/** Of rows that agree in a band, how many earlier ones each is compared with: else time is quadratic. */
const COMPARED = 16;

/** As {@linkcode COMPARED}, of each other part: those are few rows, and one that is missed is a leak. */
const COMPARED_PARTS = 64;

/** The part of a row that is in none. */
export const NO_PART = 0xffff;

/** A count of shingles takes 12 bits beside where they begin; this one says that there were more. */
const CUT = SHINGLES + 1, COUNTS = 1 << 12;

/** Largest hash, where a set is whole. */
const ALL = 0x7fffffff;

/** Hashes of a text, sorted; `most` is the largest where only the smallest are there. */
interface Sketch {
  readonly hashes: Int32Array;
  readonly most: number;
}

/** A row that is compared with others; what it holds is read once. */
interface Compared {
  readonly row: number;
  sketch?: Sketch;
}

/**
 * Finds near duplicates. The same texts in the same order give the same clusters on every machine.
 *
 * @example
 * ```ts
 * import { NearDuplicates } from "./near_duplicates.ts";
 * const near = new NearDuplicates({ threshold: 0.5, ngram: 1 });
 * for (const text of ["a white whale", "call me Ishmael", "A white, white whale!"]) near.add(text);
 * if (near.clusters().join() !== "0,1,0") throw new Error();
 * ```
 */
export class NearDuplicates {
  readonly #threshold: number;
  readonly #bands: Bands;
  readonly #shingler: Shingler;
  readonly #minHash: MinHash;
  readonly #numbers: SpilledNumbers;
  /** Of each row, where its shingles begin and how many there are. */
  readonly #shingles = new NumberColumn(Float64Array);
  /** Of each row, its characters, where that decides. */
  readonly #lengths: NumberColumn | undefined;
  /** Of each block of rows, where its hashes begin: those of a band lie together. */
  readonly #blocks: number[] = [];
  readonly #block: Uint32Array;
  #rows = 0;
  #compared = 0;
  #isClosed = false;
  #clusters: Uint32Array | undefined;

  /** @throws {UserError} Where an option is out of its range. */
  constructor(options: NearDuplicateOptions = {}) {
    const { threshold = 0.8, ngram = 5, permutations = 128, keep = "first" } = options;
    requireRange("threshold", threshold, { above: 0, most: 1 });
    for (const [name, value] of Object.entries({ ngram, permutations })) {
      requireRange(name, value, { above: 0, most: 1024, whole: true });
    }
    this.#threshold = threshold;
    this.#bands = bandsFor({ threshold, permutations });
    this.#shingler = new Shingler(ngram);
    this.#minHash = new MinHash(this.#bands.bands * this.#bands.rows);
    this.#numbers = new SpilledNumbers(options.spill ?? new MemorySpill());
    this.#lengths = keep === "longest" ? new NumberColumn(Uint32Array) : undefined;
    this.#block = new Uint32Array(BLOCK * this.#bands.bands);
  }

  /** How many texts were compared with another, over all bands: what finding them took. */
  get compared(): number {
    return this.#compared;
  }

  /**
   * Adds a text.
   *
   * @returns Its row, from 0.
   * @throws What writing to the spill throws.
   */
  add(text: string): number {
    if (this.#isClosed) throw new Error("Internal error: a text after clusters()");
    const row = this.#rows++;
    const shingles = this.#shingler.shinglesOf(text);
    const signature = this.#minHash.signatureOf(shingles);
    hashBands(signature, this.#bands, { hashes: this.#block, at: row % BLOCK, stride: BLOCK });
    this.#lengths?.push(Math.min(text.length, 0xffffffff));
    this.#keepShingles(shingles);
    if (this.#rows % BLOCK === 0) this.#keepBlock();
    return row;
  }

  /**
   * Clusters all rows that were added; no more can be.
   *
   * @param options `progress` is called with the number of bands done.
   * @returns For each row the row that stands for its cluster: itself, where it is kept.
   * @throws What reading from the spill throws.
   */
  clusters(options: { progress?: (done: number, total: number) => void } = {}): Uint32Array {
    if (this.#clusters !== undefined) return this.#clusters;
    const joined = new DisjointRows(this.#rows);
    this.#eachEqual((equals) => this.#joinAlike(equals, joined), options.progress);
    this.#clusters = joined.representatives(
      this.#lengths === undefined ? undefined : (row) => this.#lengths!.at(row),
    );
    return this.#clusters;
  }

  /**
   * Which rows are like one of another part, of the rows of parts that are numbered from 0; no more can be added.
   *
   * Nothing is transitive here: the two rows of a pair are as alike as the threshold themselves.
   *
   * @param partOf Of each row its part; {@linkcode NO_PART} for one that is not compared.
   * @returns For each row one that is like it, of the part with the least number that has any, where that is less
   *   than the row's own; else itself.
   * @throws What reading from the spill throws.
   */
  across(partOf: Uint16Array): Uint32Array {
    const found = Uint32Array.from({ length: this.#rows }, (_, row) => row);
    this.#eachEqual((equals) => this.#matchParts(equals, { partOf, found }));
    return found;
  }

  /** Visits the rows that agree in a band, each run of them as pairs of numbers: a row and its hash. */
  #eachEqual(
    visit: (equals: Uint32Array) => void,
    progress?: (done: number, total: number) => void,
  ): void {
    if (!this.#isClosed) {
      if (this.#rows % BLOCK !== 0) this.#keepBlock();
      this.#numbers.flush();
      this.#isClosed = true;
    }
    const { bands } = this.#bands;
    // A row as the lower and its hash as the upper half of a number, so that sorting brings equals together.
    const table = new BigUint64Array(this.#rows);
    const halves = new Uint32Array(table.buffer);
    for (let band = 0; band < bands; band++) {
      this.#readBand(band, halves);
      table.sort();
      for (let from = 0; from < this.#rows;) {
        let to = from + 1;
        while (to < this.#rows && halves[2 * to + 1] === halves[2 * from + 1]) to++;
        if (to - from > 1) visit(halves.subarray(2 * from, 2 * to));
        from = to;
      }
      progress?.(band + 1, bands);
    }
  }

  #joinAlike(equals: Uint32Array, joined: DisjointRows): void {
    const earlier: Compared[] = [];
    for (let i = 0; i < equals.length; i += 2) {
      const entry: Compared = { row: equals[i]! };
      // The latest first: copies of a page often follow each other.
      for (let j = earlier.length - 1; j >= 0; j--) {
        const other = earlier[j]!;
        if (joined.areJoined(entry.row, other.row)) continue;
        if (this.#areAlike(entry, other)) joined.join(entry.row, other.row);
      }
      earlier.push(entry);
      if (earlier.length > COMPARED) earlier.shift();
    }
  }

  /** Compares each row with those of the parts before its own. */
  #matchParts(
    equals: Uint32Array,
    { partOf, found }: { readonly partOf: Uint16Array; readonly found: Uint32Array },
  ): void {
    const first = partOf[equals[0]!]!;
    let isMixed = false;
    for (let i = 2; i < equals.length && !isMixed; i += 2) isMixed = partOf[equals[i]!] !== first;
    if (!isMixed) return;
    const rows = Array.from({ length: equals.length / 2 }, (_, i) => equals[2 * i]!)
      .filter((row) => partOf[row] !== NO_PART).sort((a, b) => partOf[a]! - partOf[b]! || a - b);
    const earlier: Compared[] = [];
    let ofPart = 0;
    for (const [i, row] of rows.entries()) {
      const part = partOf[row]!;
      const entry: Compared = { row };
      // One of a lesser part than that of the row that is known is worth more; a row knows itself at first.
      const most = partOf[found[row]!]!;
      for (const other of earlier) {
        if (partOf[other.row]! >= most) break;
        if (!this.#areAlike(entry, other)) continue;
        found[row] = other.row;
        break;
      }
      ofPart = i > 0 && partOf[rows[i - 1]!] === part ? ofPart + 1 : 1;
      if (ofPart <= COMPARED_PARTS) earlier.push(entry);
    }
  }

  #areAlike(a: Compared, b: Compared): boolean {
    a.sketch ??= this.#sketchOf(a.row);
    b.sketch ??= this.#sketchOf(b.row);
    this.#compared++;
    const similarity = overlap(a.sketch.hashes, b.sketch.hashes, {
      most: Math.min(a.sketch.most, b.sketch.most),
      atLeast: this.#threshold,
    });
    return similarity >= this.#threshold;
  }

  #keepShingles(shingles: Int32Array): void {
    let kept = shingles;
    let count = kept.length;
    if (count > SHINGLES) {
      kept = distinct(shingles).subarray(0, CUT);
      count = kept.length;
      if (count === CUT) kept = kept.subarray(0, SHINGLES);
    }
    this.#shingles.push(this.#numbers.append(kept) * COUNTS + count);
  }

  #sketchOf(row: number): Sketch {
    const place = this.#shingles.at(row);
    const count = place % COUNTS;
    const hashes = new Int32Array(Math.min(count, SHINGLES));
    this.#numbers.read(hashes, Math.floor(place / COUNTS));
    const sorted = distinct(hashes);
    return { hashes: sorted, most: count === CUT ? sorted.at(-1)! : ALL };
  }

  #keepBlock(): void {
    const rows = this.#rows - this.#blocks.length * BLOCK;
    const { bands } = this.#bands;
    // Of the last block, whose rows may be fewer, the hashes of each band move together.
    for (let band = 1; band < bands && rows < BLOCK; band++) {
      this.#block.copyWithin(band * rows, band * BLOCK, band * BLOCK + rows);
    }
    this.#blocks.push(this.#numbers.append(this.#block.subarray(0, rows * bands)));
  }

  /** Fills the table with the hashes of a band and their rows. */
  #readBand(band: number, halves: Uint32Array): void {
    const hashes = new Uint32Array(Math.min(BLOCK, this.#rows));
    for (const [block, start] of this.#blocks.entries()) {
      const first = block * BLOCK;
      const rows = Math.min(BLOCK, this.#rows - first);
      this.#numbers.read(hashes.subarray(0, rows), start + band * rows);
      for (let i = 0; i < rows; i++) {
        halves[2 * (first + i)] = first + i;
        halves[2 * (first + i) + 1] = hashes[i]!;
      }
    }
  }
}

function requireRange(
  name: string,
  value: number,
  range: { above: number; most: number; whole?: boolean },
): void {
  const { above, most, whole = false } = range;
  if (value > above && value <= most && (!whole || Number.isInteger(value))) return;
  throw new UserError({
    what: `${name} is ${value}`,
    requirement: whole
      ? `a whole number from ${above + 1} to ${most} is required`
      : `a number above ${above} and at most ${most} is required`,
  });
}
