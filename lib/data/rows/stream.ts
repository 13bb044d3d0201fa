/**
 * Rows on their way from one stage to the next, a batch at a time.
 *
 * @module
 */
import { BATCH, type Batch } from "../formats/batch.ts";
import type { Cell, Column, Row } from "../formats/columns.ts";
import type { Reading } from "../formats/row_file.ts";

/** Rows by split, which can be read more than once. */
export interface RowStream {
  readonly columns: readonly Column[];
  /** Split -> its rows. */
  readonly splits: Readonly<Record<string, number>>;
  /**
   * The rows of a split, in order.
   *
   * @param options `columns` reads only these.
   */
  batches(
    split: string,
    options?: Reading & { readonly columns?: readonly string[] },
  ): AsyncIterable<Batch>;
}

/** What takes rows. */
export interface RowSink {
  write(split: string, batch: Batch): void;
}

/** What makes one when columns and splits are known. */
export type OpenSink = (columns: readonly Column[], splits: readonly string[]) => RowSink;

/** Rows that come one by one, as batches. */
export class BatchBuilder {
  readonly #names: readonly string[];
  readonly #take: (batch: Batch) => void;
  #cells: Cell[][] = [];
  #length = 0;
  #characters = 0;

  /** @param take Gets each batch when it is full. */
  constructor(columns: readonly Column[], take: (batch: Batch) => void) {
    this.#names = columns.map(({ name }) => name);
    this.#take = take;
    this.#begin();
  }

  add(row: Row): void {
    for (const [i, name] of this.#names.entries()) {
      const cell = Object.hasOwn(row, name) ? row[name] ?? null : null;
      this.#cells[i]!.push(cell);
      if (typeof cell === "string") this.#characters += cell.length;
    }
    this.#length++;
    if (this.#length >= BATCH.rows || this.#characters >= BATCH.characters) this.finish();
  }

  /** Hands on what is left. */
  finish(): void {
    if (this.#length === 0) return;
    const columns = new Map(this.#names.map((name, i) => [name, this.#cells[i]!]));
    this.#take({ length: this.#length, columns });
    this.#begin();
  }

  #begin(): void {
    this.#cells = this.#names.map(() => []);
    this.#length = 0;
    this.#characters = 0;
  }
}
