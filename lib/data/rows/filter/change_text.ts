/**
 * The rules of a filter that change a text.
 *
 * @module
 */
import {
  normalizeLines,
  normalizeWhitespace,
  removeControls,
  stripHtml,
} from "../../../text/clean.ts";
import { maskPersonalData } from "../../../text/masking/mask.ts";
import { repairMojibake } from "../../../text/mojibake.ts";
import { cutPassages } from "../../../text/passages.ts";
import { keepC4Lines } from "../../../text/quality/c4_lines.ts";
import { PatternList } from "../../../text/words/pattern_list.ts";
import { SpellingMap } from "../../../text/words/word_list.ts";
import type { FilterRules } from "./rules.ts";

/** Changes texts, and counts what it replaced. */
export class TextChanger {
  readonly #changes: readonly ((text: string) => string)[];
  readonly #rules: FilterRules;
  /** Places that were replaced, by rule. */
  readonly replaced: Record<string, number> = {};

  constructor(rules: FilterRules) {
    this.#rules = rules;
    const { normalizeUnicode, mask, spelling, replacePatterns } = rules;
    const changes: ((text: string) => string)[] = [];
    if (rules.stripHtml) changes.push(stripHtml);
    if (rules.fixMojibake) changes.push(repairMojibake);
    if (normalizeUnicode !== undefined) changes.push((text) => text.normalize(normalizeUnicode));
    if (rules.removeControls) changes.push((text) => removeControls(text));
    if (mask !== undefined) {
      changes.push((text) => {
        const masked = maskPersonalData(text, mask);
        for (const [kind, count] of Object.entries(masked.counts)) {
          this.#count(`mask ${kind}`, count);
        }
        return masked.text;
      });
    }
    if (spelling !== undefined) {
      const map = new SpellingMap(spelling);
      changes.push((text) => this.#counted("spelling", map.replace(text)));
    }
    for (const [pattern, by] of Object.entries(replacePatterns ?? {})) {
      const list = new PatternList([pattern], { option: "replace_patterns" });
      changes.push((text) => this.#counted("replace_patterns", list.replace(text, by)));
    }
    if (rules.c4Lines) {
      changes.push((text) => {
        const kept = keepC4Lines(text);
        this.#count("c4_lines", Object.values(kept.dropped).reduce((sum, count) => sum + count, 0));
        return kept.text;
      });
    }
    this.#changes = changes;
  }

  /** What a text becomes: itself changed, or its passages. */
  change(original: string): string[] {
    let text = original;
    for (const change of this.#changes) text = change(text);
    const { passages, normalizeWhitespace: spaces, lowercase } = this.#rules;
    const space = spaces === true
      ? normalizeWhitespace
      : spaces === "lines"
      ? normalizeLines
      : undefined;
    const texts = passages === undefined ? [space?.(text) ?? text] : cutPassages(text, {
      ...passages,
      joiner: spaces === true ? " " : "\n\n",
      ...(space === undefined ? {} : { clean: space }),
    });
    return lowercase ? texts.map((each) => each.toLowerCase()) : texts;
  }

  #counted(
    rule: string,
    { text, count }: { readonly text: string; readonly count: number },
  ): string {
    this.#count(rule, count);
    return text;
  }

  #count(rule: string, count: number): void {
    if (count > 0) this.replaced[rule] = (this.replaced[rule] ?? 0) + count;
  }
}
