/**
 * A text as its words and what stands between them, so that words can change and all else stays.
 *
 * Words are those of Unicode (UAX #29): `don't` is one, and in scripts without spaces a dictionary finds them.
 * What a hyphen joins is one word here, as in dictionaries.
 *
 * @module
 */

/** A word, or what stands between two: spaces, a punctuation mark, a symbol. */
export interface Piece {
  readonly text: string;
  readonly isWord: boolean;
}

const HYPHEN = /^[-\u2010\u2011]$/;

const segmenter = new Intl.Segmenter("und", { granularity: "word" });

/**
 * Cuts a text.
 *
 * @returns Pieces that give the text when they are joined.
 *
 * @example
 * ```ts
 * import { piecesOf } from "./words.ts";
 * const words = piecesOf("A well-known whale, isn't it?").filter(({ isWord }) => isWord);
 * if (words.map(({ text }) => text).join("|") !== "A|well-known|whale|isn't|it") throw new Error();
 * ```
 */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = [];
  for (const { segment, isWordLike } of segmenter.segment(text)) {
    const isWord = isWordLike === true;
    const [word, hyphen] = [pieces.at(-2), pieces.at(-1)];
    if (isWord && word?.isWord === true && HYPHEN.test(hyphen!.text)) {
      pieces.splice(-2, 2, { text: word.text + hyphen!.text + segment, isWord });
    } else pieces.push({ text: segment, isWord });
  }
  return pieces;
}

/** The text of pieces. */
export function textOf(pieces: readonly Piece[]): string {
  let text = "";
  for (const piece of pieces) text += piece.text;
  return text;
}

/** Where the words are among pieces. */
export function wordPlaces(pieces: readonly Piece[]): number[] {
  return pieces.flatMap(({ isWord }, at) => isWord ? [at] : []);
}
