/**
 * A template in tokens, as Jinja's `lexer.py` makes them with `trim_blocks` and `lstrip_blocks`, which
 * `transformers` sets: a line end after a block goes, and the white space before one that begins a line.
 *
 * Left out: line statements and line comments, which nothing switches on.
 *
 * @module
 */
import { SPACES } from "../values/text.ts";

/** A piece of a template; a `mark` is an operator or a bracket. */
export interface Token {
  readonly kind:
    | "data"
    | "name"
    | "text"
    | "integer"
    | "float"
    | "mark"
    | "open block"
    | "close block"
    | "open output"
    | "close output"
    | "end";
  readonly value: string;
}

/** Where a template stops being one, in words. */
export class JinjaSyntaxError extends SyntaxError {
  override readonly name = "JinjaSyntaxError";
}

const SPACE = `[${SPACES}]`;

const OPENING = new RegExp(
  `\\{%([-+]?)${SPACE}*raw${SPACE}*(?:-%\\}${SPACE}*|%\\})|(\\{%|\\{\\{|\\{#)([-+]?)`,
  "g",
);
const END_RAW = new RegExp(
  `\\{%([-+]?)${SPACE}*endraw${SPACE}*(?:\\+%\\}|-%\\}${SPACE}*|%\\}\\n?)`,
  "g",
);
const END_COMMENT = new RegExp(`\\+#\\}|-#\\}${SPACE}*|#\\}\\n?`, "g");
const END_BLOCK = new RegExp(`\\+%\\}|-%\\}${SPACE}*|%\\}\\n?`, "y");
const END_OUTPUT = new RegExp(`-\\}\\}${SPACE}*|\\}\\}`, "y");
const ONE_SPACE = new RegExp(SPACE);
const BLANK = new RegExp(`^${SPACE}*$`);

/** What stands inside of tags, in the order in which Jinja tries. */
const PIECES: readonly (readonly [Token["kind"] | "space", RegExp])[] = [
  ["space", new RegExp(`${SPACE}+`, "y")],
  [
    "float",
    /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy,
  ],
  ["integer", /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy],
  ["name", /[\p{ID_Continue}_]+/uy],
  ["text", /'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*"/sy],
  ["mark", /\*\*|\/\/|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;]/y],
];

const CLOSES: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

/**
 * Cuts a template into tokens; the last one is of the kind `end`.
 *
 * @throws {JinjaSyntaxError} Where it is none.
 */
