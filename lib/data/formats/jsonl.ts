/**
 * JSON Lines (https://jsonlines.org): an object a line. A file whose first character is `[` is read
 * as one JSON array of objects; one that is a single object over several lines is one row.
 *
 * Blank lines are skipped. Integers past 2^53 at the top of a row become bigints instead of losing
 * their last digits.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { parseJson as parseBounded } from "../../base/json.ts";
import { type Cell, inferColumns, type Row, type Table } from "./columns.ts";
import { type InputFile, type Line, lineBatches, wholeText } from "./text_file.ts";

/**
 * Reads a file of JSON objects.
 *
 * @throws {UserError} With file, line and column where a row is no JSON object.
 */
export async function readJsonl(file: InputFile, options: { limit?: number } = {}): Promise<Table> {
  const limit = options.limit ?? Infinity;
  const rows: Row[] = [];
  reading: for await (const batch of lineBatches(file)) {
    for (const line of batch) {
      if (line.text.trim() === "") continue;
      if (rows.length >= limit) break reading;
      if (rows.length === 0 && line.text.trimStart().startsWith("[")) {
        rows.push(...await readArray(file, limit));
        break reading;
      }
      try {
        rows.push(parseLine(file, line));
      } catch (error) {
        const whole = rows.length === 0 ? await readObject(file) : undefined;
        if (whole === undefined) throw error;
        rows.push(whole);
        break reading;
      }
    }
  }
  return { columns: inferColumns(rows), rows };
}

/** The object that a file is whose first line is only the beginning of one; undefined where it is none. */
async function readObject(file: InputFile): Promise<Row | undefined> {
  const text = await wholeText(file);
  try {
    const value = parseJson(text);
    return isRow(value) ? value : undefined;
  } catch {
    return undefined; // the mistake in the first line has a place
  }
}

function parseLine(file: InputFile, line: Line): Row {
  let value: unknown;
  try {
    value = parseJson(line.text);
  } catch (error) {
    const message = (error as Error).message;
    const position = error instanceof SyntaxError && message.includes("levels deep")
      ? 0
      : errorPosition(line.text);
    throw new UserError({
      what: `this line is not JSON: ${message}`,
      requirement: "every line of a jsonl file is one JSON object",
      at: { file: file.name, line: line.number, column: position + 1, text: shorten(line.text) },
      cause: error,
    });
  }
  if (isRow(value)) return value;
  throw new UserError({
    what: `this line is ${describe(value)}, not a JSON object`,
    requirement: 'every line of a jsonl file is one JSON object such as {"text": "..."}',
    at: { file: file.name, line: line.number, column: 1, text: shorten(line.text) },
  });
}

async function readArray(file: InputFile, limit: number): Promise<Row[]> {
  const text = await wholeText(file);
  let values: unknown;
  try {
    values = parseJson(text);
  } catch (error) {
    const message = (error as Error).message;
    const before = text.slice(0, errorPosition(text)).split("\n");
    throw new UserError({
      what: `this is not JSON: ${message}`,
      requirement: "a file that begins with [ is one JSON array of objects",
      at: { file: file.name, line: before.length, column: before.at(-1)!.length + 1 },
      cause: error,
    });
  }
  const rows = (values as unknown[]).slice(0, limit);
  rows.forEach((value, i) => {
    if (isRow(value)) return;
    throw new UserError({
      what: `item ${i} of ${file.name} is ${describe(value)}, not a JSON object`,
      requirement: "a JSON array of rows holds objects",
    });
  });
  return rows as Row[];
}

/** Parses JSON; integers that a number cannot hold become bigints in the outermost object only. */
function parseJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return parseBounded(text);
  const big = new Map<string, Cell>();
  const value = parseBounded(text, (key, inner, context): unknown => {
    if (typeof inner !== "number" || Number.isSafeInteger(inner)) return inner;
    const source = context?.source ?? "";
    if (/^-?\d+$/.test(source)) big.set(key, BigInt(source));
    return inner;
  });
  if (!isRow(value)) return value;
  for (const [key, integer] of big) {
    if (typeof value[key] === "number" && Number(integer) === value[key]) value[key] = integer;
  }
  return value;
}

/**
 * Where a text stops being JSON: V8 tells it only sometimes. The shortest beginning that fails for
 * another reason than being too short ends with the wrong character.
 */
function errorPosition(text: string): number {
  const isWrong = (length: number): boolean => {
    try {
      JSON.parse(text.slice(0, length));
      return false;
    } catch (error) {
      const { message } = error as Error;
      const position = Number(/position (\d+)/.exec(message)?.[1] ?? -1);
      return !/end of JSON|Unterminated/.test(message) && position < length;
    }
  };
  let [fine, wrong] = [0, text.length + 1];
  while (wrong - fine > 1) {
    const middle = (fine + wrong) >> 1;
    if (isWrong(middle)) wrong = middle;
    else fine = middle;
  }
  return wrong - 1;
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}

function shorten(text: string): string {
  return text.length > 200 ? text.slice(0, 200) : text;
}
