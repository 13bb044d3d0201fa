/**
 * Cuts one JSON document (RFC 8259) into the items of its arrays and the members of its outermost object,
 * so that a file of any size is parsed item by item.
 *
 * It knows strings, brackets and commas alone; whether an item is JSON is the parser's to say.
 *
 * @module
 */
import { UserError } from "../../../base/errors.ts";
import type { InputFile } from "../row_file.ts";
import { MAX_LINE, tooLong } from "./text_file.ts";

/** A value that was cut out of a document, with the place where it begins. */
export interface JsonPiece {
  /**
   * `item` of an array that is the document or a member of it; `value` of another member; `array` for the
   * beginning of an array; `more` for something behind the document.
   */
  readonly kind: "item" | "value" | "array" | "more";
  /** Which member of the outermost object, from 0; -1 where the document is an array. */
  readonly ordinal: number;
  /** The name of the member; empty where the document is an array. */
  readonly member: string;
  readonly text: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** What comes next where no value is being read. */
type Expected =
  | "document"
  | "item"
  | "item or end"
  | "comma or end of array"
  | "key"
  | "key or end"
  | "colon"
  | "member"
  | "comma or end of object"
  | "nothing";

/** What is being read: the characters up to a quote, a bracket or the end of a bare word. */
type Within = "string" | "nested" | "word";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Cuts a document that comes in pieces. */
export class JsonScanner {
  readonly #file: InputFile;
  #expected: Expected = "document";
  #isArray = false;
  #within: Within | undefined;
  #depth = 0;
  #isQuoted = false; // within a string of a nested value
  #isEscaped = false; // the next character follows a backslash
  #parts: string[] = [];
  #length = 0;
  #ordinal = -1;
  #member = "";
  #place = { line: 1, column: 1 };
  #line = 1;
  /** Characters of the line that were in pieces before. */
  #lineLength = 0;

  constructor(file: InputFile) {
    this.#file = file;
  }

  /** Whether the document's end was seen. */
  get isWhole(): boolean {
    return this.#expected === "nothing";
  }

  /** Whether the document is an array; known once its first character is. */
  get isArray(): boolean {
    return this.#isArray;
  }

  /**
   * Takes the next piece of the file, and gives values as they are found: all have to be taken.
   *
   * @throws {UserError} Where the document is no array or object, a mark is missing or wrong, or a value has more
   * characters than any row can.
   */
  *push(chunk: string): Generator<JsonPiece> {
    let counted = 0; // up to where lines are counted
    let lineStart = -this.#lineLength;
    const countTo = (to: number): void => {
      for (let i = chunk.indexOf("\n", counted); i >= 0 && i < to; i = chunk.indexOf("\n", i + 1)) {
        this.#line++;
        lineStart = i + 1;
      }
      counted = to;
    };
    let at = 0;
    while (at < chunk.length) {
      if (this.#within !== undefined) {
        const end = this.#valueEnd(chunk, at);
        this.#keep(chunk.slice(at, end));
        at = end;
        if (this.#within === undefined) {
          const piece = this.#endValue();
          if (piece !== undefined) yield piece;
        }
        continue;
      }
      while (isSpace(chunk.charCodeAt(at))) at++;
      if (at >= chunk.length) break;
      countTo(at);
      this.#place = { line: this.#line, column: at - lineStart + 1 };
      if (this.#expected === "nothing") {
        yield this.#piece("more", "");
        return;
      }
      const isArray = this.#expected === "member" && chunk[at] === "[";
      at = this.#mark(chunk[at]!, at);
      if (isArray) yield this.#piece("array", "");
    }
    countTo(chunk.length);
    this.#lineLength = chunk.length - lineStart;
  }

