/**
 * Rows that cannot be read: an error with its place, or a reject with the same words.
 *
 * @module
 */
import { UserError } from "../../../base/errors.ts";
import type { InputFile, ReadColumn, Reading } from "../row_file.ts";
import { ownText } from "../batch_builder.ts";
import { castRequirement } from "./cast.ts";
import { badCharacter, type Encoding } from "./encoding.ts";

/** Characters that are shown of a row. */
const SHOWN = 1000;

/** The text of a row and where it begins. */
export interface RowText {
  readonly text: string;
  /** From 1. */
  readonly line: number;
  /** From 1; 1 where it is not said. */
  readonly column?: number;
}

/**
 * Gives a bad row to whoever takes them.
 *
 * @param error What is wrong with it, with its place.
 * @param row The row.
 * @throws {UserError} `error`, where nobody takes them.
 */
export function rejectRow(
  error: UserError,
  { file, row, reading }: {
    file: InputFile;
    row: { readonly line: number; readonly text: string };
    reading: Pick<Reading, "reject">;
  },
): void {
  if (reading.reject === undefined) throw error;
  const { what, requirement, remedy, at } = error.parts;
  const place = at === undefined ? "" : ` (line ${at.line}, column ${at.column})`;
  const sentences = [what, requirement, remedy].filter((part) => part !== undefined);
  reading.reject({
    file: file.name,
    row: row.line,
    reason: sentences.join("; ") + place,
    text: shown(row.text),
  });
}

/** The error for a row that has bytes which are no text in the file's encoding; undefined where it has none. */
export function encodingError(
  file: InputFile,
  { row, encoding = "utf-8" }: { row: RowText; encoding: Encoding | undefined },
): UserError | undefined {
  const bad = badCharacter(row.text);
  if (bad === undefined) return undefined;
  const byte = bad.byte === undefined ? "" : `: there is a byte 0x${bad.byte.toString(16)}`;
  return new UserError({
    what: `${file.name} is not ${encoding.toUpperCase()} text here${byte}`,
    requirement: "a character that is replaced would be trained on without anybody noticing",
    remedy: remedyFor(bad.byte, encoding),
    at: placeIn(file, row, bad.index),
  });
}

function remedyFor(byte: number | undefined, encoding: Encoding): string {
  if (byte === undefined || encoding !== "utf-8") return "mend the file, or say its `encoding`";
  // ISO 8859-1 has no letters from 0x80 to 0x9f.
  const likely = byte < 0xa0 ? "windows-1252" : "latin1";
  const letter = new TextDecoder("windows-1252").decode(new Uint8Array([byte]));
  return `if the byte is meant as "${letter}", say \`encoding: ${likely}\` or convert the file with ` +
    `\`iconv -f ${likely} -t utf-8\``;
}

/** The error for a value that is not of the type that its column has. */
export function misfitError(
  file: InputFile,
  { column, shown, line }: { column: ReadColumn; shown: string; line: number },
): UserError {
  return new UserError({
    what: `column "${column.name}" holds ${JSON.stringify(shown.slice(0, 60))}`,
    requirement: column.isCast ? castRequirement(column) : `its type is ${column.type}`,
    at: { file: file.name, line, column: 1 },
  });
}

/** The place of a character of a row, for an error. */
export function placeIn(
  file: InputFile,
  row: RowText,
  index: number,
): { file: string; line: number; column: number; text?: string } {
  const before = row.text.slice(0, index).split("\n");
  const column = before.at(-1)!.length + (before.length === 1 ? row.column ?? 1 : 1);
  const isLine = before.length === 1 && (row.column ?? 1) === 1 && index < 200;
  return {
    file: file.name,
    line: row.line + before.length - 1,
    column,
    ...(isLine ? { text: row.text.slice(0, 200).toWellFormed() } : {}),
  };
}

function shown(text: string): string {
  return ownText(text.slice(0, SHOWN)).toWellFormed();
}
