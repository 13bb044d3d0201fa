/**
 * Rules that drop texts of low quality, by name, each with the threshold of the paper that it is from.
 *
 * - `gopher_…`: Rae et al. 2021, "Scaling Language Models: Methods, Analysis & Insights from Training Gopher"
 *   (https://arxiv.org/abs/2112.11446), section A.1.1: quality, and repetition with its table A1.
 * - `c4_…`: Raffel et al. 2020 (https://arxiv.org/abs/1910.10683), section 2.2: those that drop pages. Its rules
 *   for lines are in `c4_lines.ts`, and come before.
 *
 * Where they differ from datatrove's GopherQualityFilter: words are what stands between white space, counted
 * and measured without punctuation at their ends, where datatrove counts each mark as a word; stop words count
 * in any case; blank lines are no lines; a bullet is more than `•` and `-`, and a hyphen or star is one before
 * white space alone. Repetition: see `repetition.ts`. C4: `lorem ipsum` and `{` count in the whole page, not
 * only in lines that other rules leave; sentences are told by rule (`sentences.ts`), not by a trained model.
 *
 * @module
 */
import { characterCount } from "../clean.ts";
import type { WordList } from "../words/word_list.ts";
import { Page } from "./page.ts";
import { type Duplicates, duplicatesOf, RepeatedNgrams } from "./repetition.ts";
import { sentenceCount } from "./sentences.ts";

/** The sets of rules: one a paper, or a table of it. */
export const QUALITY_SETS = ["gopher_quality", "gopher_repetition", "c4"] as const;

/** The set that a rule is of. */
export type QualitySet = (typeof QUALITY_SETS)[number];

/** A rule. */
export interface QualityRule {
  readonly set: QualitySet;
  /** Whether the threshold is the least or the most that passes. */
  readonly bound: "min" | "max";
  /** The paper's threshold. */
  readonly default: number;
  /** What is counted. Shares are from 0 to 1. */
  readonly doc: string;
}

/** Every rule, in the order in which they are tried: what is quick comes first. */
export const QUALITY_RULES = {
  gopher_min_words: quality("min", 50, "words with a letter or digit"),
  gopher_max_words: quality("max", 100_000, "words with a letter or digit"),
  gopher_min_mean_word_length: quality("min", 3, "mean characters a word, without marks around it"),
  gopher_max_mean_word_length: quality(
    "max",
    10,
    "mean characters a word, without marks around it",
  ),
  gopher_max_hash_ratio: quality("max", 0.1, "hash signs (#) a word"),
  gopher_max_ellipsis_ratio: quality("max", 0.1, "ellipses (... or …) a word"),
  gopher_max_bullet_lines: quality("max", 0.9, "share of lines that begin with a bullet"),
  gopher_max_ellipsis_lines: quality("max", 0.3, "share of lines that end with an ellipsis"),
  gopher_min_alphabetic_words: quality("min", 0.8, "share of words with a letter"),
  gopher_min_stop_words: quality(
    "min",
    2,
    "how many of the, be, to, of, and, that, have and with are there",
  ),
  gopher_max_duplicate_lines: repetition(0.3, "share of lines that were there before"),
  gopher_max_duplicate_paragraphs: repetition(0.3, "share of paragraphs that were there before"),
  gopher_max_duplicate_line_characters: repetition(0.2, "share of characters in such lines"),
  gopher_max_duplicate_paragraph_characters: repetition(
    0.2,
    "share of characters in such paragraphs",
  ),
  gopher_max_top_2_gram: topNgram(2, 0.2),
  gopher_max_top_3_gram: topNgram(3, 0.18),
  gopher_max_top_4_gram: topNgram(4, 0.16),
  gopher_max_duplicate_5_grams: duplicateNgrams(5, 0.15),
  gopher_max_duplicate_6_grams: duplicateNgrams(6, 0.14),
  gopher_max_duplicate_7_grams: duplicateNgrams(7, 0.13),
  gopher_max_duplicate_8_grams: duplicateNgrams(8, 0.12),
  gopher_max_duplicate_9_grams: duplicateNgrams(9, 0.11),
  gopher_max_duplicate_10_grams: duplicateNgrams(10, 0.1),
  c4_min_sentences: c4("min", 5, "sentences"),
  c4_max_curly_brackets: c4("max", 0, "how often { is there"),
  c4_max_lorem_ipsum: c4("max", 0, "how often lorem ipsum is there, in any case"),
  c4_max_bad_words: c4("max", 0, "words of the list of bad words"),
} satisfies Readonly<Record<string, QualityRule>>;

