/**
 * Telephone numbers: international ones (ITU-T E.123 and E.164: `+49 30 123456`, `0049 …`), and those national
 * forms that can be told from other numbers: of North America (`(212) 555-0123`), with a trunk 0
 * (`030 1234567`, `01 23 45 67 89`, `(020) 7946 0958`), of Russia (`8 (495) 123-45-67`) and Brazil, and
 * whatever is called one (`Tel.: 5550123`). Years, dates, prices and numbers of orders are none.
 *
 * Every pattern is bounded: none looks further than some thirty characters from where it began.
 *
 * @module
 */
import type { Span } from "./span.ts";

/** What stands between digits. */
const GAP = "[ \\u00a0.\\u2010\\u2011\\u2013/-]";

/** Neither a number, a word nor a price goes on before it. */
const BEFORE = "(?<![\\p{L}\\p{N}_+#№$€£¥@]|[\\p{N}][.,:/]|[\\p{L}\\p{N}]-|[$€£¥] )";

/** Nor behind it. */
const BEHIND = "(?![\\p{L}\\p{N}_%]|[.,:/-]\\p{N}| ?[$€£¥%])";

/** What an extension is called. */
const EXTENSION = "(?:,? ?(?:ext\\.?|extension|x|durchwahl) ?\\d{1,5})?";

/** A form, and what else must hold of what has it. */
interface Form {
  readonly pattern: RegExp;
  /** How many characters of a match are of the number; 0: none. */
  readonly accept?: (match: string) => number;
}

const LABEL =
  "(?:tel|telephone|telefon|téléphone|teléfono|phone|fon|mobile|mobil|móvil|handy|cell|fax|whatsapp)" +
  "(?: ?(?:no|nr|number|nummer))?(?:\\.:?|:|=)[ \\u00a0]{0,2}";

const FORMS: readonly Form[] = [
  {
    // +1 212 555 0123: as many digits as North America has, so that a number behind it stays.
    pattern: form(
      `${BEFORE}\\+1${GAP}?\\(?[2-9]\\d\\d\\)?${GAP}{0,2}\\d{3}${GAP}?\\d{4}${EXTENSION}${BEHIND}`,
    ),
  },
  { pattern: form(`${BEFORE}\\+[1-9]\\d{7,14}${EXTENSION}${BEHIND}`) },
  {
    pattern: form(
      `${BEFORE}(?:\\+${GAP}?\\(?|00)[1-9]\\d{0,2}\\)?(?:(?:${GAP}?\\(0\\))?${GAP}?\\(?\\d\\)?){6,12}${EXTENSION}${BEHIND}`,
    ),
    accept: (match) => between(digitsIn(match), 8, 15) ? match.length : 0,
  },
  {
    // (212) 555-0123, 212-555-0123, 1.212.555.0123
    pattern: form(
      `${BEFORE}(?:1[ .-])?(?:\\([2-9]\\d\\d\\)[ .-]{0,2}[2-9]\\d\\d[ .-]|[2-9]\\d\\d([ .-])[2-9]\\d\\d\\1)\\d{4}${EXTENSION}${BEHIND}`,
    ),
  },
  {
    pattern: form(`${BEFORE}8[ -]?\\(?[3-9]\\d\\d\\)?[ -]?\\d{3}[ -]\\d\\d[ -]\\d\\d${BEHIND}`),
  },
  {
    // (11) 91234-5678, (495) 123-45-67
    pattern: form(`${BEFORE}\\([1-9]\\d{1,2}\\) ?\\d{3,5}-(?:\\d{4}|\\d\\d-\\d\\d)${BEHIND}`),
  },
  {
    pattern: form(
      `${BEFORE}\\(0\\d{1,4}\\)${GAP}?\\d{2,8}(?:${GAP}\\d{2,5}){0,4}${EXTENSION}${BEHIND}`,
    ),
    accept: (match) => between(digitsIn(match), 8, 12) ? match.length : 0,
  },
  {
    pattern: form(`${BEFORE}0[1-9]\\d{0,4}(?:${GAP}\\d{2,8}){1,5}(?![\\p{L}\\p{N}_])${EXTENSION}`),
    accept: trunkLength,
  },
  {
    // 01 23 45 67 89, but not five of six pairs.
    pattern: form(
      `${BEFORE}(?!(?<=(?<!\\p{N})\\d\\d(${GAP}))\\d\\d\\1)` +
        `0[1-9](${GAP})\\d\\d(?:\\2\\d\\d){3}(?!\\2\\d\\d(?![\\p{N}.-]))${BEHIND}`,
    ),
    accept: (match) => isDate(match) ? 0 : match.length,
  },
  {
    pattern: form(
      `(?<=(?<![\\p{L}\\p{N}])${LABEL})[(\\d](?:[ \\u00a0().\\u2011/-]{0,3}\\d){5,14}${BEHIND}`,
    ),
    accept: (match) => between(digitsIn(match), 6, 15) && !isDate(match) ? match.length : 0,
  },
];

