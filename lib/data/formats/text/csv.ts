/**
 * Comma-separated values as rows.
 *
 * The types of columns follow from all their cells: `int`, `float`, `bool` (true/false), else `string`; an
 * empty cell that is not quoted is null outside of string columns. A column of numbers of which one is an integer
 * past 64 bits, or past 2^53 beside floats, is `string`: no number holds it.
 *
 * @module
 */
import { UserError } from "../../../base/errors.ts";
import type { Batch } from "../batch.ts";
import type { Cell, Column } from "../columns.ts";
import type { Finding, FoundColumn, InputFile, ReadColumn, Reading, RowFile } from "../row_file.ts";
import { encodingError, misfitError, rejectRow } from "./bad_row.ts";
import { BatchBuilder, ownText } from "../batch_builder.ts";
import { castText } from "./cast.ts";
import { delimiterName, guessDelimiter, SAMPLE } from "./csv_delimiter.ts";
import { type CsvRecord, CsvScanner } from "./csv_scanner.ts";
import type { Encoding } from "./encoding.ts";
import { FoundTypes, KIND } from "./found_types.ts";
import { kindOfText, valueOfText } from "./looks.ts";
import { textChunks } from "./text_file.ts";

/** How to read a CSV file. */
export interface CsvOptions {
  /** One character between fields; a tab in .tsv files and guessed in others where it is not said. */
  readonly delimiter?: string | undefined;
  /** Names of the columns of a file without a header line. */
  readonly columnNames?: readonly string[] | undefined;
  /** Columns that stay texts whatever they look like. */
  readonly stringColumns?: readonly string[] | undefined;
  readonly encoding?: Encoding | undefined;
}

/** A CSV file; an empty one has no rows and only the columns named in the options. */
export function openCsv(file: InputFile, options: CsvOptions = {}): RowFile {
  return new CsvFile(file, options);
}

class CsvFile implements RowFile {
  readonly name: string;
  readonly #file: InputFile;
  readonly #options: CsvOptions;
  #delimiter: string | undefined;
  /** What was guessed, until somebody takes it. */
  #notice: string | undefined;

  constructor(file: InputFile, options: CsvOptions) {
    this.name = file.name;
    this.#file = file;
    this.#options = options;
    this.#delimiter = options.delimiter ??
      (/\.tsv(?:\.gz|\.zst)?$/i.test(file.name) ? "\t" : undefined);
  }

