/**
 * Comma-separated values as RFC 4180 has them, read by a small state machine.
 *
 * Quoted fields may hold delimiters, line ends and doubled quotes. The types of columns follow from
 * all their cells: `int`, `float`, `bool` (true/false), else `string`; an empty unquoted cell is null
 * outside of string columns. Left out: comments, escapes by backslash, guessing the delimiter.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import type { Cell, Column, ColumnType, Row, Table } from "./columns.ts";
import { type InputFile, MAX_LINE, textChunks, tooLong } from "./text_file.ts";

/** How to read a CSV file. */
export interface CsvOptions {
  /** One character between fields; default a comma. */
  readonly delimiter?: string;
  /** Names of the columns of a file without a header line. */
  readonly columnNames?: readonly string[];
  /** Columns that stay texts whatever they look like. */
  readonly stringColumns?: readonly string[];
  /** At most this many rows. */
  readonly limit?: number;
}

interface Field {
  text: string;
  quoted: boolean;
}

/**
 * Reads a CSV file; an empty one has no rows and only the columns named in the options.
 *
 * @throws {UserError} With file and line where a row has another number of fields than the header,
 * or a quote is not closed.
 */
export async function readCsv(file: InputFile, options: CsvOptions = {}): Promise<Table> {
  const limit = options.limit ?? Infinity;
  let names = options.columnNames;
  const records: Field[][] = [];
  reading: for await (const batch of csvRecords(file, options.delimiter ?? ",")) {
    for (const { fields, line } of batch) {
      if (names === undefined) {
        names = checkHeader(fields.map((field) => field.text), file);
        continue;
      }
      if (records.length >= limit) break reading;
      if (fields.length !== names.length) {
        throw new UserError({
          what: `this row has ${fields.length} fields where the ${
            options.columnNames ? "column_names have" : "header has"
          } ${names.length} (${names.join(", ")})`,
          requirement: "a field with a delimiter or a line end in it has to be in double quotes",
          at: { file: file.name, line, column: 1 },
        });
      }
      records.push(fields);
    }
  }
  const columns = (names ?? []).map((name, i): Column => ({
    name,
    type: options.stringColumns?.includes(name) ? "string" : columnType(records, i),
  }));
  const rows = records.map((fields) => {
    const row: Row = {};
    columns.forEach(({ name, type }, i) => row[name] = toCell(fields[i]!, type));
    return row;
  });
  return { columns, rows };
}

interface Parsed {
  fields: Field[];
  /** Line on which the record begins, from 1. */
  line: number;
}

/** The records of a file, many at a time. Lines with nothing on them are skipped. */
async function* csvRecords(file: InputFile, delimiter: string): AsyncGenerator<Parsed[]> {
  const parser = new CsvParser(file, delimiter);
  for await (const chunk of textChunks(file)) {
    const records = parser.push(chunk);
    if (records.length > 0) yield records;
  }
  const rest = parser.finish();
  if (rest.length > 0) yield rest;
}

/** Where the parser stands: before a field, within a plain or quoted one, or after a closing quote. */
type State = "start" | "plain" | "quoted" | "closed";

class CsvParser {
  readonly #file: InputFile;
  readonly #delimiter: string;
  #state: State = "start";
  #text = "";
  #fields: Field[] = [];
  #line = 1;
  #recordLine = 1;
  #quoteLine = 1;
  #afterReturn = false;

  constructor(file: InputFile, delimiter: string) {
    this.#file = file;
    this.#delimiter = delimiter;
  }

