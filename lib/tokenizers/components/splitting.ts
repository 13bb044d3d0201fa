/**
 * Cutting a text at what was found in it, with the behaviours of `Split` and `Punctuation`.
 *
 * @module
 */
import type { CharacterSet } from "./characters.ts";
import { pointAt } from "./characters.ts";
import { widthAt } from "./aligned_text.ts";
import type { Range } from "./pattern.ts";

/** What becomes of the stretches that match. */
export const BEHAVIORS = [
  "Removed",
  "Isolated",
  "MergedWithPrevious",
  "MergedWithNext",
  "Contiguous",
] as const;

/** One of {@linkcode BEHAVIORS}. */
export type Behavior = typeof BEHAVIORS[number];

/** The characters of a set, each a match. */
export function charactersIn(text: string, set: CharacterSet): Range[] {
  const found: Range[] = [];
  for (let at = 0; at < text.length;) {
    const width = widthAt(text, at);
    if (set.has(pointAt(text, at))) found.push([at, at + width]);
    at += width;
  }
  return found;
}

/**
 * The pieces of a text.
 *
 * @param matches In order, none over another.
 * @param options `invert` cuts at what is between matches instead.
 */
export function pieces(
  text: string,
  matches: readonly Range[],
  { behavior, invert = false }: { readonly behavior: Behavior; readonly invert?: boolean },
): Range[] {
  const stretches: { from: number; to: number; isMatch: boolean }[] = [];
  let done = 0;
  for (const [from, to] of matches) {
    if (done < from) stretches.push({ from: done, to: from, isMatch: invert });
    stretches.push({ from, to, isMatch: !invert });
    done = to;
  }
  if (done < text.length) stretches.push({ from: done, to: text.length, isMatch: invert });
  if (behavior === "Removed") {
    return stretches.filter(({ from, to, isMatch }) => !isMatch && from < to)
      .map(({ from, to }) => [from, to]);
  }
  const cut: { from: number; to: number }[] = [];
  // Of several matches in a row only the one beside the text is merged with it.
  const isBackwards = behavior === "MergedWithNext";
  if (isBackwards) stretches.reverse();
  let before = false;
  for (const { from, to, isMatch } of stretches) {
    const last = cut.at(-1);
    const merges = last !== undefined &&
      (behavior === "Contiguous"
        ? before === isMatch
        : behavior !== "Isolated" && isMatch && !before);
    if (!merges) cut.push({ from, to });
    else if (isBackwards) last.from = from;
    else last.to = to;
    before = isMatch;
  }
  if (isBackwards) cut.reverse();
  return cut.filter(({ from, to }) => from < to).map(({ from, to }) => [from, to]);
}