/** The name of a rule. */
export type QualityRuleName = keyof typeof QUALITY_RULES;

/** All names, in the order in which the rules are tried. */
export const QUALITY_NAMES = Object.keys(QUALITY_RULES) as readonly QualityRuleName[];

/** Thresholds by rule; a rule that is absent does not apply. */
export type QualityThresholds = Readonly<Partial<Record<QualityRuleName, number>>>;

/** What rules need beside thresholds. */
export interface QualityLists {
  /** In small letters, for `gopher_min_stop_words`; default the paper's, which are English. */
  readonly stopWords?: ReadonlySet<string>;
  /** For `c4_max_bad_words`, which without it drops nothing. */
  readonly badWords?: WordList;
}

/** The rule that drops a text. */
export interface QualityFailure {
  readonly rule: QualityRuleName;
  /** What was counted. */
  readonly value: number;
  /** What it had to reach, or not to pass. */
  readonly threshold: number;
}

/** The thresholds of the papers for all rules of some sets. */
export function defaultThresholds(...sets: readonly QualitySet[]): QualityThresholds {
  return Object.fromEntries(
    Object.entries(QUALITY_RULES).filter(([, rule]) => sets.includes(rule.set))
      .map(([name, rule]) => [name, rule.default]),
  );
}

/**
 * The first rule that drops a text, in the order of {@linkcode QUALITY_RULES}.
 *
 * @param rules Thresholds of those that apply.
 * @returns undefined where the text passes.
 *
 * @example
 * ```ts
 * import { qualityOf } from "./rules.ts";
 * const failure = qualityOf("Hoho hoho hoho", { gopher_max_words: 2, c4_min_sentences: 5 });
 * if (failure?.rule !== "gopher_max_words" || failure.value !== 3) throw new Error();
 * ```
 */
export function qualityOf(
  text: string,
  rules: QualityThresholds,
  lists: QualityLists = {},
): QualityFailure | undefined {
  const measures = new Measures(text, lists);
  for (const rule of QUALITY_NAMES) {
    const threshold = rules[rule];
    if (threshold === undefined) continue;
    const value = measures.of(rule);
    const passes = QUALITY_RULES[rule].bound === "min" ? value >= threshold : value <= threshold;
    if (!passes) return { rule, value, threshold };
  }
  return undefined;
}

const STOP_WORDS = new Set("the be to of and that have with".split(" "));
const BULLET = /^(?:[•‣▪◦●■□◆➢✓·∙⁃]|[-–*]\s)/u;
const ELLIPSIS_AT_END = /(?:\.{3}|…)$/;

/** What the rules count in a text; what several need is found once. */
class Measures {
  readonly #page: Page;
  readonly #lists: QualityLists;
  #lines: Duplicates | undefined;
  #paragraphs: Duplicates | undefined;
  #ngrams: RepeatedNgrams | undefined;

  constructor(text: string, lists: QualityLists) {
    this.#page = new Page(text);
    this.#lists = lists;
  }

