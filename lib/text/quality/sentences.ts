/**
 * How many sentences a text has, by rule and not by a trained model.
 *
 * A sentence ends at `.`, `!`, `?` or `…` before white space, unless a small letter follows in the same line,
 * or the full stop belongs to an initial ("J. Smith"), a title ("Dr. Smith") or a number of a list ("2.
 * Next"); and at `。`, `！`, `？`, `।` or `؟` in any place. Left out: sentences without any of these but the
 * last.
 *
 * @module
 */

/** What ends a sentence, with quotes and brackets behind it; a row of dots is looked at once, from its beginning. */
const END = /(?:(?<![.!?…])[.!?…]+["'”’»)\]]*(?=\s|$))|[。！？｡।॥؟۔]+["'”’»）」』]*/gu;

/** Words before a full stop that is not the end of a sentence. */
const ABBREVIATIONS = new Set(
  "mr mrs ms dr prof st jr sr vs etc e.g i.e cf fig no vol al inc ltd co rev gen capt lt col sgt"
    .split(
      " ",
    ),
);

/**
 * Counts sentences.
 *
 * @example
 * ```ts
 * import { sentenceCount } from "./sentences.ts";
 * if (sentenceCount('Dr. J. Smith asked: "Is it 3.5?" Nobody knew... or told') !== 2) throw new Error();
 * ```
 */
export function sentenceCount(text: string): number {
  let count = 0;
  let done = 0;
  for (const { index, 0: mark } of text.matchAll(END)) {
    const end = index + mark.length;
    if (mark === "." && belongsToWord(text, { done, index })) continue;
    if (/^\s/.test(text.slice(end, end + 1)) && goesOnSmall(text, end)) continue;
    count++;
    done = end;
  }
  return /[\p{L}\p{N}]/u.test(text.slice(done)) ? count + 1 : count;
}

/** Whether the full stop at `index` is that of an abbreviation, an initial or a number. */
function belongsToWord(text: string, { done, index }: { done: number; index: number }): boolean {
  // Longer words are none of these; so that no text makes it slow.
  const before = text.slice(Math.max(done, index - 12), index);
  const word = /[^\s("'“‘]*$/.exec(before)![0];
  if (word === "" || index === text.length - 1) return false;
  if (/^\p{Lu}$/u.test(word)) return word !== "I";
  if (/^\d{1,3}$/.test(word)) return before.trim() === word;
  return ABBREVIATIONS.has(word.toLowerCase());
}

/** Whether the next character that is no white space is a small letter, and in the same line. */
function goesOnSmall(text: string, from: number): boolean {
  const next = /\S/g;
  next.lastIndex = from;
  const place = next.exec(text)?.index;
  return place !== undefined && /^\p{Ll}/u.test(text.slice(place, place + 2)) &&
    !text.slice(from, place).includes("\n");
}
