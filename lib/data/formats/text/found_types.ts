/**
 * What the columns of one file hold, found cell by cell.
 *
 * @module
 */
import { UserError } from "../../../base/errors.ts";
import { type ColumnType, refuseColumnName } from "../columns.ts";
import type { FoundColumn, FoundItems, InputFile } from "../row_file.ts";

/** Most columns of a file: past it, keys are data. */
const MAX_COLUMNS = 100_000;

/** Kinds of cells, as bits of a set. */
export const KIND = {
  int: 1,
  /** An integer past 2^53. */
  wide: 2,
  /** A number that no type holds: an integer past 64 bits, a float past a double's range. */
  huge: 4,
  float: 8,
  bool: 16,
  string: 32,
  /** An object, or an array that is no list of flat values of one type. */
  nested: 64,
  /** An array of flat values, whose own kinds are beside it: see {@linkcode kindsOfItems}. */
  list: 128,
} as const;

const NUMBERS = KIND.int | KIND.wide | KIND.huge | KIND.float;

/** The kinds of items, as bits beside those of cells. */
const ITEMS = 8;

/** The kinds of a list with items of these kinds, any of which may be null. */
export function kindsOfItems(kinds: number): number {
  return (kinds & KIND.nested) !== 0 ? KIND.nested : KIND.list | kinds << ITEMS;
}

const NESTED = KIND.nested | KIND.list;

/** The kinds of each column of a file. */
export class FoundTypes {
  readonly #file: InputFile;
  readonly #kinds = new Map<string, number>();

  constructor(file: InputFile) {
    this.#file = file;
  }

  /** Adds kinds to a column; 0 for a null. */
  add(name: string, kinds: number): void {
    const known = this.#kinds.get(name);
    if (known === undefined) this.#open(name);
    if (known === undefined || (known | kinds) !== known) {
      this.#kinds.set(name, (known ?? 0) | kinds);
    }
  }

  /** The columns in order of first appearance. */
  columns(options: { readonly isText?: boolean } = {}): FoundColumn[] {
    const isText = options.isText ?? false;
    return [...this.#kinds].map(([name, kinds]) => {
      const type = typeOf(kinds & (1 << ITEMS) - 1, isText);
      const items = type === "list" ? itemsOf(kinds >> ITEMS) : undefined;
      if (items !== undefined) return { name, type, items };
      if (type === "list") return { name, type: "json" };
      return {
        name,
        type,
        ...((kinds & KIND.wide) !== 0 ? { isWide: true } : {}),
        ...(isText ? { isText } : {}),
        ...(type === "json" && (kinds & NESTED) === 0 ? { isMixed: true } : {}),
      };
    });
  }

  #open(name: string): void {
    refuseColumnName(name, this.#file.name);
    if (this.#kinds.size < MAX_COLUMNS) return;
    throw new UserError({
      what: `the rows of ${this.#file.name} have more than ${MAX_COLUMNS} different columns`,
      requirement: "a column is something that many rows have",
      remedy: "make a list of what has other names in each row, or check the delimiter",
    });
  }
}

/**
 * The narrowest type of cells of these kinds.
 *
 * @param isText Whether the cells are texts: they stay so where they do not all look like one type.
 */
function typeOf(kinds: number, isText: boolean): ColumnType | undefined {
  if (kinds === 0) return undefined;
  if ((kinds & ~NUMBERS) === 0) {
    if ((kinds & KIND.huge) !== 0) return "string";
    if ((kinds & KIND.float) === 0) return "int";
    return (kinds & KIND.wide) === 0 ? "float" : "string";
  }
  if (kinds === KIND.bool) return "bool";
  if (kinds === KIND.string || isText) return "string";
  return kinds === KIND.list ? "list" : "json";
}

/** What items of these kinds are; undefined where they are of several types. */
function itemsOf(kinds: number): FoundItems | undefined {
  const isWide = (kinds & KIND.wide) !== 0;
  if (kinds === 0) return { type: undefined };
  if (kinds === KIND.bool) return { type: "bool" };
  if (kinds === KIND.string) return { type: "string" };
  if ((kinds & ~NUMBERS) !== 0) return undefined;
  return {
    type: (kinds & KIND.float) === 0 ? "int" : "float",
    ...(isWide ? { isWide } : {}),
    ...((kinds & KIND.huge) !== 0 ? { isHuge: true } : {}),
  };
}
