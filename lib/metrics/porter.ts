/**
 * The Porter stemmer (M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980) with
 * the deviations of NLTK's default mode, which rouge_score uses: a table of irregular words, `ies`
 * and `ied` of four-letter words, `y` after a consonant, `alli` before the other endings, `fulli`,
 * `logi` with a longer stem. Input is a lowercase ASCII word.
 *
 * @module
 */

const IRREGULAR: Readonly<Record<string, string>> = {
  sky: "sky",
  skies: "sky",
  dying: "die",
  lying: "lie",
  tying: "tie",
  news: "news",
  innings: "inning",
  inning: "inning",
  outings: "outing",
  outing: "outing",
  cannings: "canning",
  canning: "canning",
  howe: "howe",
  proceed: "proceed",
  exceed: "exceed",
  succeed: "succeed",
};

/** Ending, what replaces it, and how many vowel-consonant groups its stem must exceed. */
type Rule = readonly [ending: string, replacement: string];

const STEP_2: readonly Rule[] = [
  ["ational", "ate"],
  ["tional", "tion"],
  ["enci", "ence"],
  ["anci", "ance"],
  ["izer", "ize"],
  ["bli", "ble"],
  ["alli", "al"],
  ["entli", "ent"],
  ["eli", "e"],
  ["ousli", "ous"],
  ["ization", "ize"],
  ["ation", "ate"],
  ["ator", "ate"],
  ["alism", "al"],
  ["iveness", "ive"],
  ["fulness", "ful"],
  ["ousness", "ous"],
  ["aliti", "al"],
  ["iviti", "ive"],
  ["biliti", "ble"],
  ["fulli", "ful"],
];
const STEP_3: readonly Rule[] = [
  ["icate", "ic"],
  ["ative", ""],
  ["alize", "al"],
  ["iciti", "ic"],
  ["ical", "ic"],
  ["ful", ""],
  ["ness", ""],
];
// The order matters: "ement" before "ment" before "ent", and the first ending that fits decides.
const STEP_4: readonly Rule[] = (
  "al ance ence er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize".split(" ")
).map((ending) => [ending, ""]);

/**
 * The stem of a word.
 *
 * @param word Lowercase ASCII letters and digits.
 *
 * @example
 * ```ts
 * import { porterStem } from "./porter.ts";
 * if (porterStem("relational") !== "relat" || porterStem("dying") !== "die") throw new Error();
 * ```
 */
export function porterStem(word: string): string {
  if (Object.hasOwn(IRREGULAR, word)) return IRREGULAR[word]!;
  if (word.length <= 2) return word;
  return step5(step4(step3(step2(step1c(step1b(step1a(word)))))));
}

/** Plurals. */
function step1a(word: string): string {
  if (word.endsWith("ies")) return word.length === 4 ? word.slice(0, -1) : word.slice(0, -2);
  if (word.endsWith("sses")) return word.slice(0, -2);
  if (word.endsWith("s") && !word.endsWith("ss")) return word.slice(0, -1);
  return word;
}

/** Past tense and -ing. */
function step1b(word: string): string {
  if (word.endsWith("ied")) return word.length === 4 ? word.slice(0, -1) : word.slice(0, -2);
  if (word.endsWith("eed")) return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word;
  for (const ending of ["ed", "ing"]) {
    if (!word.endsWith(ending)) continue;
    const stem = word.slice(0, -ending.length);
    if (consonants(stem).every((is) => is)) continue;
    if (/(?:at|bl|iz)$/.test(stem)) return `${stem}e`;
    if (endsDoubleConsonant(stem)) return /[lsz]$/.test(stem) ? stem : stem.slice(0, -1);
    return measure(stem) === 1 && endsConsonantVowelConsonant(stem) ? `${stem}e` : stem;
  }
  return word;
}

function step1c(word: string): string {
  const stem = word.slice(0, -1);
  return word.endsWith("y") && stem.length > 1 && consonants(stem).at(-1)! ? `${stem}i` : word;
}

function step2(word: string): string {
  if (word.endsWith("alli") && measure(word.slice(0, -4)) > 0) return step2(word.slice(0, -2));
  const rule = STEP_2.find(([ending]) => word.endsWith(ending));
  // The "l" of "logi" counts as part of the stem, so that "geo" and "theo" are long enough.
  if (rule === undefined && word.endsWith("logi")) {
    return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word;
  }
  return rule === undefined ? word : replace(word, rule, { above: 0 });
}

function step3(word: string): string {
  const rule = STEP_3.find(([ending]) => word.endsWith(ending));
  return rule === undefined ? word : replace(word, rule, { above: 0 });
}

function step4(word: string): string {
  const rule = STEP_4.find(([ending]) => word.endsWith(ending));
  if (rule === undefined) return word;
  if (rule[0] === "ion" && !/[st]ion$/.test(word)) return word;
  return replace(word, rule, { above: 1 });
}

/** A final -e, and -ll. */
function step5(word: string): string {
  let result = word;
  if (word.endsWith("e")) {
    const stem = word.slice(0, -1);
    const m = measure(stem);
    if (m > 1 || (m === 1 && !endsConsonantVowelConsonant(stem))) result = stem;
  }
  return result.endsWith("ll") && measure(result.slice(0, -1)) > 1 ? result.slice(0, -1) : result;
}

function replace(word: string, rule: Rule, options: { readonly above: number }): string {
  const stem = word.slice(0, word.length - rule[0].length);
  return measure(stem) > options.above ? stem + rule[1] : word;
}

/** Whether each letter is a consonant: all but a, e, i, o, u, and y after a consonant. */
function consonants(word: string): boolean[] {
  const flags: boolean[] = [];
  for (const letter of word) {
    flags.push(letter === "y" ? !(flags.at(-1) ?? false) : !"aeiou".includes(letter));
  }
  return flags;
}

/** How many times a vowel is followed by a consonant: m of the form [C](VC){m}[V]. */
function measure(stem: string): number {
  const flags = consonants(stem);
  let m = 0;
  for (let i = 1; i < flags.length; i++) if (flags[i]! && !flags[i - 1]!) m++;
  return m;
}

function endsDoubleConsonant(word: string): boolean {
  return word.length >= 2 && word.at(-1) === word.at(-2) && consonants(word).at(-1)!;
}

/** Consonant, vowel, consonant other than w, x, y; or, of two letters, vowel and consonant. */
function endsConsonantVowelConsonant(word: string): boolean {
  const flags = consonants(word);
  if (word.length === 2) return !flags[0]! && flags[1]!;
  return word.length >= 3 && flags.at(-3)! && !flags.at(-2)! && flags.at(-1)! &&
    !/[wxy]$/.test(word);
}
