/**
 * `Metaspace`: SentencePiece's way with spaces, each a mark (▁) that begins a word.
 *
 * @module
 */
import type { AlignedText } from "../components/aligned_text.ts";
import type { Settings } from "../components/settings.ts";
import { literalPattern } from "../components/pattern.ts";
import { pieces } from "../components/splitting.ts";
import type { PreTokenizer } from "./pre_tokenizer.ts";

/** Before which parts a mark is put: all, the first, none. */
const SCHEMES = ["always", "first", "never"] as const;

/** What pre-tokenizer and decoder say of themselves. */
export interface MetaspaceSettings {
  readonly mark: string;
  readonly scheme: typeof SCHEMES[number];
  readonly splits: boolean;
}

/** Reads the settings that both have. */
export function metaspaceSettings(settings: Settings): MetaspaceSettings {
  const mark = settings.text("replacement", "▁");
  if (Array.from(mark).length !== 1) {
    throw settings.wrong(
      "has a setting that is of a wrong form: replacement is to be one character",
    );
  }
  // Files of old have a yes or no in place of the scheme.
  const prefix = settings.boolean("add_prefix_space", true);
  const scheme = settings.choice("prepend_scheme", SCHEMES, prefix ? "always" : "never");
  settings.ignore("str_rep");
  return { mark, scheme, splits: settings.boolean("split", true) };
}

/** The pre-tokenizer. */
export class Metaspace implements PreTokenizer {
  readonly settings: MetaspaceSettings;

  constructor(settings: Settings) {
    this.settings = metaspaceSettings(settings);
  }

  cut(text: string, isStart: boolean): string[] {
    const { mark, splits } = this.settings;
    let marked = text.replaceAll(" ", mark);
    if (this.#prepends(marked, isStart)) marked = mark + marked;
    return splits ? this.#pieces(marked).map(([from, to]) => marked.slice(from, to)) : [marked];
  }

  align(text: AlignedText): AlignedText[] {
    const { mark, splits } = this.settings;
    const spaces = literalPattern(" ").matches(text.text);
    let marked = spaces.length === 0
      ? text
      : text.replace(spaces.map(([from, to]) => ({ from, to, by: mark })));
    if (this.#prepends(marked.text, text.origin === 0)) marked = marked.prepend(mark);
    if (!splits) return [marked];
    return this.#pieces(marked.text).map(([from, to]) => marked.slice(from, to));
  }

  #prepends(text: string, isStart: boolean): boolean {
    const { mark, scheme } = this.settings;
    return (scheme === "always" || (scheme === "first" && isStart)) && !text.startsWith(mark);
  }

  #pieces(text: string): ReturnType<typeof pieces> {
    const marks = literalPattern(this.settings.mark).matches(text);
    return pieces(text, marks, { behavior: "MergedWithNext" });
  }
}
