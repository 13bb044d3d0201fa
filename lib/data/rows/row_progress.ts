/**
 * How far work on the rows of a dataset is, as one count that goes up to the end, however often the rows are
 * gone through.
 *
 * @module
 */
import type { RowStream } from "./stream.ts";

/** Is told how many of all rows are done. */
export type RowProgress = (done: number, total: number) => void;

/** Rows between two reports. */
const OFTEN = 256;

/** The number of rows of streams together. */
export function rowsOf(...streams: readonly Pick<RowStream, "splits">[]): number {
  return streams.flatMap(({ splits }) => Object.values(splits))
    .reduce((sum, rows) => sum + rows, 0);
}

/**
 * Rows beside the bytes of the files that they lie in, for a stage's `progress`: the bytes of so many rows
 * where all are of one length, so that both go up alike.
 *
 * @param streams What is read.
 */
export function besideBytes(
  streams: readonly Pick<RowStream, "bytes">[],
  progress: (
    done: number,
    total: number,
    unit: string,
    also?: { readonly done: number; readonly unit: string },
  ) => void,
): RowProgress {
  const bytes = streams.reduce((sum, stream) => sum + (stream.bytes ?? 0), 0);
  return (done, total) => {
    if (bytes === 0 || total === 0) return progress(done, total, "rows");
    progress(done, total, "rows", { done: Math.round(bytes * done / total), unit: "bytes" });
  };
}

/** Work that goes through all rows several times; each pass counts for a share of every row. */
export class Passes {
  readonly #total: number;
  readonly #weights: readonly number[];
  readonly #all: number;
  readonly #tell: RowProgress;
  #pass = 0;
  #before = 0;
  #rows = 0;
  #told = 0;

  /**
   * @param total Rows.
   * @param options `weights`: of each pass, how long it takes beside the others.
   */
  constructor(
    total: number,
    { weights, tell = (): void => {} }: {
      readonly weights: readonly number[];
      readonly tell: RowProgress | undefined;
    },
  ) {
    this.#total = total;
    this.#weights = weights;
    this.#all = weights.reduce((sum, weight) => sum + weight, 0);
    this.#tell = tell;
  }

  /** Says that the pass has gone through so many more rows. */
  add(rows: number): void {
    this.#rows += rows;
    if (this.#rows - this.#told >= OFTEN) this.part(this.#rows / this.#total);
  }

  /** Says which part, from 0 to 1, of the pass is done. */
  part(part: number): void {
    this.#told = this.#rows;
    const weight = this.#weights[this.#pass] ?? 0;
    const done = (this.#before + weight * Math.min(1, part)) / this.#all;
    this.#tell(Math.floor(this.#total * done), this.#total);
  }

  /** Goes on to the next pass. */
  next(): void {
    this.#before += this.#weights[this.#pass++] ?? 0;
    this.#rows = 0;
    this.#told = 0;
  }

  /** Says that all is done. */
  end(): void {
    this.#tell(this.#total, this.#total);
  }
}
