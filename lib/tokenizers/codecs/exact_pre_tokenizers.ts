/**
 * Pre-tokenizers with the pieces of Hugging Face tokenizers, where those of `@huggingface/tokenizers`
 * 0.2.0 give others: `ByteLevel`, `Whitespace`, `WhitespaceSplit` (white space and letters there are
 * JavaScript's), `Digits` (ASCII only), `Punctuation` and `Split` (which pass over `behavior`) and
 * `Metaspace` (which does not split).
 *
 * Left to the package: `BertPreTokenizer`, `Sequence`, `Replace`. What it lacks, it refuses.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import {
  MetaspacePreTokenizer,
  PreTokenizer,
  SequencePreTokenizer,
  SplitPreTokenizer,
} from "@huggingface/tokenizers";
import { BYTE_TO_CHAR, splitWords } from "./byte_level.ts";

/**
 * A pre-tokenizer of the package, or ours in its place.
 *
 * @param preTokenizer As the package made it.
 * @param config Its entry in tokenizer.json.
 */
export function exactPreTokenizer(
  preTokenizer: PreTokenizer | null,
  config: Json | undefined,
): PreTokenizer | null {
  if (preTokenizer === null || !isJsonObject(config)) return preTokenizer;
  const { type } = config;
  const exact = typeof type === "string" && Object.hasOwn(EXACT, type) ? EXACT[type] : undefined;
  if (exact !== undefined) return new Exact(exact(config));
  if (preTokenizer instanceof SplitPreTokenizer && preTokenizer.pattern !== null) {
    const { pattern } = preTokenizer;
    return new Exact(splitter(pattern, behaviorOf(config), { invert: config.invert === true }));
  }
  if (preTokenizer instanceof MetaspacePreTokenizer && config.split !== false) {
    return new SplittingMetaspace(preTokenizer);
  }
  if (preTokenizer instanceof SequencePreTokenizer && Array.isArray(config.pretokenizers)) {
    const parts = config.pretokenizers;
    preTokenizer.tokenizers = preTokenizer.tokenizers.map((part, i) =>
      exactPreTokenizer(part, parts[i])
    );
  }
  return preTokenizer;
}

/** Text to pieces. */
type Pieces = (text: string) => string[];

/** `\w` of Rust's regular expressions. */
const WORD = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}";
const WORDS = new RegExp(`[${WORD}]+|[^${WORD}\\p{White_Space}]+`, "gu");

const EXACT: Readonly<Record<string, (config: JsonObject) => Pieces>> = {
  Whitespace: () => (text) => text.match(WORDS) ?? [],
  WhitespaceSplit: () => (text) => text.match(/\P{White_Space}+/gu) ?? [],
  Digits: ({ individual_digits: individual }) =>
    splitter(/\p{N}/gu, individual === true ? "isolated" : "contiguous"),
  Punctuation: (config) => splitter(/[\p{P}!-/:-@[-`{-~]/gu, behaviorOf(config)),
  ByteLevel: ({ add_prefix_space: prefix, use_regex: regex }) => (text) => {
    const spaced = prefix !== false && !text.startsWith(" ") ? " " + text : text;
    return (regex === false ? [spaced] : splitWords(spaced)).map(spelled);
  },
};

/** Each byte as the character that spells it. */
function spelled(word: string): string {
  return Array.from(new TextEncoder().encode(word), (byte) => BYTE_TO_CHAR[byte]!).join("");
}

/** What becomes of the stretches that a pattern matches; names as in tokenizer.json, in small letters. */
type Behavior = "removed" | "isolated" | "contiguous" | "mergedwithprevious" | "mergedwithnext";

function behaviorOf({ behavior }: JsonObject): Behavior {
  return (typeof behavior === "string" ? behavior.toLowerCase() : "isolated") as Behavior;
}

/** Cuts text at what a pattern matches, or with `invert` at what it does not. */
function splitter(
  pattern: RegExp,
  behavior: Behavior,
  { invert = false }: { readonly invert?: boolean } = {},
): Pieces {
  return (text) => {
    const stretches: { text: string; match: boolean }[] = [];
    const add = (from: number, to: number, match: boolean): void => {
      if (from < to) stretches.push({ text: text.slice(from, to), match: match !== invert });
    };
    let done = 0;
    for (const { 0: found, index } of text.matchAll(pattern)) {
      add(done, index, false);
      add(index, index + found.length, true);
      done = index + found.length;
    }
    add(done, text.length, false);
    return joined(stretches, behavior);
  };
}

function joined(
  stretches: readonly { readonly text: string; readonly match: boolean }[],
  behavior: Behavior,
): string[] {
  const pieces: string[] = [];
  if (behavior === "removed") {
    return stretches.filter(({ match }) => !match).map(({ text }) => text);
  }
  // Of several matches in a row only the one beside the text is merged with it.
  const backwards = behavior === "mergedwithnext";
  let before: boolean | undefined;
  for (const { text, match } of backwards ? stretches.toReversed() : stretches) {
    const merges = behavior === "contiguous"
      ? before === match
      : behavior !== "isolated" && match && before === false;
    if (merges) pieces.push(backwards ? text + pieces.pop()! : pieces.pop()! + text);
    else pieces.push(text);
    before = match;
  }
  return backwards ? pieces.reverse() : pieces;
}

class Exact extends PreTokenizer {
  readonly #pieces: Pieces;

  constructor(pieces: Pieces) {
    super();
    this.#pieces = pieces;
  }

  override pre_tokenize_text(text: string): string[] {
    return this.#pieces(text);
  }
}

/** The package's Metaspace, then a cut before each mark. */
class SplittingMetaspace extends PreTokenizer {
  readonly #inner: MetaspacePreTokenizer;

  constructor(inner: MetaspacePreTokenizer) {
    super();
    this.#inner = inner;
  }

  override pre_tokenize_text(
    text: string,
    options?: Parameters<MetaspacePreTokenizer["pre_tokenize_text"]>[1],
  ): string[] {
    const mark = this.#inner.replacement;
    return this.#inner.pre_tokenize_text(text, options).flatMap((whole) => {
      const [first = "", ...rest] = whole.split(mark);
      return [...(first === "" ? [] : [first]), ...rest.map((piece) => mark + piece)];
    });
  }
}
