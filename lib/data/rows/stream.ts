/**
 * Rows on their way from one stage to the next, a batch at a time.
 *
 * @module
 */
import type { Batch } from "../formats/batch.ts";
import { BatchBuilder } from "../formats/batch_builder.ts";
import { cellCharacters, type Column, type Row } from "../formats/columns.ts";
import type { Reading } from "../formats/row_file.ts";

/** Rows by split, which can be read more than once. */
export interface RowStream {
  readonly columns: readonly Column[];
  /** Split -> its rows. */
  readonly splits: Readonly<Record<string, number>>;
  /** Bytes of the files that it lies in, where it lies in files. */
  readonly bytes?: number;
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
export class RowBatches {
  readonly #names: readonly string[];
  readonly #builder: BatchBuilder;
  readonly #take: (batch: Batch) => void;

  /** @param take Gets each batch when it is full. */
  constructor(columns: readonly Column[], take: (batch: Batch) => void) {
    this.#names = columns.map(({ name }) => name);
    this.#builder = new BatchBuilder(columns);
    this.#take = take;
  }

  /** Adds a row; a column that it lacks is null. */
  add(row: Row): void {
    let characters = 0;
    const cells = this.#names.map((name) => {
      const cell = Object.hasOwn(row, name) ? row[name] ?? null : null;
      characters += cellCharacters(cell);
      return cell;
    });
    this.#builder.add(cells, characters);
    if (this.#builder.isFull) this.finish();
  }

  /** Hands on what is left. */
  finish(): void {
    if (!this.#builder.isEmpty) this.#take(this.#builder.take());
  }
}
