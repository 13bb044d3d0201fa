/**
 * Numbers of payment cards: 13 to 19 digits whose check digit is right (ISO/IEC 7812-1, annex B: Luhn) and
 * whose first digits are those of card schemes (2200 to 2799, 3 to 6), in one piece or in groups with spaces
 * or hyphens between them, the first of four or six digits. One of ten other numbers of that form has the
 * right check digit, too.
 *
 * @module
 */
import type { Span } from "./span.ts";

const FEWEST = 13, MOST = 19;

/** Digits that no letter touches and that are no fraction. */
const GROUP = /(?<![\p{L}\p{N}_]|[.,]|#)\d+(?![\p{L}_]|[.,]\d)/gu;

/** What every card number holds; most texts don't. */
const DIGITS = /\d(?:[ \u00a0-]?\d){12}/;

/** The card numbers in a text, from left to right. */
export function* cardsIn(text: string): Generator<Span, void> {
  if (!DIGITS.test(text)) return;
  const groups = Array.from(
    text.matchAll(GROUP),
    ({ index, 0: digits }) => ({ start: index, end: index + digits.length, digits }),
  );
  for (let first = 0; first < groups.length; first++) {
    let digits = "";
    for (let last = first; last < groups.length; last++) {
      const group = groups[last]!;
      // Between groups is one character, the same each time; groups are of three digits or more, but for the last.
      const gap = last === first ? "" : text.slice(groups[last - 1]!.end, group.start);
      const firstGap = text.slice(groups[first]!.end, groups[first + 1]?.start);
      if (last > first && (!/^[ \u00a0-]$/.test(gap) || gap !== firstGap)) break;
      digits += group.digits;
      if (digits.length > MOST) break;
      const isForm = last === first || [4, 6].includes(groups[first]!.digits.length);
      if (isForm && isCard(digits) && !goesOn(text, group.end)) {
        yield { start: groups[first]!.start, end: group.end };
        first = last;
        break;
      }
      if (last > first && group.digits.length < 3) break;
    }
  }
}

function isCard(digits: string): boolean {
  return digits.length >= FEWEST && digits.length <= MOST && /^(?:2[2-7]|[3-6])/.test(digits) &&
    !/^(\d)\1*$/.test(digits) && hasCheckDigit(digits);
}

/** Every second digit from the right is doubled, its digits added; the sum of all ends in 0. */
function hasCheckDigit(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    const doubled = 2 * digit;
    sum += i % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** Whether a number goes on behind a hyphen: that of an order. */
function goesOn(text: string, end: number): boolean {
  return /^-[\p{L}\p{N}]/u.test(text.slice(end, end + 2));
}
