/**
 * What the columns of one file hold, found cell by cell.
 *
 * @module
 */
import { UserError } from "../../../base/errors.ts";
import { type ColumnType, refuseColumnName } from "../columns.ts";
import type { FoundColumn, InputFile } from "../row_file.ts";

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
  nested: 64,
} as const;

const NUMBERS = KIND.int | KIND.wide | KIND.huge | KIND.float;

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
      const type = typeOf(kinds, isText);
      return {
        name,
        type,
        ...((kinds & KIND.wide) !== 0 ? { isWide: true } : {}),
        ...(isText ? { isText } : {}),
        ...(type === "json" && (kinds & KIND.nested) === 0 ? { isMixed: true } : {}),
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
  return "json";
}
