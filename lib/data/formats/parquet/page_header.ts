/**
 * What the header of a page says of it, before anything is made of what it says.
 *
 * @module
 */
import type { ColumnMetaData } from "hyparquet";
import type { ThriftStruct } from "./thrift.ts";

/** Values of a page that are believed: a run of nulls takes no bytes, but it takes memory. */
const MAX_VALUES = 1 << 24;

/** Bytes of a page, unpacked, that are believed; writers make pages of a megabyte. */
const MAX_BYTES = 1 << 28;

/** A page that unpacks to more than this many bytes, and to so many times its own, is a trap. */
const TRAP = { bytes: 1 << 27, times: 200 };

/** A page of values. */
export interface DataPage {
  readonly type: "data";
  readonly values: number;
  readonly encoding: number;
  /** What only version 2 says. */
  readonly second?: {
    readonly rows: number;
    readonly nulls: number;
    readonly repetitionBytes: number;
    readonly definitionBytes: number;
    readonly compressed: boolean;
  };
}

/** What a page says of itself. */
export type Page =
  & { readonly compressed: number; readonly uncompressed: number }
  & (DataPage | { readonly type: "dictionary"; readonly values: number });

/**
 * What a page header says (PageHeader of parquet.thrift).
 *
 * @throws {Error} Naming what cannot be.
 */
export function pageOf({ numbers, structs }: ThriftStruct): Page {
  const size = {
    uncompressed: count(numbers.get(2), "bytes of a page"),
    compressed: count(numbers.get(3), "compressed bytes of a page"),
  };
  if (size.uncompressed > MAX_BYTES) throw new Error(`a page of ${size.uncompressed} bytes`);
  if (size.uncompressed > Math.max(TRAP.bytes, TRAP.times * size.compressed)) {
    throw new Error(
      `a page of ${size.compressed} bytes that unpacks to ${size.uncompressed}: it is made to fill a memory`,
    );
  }
  const type = numbers.get(1);
  const [first, dictionary, second] = [5, 7, 8].map((field) => structs.get(field));
  if (type === 0 && first !== undefined) {
    const values = valuesOf(first.numbers.get(1));
    return { ...size, type: "data", values, encoding: count(first.numbers.get(2), "encoding") };
  }
  if (type === 2 && dictionary !== undefined) {
    const values = valuesOf(dictionary.numbers.get(1));
    return { ...size, type: "dictionary", values };
  }
  if (type === 3 && second !== undefined) {
    const { numbers: told, flags } = second;
    const values = valuesOf(told.get(1));
    const nulls = count(told.get(2), "nulls of a page");
    const definitionBytes = count(told.get(5), "bytes of levels");
    const repetitionBytes = count(told.get(6), "bytes of levels");
    const rows = count(told.get(3), "rows of a page");
    if (nulls > values || rows > values) {
      throw new Error("a page of fewer values than rows or nulls");
    }
    const most = Math.min(size.compressed, size.uncompressed);
    if (definitionBytes + repetitionBytes > most) throw new Error("levels past their page");
    return {
      ...size,
      type: "data",
      values,
      encoding: count(told.get(4), "encoding"),
      second: { rows, nulls, definitionBytes, repetitionBytes, compressed: flags.get(7) ?? true },
    };
  }
  throw new Error(`a page of type ${type}`);
}

function valuesOf(told: number | undefined): number {
  const values = count(told, "values of a page");
  if (values > MAX_VALUES) throw new Error(`a page of ${values} values`);
  return values;
}

/** Where the first page of a column begins. */
export function startOf(column: ColumnMetaData): number {
  return count(
    column.dictionary_page_offset || column.data_page_offset,
    `offset of "${column.path_in_schema.join(".")}"`,
  );
}

/** A number of things: whole, at least 0, and there. */
export function count(value: number | bigint | undefined, what: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new Error(`${what}: ${value}`);
}
