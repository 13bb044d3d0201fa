/**
 * The tokenizers that BLEU counts words with: `13a` (mteval-v13a.pl, what WMT reports), `char` and
 * `none`, with the behaviour of sacrebleu 2. Left out: `intl` (its character classes follow the
 * Unicode version of the Python `regex` module), `zh`, `ja-mecab`, `ko-mecab`, `spm` and `flores`
 * (they need dictionaries or models).
 *
 * @module
 */

/** A tokenizer by the name that sacrebleu gives it. */
export type BleuTokenizer = "13a" | "char" | "none";

// What Python's str.split() and str.rstrip() take for whitespace. JavaScript's \s lacks U+001C to
// U+001F and U+0085 and has U+FEFF, so \s would give other words than the reference.
const SPACE =
  "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const SPACES = new RegExp(`[${SPACE}]+`, "u");
const SPACE_CHARACTER = new RegExp(`^[${SPACE}]$`, "u");

// The language-dependent part of mteval-v13a.pl, for Western languages, in its order.
const RULES_13A: readonly (readonly [RegExp, string])[] = [
  // ASCII punctuation and symbols except apostrophe, comma, dash and full stop.
  [/([{-~[-` -&(-+:-@/])/gu, " $1 "],
  // A full stop or comma unless a digit stands before it ...
  [/([^0-9])([.,])/gu, "$1 $2 "],
  // ... or after it: "1,000.5" stays one word.
  [/([.,])([^0-9])/gu, " $1 $2"],
  // A dash after a digit: "10-year".
  [/([0-9])(-)/gu, "$1 $2 "],
];

/**
 * Splits a segment into the words that BLEU counts.
 *
 * @param segment One sentence or text.
 * @param options `tokenize`: which tokenizer; `lowercase`: fold case first.
 * @returns The words, none of them empty.
 *
 * @example
 * ```ts
 * import { bleuTokens } from "./bleu_tokenizers.ts";
 * const tokens = bleuTokens('Over 1,000.5 "words", he said.', { tokenize: "13a", lowercase: false });
 * if (tokens.join("|") !== 'Over|1,000.5|"|words|"|,|he|said|.') throw new Error(tokens.join("|"));
 * ```
 */
export function bleuTokens(
  segment: string,
  options: { readonly tokenize: BleuTokenizer; readonly lowercase: boolean },
): string[] {
  const text = trimEnd(options.lowercase ? segment.toLowerCase() : segment);
  switch (options.tokenize) {
    case "13a":
      return split(tokenize13a(text));
    case "char":
      return [...text].filter((character) => !SPACE_CHARACTER.test(character));
    case "none":
      return split(text);
  }
}

function tokenize13a(text: string): string {
  let line = text.replaceAll("<skipped>", "").replaceAll("-\n", "").replaceAll("\n", " ");
  // In this order, so that "&amp;lt;" becomes "<" as it does in the reference.
  if (line.includes("&")) {
    line = line.replaceAll("&quot;", '"').replaceAll("&amp;", "&").replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">");
  }
  // The spaces give the first and last character a neighbour, which two rules need.
  line = ` ${line} `;
  for (const [pattern, replacement] of RULES_13A) line = line.replace(pattern, replacement);
  return line;
}

function split(text: string): string[] {
  return text.split(SPACES).filter((word) => word !== "");
}

// A loop, for /[…]+$/ takes quadratic time on long runs of inner whitespace.
function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && SPACE_CHARACTER.test(text[end - 1]!)) end--;
  return text.slice(0, end);
}