  async find({ times, ...reading }: Finding): Promise<readonly FoundColumn[]> {
    let kinds: number[] | undefined;
    let names: readonly string[] = this.#options.columnNames ?? [];
    let left = reading.limit ?? Infinity;
    reading: for await (const table of this.#tables(reading)) {
      names = table.names;
      kinds ??= names.map((name) => this.#options.stringColumns?.includes(name) ? KIND.string : 0);
      for (const { fields, quotedEmpty } of table.records) {
        for (const [name, forms] of times ?? []) forms.see(fields[names.indexOf(name)] ?? "");
        for (let i = 0; i < fields.length; i++) {
          // What is text stays so, whatever follows.
          if ((kinds[i]! & KIND.string) !== 0) continue;
          const text = fields[i]!;
          if (text !== "") kinds[i]! |= kindOfText(text);
          else if (quotedEmpty?.has(i)) kinds[i]! |= KIND.string;
        }
        if (--left <= 0) break reading;
      }
    }
    const found = new FoundTypes(this.#file);
    names.forEach((name, i) => found.add(name, kinds?.[i] ?? 0));
    return found.columns({ isText: true });
  }

  async *batches(columns: readonly ReadColumn[], reading: Reading): AsyncGenerator<Batch> {
    const batch = new BatchBuilder(columns);
    const cells: Cell[] = columns.map(() => null);
    let indexes: number[] | undefined;
    let left = reading.limit ?? Infinity;
    if (left <= 0) return;
    reading: for await (const { names, records } of this.#tables(reading)) {
      indexes ??= indexesOf(columns, names);
      for (const record of records) {
        const wrong = fillCells(cells, { file: this.#file, record, columns, indexes });
        if (wrong !== undefined) {
          this.#reject(wrong, record, reading);
          continue;
        }
        batch.add(cells, record.characters);
        if (batch.isFull) yield batch.take();
        if (--left <= 0) break reading;
      }
    }
    if (!batch.isEmpty) yield batch.take();
  }

  /** The rows that can be told apart and are as long as the header, piece by piece. */
  async *#tables(
    reading: Reading,
  ): AsyncGenerator<{ readonly names: readonly string[]; readonly records: Iterable<CsvRecord> }> {
    let names = this.#options.columnNames;
    for await (const { records, isSuspect } of this.#records(reading)) {
      if (names === undefined) {
        const [header, ...rest] = records;
        names = this.#header(header!);
        yield { names, records: this.#good(rest, { names, isSuspect, reading }) };
      } else {
        yield { names, records: this.#good(records, { names, isSuspect, reading }) };
      }
    }
  }

  /** The good ones, as they are taken: nothing is said of those past a limit. */
  *#good(
    records: readonly CsvRecord[],
    { names, isSuspect, reading }: {
      readonly names: readonly string[];
      readonly isSuspect: boolean;
      readonly reading: Reading;
    },
  ): Generator<CsvRecord> {
    for (const record of records) {
      const isGood = record.fields.length === names.length && record.mistake === undefined &&
        (!isSuspect || record.fields.every((text) => text.isWellFormed()));
      if (isGood) yield record;
      else this.#reject(this.#mistake(record, names), record, reading);
    }
  }

  /** Records as they come, and whether there may be bytes among them that are no text. */
  async *#records(
    reading: Reading,
  ): AsyncGenerator<{ readonly records: CsvRecord[]; readonly isSuspect: boolean }> {
    let scanner: CsvScanner | undefined;
    let sample = "";
    let isSuspect = false;
    const { encoding } = this.#options;
    for await (const chunk of textChunks(this.#file, { ...reading, encoding })) {
      let text = chunk;
      if (scanner === undefined) {
        sample += chunk;
        if (this.#delimiter === undefined && sample.length < SAMPLE) continue;
        scanner = this.#scanner(sample, { isWhole: false, reading });
        text = sample;
      }
      isSuspect ||= !text.isWellFormed();
      const records = scanner.push(text);
      if (records.length === 0) continue;
      yield { records, isSuspect };
      isSuspect = !text.isWellFormed();
    }
    if (scanner === undefined) {
      scanner = this.#scanner(sample, { isWhole: true, reading });
      isSuspect = !sample.isWellFormed();
      const records = scanner.push(sample);
      if (records.length > 0) yield { records, isSuspect };
    }
    const records = scanner.finish();
    if (records.length > 0) yield { records, isSuspect };
  }

  #scanner(
    sample: string,
    { isWhole, reading }: { readonly isWhole: boolean; readonly reading: Reading },
  ): CsvScanner {
    if (this.#delimiter === undefined) {
      const width = this.#options.columnNames?.length;
      this.#delimiter = guessDelimiter(this.#file, { sample, width, isWhole });
      if (this.#delimiter !== ",") {
        const name = delimiterName(this.#delimiter);
        this.#notice = `${this.name}: its fields are taken to be separated by ${name}`;
      }
    }
    if (this.#notice !== undefined && reading.notice !== undefined) {
      reading.notice(this.#notice);
      this.#notice = undefined;
    }
    return new CsvScanner(this.#file, this.#delimiter);
  }

  #header(record: CsvRecord): string[] {
    if (record.mistake !== undefined) throw this.#mistake(record, []);
    const text = record.fields.join(this.#delimiter);
    const row = { text, line: record.line };
    const error = encodingError(this.#file, { row, encoding: this.#options.encoding });
    if (error !== undefined) throw error;
    const names = new Set<string>();
    for (const name of record.fields) {
      if (name !== "" && !names.has(name)) names.add(name);
      else throw headerError(name, { file: this.name, line: record.line });
    }
    return record.fields;
  }

  /** What is wrong with a record. */
  #mistake(record: CsvRecord, names: readonly string[]): UserError {
    const { fields, line, mistake } = record;
    if (mistake !== undefined) {
      return new UserError({
        what: `this is not CSV: ${mistake.what}`,
        requirement: 'inside a quoted field a quote is written twice: ""',
        at: { file: this.name, line: mistake.line, column: 1 },
      });
    }
    const row = { text: fields.join(this.#delimiter), line };
    const error = encodingError(this.#file, { row, encoding: this.#options.encoding });
    if (error !== undefined) return error;
    const { columnNames } = this.#options;
    const shown = names.length > 20 ? `${names.slice(0, 20).join(", ")}, …` : names.join(", ");
    return new UserError({
      what: `this row has ${fields.length} fields where the ${
        columnNames ? "column_names have" : "header has"
      } ${names.length} (${shown})`,
      requirement: "a field with a delimiter or a line end in it has to be in double quotes",
      at: { file: this.name, line, column: 1 },
    });
  }

  #reject(error: UserError, record: CsvRecord, reading: Reading): void {
    const row = { line: record.line, text: record.fields.join(this.#delimiter) };
    rejectRow(error, { file: this.#file, row, reading });
  }
}

/** Which field each column is; -1 for one that the file lacks. */
function indexesOf(columns: readonly Column[], names: readonly string[]): number[] {
  const indexes = new Map(names.map((name, i) => [name, i]));
  return columns.map(({ name }) => indexes.get(name) ?? -1);
}

/** Puts a record's values into the columns' cells; returns why it cannot. */
function fillCells(
  cells: Cell[],
  { file, record: { fields, quotedEmpty, line }, columns, indexes }: {
    readonly file: InputFile;
    readonly record: CsvRecord;
    readonly columns: readonly ReadColumn[];
    readonly indexes: readonly number[];
  },
): UserError | undefined {
  for (let k = 0; k < indexes.length; k++) {
    const i = indexes[k]!;
    if (i < 0) continue;
    const text = fields[i]!;
    const { type, isCast } = columns[k]!;
    if (type === "string") {
      cells[k] = ownText(text);
    } else if (text === "" && (isCast || !quotedEmpty?.has(i))) {
      cells[k] = null;
    } else {
      const value = isCast ? castText(text, columns[k]!) : valueOfText(text, type);
      if (value === undefined) return misfitError(file, { column: columns[k]!, shown: text, line });
      cells[k] = value;
    }
  }
  return undefined;
}

function headerError(name: string, at: { file: string; line: number }): UserError {
  return new UserError({
    what: name === ""
      ? "a column of the header has no name"
      : `the header has the column "${name}" twice`,
    remedy: "if the file has no header line, name its columns with `column_names`",
    at: { ...at, column: 1 },
  });
}
