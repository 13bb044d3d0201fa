/**
 * The rules of C4 that keep lines of a page (Raffel et al. 2020, "Exploring the Limits of Transfer Learning
 * with a Unified Text-to-Text Transformer", https://arxiv.org/abs/1910.10683, section 2.2, and the authors'
 * code, `c4_utils.py` of tensorflow_datasets). The rules that drop pages are among those of `rules.ts`, and
 * are meant to see what is left here.
 *
 * The paper's marks are `.`, `!`, `?` and the straight double quotation mark; datatrove's C4QualityFilter adds
 * the straight single one. Here curly and angled ones end a line, too, and the marks of Chinese, Japanese,
 * Hindi and Arabic; and neither `...` nor `…` does, whatever quotation mark or bracket follows. The paper's
 * first version asks for lines of 3 words and pages of 5 sentences, its last for 5 and 3: the defaults are the
 * first's, as datatrove's are.
 *
 * @module
 */
import { linesOf } from "./page.ts";

/** What drops a line, or changes it. All are on by default. */
export interface C4LineRules {
  /** Drops lines that do not end in `.`, `!`, `?` or a closing quotation mark; an ellipsis is none. */
  readonly terminalPunctuation?: boolean;
  /** Drops lines of fewer words; 0: none. Default 3. */
  readonly minWords?: number;
  /** Drops lines with a word of more characters (UTF-16 units); Infinity: none. Default 1000. */
  readonly maxWordLength?: number;
  /** Drops lines with the word javascript in any case: "please enable Javascript". */
  readonly javascript?: boolean;
  /** Drops lines that speak of cookies, privacy policies and terms of use ({@linkcode POLICY_PHRASES}). */
  readonly policy?: boolean;
  /** Removes the marks of Wikipedia: `[1]`, `[edit]`, `[citation needed]`. */
  readonly citations?: boolean;
}

/** The name of a rule, of which `citations` drops no line. */
export type C4LineRule = Exclude<keyof C4LineRules, "citations">;

/** Phrases of notices rather than of texts, as the authors' code has them. */
export const POLICY_PHRASES: readonly string[] = [
  ...["terms of use", "privacy policy", "cookie policy"],
  ...["uses cookies", "use of cookies", "use cookies"],
];

/** A page after its lines were looked at. */
export interface KeptLines {
  /** The lines that are left, without white space at their ends. */
  readonly text: string;
  /** How many lines each rule dropped, blank ones apart, which are no lines here. */
  readonly dropped: Readonly<Record<C4LineRule, number>>;
}

const CITATION = /\[\d*\]|\[edit\]|\[citation needed\]/g;
const TERMINAL = /[.!?"'”’»。！？｡।॥؟۔」』][)\]]*$/u;
const ELLIPSIS = /(?:\.{3}|…)["'”’»)\]]*$/;

/**
 * Keeps the lines of a page that look like sentences.
 *
 * @example
 * ```ts
 * import { keepC4Lines } from "./c4_lines.ts";
 * const { text, dropped } = keepC4Lines("Home | About\nThe whale swam on.[2]\nThis site uses cookies.");
 * if (text !== "The whale swam on." || dropped.policy !== 1) throw new Error();
 * ```
 */
export function keepC4Lines(text: string, rules: C4LineRules = {}): KeptLines {
  const dropped = {
    maxWordLength: 0,
    terminalPunctuation: 0,
    minWords: 0,
    javascript: 0,
    policy: 0,
  };
  const kept: string[] = [];
  for (const line of linesOf(text)) {
    const shown = rules.citations === false ? line : line.replace(CITATION, "").trim();
    if (shown === "") continue;
    const failed = failedRule(shown, rules);
    if (failed === undefined) kept.push(shown);
    else dropped[failed]++;
  }
  return { text: kept.join("\n"), dropped };
}

/** The first rule that a line fails, in the order of the authors' code. */
function failedRule(line: string, rules: C4LineRules): C4LineRule | undefined {
  const { minWords = 3, maxWordLength = 1000 } = rules;
  const words = line.split(/\s+/);
  if (words.some((word) => word.length > maxWordLength)) return "maxWordLength";
  if (rules.terminalPunctuation !== false && !endsASentence(line)) return "terminalPunctuation";
  if (words.length < minWords) return "minWords";
  const small = line.toLowerCase();
  if (rules.javascript !== false && small.includes("javascript")) return "javascript";
  if (rules.policy !== false && POLICY_PHRASES.some((phrase) => small.includes(phrase))) {
    return "policy";
  }
  return undefined;
}

function endsASentence(line: string): boolean {
  const end = line.slice(-8);
  return TERMINAL.test(end) && !ELLIPSIS.test(end);
}
