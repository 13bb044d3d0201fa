/**
 * Pre-tokenizers that cut and change nothing: `BertPreTokenizer`, `CharDelimiterSplit`, `Digits`,
 * `FixedLength`, `Punctuation`, `Split`, `Whitespace`, `WhitespaceSplit`.
 *
 * Source: Hugging Face tokenizers.
 *
 * @module
 */
import { widthAt } from "../components/aligned_text.ts";
import { NUMBER, PUNCTUATION, WHITE_SPACE, WORD } from "../components/characters.ts";
import type { CharacterSet } from "../components/characters.ts";
import type { Pattern, Range } from "../components/pattern.ts";
import { literalPattern } from "../components/pattern.ts";
import type { Settings } from "../components/settings.ts";
import { BEHAVIORS, charactersIn, pieces } from "../components/splitting.ts";
import type { PreTokenizer } from "./pre_tokenizer.ts";

/** A pre-tokenizer from the ranges of its pieces. */
export function splitter(ranges: (text: string) => readonly Range[]): PreTokenizer {
  return {
    cut: (text) => ranges(text).map(([from, to]) => text.slice(from, to)),
    align: (text) => ranges(text.text).map(([from, to]) => text.slice(from, to)),
  };
}

/** Parts without the characters of a set. */
function between(set: CharacterSet): (text: string) => Range[] {
  return (text) => pieces(text, charactersIn(text, set), { behavior: "Removed" });
}

/** `WhitespaceSplit`. */
export const WHITESPACE_SPLIT: PreTokenizer = splitter(between(WHITE_SPACE));

/** `BertPreTokenizer`: white space goes, and each punctuation mark is a word. */
export const BERT_PRE_TOKENIZER: PreTokenizer = splitter((text) =>
  between(WHITE_SPACE)(text).flatMap(([from, to]) => {
    const word = text.slice(from, to);
    return pieces(word, charactersIn(word, PUNCTUATION), { behavior: "Isolated" })
      .map(([start, end]): Range => [from + start, from + end]);
  })
);

/** `Whitespace`: `\w+|[^\w\s]+`. */
export const WHITESPACE: PreTokenizer = splitter((text) => {
  const found: [number, number][] = [];
  let before = 0;
  for (let at = 0; at < text.length;) {
    const point = text.codePointAt(at)!;
    const kind = WORD.has(point) ? 1 : WHITE_SPACE.has(point) ? 0 : 2;
    const end = at + widthAt(text, at);
    if (kind !== 0 && kind === before) found.at(-1)![1] = end;
    else if (kind !== 0) found.push([at, end]);
    before = kind;
    at = end;
  }
  return found;
});

/** `Digits`. */
export function digits(settings: Settings): PreTokenizer {
  const behavior = settings.boolean("individual_digits", false) ? "Isolated" : "Contiguous";
  return splitter((text) => pieces(text, charactersIn(text, NUMBER), { behavior }));
}

/** `Punctuation`. */
export function punctuation(settings: Settings): PreTokenizer {
  const behavior = settings.choice("behavior", BEHAVIORS, "Isolated");
  return splitter((text) => pieces(text, charactersIn(text, PUNCTUATION), { behavior }));
}

/** `CharDelimiterSplit`. */
export function charDelimiterSplit(settings: Settings): PreTokenizer {
  const delimiter = literalPattern(settings.text("delimiter"));
  return splitter((text) => pieces(text, delimiter.matches(text), { behavior: "Removed" }));
}

/** `FixedLength`: so many characters each. */
export function fixedLength(settings: Settings): PreTokenizer {
  const length = settings.count("length", 5);
  if (length === 0) throw settings.wrong("has the length 0");
  return splitter((text) => {
    const found: Range[] = [];
    let [from, count] = [0, 0];
    for (let at = 0; at < text.length;) {
      at += widthAt(text, at);
      if (++count % length === 0 || at === text.length) found.push([from, from = at]);
    }
    return found;
  });
}

/** `Split`. */
export function split(settings: Settings, pattern: Pattern): PreTokenizer {
  const behavior = settings.choice("behavior", BEHAVIORS);
  const invert = settings.boolean("invert", false);
  return splitter((text) => pieces(text, pattern.matches(text), { behavior, invert }));
}
