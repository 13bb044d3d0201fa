/**
 * Cuts long texts into passages and joins short paragraphs to ones, both at natural places.
 *
 * A passage is a run of whole paragraphs where they fit; a paragraph that is too long is cut at
 * sentence ends, a sentence that is too long at a space, a word that is too long anywhere.
 *
 * @module
 */
import { characterCount } from "./clean.ts";

/** Bounds of passages, in characters. */
export interface PassageBounds {
  /** A shorter passage is joined to a neighbour where that fits. */
  readonly minChars: number;
  /** No passage is longer. At least 1. */
  readonly maxChars: number;
  /** What stands between paragraphs that are joined; default a blank line. */
  readonly joiner?: string;
  /** Applied to every paragraph before it is measured. */
  readonly clean?: (paragraph: string) => string;
}

/** A stretch of text that stays whole, and what stands before it when it is joined to another. */
interface Piece {
  text: string;
  length: number;
  joiner: string;
}

/**
 * The passages of a text, in order. Together they hold all of its words.
 *
 * Greedy: paragraphs are joined until the passage has `minChars`; the next one begins another. Where a
 * whole paragraph would be too much, as many of its sentences are taken as fit. A passage stays
 * shorter than `minChars` only at the end of the text or before a sentence too long to be joined.
 *
 * @param text With blank lines between paragraphs.
 *
 * @example
 * ```ts
 * import { cutPassages } from "./passages.ts";
 * const text = "One. Two two.\n\nThree three three.";
 * const passages = cutPassages(text, { minChars: 1, maxChars: 14 });
 * if (passages.join("|") !== "One. Two two.|Three three|three.") throw new Error(passages.join("|"));
 * ```
 */
export function cutPassages(text: string, bounds: PassageBounds): string[] {
  const joiner = bounds.joiner ?? "\n\n";
  const room = (open: Piece, piece: Piece): number =>
    bounds.maxChars - open.length - (piece.joiner === joiner ? characterCount(joiner) : 1);
  const passages: Piece[] = [];
  for (const piece of pieces(text, bounds)) {
    const open = passages.at(-1);
    if (open === undefined || open.length >= bounds.minChars) {
      passages.push({ ...piece });
      continue;
    }
    const free = room(open, piece);
    if (piece.length <= free) {
      append(open, piece);
      continue;
    }
    // The passage is too short alone: it gets the sentences of the next paragraph that still fit.
    const [head, tail] = takeSentences(piece.text, free);
    if (head !== "") append(open, { ...piece, text: head });
    for (const text of fill(sentences(tail), bounds.maxChars)) {
      const joiner = head === "" ? piece.joiner : " ";
      passages.push({ text, length: characterCount(text), joiner });
    }
  }
  const [before, last] = passages.slice(-2);
  if (before && last && last.length < bounds.minChars && last.length <= room(before, last)) {
    append(before, passages.pop()!);
  }
  return passages.map((passage) => passage.text);
}

function append(open: Piece, piece: Piece): void {
  const more = piece.joiner + piece.text;
  open.text += more;
  open.length += characterCount(more);
}

/** As many whole sentences from the start of a text as fit into `room` characters, and the rest. */
function takeSentences(text: string, room: number): [head: string, tail: string] {
  const all = sentences(text);
  let head = "";
  let taken = 0;
  for (; taken < all.length; taken++) {
    const longer = taken === 0 ? all[0]! : `${head} ${all[taken]}`;
    if (characterCount(longer) > room) break;
    head = longer;
  }
  return [head, all.slice(taken).join(" ")];
}

/** The paragraphs of a text, those past `maxChars` cut into pieces within it. */
function* pieces(text: string, bounds: PassageBounds): Generator<Piece> {
  const { maxChars, joiner = "\n\n", clean = (paragraph: string) => paragraph.trim() } = bounds;
  for (const raw of text.replaceAll("\r\n", "\n").split(/\n[^\S\n]*(?:\n[^\S\n]*)+/)) {
    const paragraph = clean(raw);
    if (paragraph === "") continue;
    const length = characterCount(paragraph);
    if (length <= maxChars) {
      yield { text: paragraph, length, joiner };
      continue;
    }
    // Within a paragraph the sentences were parted by a space, and are again.
    let first = true;
    for (const part of fill(sentences(paragraph), maxChars)) {
      yield { text: part, length: characterCount(part), joiner: first ? joiner : " " };
      first = false;
    }
  }
}

/** Joins units with spaces to stretches as long as `maxChars` allows; cuts units that are longer. */
function* fill(units: Iterable<string>, maxChars: number): Generator<string> {
  let text = "";
  let length = 0;
  for (const unit of units) {
    const own = characterCount(unit);
    if (text !== "" && length + 1 + own <= maxChars) {
      text += ` ${unit}`;
      length += 1 + own;
      continue;
    }
    if (text !== "") yield text;
    text = unit;
    length = own;
    if (own > maxChars) {
      const words = unit.split(/\s+/);
      const parts: string[] = words.length > 1 ? [...fill(words, maxChars)] : chop(unit, maxChars);
      text = parts.pop() ?? "";
      length = characterCount(text);
      yield* parts;
    }
  }
  if (text !== "") yield text;
}

function chop(word: string, maxChars: number): string[] {
  const characters = [...word];
  const parts: string[] = [];
  for (let i = 0; i < characters.length; i += maxChars) {
    parts.push(characters.slice(i, i + maxChars).join(""));
  }
  return parts;
}

/** A sentence ends at . ! ? or … with its closing quotes, before white space and no small letter. */
function sentences(paragraph: string): string[] {
  return paragraph.split(/(?<=[.!?…]["'”’)\]]*)\s+(?=[^\p{Ll}\s])/u);
}