export function tokenize(template: string): Token[] {
  const lines = template.replaceAll(/\r\n?/g, "\n");
  return new Lexer(lines.endsWith("\n") ? lines.slice(0, -1) : lines).tokens();
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  /** Whether what was read last ended a line: white space before a block may begin one. */
  #beginsLine = true;

  constructor(source: string) {
    this.#source = source;
  }

  tokens(): Token[] {
    while (this.#at < this.#source.length) this.#outside();
    this.#tokens.push({ kind: "end", value: "" });
    return this.#tokens;
  }

  #outside(): void {
    OPENING.lastIndex = this.#at;
    const found = OPENING.exec(this.#source);
    if (found === null) {
      this.#data(this.#source.slice(this.#at));
      this.#at = this.#source.length;
      return;
    }
    const before = this.#source.slice(this.#at, found.index);
    const [whole, rawSign, opening, openingSign] = found;
    this.#data(this.#stripped(before, rawSign ?? openingSign ?? "", opening === "{{"));
    this.#at = found.index + whole.length;
    this.#beginsLine = whole.endsWith("\n");
    if (opening === undefined) this.#raw();
    else if (opening === "{#") this.#comment();
    else this.#inside(opening);
  }

  /** Text before a tag: `-` takes all white space, and a block that stands first in its line what is before it. */
  #stripped(text: string, sign: string, isOutput: boolean): string {
    if (sign === "-") {
      let end = text.length;
      while (end > 0 && ONE_SPACE.test(text[end - 1]!)) end--;
      return text.slice(0, end);
    }
    if (sign === "+" || isOutput) return text;
    const line = text.lastIndexOf("\n") + 1;
    const isFirst = line > 0 || this.#beginsLine;
    return isFirst && BLANK.test(text.slice(line)) ? text.slice(0, line) : text;
  }

  #data(value: string): void {
    if (value !== "") this.#tokens.push({ kind: "data", value });
  }

  #raw(): void {
    END_RAW.lastIndex = this.#at;
    const end = END_RAW.exec(this.#source);
    if (end === null) throw new JinjaSyntaxError("a block is not closed: {% raw %}");
    this.#data(this.#stripped(this.#source.slice(this.#at, end.index), end[1]!, false));
    this.#passed(end);
  }

  #comment(): void {
    END_COMMENT.lastIndex = this.#at;
    const end = END_COMMENT.exec(this.#source);
    if (end === null) throw new JinjaSyntaxError("a comment is not closed: {# … #}");
    this.#passed(end);
  }

  #passed(found: RegExpExecArray): void {
    this.#at = found.index + found[0].length;
    this.#beginsLine = found[0].endsWith("\n");
  }

  #inside(opening: string): void {
    const isBlock = opening === "{%";
    this.#tokens.push({ kind: isBlock ? "open block" : "open output", value: opening });
    const end = isBlock ? END_BLOCK : END_OUTPUT;
    const open: string[] = [];
    while (this.#at < this.#source.length) {
      end.lastIndex = this.#at;
      // In brackets, `}}` closes two of those.
      const closing = open.length === 0 ? end.exec(this.#source) : null;
      if (closing !== null) {
        this.#tokens.push({
          kind: isBlock ? "close block" : "close output",
          value: isBlock ? "%}" : "}}",
        });
        return this.#passed(closing);
      }
      const token = this.#piece();
      if (token?.kind === "mark") balance(open, token.value);
    }
    throw new JinjaSyntaxError(TOO_EARLY);
  }

  /** The next piece of a tag; undefined for white space. */
  #piece(): Token | undefined {
    for (const [kind, pattern] of PIECES) {
      pattern.lastIndex = this.#at;
      const value = pattern.exec(this.#source)?.[0];
      if (value === undefined) continue;
      this.#at += value.length;
      if (kind === "space") return undefined;
      const token: Token = { kind, value: kind === "text" ? unescaped(value.slice(1, -1)) : value };
      if (kind === "name" && !/^[\p{ID_Start}_]/u.test(value)) {
        throw new JinjaSyntaxError(`"${value}" is no name`);
      }
      this.#tokens.push(token);
      return token;
    }
    const character = String.fromCodePoint(this.#source.codePointAt(this.#at)!);
    if (character === "'" || character === '"') throw new JinjaSyntaxError(TOO_EARLY);
    throw new JinjaSyntaxError(`unexpected character: ${character}`);
  }
}

/** What is said of a template that stops within a tag or a text. */
export const TOO_EARLY = "it ends too early";

function balance(open: string[], mark: string): void {
  if (mark in CLOSES) open.push(CLOSES[mark]!);
  else if (mark === ")" || mark === "]" || mark === "}") {
    const expected = open.pop();
    if (expected === mark) return;
    const instead = expected === undefined ? "" : `, where "${expected}" is missing`;
    throw new JinjaSyntaxError(`unexpected "${mark}"${instead}`);
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** A text without its escapes, as Python reads them: one that it does not know stays as it is. */
function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  const pattern =
    /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{1,3})|([xuUN])|([^]))/gu;
  return text.replace(pattern, (whole, x, u, long, octal, broken, other) => {
    if (broken !== undefined) {
      throw new JinjaSyntaxError(`a text holds "\\${broken}" without its digits`);
    }
    if (octal !== undefined) return String.fromCodePoint(parseInt(octal, 8));
    const hex = x ?? u ?? long;
    if (hex === undefined) return ESCAPES[other] ?? whole;
    const code = parseInt(hex, 16);
    if (code > 0x10ffff) throw new JinjaSyntaxError(`there is no character ${whole}`);
    return String.fromCodePoint(code);
  });
}
