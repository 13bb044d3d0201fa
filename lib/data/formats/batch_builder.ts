/**
 * Puts rows together into batches.
 *
 * @module
 */
import { BATCH, type Batch } from "./batch.ts";
import type { Cell, Column } from "./columns.ts";

/** Most cells of a batch, for rows of very many columns. */
const MAX_CELLS = 1 << 21;

/** A batch that is being made. */
export class BatchBuilder {
  readonly #columns: readonly Column[];
  readonly #maxRows: number;
  #cells: Cell[][];
  #length = 0;
  #characters = 0;

  constructor(columns: readonly Column[]) {
    this.#columns = columns;
    this.#maxRows = Math.min(BATCH.rows, Math.ceil(MAX_CELLS / Math.max(1, columns.length)));
    this.#cells = columns.map(() => []);
  }

  /**
   * Adds a row.
   *
   * @param cells One for each column.
   * @param characters Of the text that they were made of.
   */
  add(cells: readonly Cell[], characters: number): void {
    for (let i = 0; i < cells.length; i++) this.#cells[i]!.push(cells[i]!);
    this.#length++;
    this.#characters += characters;
  }

  /** Whether it is time to hand it on. */
  get isFull(): boolean {
    return this.#length >= this.#maxRows || this.#characters >= BATCH.characters;
  }

  /** Whether it has no rows. */
  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** The batch; a new one is begun. */
  take(): Batch {
    const batch = {
      length: this.#length,
      columns: new Map(this.#columns.map(({ name }, i) => [name, this.#cells[i]!])),
    };
    this.#cells = this.#columns.map(() => []);
    [this.#length, this.#characters] = [0, 0];
    return batch;
  }
}

/**
 * A text by itself. A piece of a longer one holds all of it in memory: a few cells that somebody keeps would hold
 * the file.
 */
export function ownText(text: string): string {
  // Shorter ones are copied anyway.
  return text.length < 13 ? text : ` ${text}`.slice(1);
}
