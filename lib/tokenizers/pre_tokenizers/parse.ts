/**
 * The `pre_tokenizer` of a tokenizer.json.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import type { AlignedText } from "../components/aligned_text.ts";
import { parsePattern } from "../components/parse_pattern.ts";
import { Settings } from "../components/settings.ts";
import { ByteLevel } from "./byte_level.ts";
import { Metaspace } from "./metaspace.ts";
import type { PreTokenizer } from "./pre_tokenizer.ts";
import {
  BERT_PRE_TOKENIZER,
  charDelimiterSplit,
  digits,
  fixedLength,
  punctuation,
  split,
  WHITESPACE,
  WHITESPACE_SPLIT,
} from "./splitters.ts";

/** A pre-tokenizer, and what a codec has to know of it. */
export interface ParsedPreTokenizer {
  readonly preTokenizer: PreTokenizer;
  /** Whether it asks where its text begins after another part may have cut something off. */
  readonly needsOrigin: boolean;
  /** Each part in order. */
  readonly parts: readonly { readonly type: string; readonly made: PreTokenizer }[];
}

/**
 * Reads a pre-tokenizer.
 *
 * @param json Its entry.
 * @param place Where that is.
 * @throws {ComponentError} where a type or a setting is not known.
 */
export function parsePreTokenizer(json: Json, place = "pre_tokenizer"): ParsedPreTokenizer {
  const settings = new Settings(json, place);
  if (settings.type === "Sequence") {
    const parsed = settings.list("pretokenizers").map((part, i) =>
      parsePreTokenizer(part, `${place}.pretokenizers[${i}]`)
    );
    settings.end();
    const parts = parsed.flatMap((part) => part.parts);
    return {
      preTokenizer: sequence(parsed.map(({ preTokenizer }) => preTokenizer)),
      needsOrigin: parts.slice(1).some(({ made }) => asksForStart(made)),
      parts,
    };
  }
  const made = single(settings);
  settings.end();
  return {
    preTokenizer: made,
    needsOrigin: false,
    parts: [{ type: settings.type, made }],
  };
}

/** Whether a part treats the beginning of a text otherwise than the rest. */
export function asksForStart(part: PreTokenizer): boolean {
  return part instanceof Metaspace && part.settings.scheme === "first";
}

function single(settings: Settings): PreTokenizer {
  switch (settings.type) {
    case "BertPreTokenizer":
      return BERT_PRE_TOKENIZER;
    case "ByteLevel":
      return new ByteLevel(settings);
    case "CharDelimiterSplit":
      return charDelimiterSplit(settings);
    case "Digits":
      return digits(settings);
    case "FixedLength":
      return fixedLength(settings);
    case "Metaspace":
      return new Metaspace(settings);
    case "Punctuation":
      return punctuation(settings);
    case "Split":
      return split(settings, parsePattern(settings));
    case "Whitespace":
      return WHITESPACE;
    case "WhitespaceSplit":
      return WHITESPACE_SPLIT;
    default:
      throw settings.unknown("pre-tokenizer");
  }
}

function sequence(parts: readonly PreTokenizer[]): PreTokenizer {
  return {
    cut: (text, isStart) =>
      parts.reduce(
        (pieces, part, i) =>
          pieces.flatMap((piece, at) => part.cut(piece, isStart && at === 0 && i === 0)),
        [text],
      ),
    align: (text) =>
      parts.reduce((pieces: AlignedText[], part) => pieces.flatMap((piece) => part.align(piece)), [
        text,
      ]),
  };
}
