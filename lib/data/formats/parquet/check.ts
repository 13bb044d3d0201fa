/**
 * Whether a parquet file can be read in bounded time and memory, asked before it is.
 *
 * hyparquet trusts what a file says of itself: one damaged byte of a page header makes it loop for ever
 * or ask for gigabytes. Sizes and counts stand in a file several times (pages, column chunks, row groups,
 * the footer), and all have to agree. What is then left is watched (`lib/base/watchdog.ts`).
 *
 * @module
 */
import type { ColumnMetaData, Compressors, FileMetaData, RowGroup, SchemaTree } from "hyparquet";
import { checkLevels, checkPage, checkValues, type PageContent } from "./runs.ts";
import { ThriftReader } from "./thrift.ts";
import { count, type DataPage, pageOf, startOf } from "./page_header.ts";

/** A file's bytes, and where the pieces that were handed out lie in it. */
export interface PageBytes {
  readonly byteLength: number;
  readonly slice: (start: number, end: number) => ArrayBuffer;
  /** Where the first byte of a buffer that `slice` gave lies in the file. */
  readonly startOf: (buffer: ArrayBufferLike) => number | undefined;
}

/** How many times smaller than its content a page may be: zstd gets to 32,000 for one byte over and over. */
export const MAX_RATIO = 1 << 16;

/** Data may begin a little before or after what the footer says, in headers that are not counted in. */
export const SLACK = 1 << 16;

/**
 * Holds the parts of a footer against each other.
 *
 * @throws {Error} Naming what does not agree.
 */
export function checkMetadata(metadata: FileMetaData, byteLength: number): void {
  const rows = count(metadata.num_rows, "rows of the file");
  if (rows > byteLength * MAX_RATIO) throw new Error(`${rows} rows in ${byteLength} bytes`);
  let sum = 0;
  for (const group of metadata.row_groups) {
    const own = count(group.num_rows, "rows of a row group");
    sum += own;
    const names = new Set<string>();
    for (const { meta_data: column } of group.columns) {
      if (column === undefined) throw new Error("a column chunk without a description");
      const name = column.path_in_schema.join(".");
      if (names.has(name)) throw new Error(`it has the column "${name}" twice`);
      names.add(name);
      const size = count(column.total_compressed_size, `bytes of "${name}"`);
      const start = startOf(column);
      if (start + size > byteLength) throw new Error(`"${name}" goes past the end of the file`);
      const values = count(column.num_values, `values of "${name}"`);
      if (column.path_in_schema.length === 1 && values < own) {
        throw new Error(`"${name}" has ${values} values for ${own} rows`);
      }
    }
  }
  if (sum !== rows) throw new Error(`its row groups have ${sum} rows, its footer says ${rows}`);
}

/** The pages of a file that are checked, by where their bytes lie. */
export class PageChecks {
  readonly #file: PageBytes;
  /** What hyparquet decompresses, by its place in the file. */
  readonly #later = new Map<number, (page: Uint8Array) => void>();

  constructor(file: PageBytes) {
    this.#file = file;
  }

  /**
   * Walks along the pages of a column in a row group.
   *
   * @param group Of metadata that were checked.
   * @param field The column, with what lies below it.
   * @throws {Error} Naming what is damaged.
   */
  check({ columns, num_rows: rows }: RowGroup, field: SchemaTree): void {
    this.#later.clear();
    for (const { meta_data: column } of columns) {
      if (column === undefined || column.path_in_schema[0] !== field.element.name) continue;
      this.#checkChunk(column, { levels: levelsOf(field, column), rows: Number(rows) });
    }
  }

  /** The same compressors, which look at what comes out of them; each page is a step. */
  looking(compressors: Compressors, step: () => void): Compressors {
    return Object.fromEntries(
      Object.entries(compressors).map(([codec, decompress]) => [
        codec,
        (input: Uint8Array, length: number): Uint8Array => {
          const page = decompress(input, length);
          step();
          const start = this.#file.startOf(input.buffer);
          if (start !== undefined) this.#later.get(start + input.byteOffset)?.(page);
          return page;
        },
      ]),
    );
  }

