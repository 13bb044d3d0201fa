/**
 * What `Split` and `Replace` look for: a text, or a regular expression of Oniguruma as JavaScript has it.
 *
 * @module
 */

/** A range of UTF-16 units. */
export type Range = readonly [from: number, to: number];

/** Finds itself in a text. */
export interface Pattern {
  readonly isRegex: boolean;
  /** Matches from left to right, none over another. */
  matches(text: string): Range[];
  /** The text with something in place of each match. */
  replace(text: string, by: string): string;
}

/** A text as it is; the empty one is nowhere. */
export function literalPattern(literal: string): Pattern {
  return {
    isRegex: false,
    matches: (text) => {
      const found: Range[] = [];
      if (literal === "") return found;
      for (let at = text.indexOf(literal); at >= 0; at = text.indexOf(literal, at)) {
        found.push([at, at += literal.length]);
      }
      return found;
    },
    replace: (text, by) => literal === "" ? text : text.replaceAll(literal, () => by),
  };
}

/** A regular expression; `source` is JavaScript's, for the flag `v`. */
export function regexPattern(source: string): Pattern {
  const regex = new RegExp(source, "gv");
  const matches = (text: string): Range[] => {
    const found: Range[] = [];
    let done = -1;
    for (regex.lastIndex = 0;;) {
      const match = regex.exec(text);
      if (match === null) return found;
      const [from, to] = [match.index, match.index + match[0].length];
      if (to === from) regex.lastIndex += text.codePointAt(from)! > 0xffff ? 2 : 1;
      // An empty match right after another is none.
      if (from < to || from !== done) found.push([from, to]);
      done = to;
      if (regex.lastIndex > text.length) return found;
    }
  };
  return {
    isRegex: true,
    matches,
    replace: (text, by) => {
      let out = "";
      let done = 0;
      for (const [from, to] of matches(text)) {
        out += text.slice(done, from) + by;
        done = to;
      }
      return out + text.slice(done);
    },
  };
}
