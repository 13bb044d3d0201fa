/**
 * Finds added tokens (`<|endoftext|>`, `<mask>`) in text before anything else looks at it.
 *
 * Follows `AddedVocabulary` of Hugging Face tokenizers: leftmost match, longest among those; tokens
 * that are matched before the normalizer win over those matched after it; `lstrip` and `rstrip` eat
 * the white space beside a match; `single_word` refuses a match that touches a word.
 *
 * @module
 */
import type { AddedToken } from "./files.ts";

/** A stretch of text, or the id of an added token that stood there. */
export type Section = string | number;

/** Cuts text at added tokens. */
export class AddedTokenSplitter {
  readonly #passes: readonly Pass[];

  /** @param tokens The added tokens of a tokenizer that has no normalizer. */
  constructor(tokens: readonly AddedToken[]) {
    this.#passes = [
      tokens.filter((token) => !token.normalized),
      tokens.filter((token) => token.normalized),
    ].filter((group) => group.length > 0).map((group) => new Pass(group));
  }

  /** The sections of `text` in order; empty stretches are left out. */
  split(text: string): Section[] {
    let sections: Section[] = text === "" ? [] : [text];
    for (const pass of this.#passes) {
      sections = sections.flatMap((section) =>
        typeof section === "string" ? pass.split(section) : [section]
      );
    }
    return sections;
  }
}

/** One set of tokens that are looked for together. */
class Pass {
  readonly #pattern: RegExp;
  readonly #byContent: ReadonlyMap<string, AddedToken>;

  constructor(tokens: readonly AddedToken[]) {
    this.#byContent = new Map(tokens.map((token) => [token.content, token]));
    // Longest first, since a regular expression takes the first alternative that matches.
    const contents = [...this.#byContent.keys()].sort((a, b) => b.length - a.length);
    this.#pattern = new RegExp(contents.map(escapePattern).join("|"), "gu");
  }

  split(text: string): Section[] {
    const sections: Section[] = [];
    let done = 0;
    for (const match of text.matchAll(this.#pattern)) {
      const token = this.#byContent.get(match[0]);
      if (token === undefined) continue;
      let start = match.index;
      let end = start + match[0].length;
      if (token.singleWord && (endsWithWord(text, start) || startsWithWord(text, end))) continue;
      if (token.lstrip) { while (start > done && isSpace(text, start - 1)) start--; }
      if (token.rstrip) { while (isSpace(text, end)) end++; }
      if (done < start) sections.push(text.slice(done, start));
      sections.push(token.id);
      done = end;
    }
    if (done < text.length) sections.push(text.slice(done));
    return sections;
  }
}

const WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const WHITE_SPACE = /\p{White_Space}/u;

function endsWithWord(text: string, end: number): boolean {
  const low = text.charCodeAt(end - 1);
  const start = low >= 0xdc00 && low <= 0xdfff ? end - 2 : end - 1;
  return end > 0 && WORD.test(text.slice(Math.max(0, start), end));
}

function startsWithWord(text: string, start: number): boolean {
  const point = text.codePointAt(start);
  return point !== undefined && WORD.test(String.fromCodePoint(point));
}

function isSpace(text: string, index: number): boolean {
  return WHITE_SPACE.test(text.charAt(index));
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|\/]/g, "\\$&");
}
