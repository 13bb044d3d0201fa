/**
 * Finds added tokens (`<|endoftext|>`, `<mask>`) in text.
 *
 * Follows `AddedVocabulary` of Hugging Face tokenizers: leftmost match, longest among those; `lstrip` and
 * `rstrip` eat the white space beside a match; `single_word` refuses a match that touches a word. Tokens
 * that are matched before the normalizer and those matched after it are found by a finder each.
 *
 * @module
 */
import { leadingSpace, trailingSpace, WORD } from "../components/characters.ts";
import type { AddedToken } from "./files.ts";

/** An added token in a text, in UTF-16 units. */
export interface FoundToken {
  readonly id: number;
  readonly from: number;
  readonly to: number;
}

/** A set of tokens that are looked for together. */
export class AddedTokenFinder {
  readonly #pattern: RegExp | undefined;
  /** What every token begins with: most texts have none of these. */
  readonly #firsts: readonly string[];
  readonly #byContent: ReadonlyMap<string, AddedToken>;

  /** @param normalize What is done to a text, and so to the tokens, before it is looked through. */
  constructor(tokens: readonly AddedToken[], normalize: (content: string) => string) {
    const byContent = new Map<string, AddedToken>();
    for (const token of tokens.toSorted((a, b) => Number(b.special) - Number(a.special))) {
      const content = normalize(token.content);
      if (content !== "" && !byContent.has(content)) byContent.set(content, token);
    }
    this.#byContent = byContent;
    this.#firsts = [...new Set(Array.from(byContent.keys(), (content) => content.charAt(0)))];
    // Longest first, since a regular expression takes the first alternative that matches.
    const contents = [...byContent.keys()].sort((a, b) => b.length - a.length);
    this.#pattern = contents.length === 0
      ? undefined
      : new RegExp(contents.map(escapePattern).join("|"), "gu");
  }

  /** Whether there is nothing to find. */
  get isEmpty(): boolean {
    return this.#pattern === undefined;
  }

  /** The tokens in a text, from left to right. */
  find(text: string): readonly FoundToken[] {
    if (this.#pattern === undefined || !this.#firsts.some((first) => text.includes(first))) {
      return NONE;
    }
    const found: FoundToken[] = [];
    let done = 0;
    for (const match of text.matchAll(this.#pattern)) {
      const token = this.#byContent.get(match[0]);
      if (token === undefined) continue;
      let from = match.index;
      let to = from + match[0].length;
      if (token.singleWord && (endsWithWord(text, from) || startsWithWord(text, to))) continue;
      if (token.lstrip && done <= from) from -= trailingSpace(text.slice(done, from));
      if (token.rstrip) to += leadingSpace(text, to);
      // What the one before has eaten is not there any more.
      if (from < done) continue;
      found.push({ id: token.id, from, to });
      done = to;
    }
    return found;
  }
}

const NONE: readonly FoundToken[] = [];

function endsWithWord(text: string, end: number): boolean {
  if (end === 0) return false;
  const low = text.charCodeAt(end - 1);
  const start = low >= 0xdc00 && low <= 0xdfff && end > 1 ? end - 2 : end - 1;
  return WORD.has(text.codePointAt(start)!);
}

function startsWithWord(text: string, start: number): boolean {
  const point = text.codePointAt(start);
  return point !== undefined && WORD.has(point);
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|\/]/g, "\\$&");
}
