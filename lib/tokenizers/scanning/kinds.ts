/**
 * Letters, numbers, white space and the rest: what the patterns of byte-level tokenizers tell apart.
 *
 * @module
 */
import { pointAt } from "../components/characters.ts";
import { widthAt } from "../components/aligned_text.ts";

export const LETTER = 1;
export const NUMBER = 2;
export const SPACE = 3;
export const OTHER = 4;

/** By code point; 0 where nobody has asked yet. */
const KINDS = new Uint8Array(0x110000);

/** The kind of the character at a unit; 0 past the end. */
export function kindAt(text: string, at: number): number {
  if (at >= text.length) return 0;
  const unit = text.charCodeAt(at);
  const point = unit >= 0xd800 && unit <= 0xdbff ? pointAt(text, at) : unit;
  const kind = KINDS[point]!;
  return kind === 0 ? KINDS[point] = kindOf(String.fromCodePoint(point)) : kind;
}

/** The end of the run of characters of a kind, `most` of them at most. */
export function runEnd(
  text: string,
  from: number,
  { kind, most = Infinity }: { readonly kind: number; readonly most?: number },
): number {
  let at = from;
  for (let count = 0; count < most && kindAt(text, at) === kind; count++) at += widthAt(text, at);
  return at;
}

function kindOf(char: string): number {
  if (/\p{L}/u.test(char)) return LETTER;
  if (/\p{N}/u.test(char)) return NUMBER;
  return /\p{White_Space}/u.test(char) ? SPACE : OTHER;
}
