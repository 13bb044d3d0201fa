/**
 * The rules of a filter that drop rows.
 *
 * @module
 */
import { characterCount, wordCount } from "../../../text/clean.ts";
import { SeenTexts } from "../../../text/dedupe.ts";
import { qualityOf } from "../../../text/quality/rules.ts";
import { compileCondition } from "../../../text/template.ts";
import { PatternList } from "../../../text/words/pattern_list.ts";
import { WordList } from "../../../text/words/word_list.ts";
import type { Column, Row } from "../../formats/columns.ts";
import type { FilterRules } from "./rules.ts";

/** A rule that drops rows. */
export interface RowTest {
  /** As the stage's options name it. */
  readonly rule: string;
  /**
   * @returns What dropped the row: the rule's own name, or of rules that are many under one the name of one;
   *   undefined where the row passes.
   */
  readonly drops: (row: Row, text: string) => string | undefined;
}

/** The rules that drop rows, in order. */
export function rowTests(columns: readonly Column[], rules: FilterRules): RowTest[] {
  const tests: RowTest[] = [];
  const add = (rule: string, drops: (text: string, row: Row) => boolean): void =>
    void tests.push({ rule, drops: (row, text) => drops(text, row) ? rule : undefined });
  const { minLength, maxLength, minWords, maxWords, dropWords, dropPatterns } = rules;
  if (rules.dropEmpty) add("drop_empty", (text) => text.trim() === "");
  if (minLength !== undefined) add("min_length", (text) => characterCount(text) < minLength);
  if (maxLength !== undefined) add("max_length", (text) => characterCount(text) > maxLength);
  if (minWords !== undefined) add("min_words", (text) => wordCount(text) < minWords);
  if (maxWords !== undefined) add("max_words", (text) => wordCount(text) > maxWords);
  if (dropWords !== undefined) {
    const list = new WordList(dropWords);
    add("drop_words", (text) => list.firstIn(text) !== undefined);
  }
  if (dropPatterns !== undefined) {
    const list = new PatternList(dropPatterns, { option: "drop_patterns" });
    add("drop_patterns", (text) => list.firstIn(text) !== undefined);
  }
  const { quality, language } = rules;
  if (quality !== undefined) {
    const { thresholds, badWords } = quality;
    const lists = badWords === undefined ? {} : { badWords: new WordList(badWords) };
    tests.push({ rule: "quality", drops: (_, text) => qualityOf(text, thresholds, lists)?.rule });
  }
  if (language !== undefined) {
    const { detector, keep, minProbability } = language;
    add("language", (text) => {
      const guess = detector(text);
      return guess === undefined || guess.probability < minProbability ||
        !keep.includes(guess.language);
    });
  }
  if (rules.where !== undefined) {
    const holds = compileCondition(rules.where, { columns, option: "where" });
    add("where", (_, row) => !holds(row));
  }
  if (rules.dedupe !== undefined) {
    const seen = new SeenTexts(rules.dedupe);
    add("dedupe", (text) => seen.add(text));
  }
  return tests;
}
