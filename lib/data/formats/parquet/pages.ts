/**
 * The pages of a column, found by their headers alone. Of one that is not nested, some rows of a row group are
 * then read without the rest of it: writers make row groups of a million rows, which may be a gigabyte.
 *
 * @module
 */
import type { ColumnMetaData, FileMetaData, RowGroup } from "hyparquet";
import type { ParquetBuffer } from "./buffer.ts";
import { MAX_RATIO, type PageBytes, SLACK } from "./check.ts";
import { pageOf, startOf } from "./page_header.ts";
import { ThriftReader, type ThriftStruct } from "./thrift.ts";

/** Bytes that are read for a header: at first, and where it has long statistics at most. */
const HEADER = 1 << 12;
const LONGEST_HEADER = 1 << 22;

/** Before the pages that are cut out: an offset of 0 would be none. */
const BEFORE = 4;

/** A page in the file. */
interface Place {
  /** Where its header begins, and where its bytes end. */
  readonly start: number;
  readonly end: number;
}

/** The pages of a column in a row group. */
export interface ColumnPages {
  readonly column: ColumnMetaData;
  readonly dictionary: Place | undefined;
  /** `rows`: values of the column up to its end, which are rows of the group where it is not nested. */
  readonly pages: readonly (Place & { readonly rows: number })[];
  /** Bytes of all of them, unpacked. */
  readonly content: number;
}

/**
 * Walks along the headers.
 *
 * @param column Of metadata that were checked.
 * @param rows Values of it: where it is not nested, the rows of its group.
 * @throws {Error} Naming what is damaged.
 */
export function columnPages(file: PageBytes, column: ColumnMetaData, rows: number): ColumnPages {
  const begin = startOf(column);
  const end = begin + Number(column.total_compressed_size);
  const most = Math.min(
    Number(column.total_uncompressed_size) + SLACK,
    (end - begin) * MAX_RATIO + SLACK,
  );
  const pages: (Place & { readonly rows: number })[] = [];
  let dictionary: Place | undefined;
  let content = 0;
  let values = 0;
  // As hyparquet does: one byte is no page, and what comes after the last value is nobody's.
  for (let start = begin; start < end - 1 && values < rows;) {
    const header = headerAt(file, { start, end });
    const page = pageOf(header.struct);
    const body = start + header.length;
    if (page.compressed > end - body) {
      throw new Error(`a page of ${page.compressed} bytes where ${end - body} are left`);
    }
    content += page.uncompressed;
    if (content > most) throw new Error(`pages of ${content} bytes where ${most} are announced`);
    const place = { start, end: body + page.compressed };
    if (page.type === "data") {
      values += page.values;
      pages.push({ ...place, rows: values });
    } else if (pages.length > 0 || dictionary !== undefined) {
      throw new Error("a dictionary that is not the first page");
    } else dictionary = place;
    start = place.end;
  }
  if (values < rows) throw new Error(`pages of ${values} values where ${rows} are announced`);
  return { column, dictionary, pages, content };
}

/** Pages as a file of their own, with one row group of one column. */
export interface CutOut {
  readonly file: ParquetBuffer;
  readonly metadata: FileMetaData;
  readonly group: RowGroup;
  /** The first row of them, counted from that of the row group that they are of. */
  readonly first: number;
}

/** Cuts out the pages that hold some rows of a row group. */
export function cutOut(
  file: PageBytes & { readonly path: string },
  { column, dictionary, pages }: ColumnPages,
  { metadata, start, length }: {
    readonly metadata: FileMetaData;
    readonly start: number;
    readonly length: number;
  },
): CutOut {
  const from = pages.findIndex(({ rows }) => rows > start);
  const to = pages.findIndex(({ rows }) => rows >= start + length);
  const first = from === 0 ? 0 : pages[from - 1]!.rows;
  const pieces = [
    ...(dictionary === undefined ? [] : [dictionary]),
    { start: pages[from]!.start, end: pages[to]!.end },
  ];
  const size = pieces.reduce((sum, piece) => sum + piece.end - piece.start, BEFORE);
  const bytes = new Uint8Array(size);
  let at = BEFORE;
  for (const piece of pieces) {
    bytes.set(new Uint8Array(file.slice(piece.start, piece.end)), at);
    at += piece.end - piece.start;
  }
  const data = dictionary === undefined ? BEFORE : BEFORE + dictionary.end - dictionary.start;
  const rows = BigInt(pages[to]!.rows - first);
  const { dictionary_page_offset: _, ...rest } = column;
  const group: RowGroup = {
    columns: [{
      file_offset: 0n,
      meta_data: {
        ...rest,
        data_page_offset: BigInt(data),
        ...(dictionary === undefined ? {} : { dictionary_page_offset: BigInt(BEFORE) }),
        total_compressed_size: BigInt(size - BEFORE),
        num_values: rows,
      },
    }],
    total_byte_size: BigInt(size),
    num_rows: rows,
  };
  return {
    file: bufferOf(bytes, file.path),
    metadata: { ...metadata, row_groups: [group], num_rows: rows },
    group,
    first,
  };
}

/** Bytes in memory as a file. */
function bufferOf(bytes: Uint8Array<ArrayBuffer>, path: string): ParquetBuffer {
  const starts = new WeakMap<ArrayBufferLike, number>();
  return {
    path,
    byteLength: bytes.length,
    startOf: (buffer) => starts.get(buffer),
    slice(start: number, end: number = bytes.length): ArrayBuffer {
      const piece = bytes.slice(start, end).buffer;
      starts.set(piece, start);
      return piece;
    },
    close(): void {},
  };
}

/** The header of the page that begins at a place. */
function headerAt(
  file: PageBytes,
  { start, end }: Place,
): { struct: ThriftStruct; length: number } {
  for (let length = HEADER;; length *= 8) {
    const reader = new ThriftReader(
      new Uint8Array(file.slice(start, Math.min(end, start + length))),
    );
    try {
      return { struct: reader.struct(), length: reader.offset };
    } catch (error) {
      // It may go on behind what was read of it.
      if (start + length >= end || length >= LONGEST_HEADER) throw error;
    }
  }
}