  of(rule: QualityRuleName): number {
    const page = this.#page;
    switch (rule) {
      case "gopher_min_words":
      case "gopher_max_words":
        return page.cores.length;
      case "gopher_min_mean_word_length":
      case "gopher_max_mean_word_length": {
        const characters = page.cores.reduce((sum, word) => sum + characterCount(word), 0);
        return ratio(characters, page.cores.length);
      }
      case "gopher_max_hash_ratio":
        return ratio(occurrences(page.text, /#/g), page.words.length);
      case "gopher_max_ellipsis_ratio":
        return ratio(occurrences(page.text, /\.{3}|…/g), page.words.length);
      case "gopher_max_bullet_lines":
        return shareOf(page.lines, (line) => BULLET.test(line));
      case "gopher_max_ellipsis_lines":
        return shareOf(page.lines, (line) => ELLIPSIS_AT_END.test(line.slice(-3)));
      case "gopher_min_alphabetic_words":
        return shareOf(page.words, (word) => /[a-z]/i.test(word) || /\p{L}/u.test(word));
      case "gopher_min_stop_words":
        return this.#stopWords();
      case "gopher_max_duplicate_lines":
        return this.#ofLines().parts;
      case "gopher_max_duplicate_line_characters":
        return this.#ofLines().characters;
      case "gopher_max_duplicate_paragraphs":
        return this.#ofParagraphs().parts;
      case "gopher_max_duplicate_paragraph_characters":
        return this.#ofParagraphs().characters;
      case "gopher_max_top_2_gram":
      case "gopher_max_top_3_gram":
      case "gopher_max_top_4_gram":
        return this.#ofNgrams().topShare(lengthIn(rule));
      case "gopher_max_duplicate_5_grams":
      case "gopher_max_duplicate_6_grams":
      case "gopher_max_duplicate_7_grams":
      case "gopher_max_duplicate_8_grams":
      case "gopher_max_duplicate_9_grams":
      case "gopher_max_duplicate_10_grams":
        return this.#ofNgrams().duplicateShare(lengthIn(rule));
      case "c4_min_sentences":
        return sentenceCount(page.text);
      case "c4_max_curly_brackets":
        return occurrences(page.text, /\{/g);
      case "c4_max_lorem_ipsum":
        return occurrences(page.text, /lorem ipsum/gi);
      case "c4_max_bad_words":
        return this.#lists.badWords?.countIn(page.text) ?? 0;
      default:
        return rule satisfies never;
    }
  }

  #stopWords(): number {
    const { stopWords = STOP_WORDS } = this.#lists;
    const found = new Set<string>();
    for (const word of this.#page.cores) {
      const small = word.toLowerCase();
      if (stopWords.has(small)) found.add(small);
    }
    return found.size;
  }

  #ofLines(): Duplicates {
    return this.#lines ??= duplicatesOf(this.#page.lines);
  }

  #ofParagraphs(): Duplicates {
    return this.#paragraphs ??= duplicatesOf(this.#page.paragraphs);
  }

  #ofNgrams(): RepeatedNgrams {
    return this.#ngrams ??= new RepeatedNgrams(this.#page);
  }
}

function quality(bound: "min" | "max", threshold: number, doc: string): QualityRule {
  return { set: "gopher_quality", bound, default: threshold, doc };
}

function repetition(threshold: number, doc: string): QualityRule {
  return { set: "gopher_repetition", bound: "max", default: threshold, doc };
}

function topNgram(n: number, threshold: number): QualityRule {
  return repetition(threshold, `share of characters in the most frequent run of ${n} words`);
}

function duplicateNgrams(n: number, threshold: number): QualityRule {
  return repetition(threshold, `share of characters in runs of ${n} words that were there before`);
}

function c4(bound: "min" | "max", threshold: number, doc: string): QualityRule {
  return { set: "c4", bound, default: threshold, doc };
}

/** The n of a rule for n-grams. */
function lengthIn(rule: QualityRuleName): number {
  return Number(/\d+/.exec(rule)![0]);
}

/** 0 where there is nothing to divide by: a text without words has no hashes a word, and words of no length. */
function ratio(count: number, by: number): number {
  return by === 0 ? 0 : count / by;
}

function shareOf(parts: readonly string[], isOne: (part: string) => boolean): number {
  return ratio(parts.filter(isOne).length, parts.length);
}

function occurrences(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