  #checkChunk(column: ColumnMetaData, { levels, rows }: { levels: Levels; rows: number }): void {
    const start = startOf(column);
    const length = Number(column.total_compressed_size);
    const bytes = new Uint8Array(this.#file.slice(start, start + length));
    const expected = Number(column.num_values);
    const reader = new ThriftReader(bytes);
    let values = 0;
    let content = 0;
    let dictionary: number | undefined;
    // As hyparquet does: one byte is no page, and what comes after the last value is nobody's.
    while (reader.offset < length - 1 && (levels.nested || values < Math.min(rows, expected))) {
      const page = pageOf(reader.struct());
      const at = reader.offset;
      if (page.compressed > length - at) {
        throw new Error(`a page of ${page.compressed} bytes where ${length - at} are left`);
      }
      if (column.codec === "UNCOMPRESSED" && page.compressed !== page.uncompressed) {
        throw new Error(`a page of ${page.compressed} bytes that holds ${page.uncompressed}`);
      }
      content += page.uncompressed;
      const most = Math.min(
        Number(column.total_uncompressed_size) + SLACK,
        length * MAX_RATIO + SLACK,
      );
      if (content > most) throw new Error(`pages of ${content} bytes where ${most} are announced`);
      reader.offset = at + page.compressed;
      const body = bytes.subarray(at, reader.offset);
      if (page.type === "dictionary") {
        if (page.values > page.uncompressed * 8) throw new Error("a dictionary past its page");
        dictionary = page.values;
        continue;
      }
      values += page.values;
      if (values > expected) throw new Error(`pages of ${values} values where ${expected} are`);
      this.#checkData(body, { page, column, levels, dictionary, place: start + at });
    }
    if (values < Math.min(rows, expected)) {
      throw new Error(`pages of ${values} values where ${expected} are announced`);
    }
  }

  #checkData(
    body: Uint8Array,
    { page, column, levels, dictionary, place }: {
      page: DataPage;
      column: ColumnMetaData;
      levels: Levels;
      dictionary: number | undefined;
      place: number;
    },
  ): void {
    const content: PageContent = {
      values: page.values,
      encoding: page.encoding,
      maxRepetition: levels.maxRepetition,
      maxDefinition: levels.maxDefinition,
      type: column.type,
      width: levels.width,
      dictionary,
    };
    if (page.second === undefined) {
      if (column.codec === "UNCOMPRESSED") checkPage(body, content);
      else this.#later.set(place, (bytes) => checkPage(bytes, content));
      return;
    }
    const { rows, repetitionBytes, definitionBytes, nulls, compressed } = page.second;
    if (!levels.nested && rows !== page.values) {
      throw new Error(`a page of ${page.values} values for ${rows} rows`);
    }
    checkLevels(body, { ...content, repetitionBytes, definitionBytes, nulls });
    const levelBytes = repetitionBytes + definitionBytes;
    const present = { ...content, values: content.values - nulls };
    if (column.codec === "UNCOMPRESSED" || !compressed) {
      checkValues(body.subarray(levelBytes), present);
    } else {
      this.#later.set(place + levelBytes, (bytes) => checkValues(bytes, present));
    }
  }
}

interface Levels {
  readonly maxRepetition: number;
  readonly maxDefinition: number;
  readonly nested: boolean;
  /** Bytes of a value, where the schema says them. */
  readonly width: number | undefined;
}

/** The highest levels of a column: how many of what it lies in may repeat or be absent. */
function levelsOf(field: SchemaTree, column: ColumnMetaData): Levels {
  const path = [field];
  for (const name of column.path_in_schema.slice(1)) {
    const child = path.at(-1)!.children.find(({ element }) => element.name === name);
    if (child === undefined) throw new Error(`no column "${column.path_in_schema.join(".")}"`);
    path.push(child);
  }
  const { element: leaf } = path.at(-1)!;
  if (leaf.type !== column.type) {
    throw new Error(`it holds ${column.type} where its schema says ${leaf.type}`);
  }
  const types = path.map(({ element }) => element.repetition_type);
  return {
    maxRepetition: types.filter((type) => type === "REPEATED").length,
    maxDefinition: types.filter((type) => type !== undefined && type !== "REQUIRED").length,
    nested: path.length > 1 || types[0] === "REPEATED",
    width: leaf.type_length,
  };
}
