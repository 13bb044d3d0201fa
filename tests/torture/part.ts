/**
 * What a part of `deno task torture` is: many cases of one kind, each of which tries to break one promise.
 *
 * A case follows from its seed alone, so that one that broke something can be run again, and so that
 * a long run can be cut into shards and resumed.
 *
 * @module
 */

/** What a case is given. */
export interface TortureCase {
  /** From 0; parts with a table take the row of this number. */
  readonly index: number;
  /** Decides everything that is drawn: `randomNumbers(seed)`. */
  readonly seed: number;
  /** An empty folder of its own, removed afterwards. */
  readonly folder: string;
}

/** One kind of attack. */
export interface Part {
  /** As it is called on the command line. */
  readonly name: string;
  /** The promise that every case tries to break, in a sentence. */
  readonly promise: string;
  /** How many cases run in the suite, and how many by hand. */
  readonly cases: { readonly short: number; readonly long: number };
  /**
   * Tries to break the promise once.
   *
   * @returns What happened, as one of a few labels that are counted ("denied", "killed at rename").
   * @throws {Error} Where the promise was broken, with what shows it.
   */
  readonly run: (torture: TortureCase) => Promise<string>;
}
