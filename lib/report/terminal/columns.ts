/**
 * How many columns of a terminal a text takes (UAX #11; the zero-width characters as in wcwidth(3)).
 *
 * Counted by characters: a terminal that joins some into one sign, as those of a flag or a family, shows
 * it narrower, never wider. Left out: characters of ambiguous width, which take two in terminals that are
 * set for legacy East Asian encodings; they count as one.
 *
 * @module
 */
import { eastAsianWidth } from "get-east-asian-width";

/** What takes no column: marks that combine, what is not shown, and the later letters of a Hangul syllable. */
const ZERO = /^[\p{Mn}\p{Me}\p{Cf}\p{Default_Ignorable_Code_Point}\u1160-\u11ff\ud7b0-\ud7fb]$/u;
/** Not among them: they take the place of a letter or a hyphen where a terminal shows them. */
const SHOWN = ["\u00ad", "\u115f", "\u3164", "\uffa0"];
/** Signs that stand around the digits or words behind them, which terminals give a column. */
const PREPENDED = /^[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}]$/u;
/** Asks for the sign before it as a picture, which is wide. */
const AS_PICTURE = "\ufe0f";
/** The codes of colours that this program writes; no others come so far (`lib/base/outside/text.ts`). */
const COLOURS = new RegExp("(\x1b\\[\\d+m)");

/**
 * The columns of one character.
 *
 * @param character A code point.
 * @returns 0, 1 or 2.
 */
export function columnsOfCharacter(character: string): number {
  // Most by far, and nothing has to be looked up for them.
  if (character < "\u007f") return 1;
  if (character === AS_PICTURE) return 1;
  if (ZERO.test(character) && !SHOWN.includes(character)) {
    return PREPENDED.test(character) ? 1 : 0;
  }
  return eastAsianWidth(character.codePointAt(0)!);
}

/**
 * The columns of a text without colours.
 *
 * @example
 * ```ts
 * import { columnsOf } from "./columns.ts";
 * if (columnsOf("ab") !== 2 || columnsOf("中e\u0301") !== 3) throw new Error();
 * ```
 */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += columnsOfCharacter(character);
  return columns;
}

/** A text with spaces behind it, up to a width. */
export function padColumns(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - columnsOf(text)));
}

/**
 * Text cut to `width` columns, the last one `…` where something is missing. Codes of colours take no place
 * and stay, so that none goes on behind the text.
 */
export function clip(text: string, width: number): string {
  const parts = text.split(COLOURS);
  const total = parts.reduce((sum, part, i) => i % 2 === 1 ? sum : sum + columnsOf(part), 0);
  if (total <= width) return text;
  let room = width - 1;
  let isCut = false;
  return parts.map((part, i) => {
    if (i % 2 === 1) return part;
    if (isCut) return "";
    const [head, rest] = cutAt(part, room);
    room -= columnsOf(head);
    isCut = rest !== "";
    return isCut ? `${head}…` : head;
  }).join("");
}

/** A text in two: what fits into `width` columns, marks on its last character included, and the rest. */
export function cutAt(text: string, width: number): [head: string, rest: string] {
  let columns = 0;
  let end = 0;
  for (const character of text) {
    columns += columnsOfCharacter(character);
    if (columns > width) break;
    end += character.length;
  }
  return [text.slice(0, end), text.slice(end)];
}
