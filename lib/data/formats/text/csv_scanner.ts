/**
 * Comma-separated values as RFC 4180 has them, cut into records: quoted fields may hold delimiters, line ends
 * and doubled quotes. Left out: comments, escapes by backslash.
 *
 * A small state machine that looks for the next character of meaning instead of at each, and goes on where
 * the piece before ended, so a field of many pieces is read once.
 *
 * @module
 */
import type { InputFile } from "../row_file.ts";
import { UserError } from "../../../base/errors.ts";
import { MAX_LINE, tooLong } from "./text_file.ts";

/** Most fields of a record: past it, the file is something else. */
const MAX_FIELDS = 1 << 20;

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const QUOTE = 0x22;

/** A record of a file. */
export interface CsvRecord {
  readonly fields: string[];
  /** Which fields are empty and quoted: those are texts, the others are no value. */
  readonly quotedEmpty?: ReadonlySet<number> | undefined;
  /** On which it begins, from 1. */
  readonly line: number;
  /** Of all its fields. */
  readonly characters: number;
  /** Why it is no record, and on which line; its fields are those before. */
  readonly mistake?: { readonly what: string; readonly line: number };
}

/** Before a field, within a plain or quoted one, after a closing quote, or in what follows a mistake. */
type State = "start" | "plain" | "quoted" | "closed" | "skipped";

/** Cuts a file into records. Lines with nothing on them are skipped. */
export class CsvScanner {
  readonly #file: InputFile;
  readonly #delimiter: string;
  #state: State = "start";
  #text = "";
  #fields: string[] = [];
  #quotedEmpty: Set<number> | undefined;
  #characters = 0;
  #line = 1;
  #recordLine = 1;
  #quoteLine = 1;
  #afterReturn = false;

  constructor(file: InputFile, delimiter: string) {
    this.#file = file;
    this.#delimiter = delimiter;
  }

  /**
   * Takes the next piece of the file.
   *
   * @returns The records that end in it.
   * @throws {UserError} Where a record has more characters or fields than any row can.
   */
  push(chunk: string): CsvRecord[] {
    const records: CsvRecord[] = [];
    const delimiter = this.#delimiter;
    // The next of each in the piece; a search is repeated only behind what it found.
    const next = { newline: -1, return: -1, quote: -1, delimiter: -1 };
    const find = (name: keyof typeof next, char: string, from: number): number => {
      if (next[name] < from) {
        const index = chunk.indexOf(char, from);
        next[name] = index < 0 ? chunk.length : index;
      }
      return next[name];
    };
    const lineEnd = (from: number): number =>
      Math.min(find("newline", "\n", from), find("return", "\r", from));
    let at = 0;
    while (at < chunk.length) {
      if (this.#afterReturn) {
        // The second half of \r\n ends no second record.
        this.#afterReturn = false;
        if (chunk[at] === "\n") {
          at++;
          continue;
        }
      }
      switch (this.#state) {
        case "start":
          at = this.#plainFields(chunk, at, records);
          break;
        case "plain": {
          const end = Math.min(lineEnd(at), find("delimiter", delimiter, at));
          this.#append(chunk.slice(at, end));
          at = end < chunk.length ? this.#endField(chunk, end, records) : end;
          break;
        }
        case "quoted": {
          const end = find("quote", '"', at);
          for (let i = find("newline", "\n", at); i < end; i = find("newline", "\n", i + 1)) {
            this.#line++;
          }
          this.#append(chunk.slice(at, end));
          at = end;
          if (end === chunk.length) break;
          this.#state = "closed";
          at++;
          break;
        }
        case "closed": {
          const char = chunk[at]!;
          if (char === '"') {
            this.#append('"');
            this.#state = "quoted";
            at++;
          } else if (char === delimiter || char === "\n" || char === "\r") {
            at = this.#endField(chunk, at, records);
          } else {
            this.#mistake(`a closing quote is followed by "${char}"`, this.#line, records);
            this.#state = "skipped";
          }
          break;
        }
        case "skipped":
          at = lineEnd(at);
          if (at === chunk.length) break;
          at = this.#endLine(chunk, at);
          this.#state = "start";
      }
    }
    return records;
  }

