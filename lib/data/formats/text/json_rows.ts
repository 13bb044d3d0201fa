/**
 * The rows of files of JSON: a line each, an item of an array each, or all of it.
 *
 * @module
 */
import { UserError } from "../../../base/errors.ts";
import type { InputFile, Reading } from "../row_file.ts";
import { encodingError, placeIn, rejectRow, type RowText } from "./bad_row.ts";
import type { Encoding } from "./encoding.ts";
import { errorPosition, type JsonRow, parseRow } from "./json_row.ts";
import { type JsonPiece, JsonScanner } from "./json_scanner.ts";
import { type Line, lineBatches, MAX_LINE, textChunks, tooLong, wholeText } from "./text_file.ts";

/** Characters of a text in which the place of a mistake is looked for. */
const SEARCHED = 1 << 20;

/** A file, how it is read, and what is told about it. */
export interface JsonSource {
  readonly file: InputFile;
  readonly encoding: Encoding | undefined;
  readonly reading: Reading;
  /** The member of the outermost object whose items are rows, where somebody says it. */
  readonly field?: string | undefined;
}

/** How rows are called in errors. */
interface Names {
  /** What a bad one is. */
  readonly what: string;
  readonly requirement: string;
}

const LINE: Names = {
  what: "this line",
  requirement: 'every line of a jsonl file is one JSON object such as {"text": "..."}',
};

/** A row a line that is not blank; as they are taken, so that nothing is said of those past a limit. */
export async function* rowsOfLines(source: JsonSource): AsyncGenerator<Iterable<JsonRow>> {
  const { file, encoding, reading } = source;
  for await (const lines of lineBatches(file, { ...reading, encoding })) {
    yield parsedLines(lines, source);
  }
}

function* parsedLines(lines: readonly Line[], source: JsonSource): Generator<JsonRow> {
  for (const { text, number } of lines) {
    if (text.trim() === "") continue;
    const row = rowOf({ text, line: number }, LINE, source);
    if (row !== undefined) yield row;
  }
}

/**
 * A row an item of an array.
 *
 * @param ordinal Which member of the outermost object the array is; -1 where it is the document.
 */
export async function* rowsOfItems(
  source: JsonSource,
  ordinal: number,
): AsyncGenerator<Iterable<JsonRow>> {
  const { file, encoding, reading } = source;
  const scanner = new JsonScanner(file);
  const items = { ordinal, index: 0 };
  for await (const chunk of textChunks(file, { ...reading, encoding })) {
    yield parsedItems(scanner.push(chunk), items, source);
  }
  scanner.finish();
}

function* parsedItems(
  pieces: Iterable<JsonPiece>,
  items: { readonly ordinal: number; index: number },
  source: JsonSource,
): Generator<JsonRow> {
  const { file } = source;
  for (const piece of pieces) {
    if (piece.kind === "more") throw behind(file, piece);
    if (piece.kind !== "item" || piece.ordinal !== items.ordinal) continue;
    const names = {
      what: `item ${items.index++} of ${file.name}`,
      requirement: "a JSON array of rows holds objects",
    };
    const row = rowOf(piece, names, source);
    if (row !== undefined) yield row;
  }
}

/** The one row that all of a file is. */
export async function* rowOfFile(source: JsonSource): AsyncGenerator<Iterable<JsonRow>> {
  const { file, encoding, reading } = source;
  const text = await wholeText(file, { ...reading, encoding });
  if (text.length > MAX_LINE) throw tooLong(file, { line: 1, is: "this file" });
  const names = { what: file.name, requirement: "a JSON file of rows is objects" };
  const row = rowOf({ text, line: 1 }, names, source);
  if (row !== undefined) yield [row];
}

/** A row by its text; undefined where it is none and somebody takes it. */
function rowOf(
  row: RowText,
  { what, requirement }: Names,
  { file, encoding, reading }: JsonSource,
): JsonRow | undefined {
  const rejected = (error: UserError): undefined => {
    rejectRow(error, { file, row, reading });
  };
  const error = encodingError(file, { row, encoding });
  if (error !== undefined) return rejected(error);
  let parsed: JsonRow | string;
  try {
    parsed = parseRow(row);
  } catch (error) {
    const { message } = error as Error;
    return rejected(
      new UserError({
        what: `${what === LINE.what ? what : "this"} is not JSON: ${message}`,
        requirement,
        at: placeIn(file, row, placeOfMistake(row.text, message)),
        cause: error,
      }),
    );
  }
  if (typeof parsed !== "string") return parsed;
  return rejected(
    new UserError({
      what: `${what} is ${parsed}, not a JSON object`,
      requirement,
      at: placeIn(file, row, 0),
    }),
  );
}

function placeOfMistake(text: string, message: string): number {
  if (message.includes("levels deep")) return 0;
  if (text.length <= SEARCHED) return errorPosition(text);
  return Number(/position (\d+)/.exec(message)?.[1] ?? 0);
}

/** The error for what follows a document. */
function behind(
  file: InputFile,
  { line, column }: { readonly line: number; readonly column: number },
): UserError {
  return new UserError({
    what: "this is not JSON: there is something behind the array",
    requirement: "a file that begins with [ is one JSON array of objects",
    at: { file: file.name, line, column },
  });
}
