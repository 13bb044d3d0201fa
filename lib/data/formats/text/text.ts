/**
 * Plain text files as rows of one column.
 *
 * @module
 */
import type { Batch } from "../batch.ts";
import type { Cell } from "../columns.ts";
import type { Finding, FoundColumn, InputFile, ReadColumn, Reading, RowFile } from "../row_file.ts";
import { encodingError, misfitError, rejectRow, type RowText } from "./bad_row.ts";
import { BatchBuilder, ownText } from "../batch_builder.ts";
import { castText } from "./cast.ts";
import type { Encoding } from "./encoding.ts";
import { valueOfText } from "./looks.ts";
import { lineBatches, MAX_LINE, tooLong, wholeText } from "./text_file.ts";

/** What one row of a text file is. */
export type SplitBy = "line" | "blank_line" | "file";

/** How to read a text file. */
export interface TextOptions {
  /** `line`: every line, empty ones too; `blank_line`: what stands between blank lines; `file`: all. */
  readonly splitBy: SplitBy;
  /** Name of the column. */
  readonly column: string;
  readonly encoding?: Encoding | undefined;
}

/** What a line of a paragraph counts beside its characters: empty ones take memory, too. */
const PER_LINE = 16;

/** A text file; an empty one has no rows. */
export function openText(file: InputFile, options: TextOptions): RowFile {
  return {
    name: file.name,
    find: (finding) => find(file, options, finding),
    batches: (columns, reading) => batches(file, { options, columns, reading }),
  };
}

async function find(
  file: InputFile,
  options: TextOptions,
  { times, limit = Infinity, ...reading }: Finding,
): Promise<readonly FoundColumn[]> {
  const forms = times?.get(options.column);
  let left = forms === undefined ? 0 : limit;
  if (left > 0) {
    reading: for await (const rows of textRows(file, options, reading)) {
      for (const { text } of rows) {
        forms!.see(text);
        if (--left <= 0) break reading;
      }
    }
  }
  return [{ name: options.column, type: "string" }];
}

async function* batches(
  file: InputFile,
  { options, columns, reading }: {
    readonly options: TextOptions;
    readonly columns: readonly ReadColumn[];
    readonly reading: Reading;
  },
): AsyncGenerator<Batch> {
  const { encoding } = options;
  const batch = new BatchBuilder(columns);
  const cells: Cell[] = columns.map(() => null);
  const index = columns.findIndex(({ name }) => name === options.column);
  let left = reading.limit ?? Infinity;
  if (left <= 0) return;
  reading: for await (const rows of textRows(file, options, reading)) {
    for (const row of rows) {
      const column = columns[index];
      const text = ownText(row.text);
      const value = column === undefined
        ? null
        : column.isCast
        ? castText(text, column)
        : valueOfText(text, column.type);
      const error = encodingError(file, { row, encoding }) ??
        (value === undefined
          ? misfitError(file, { column: column!, shown: row.text, line: row.line })
          : undefined);
      if (error !== undefined) {
        rejectRow(error, { file, row, reading });
        continue;
      }
      if (index >= 0) cells[index] = value!;
      batch.add(cells, row.text.length);
      if (batch.isFull) yield batch.take();
      if (--left <= 0) break reading;
    }
  }
  if (!batch.isEmpty) yield batch.take();
}

async function* textRows(
  file: InputFile,
  { splitBy, encoding }: TextOptions,
  reading: Reading,
): AsyncGenerator<readonly RowText[]> {
  const options = { ...reading, encoding };
  if (splitBy === "file") {
    const text = await wholeText(file, options);
    if (text !== "") yield [{ text, line: 1 }];
    return;
  }
  let paragraph: string[] = [];
  let begin = 1;
  let length = 0;
  for await (const lines of lineBatches(file, options)) {
    if (splitBy === "line") {
      yield lines.map(({ text, number }) => ({ text, line: number }));
      continue;
    }
    const rows: RowText[] = [];
    for (const { text, number } of lines) {
      if (text.trim() === "") {
        if (paragraph.length > 0) rows.push({ text: paragraph.join("\n"), line: begin });
        [paragraph, length] = [[], 0];
        continue;
      }
      if (paragraph.length === 0) begin = number;
      paragraph.push(text);
      length += text.length + PER_LINE;
      if (length > MAX_LINE) {
        throw tooLong(file, { line: begin, is: "the paragraph that begins here" });
      }
    }
    yield rows;
  }
  if (paragraph.length > 0) yield [{ text: paragraph.join("\n"), line: begin }];
}
