/**
 * Rows of a parquet file that were read at once, and those among them with a value that could not be cast.
 *
 * @module
 */
import { UserError } from "../../../base/errors.ts";
import type { Cell, Column } from "../columns.ts";
import type { Reading } from "../row_file.ts";
import { rejectRow } from "../text/bad_row.ts";
import { castRequirement } from "../text/cast.ts";

/** The first `left` rows that could be read; of the others before those, whoever takes them hears. */
export function withoutBad(
  { columns, bad }: StretchRead,
  { file, start, length, left, reject }: {
    readonly file: { readonly path: string; readonly name: string };
    readonly start: number;
    readonly length: number;
    readonly left: number;
    readonly reject: Reading["reject"];
  },
): { readonly columns: ReadonlyMap<string, readonly Cell[]>; readonly length: number } {
  if (bad.size === 0 && length <= left) return { columns, length };
  const kept: number[] = [];
  for (let i = 0; i < length && kept.length < left; i++) {
    const misfit = bad.get(i);
    if (misfit === undefined) {
      kept.push(i);
      continue;
    }
    const row = { line: start + i + 1, text: misfit.text };
    rejectRow(castError(file, { ...misfit, row: row.line }), { file, row, reading: { reject } });
  }
  const cells = [...columns].map(([name, own]) => [name, kept.map((i) => own[i]!)] as const);
  return { columns: new Map(cells), length: kept.length };
}

function castError(
  file: { readonly name: string },
  { column, text, row }: Misfit & { readonly row: number },
): UserError {
  return new UserError({
    what: `row ${row} of ${file.name}: column "${column.name}" holds ${
      JSON.stringify(text.slice(0, 60))
    }`,
    requirement: castRequirement(column),
  });
}

/** A value that could not be cast. */
export interface Misfit {
  readonly column: Column;
  /** The value as text. */
  readonly text: string;
}

/** Rows that were read at once. */
export interface StretchRead {
  readonly columns: ReadonlyMap<string, readonly Cell[]>;
  /** Those with a value that could not be cast, counted from the first of the stretch. */
  readonly bad: ReadonlyMap<number, Misfit>;
}
