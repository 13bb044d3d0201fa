/**
 * Batches that are put aside and read again in their order: in memory as long as they are small, in a file
 * beyond.
 *
 * @module
 */
import { deserialize, serialize } from "node:v8";
import type { Batch } from "../formats/batch.ts";
import { type Cell, cellCharacters } from "../formats/columns.ts";

/** Characters that any other cell takes. */
const CELL = 8;

/** Batches put aside. Disposing of it removes its file. */
export class Spill implements Disposable {
  readonly #path: string;
  readonly #most: number;
  #held: Batch[] = [];
  #characters = 0;
  #file: Deno.FsFile | undefined;
  /** Rows. */
  rows = 0;

  /**
   * @param path The file, which is made where it is needed.
   * @param options `most`: characters that are held in memory.
   */
  constructor(path: string, { most }: { readonly most: number }) {
    this.#path = path;
    this.#most = most;
  }

  /** Whether all is in memory. */
  get isHeld(): boolean {
    return this.#file === undefined;
  }

  /** Characters that are held, about. */
  get characters(): number {
    return this.#characters;
  }

  write(batch: Batch): void {
    this.#held.push(batch);
    this.rows += batch.length;
    for (const cells of batch.columns.values()) {
      for (const cell of cells) this.#characters += cellCharacters(cell) || CELL;
    }
    if (this.#characters > this.#most) this.#flush();
  }

  /** Everything that was written, in its order. */
  *batches(): Generator<Batch> {
    if (this.#file !== undefined) {
      this.#flush();
      this.#file.seekSync(0, Deno.SeekMode.Start);
      const size = new Uint32Array(1);
      while (readAll(this.#file, new Uint8Array(size.buffer))) {
        const bytes = new Uint8Array(size[0]!);
        readAll(this.#file, bytes);
        for (const [length, columns] of deserialize(bytes) as [number, [string, Cell[]][]][]) {
          yield { length, columns: new Map(columns) };
        }
      }
    }
    yield* this.#held;
  }

  [Symbol.dispose](): void {
    this.#held = [];
    if (this.#file === undefined) return;
    this.#file.close();
    this.#file = undefined;
    Deno.removeSync(this.#path);
  }

  #flush(): void {
    if (this.#held.length === 0) return;
    this.#file ??= Deno.openSync(this.#path, {
      create: true,
      truncate: true,
      read: true,
      write: true,
    });
    const bytes = serialize(this.#held.map(({ length, columns }) => [length, [...columns]]));
    // Whoever reads may stand anywhere.
    this.#file.seekSync(0, Deno.SeekMode.End);
    writeAll(this.#file, new Uint8Array(Uint32Array.of(bytes.length).buffer));
    writeAll(this.#file, bytes);
    this.#held = [];
    this.#characters = 0;
  }
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}

/** @returns False at the end of the file. */
function readAll(file: Deno.FsFile, bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length;) {
    const count = file.readSync(bytes.subarray(at));
    if (count === null) return false;
    at += count;
  }
  return true;
}
