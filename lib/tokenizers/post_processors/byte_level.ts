/**
 * `ByteLevel` as a post-processor, and `RobertaProcessing`, which trims offsets likewise.
 *
 * Source: Hugging Face tokenizers.
 *
 * @module
 */
import { BYTE_TO_CHAR } from "../components/byte_level.ts";
import { WHITE_SPACE } from "../components/characters.ts";
import type { Settings } from "../components/settings.ts";
import type { Draft } from "../encodings/draft.ts";
import type { PostProcessor } from "./post_processor.ts";
import { around, type SpecialToken, specialToken } from "./special_token.ts";

const SPACE = BYTE_TO_CHAR[0x20]!;

/** `ByteLevel`. */
export function byteLevelProcessor(settings: Settings): PostProcessor {
  const trim = trimmer(settings);
  settings.boolean("use_regex", true);
  return {
    added: () => 0,
    process: (drafts) => {
      drafts.forEach(trim);
      return [...drafts];
    },
  };
}

/** `RobertaProcessing`: `<s> A </s></s> B </s>`, all of the type 0. */
export function robertaProcessor(settings: Settings): PostProcessor {
  const trim = trimmer(settings);
  const [cls, sep] = [specialToken(settings, "cls"), specialToken(settings, "sep")];
  const wrapped = (draft: Draft, before: SpecialToken): Draft => {
    const whole = around(draft, { before, after: sep });
    for (const each of [whole, ...whole.overflowing]) each.setType(0);
    return whole;
  };
  return {
    added: (isPair) => isPair ? 4 : 2,
    process: (drafts, addSpecialTokens) => {
      for (const draft of drafts) {
        trim(draft);
        draft.setType(0);
      }
      if (!addSpecialTokens) return [...drafts];
      return drafts.map((draft, i) => wrapped(draft, i === 0 ? cls : sep));
    },
  };
}

/** Takes spaces at the ends of tokens out of their offsets, where the settings say so. */
function trimmer(settings: Settings): (draft: Draft) => void {
  const addsPrefixSpace = settings.boolean("add_prefix_space", true);
  if (!settings.boolean("trim_offsets", true)) return () => {};
  return (draft) => {
    for (const each of [draft, ...draft.overflowing]) trimOffsets(each, addsPrefixSpace);
  };
}

function trimOffsets({ tokens, starts, ends }: Draft, addsPrefixSpace: boolean): void {
  for (const [i, token] of tokens.entries()) {
    const units = Array.from(token);
    let leading = 0;
    while (leading < units.length && isSpace(units[leading]!)) leading++;
    let trailing = 0;
    while (trailing < units.length && isSpace(units.at(-1 - trailing)!)) trailing++;
    // The space that was put before the text is none of it.
    const isFirst = i === 0 || starts[i] === 0;
    if (isFirst && addsPrefixSpace && leading === 1) leading = 0;
    if (leading > 0) starts[i] = Math.min(starts[i]! + leading, ends[i]!);
    if (trailing > 0 && ends[i]! >= trailing) {
      ends[i] = Math.max(ends[i]! - trailing, starts[i]!);
    }
  }
}

function isSpace(char: string): boolean {
  return char === SPACE || WHITE_SPACE.has(char.codePointAt(0)!);
}
