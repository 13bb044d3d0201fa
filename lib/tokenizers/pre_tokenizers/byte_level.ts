/**
 * `ByteLevel`: GPT-2's words, and each byte as the character that spells it.
 *
 * @module
 */
import type { AlignedText } from "../components/aligned_text.ts";
import { spelledBytes, splitWords } from "../components/byte_level.ts";
import type { Settings } from "../components/settings.ts";
import type { PreTokenizer } from "./pre_tokenizer.ts";

/** The pre-tokenizer. */
export class ByteLevel implements PreTokenizer {
  readonly addsPrefixSpace: boolean;
  readonly usesRegex: boolean;

  constructor(settings: Settings) {
    this.addsPrefixSpace = settings.boolean("add_prefix_space", true);
    this.usesRegex = settings.boolean("use_regex", true);
    // Offsets are trimmed by a post-processor.
    settings.boolean("trim_offsets", true);
  }

  cut(text: string): string[] {
    const spaced = this.addsPrefixSpace && !text.startsWith(" ") ? " " + text : text;
    return (this.usesRegex ? splitWords(spaced) : [spaced]).map(spelledBytes);
  }

  align(text: AlignedText): AlignedText[] {
    const spaced = this.addsPrefixSpace && !text.text.startsWith(" ") ? text.prepend(" ") : text;
    if (!this.usesRegex) return [spaced.mapCharacters(spelledBytes)];
    let at = 0;
    return splitWords(spaced.text).map((word) =>
      spaced.slice(at, at += word.length).mapCharacters(spelledBytes)
    );
  }
}
