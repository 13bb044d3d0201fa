/**
 * Tokens that are read one after another, and what is said of one that stands in the wrong place.
 *
 * @module
 */
import { JinjaSyntaxError, type Token, TOO_EARLY } from "./lexer.ts";

/** How many levels of a template may lie in each other: brackets, operators in a row, blocks. */
export const MAX_DEPTH = 500;

/** What is said of a template that is nested more deeply. */
export const TOO_DEEP = `it is nested more than ${MAX_DEPTH} levels deep`;

/** Reads tokens. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get current(): Token {
    return this.#tokens[this.#at]!;
  }

  /** The token, and the stream goes on. */
  next(): Token {
    const token = this.current;
    if (token.kind !== "end") this.#at++;
    return token;
  }

  /** Whether the next token, or one further on, is this mark. */
  isMark(value: string, ahead = 0): boolean {
    const token = this.#tokens[this.#at + ahead];
    return token?.kind === "mark" && token.value === value;
  }

  isName(value: string, ahead = 0): boolean {
    const token = this.#tokens[this.#at + ahead];
    return token?.kind === "name" && token.value === value;
  }

  /** Passes over a mark, if it is the next. */
  skipMark(value: string): boolean {
    const found = this.isMark(value);
    if (found) this.#at++;
    return found;
  }

  skipName(value: string): boolean {
    const found = this.isName(value);
    if (found) this.#at++;
    return found;
  }

  expectMark(value: string): void {
    if (!this.skipMark(value)) this.fail(`it lacks a "${value}"`);
  }

  expectName(value?: string): string {
    const { kind, value: found } = this.current;
    if (kind !== "name" || (value !== undefined && found !== value)) {
      this.fail(value === undefined ? undefined : `it lacks a "${value}"`);
    }
    return this.next().value;
  }

  /** The end of a tag. */
  expectClose(kind: "close block" | "close output"): void {
    if (this.current.kind !== kind) this.fail("it does not end where it should");
    this.#at++;
  }

  /** Reads what lies in something else; a walk over the tree calls itself once a level. */
  nested<T>(read: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw new RangeError(TOO_DEEP);
    const result = read();
    this.#depth--;
    return result;
  }

  /** The next token cannot stand here. */
  fail(why?: string): never {
    const { kind, value } = this.current;
    if (kind === "end") throw new JinjaSyntaxError(TOO_EARLY);
    if (why !== undefined) throw new JinjaSyntaxError(why);
    throw new JinjaSyntaxError(
      kind.startsWith("close") ? `something is missing before "${value}"` : `unexpected "${value}"`,
    );
  }
}