  push(chunk: string): Parsed[] {
    const records: Parsed[] = [];
    const delimiter = this.#delimiter;
    let begin = 0; // of the stretch that goes into the field as it is
    for (let i = 0; i < chunk.length; i++) {
      const char = chunk[i]!;
      if (this.#state === "quoted") {
        if (char === "\n") this.#line++;
        if (char !== '"') continue;
        this.#text += chunk.slice(begin, i);
        this.#state = "closed";
        begin = i + 1;
        continue;
      }
      // The second half of \r\n ends no second record.
      if (char === "\n" && this.#afterReturn) {
        this.#afterReturn = false;
        begin = i + 1;
        continue;
      }
      this.#afterReturn = false;
      if (char === delimiter || char === "\n" || char === "\r") {
        if (this.#state === "plain") this.#text += chunk.slice(begin, i);
        this.#endField();
        if (char !== delimiter) {
          this.#endRecord(records);
          this.#line++;
          this.#recordLine = this.#line;
          this.#afterReturn = char === "\r";
        }
        begin = i + 1;
      } else if (this.#state === "start") {
        this.#state = char === '"' ? "quoted" : "plain";
        this.#quoteLine = this.#line;
        begin = char === '"' ? i + 1 : i;
      } else if (this.#state === "closed") {
        if (char !== '"') throw this.#error(`a closing quote is followed by "${char}"`, this.#line);
        this.#text += '"';
        this.#state = "quoted";
        begin = i + 1;
      }
    }
    if (this.#state === "plain" || this.#state === "quoted") {
      this.#text += chunk.slice(begin);
      if (this.#text.length > MAX_LINE) {
        const line = this.#state === "quoted" ? this.#quoteLine : this.#line;
        throw tooLong(this.#file, { line, is: "the field that begins here", than: MAX_LINE });
      }
    }
    return records;
  }

  finish(): Parsed[] {
    if (this.#state === "quoted") throw this.#error("a quote is not closed", this.#quoteLine);
    const records: Parsed[] = [];
    if (this.#state !== "start" || this.#fields.length > 0) {
      this.#endField();
      this.#endRecord(records);
    }
    return records;
  }

  #endField(): void {
    this.#fields.push({ text: this.#text, quoted: this.#state === "closed" });
    this.#text = "";
    this.#state = "start";
  }

  #endRecord(records: Parsed[]): void {
    const [first] = this.#fields;
    const blank = this.#fields.length === 1 && first!.text === "" && !first!.quoted;
    if (!blank) records.push({ fields: this.#fields, line: this.#recordLine });
    this.#fields = [];
  }

  #error(what: string, line: number): UserError {
    return new UserError({
      what: `this is not CSV: ${what}`,
      requirement: 'inside a quoted field a quote is written twice: ""',
      at: { file: this.#file.name, line, column: 1 },
    });
  }
}

function checkHeader(names: string[], file: InputFile): string[] {
  const twice = names.find((name, i) => names.indexOf(name) !== i || name === "");
  if (twice === undefined) return names;
  throw new UserError({
    what: twice === ""
      ? "a column of the header has no name"
      : `the header has the column "${twice}" twice`,
    remedy: "if the file has no header line, name its columns with `column_names`",
    at: { file: file.name, line: 1, column: 1 },
  });
}

const INT = /^[+-]?(?:0|[1-9]\d*)$/;
const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

function columnType(records: readonly Field[][], index: number): ColumnType {
  let type: ColumnType | undefined;
  for (const fields of records) {
    const { text, quoted } = fields[index]!;
    if (text === "" && !quoted) continue;
    const own = textType(text);
    if (type === undefined || type === own) type = own;
    else if ((type === "int" && own === "float") || (type === "float" && own === "int")) {
      type = "float";
    } else return "string";
    if (type === "string") return "string";
  }
  return type ?? "string";
}

function textType(text: string): ColumnType {
  if (INT.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text)) return "int";
  // 007 and a phone number are names, not quantities.
  if (FLOAT.test(text) && !/^[+-]?0\d/.test(text)) return "float";
  return /^(?:true|false)$/i.test(text) ? "bool" : "string";
}

function toCell({ text, quoted }: Field, type: ColumnType): Cell {
  if (type === "string") return text;
  if (text === "" && !quoted) return null;
  if (type === "bool") return text.toLowerCase() === "true";
  const number = Number(text);
  return type === "int" && !Number.isSafeInteger(number) ? BigInt(text) : number;
}
