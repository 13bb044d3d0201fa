/**
 * Finds `${{ expression }}` in a text.
 *
 * @module
 */

/** What an expression begins with. */
export const OPEN = "${{";

/** An expression in a text: `start` and `end` include the braces. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly expression: string;
}

/**
 * Finds the expressions of a text. Braces and quotes inside of an expression are respected.
 *
 * @param text Any text.
 * @returns The expressions in order, or the offset of one that is not closed.
 */
export function findExpressions(text: string): { pieces: Piece[] } | { unclosed: number } {
  const pieces: Piece[] = [];
  let start = text.indexOf(OPEN);
  while (start >= 0) {
    let depth = 0;
    let quote = "";
    let end = -1;
    for (let i = start + OPEN.length; i < text.length; i++) {
      const char = text[i]!;
      if (quote !== "") {
        if (char === "\\") i++;
        else if (char === quote) quote = "";
      } else if (char === '"' || char === "'") quote = char;
      else if (char === "{") depth++;
      else if (char === "}" && depth > 0) depth--;
      else if (char === "}" && text[i + 1] === "}") {
        end = i + 2;
        break;
      }
    }
    if (end < 0) return { unclosed: start };
    pieces.push({ start, end, expression: text.slice(start + OPEN.length, end - 2) });
    start = text.indexOf(OPEN, end);
  }
  return { pieces };
}