  /**
   * Says that the file is over.
   *
   * @throws {UserError} Where the document is not.
   */
  finish(): void {
    if (this.#expected === "nothing" && this.#within === undefined) return;
    const open = this.#isArray ? "array" : "object";
    throw this.#error(
      this.#expected === "document" && this.#within === undefined
        ? "the file is empty"
        : `the file ends before the ${open} does`,
      { line: this.#line, column: this.#lineLength + 1 },
    );
  }

  /** Reads a mark, or begins a value; returns where to go on. */
  #mark(char: string, at: number): number {
    switch (this.#expected) {
      case "document":
        if (char !== "[" && char !== "{") throw this.#error(`it begins with "${char}"`);
        this.#isArray = char === "[";
        this.#expected = this.#isArray ? "item or end" : "key or end";
        return at + 1;
      case "item or end":
        if (char !== "]") return this.#begin(char, at);
        this.#expected = this.#isArray ? "nothing" : "comma or end of object";
        return at + 1;
      case "comma or end of array":
        if (char === ",") this.#expected = "item";
        else if (char === "]") {
          this.#expected = this.#isArray ? "nothing" : "comma or end of object";
        } else throw this.#unexpected(char);
        return at + 1;
      case "key or end":
      case "key":
        if (char === '"') return this.#begin(char, at);
        if (char !== "}" || this.#expected === "key") throw this.#unexpected(char);
        this.#expected = "nothing";
        return at + 1;
      case "colon":
        if (char !== ":") throw this.#unexpected(char);
        this.#expected = "member";
        return at + 1;
      case "member":
        if (char !== "[") return this.#begin(char, at);
        this.#expected = "item or end";
        return at + 1;
      case "comma or end of object":
        if (char === ",") this.#expected = "key";
        else if (char === "}") this.#expected = "nothing";
        else throw this.#unexpected(char);
        return at + 1;
      case "item":
      case "nothing":
        return this.#begin(char, at);
    }
  }

  #begin(char: string, at: number): number {
    if (/[\]},:]/.test(char)) throw this.#unexpected(char);
    this.#within = char === '"' ? "string" : char === "[" || char === "{" ? "nested" : "word";
    this.#depth = 0;
    if (this.#within !== "string") return at;
    this.#keep('"');
    return at + 1;
  }

  /** Where the value that is being read ends, or the piece of the file; ends it where it does. */
  #valueEnd(chunk: string, from: number): number {
    let at = from;
    if (this.#isEscaped) {
      this.#isEscaped = false;
      at++;
    }
    while (at < chunk.length) {
      if (this.#within === "string" || this.#isQuoted) {
        at = this.#stringEnd(chunk, at);
        if (this.#within === undefined) return at;
        continue;
      }
      const code = chunk.charCodeAt(at);
      if (this.#within === "word") {
        if (isSpace(code) || isMark(code)) {
          this.#within = undefined;
          return at;
        }
        at++;
        continue;
      }
      at++;
      switch (code) {
        case QUOTE:
          this.#isQuoted = true;
          break;
        case 0x5b: // [
        case 0x7b: // {
          this.#depth++;
          break;
        case 0x5d: // ]
        case 0x7d: // }
          if (--this.#depth > 0) break;
          this.#within = undefined;
          return at;
      }
    }
    return chunk.length;
  }

  /** Where the string that is being read ends, or the piece of the file. */
  #stringEnd(chunk: string, from: number): number {
    for (let at = from;;) {
      const quote = chunk.indexOf('"', at);
      const end = quote < 0 ? chunk.length : quote;
      let begin = end;
      while (begin > at && chunk.charCodeAt(begin - 1) === BACKSLASH) begin--;
      const isEscaped = (end - begin) % 2 === 1;
      if (quote < 0) {
        this.#isEscaped = isEscaped;
        return end;
      }
      at = quote + 1;
      if (isEscaped) continue;
      if (this.#within === "string") this.#within = undefined;
      this.#isQuoted = false;
      return at;
    }
  }

  #keep(text: string): void {
    this.#parts.push(text);
    this.#length += text.length;
    if (this.#length > MAX_LINE) {
      throw tooLong(this.#file, { line: this.#place.line, is: "the value that begins here" });
    }
  }

  #endValue(): JsonPiece | undefined {
    const text = this.#parts.length === 1 ? this.#parts[0]! : this.#parts.join("");
    [this.#parts, this.#length] = [[], 0];
    switch (this.#expected) {
      case "key":
      case "key or end":
        this.#member = this.#key(text);
        this.#ordinal++;
        this.#expected = "colon";
        return undefined;
      case "member":
        this.#expected = "comma or end of object";
        return this.#piece("value", text);
      default:
        this.#expected = "comma or end of array";
        return this.#piece("item", text);
    }
  }

  #key(text: string): string {
    try {
      return String(JSON.parse(text));
    } catch {
      throw this.#error("a key is no JSON string");
    }
  }

  #piece(kind: JsonPiece["kind"], text: string): JsonPiece {
    return { kind, ordinal: this.#ordinal, member: this.#member, text, ...this.#place };
  }

  #unexpected(char: string): UserError {
    return this.#error(`there is "${char}" where ${this.#expected} is expected`);
  }

  #error(what: string, place: { line: number; column: number } = this.#place): UserError {
    return new UserError({
      what: `this is not JSON: ${what}`,
      requirement: "a JSON file of rows is an array of objects, or one object",
      at: { file: this.#file.name, ...place },
    });
  }
}

/** White space of JSON, and a byte order mark. */
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09 || code === 0xfeff;
}

/** What ends a bare word: , ] } : */
function isMark(code: number): boolean {
  return code === 0x2c || code === 0x5d || code === 0x7d || code === 0x3a;
}