  /** The records that end with the file. */
  finish(): CsvRecord[] {
    const records: CsvRecord[] = [];
    if (this.#state === "quoted") {
      this.#mistake(
        "a quote is not closed: the rest of the file is in it",
        this.#quoteLine,
        records,
      );
    } else if (this.#state !== "skipped" && (this.#state !== "start" || this.#fields.length > 0)) {
      this.#closeField();
      this.#endRecord(records);
    }
    return records;
  }

  /** Reads fields up to the end of their record, of the piece, or to one in quotes; returns where to go on. */
  #plainFields(chunk: string, from: number, records: CsvRecord[]): number {
    const fields = this.#fields;
    const delimiter = this.#delimiter.charCodeAt(0);
    let begin = from;
    for (let at = from; at < chunk.length; at++) {
      const code = chunk.charCodeAt(at);
      if (code === delimiter) {
        fields.push(chunk.slice(begin, at));
        begin = at + 1;
      } else if (code === NEWLINE || code === RETURN) {
        fields.push(chunk.slice(begin, at));
        this.#characters += at - from;
        this.#endRecord(records);
        return this.#endLine(chunk, at);
      } else if (code === QUOTE && at === begin) {
        this.#characters += at - from;
        this.#state = "quoted";
        this.#quoteLine = this.#line;
        return at + 1;
      }
    }
    this.#characters += begin - from;
    this.#checkWidth();
    if (begin < chunk.length) {
      this.#state = "plain";
      this.#append(chunk.slice(begin));
    }
    return chunk.length;
  }

  #append(text: string): void {
    this.#text += text;
    this.#characters += text.length;
    if (this.#characters <= MAX_LINE) return;
    const line = this.#state === "quoted" ? this.#quoteLine : this.#line;
    throw tooLong(this.#file, { line, is: "the field that begins here" });
  }

  /** Ends a field at a delimiter or the end of a line; returns where to go on. */
  #endField(chunk: string, at: number, records: CsvRecord[]): number {
    this.#closeField();
    if (chunk[at] === this.#delimiter) return at + 1;
    this.#endRecord(records);
    return this.#endLine(chunk, at);
  }

  #closeField(): void {
    if (this.#text === "" && this.#state === "closed") {
      this.#quotedEmpty ??= new Set();
      this.#quotedEmpty.add(this.#fields.length);
    }
    this.#fields.push(this.#text);
    this.#text = "";
    this.#state = "start";
    this.#checkWidth();
  }

  #checkWidth(): void {
    if (this.#fields.length <= MAX_FIELDS) return;
    throw new UserError({
      what: `this row has more than ${MAX_FIELDS} fields`,
      remedy: "check that the file is csv, and its delimiter",
      at: { file: this.#file.name, line: this.#recordLine, column: 1 },
    });
  }

  #endRecord(records: CsvRecord[]): void {
    this.#checkWidth();
    const fields = this.#fields;
    const isBlank = fields.length === 1 && fields[0] === "" && this.#quotedEmpty === undefined;
    if (!isBlank) {
      records.push({
        fields,
        quotedEmpty: this.#quotedEmpty,
        line: this.#recordLine,
        characters: this.#characters,
      });
    }
    this.#reset();
  }

  #mistake(what: string, line: number, records: CsvRecord[]): void {
    this.#fields.push(this.#text);
    records.push({
      fields: this.#fields,
      line: this.#recordLine,
      characters: this.#characters,
      mistake: { what, line },
    });
    this.#reset();
  }

  #reset(): void {
    [this.#fields, this.#text, this.#characters] = [[], "", 0];
    this.#quotedEmpty = undefined;
  }

  #endLine(chunk: string, at: number): number {
    this.#line++;
    this.#recordLine = this.#line;
    this.#afterReturn = chunk[at] === "\r";
    return at + 1;
  }
}
