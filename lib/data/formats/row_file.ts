/**
 * Files of rows as batches, in two passes: what a column holds is found over all files before any value is
 * converted, so no file decides by itself.
 *
 * @module
 */
import type { Batch } from "./batch.ts";
import type { Column, ColumnType, FlatType, TimeUnit } from "./columns.ts";
import type { TimeForms } from "./timestamps.ts";

/** A file to read: where it is, and the name to show and to tell the format by. */
export interface InputFile {
  readonly path: string;
  readonly name: string;
}

/** What the lists of a column of one file may hold. */
export interface FoundItems {
  /** The narrowest flat type of all items; undefined where there are none, or nulls alone. */
  readonly type: FlatType | undefined;
  /** Whether there are integers past 2^53. */
  readonly isWide?: boolean;
  /** Whether there are numbers that no type of numbers holds: all of them are texts then. */
  readonly isHuge?: boolean;
  /** As of a column. */
  readonly names?: readonly string[];
  readonly unit?: TimeUnit;
  readonly utc?: boolean;
}

/** What a column of one file may hold. */
export interface FoundColumn {
  readonly name: string;
  /** The narrowest type of all its cells; undefined where all are null. */
  readonly type: ColumnType | undefined;
  /** Whether it has integers past 2^53, which no float holds exactly. */
  readonly isWide?: boolean;
  /** Whether its cells are texts that only look like a type, as in csv: beside others they stay texts. */
  readonly isText?: boolean;
  /** Whether it is `json` only because flat values of several types are in it. */
  readonly isMixed?: boolean;
  /** What its integers stand for, where the file says it. */
  readonly names?: readonly string[];
  /** Of a timestamp, as in {@linkcode Column}. */
  readonly unit?: TimeUnit;
  readonly utc?: boolean;
  /** Of a list. */
  readonly items?: FoundItems;
}

/** A row that cannot be read. */
export interface BadRow {
  /** The file's name. */
  readonly file: string;
  /** From 1: the line on which it begins, or its number where the format has no lines. */
  readonly row: number;
  /** In a sentence. */
  readonly reason: string;
  /** Its text, as far as there is one, at most 1,000 characters of it. */
  readonly text?: string;
}

/** What a reader tells while it reads. */
export interface Reading {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the file, as it lies on the disk, that were read since the last call. */
  readonly progress?: ((bytes: number) => void) | undefined;
  /** Takes a row that cannot be read, which is then left out; where it is absent the row is an error. */
  readonly reject?: ((row: BadRow) => void) | undefined;
  /** At most this many rows, those that cannot be read not counted. */
  readonly limit?: number | undefined;
  /** Takes a sentence on what was guessed, once a file: its delimiter, what of it are rows. */
  readonly notice?: ((text: string) => void) | undefined;
}

/** What a reader is asked while it looks for columns. */
export interface Finding extends Reading {
  /** Columns that are to be cast to timestamps, by their names in files: what counts their texts. */
  readonly times?: ReadonlyMap<string, TimeForms> | undefined;
}

/** A column to read. */
export interface ReadColumn extends Column {
  /** Whether its type is not what the files say, but what somebody asks for: see `text/cast.ts`. */
  readonly isCast?: boolean;
}

/** A file of rows. */
export interface RowFile {
  /** As people know it. */
  readonly name: string;
  /**
   * Finds its columns; reads all of it where the format does not tell them.
   *
   * @throws {UserError} Where the file cannot be read.
   */
  find(finding: Finding): Promise<readonly FoundColumn[]>;
  /**
   * Reads it.
   *
   * @param columns Which, with the types that were decided over all files. One that the file lacks is null. A
   *   value that cannot be cast to what is asked for makes a row that cannot be read.
   * @throws {UserError} Where the file or a row that nobody takes cannot be read.
   */
  batches(columns: readonly ReadColumn[], reading: Reading): AsyncGenerator<Batch>;
}
