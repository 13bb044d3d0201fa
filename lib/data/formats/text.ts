/**
 * Plain text files as rows of one column.
 *
 * @module
 */
import type { Row, Table } from "./columns.ts";
import { type InputFile, lineBatches, wholeText } from "./text_file.ts";

/** What one row of a text file is. */
export type SplitBy = "line" | "blank_line" | "file";

/** How to read a text file. */
export interface TextOptions {
  /** `line`: every line, empty ones too; `blank_line`: what stands between blank lines; `file`: all. */
  readonly splitBy: SplitBy;
  /** Name of the column. */
  readonly column: string;
  /** At most this many rows. */
  readonly limit?: number;
}

/** Reads a text file; an empty one has no rows. */
export async function readText(file: InputFile, options: TextOptions): Promise<Table> {
  const rows: Row[] = [];
  const limit = options.limit ?? Infinity;
  if (options.splitBy === "file") {
    const text = await wholeText(file);
    if (text !== "" && limit > 0) rows.push({ [options.column]: text });
  } else {
    const items = options.splitBy === "line" ? lines(file) : paragraphs(file);
    for await (const text of items) {
      if (rows.length >= limit) break;
      rows.push({ [options.column]: text });
    }
  }
  return { columns: [{ name: options.column, type: "string" }], rows };
}

async function* lines(file: InputFile): AsyncGenerator<string> {
  for await (const batch of lineBatches(file)) for (const { text } of batch) yield text;
}

async function* paragraphs(file: InputFile): AsyncGenerator<string> {
  let paragraph: string[] = [];
  for await (const text of lines(file)) {
    if (text.trim() !== "") {
      paragraph.push(text);
    } else if (paragraph.length > 0) {
      yield paragraph.join("\n");
      paragraph = [];
    }
  }
  if (paragraph.length > 0) yield paragraph.join("\n");
}