/** What every telephone number holds; most texts don't, and the forms need not be tried. */
const DIGITS = /\d(?:[ \u00a0().\u2010\u2011\u2013/-]{0,5}\d){5}/;

/** The telephone numbers in a text; of overlapping ones only the first, in no certain order. */
export function* phonesIn(text: string): Generator<Span, void> {
  if (!DIGITS.test(text)) return;
  const taken: Span[] = [];
  for (const { pattern, accept } of FORMS) {
    pattern.lastIndex = 0;
    for (let found = pattern.exec(text); found !== null; found = pattern.exec(text)) {
      const [match] = found;
      const length = accept?.(match) ?? match.length;
      if (length > 0) taken.push({ start: found.index, end: found.index + length });
      // What is not of the number may begin the next one; where there is none, what is behind its first digits.
      pattern.lastIndex = found.index + (length || /^\D*\d+/.exec(match)![0].length);
    }
  }
  // Stable: of those that begin at one place the form that is listed first comes first.
  taken.sort((a, b) => a.start - b.start);
  let done = 0;
  for (const span of taken) {
    if (span.start < done) continue;
    yield span;
    done = span.end;
  }
}

/**
 * How much of groups of digits is a number with a trunk 0: 9 to 12 digits, not all in pairs, and no date. A
 * short group behind a long one, and what is too much, belongs to what follows.
 */
function trunkLength(match: string): number {
  // Five digits, a hyphen and four are an American ZIP code.
  if (isDate(match) || /^\d{5}-\d{4}$/.test(match)) return 0;
  const groups = [...match.matchAll(/\d+/g)];
  while (groups.length > 1) {
    const sizes = groups.map(({ 0: digits }) => digits.length);
    const digits = sizes.reduce((sum, size) => sum + size, 0);
    const isTail = sizes.at(-1)! < 3 && sizes.at(-2)! > 3;
    const isPairs = sizes.every((size) => size === 2);
    if (!isTail && !isPairs && between(digits, 9, 12)) {
      const last = groups.at(-1)!;
      return groups.length === [...match.matchAll(/\d+/g)].length
        ? match.length
        : last.index + last[0].length;
    }
    groups.pop();
  }
  return 0;
}

/** Whether it begins with a date: 01.02.2024, 2024-02-01, 01/02/24. */
function isDate(match: string): boolean {
  return /^(?:\d{1,2}([./-])\d{1,2}\1(?:\d{4}|\d{2}(?!\1\d|\d))|\d{4}([./-])\d{1,2}\2\d{1,2})(?!\d)/
    .test(match);
}

function digitsIn(match: string): number {
  return match.match(/\d/g)?.length ?? 0;
}

function between(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}

function form(source: string): RegExp {
  return new RegExp(source, "giu");
}
