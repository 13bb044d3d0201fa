/**
 * Lines of a width: Python's `textwrap.wrap` as the filter `wordwrap` calls it.
 *
 * @module
 */
import { spendCharacters } from "../values/steps.ts";
import { TemplateError } from "../values/template_error.ts";
import { lengthOf, part, stripped } from "../values/text.ts";

const SPACE = "\\t\\n\\v\\f\\r ";
const WORD = "\\p{L}\\p{N}_";
const LETTER = `(?!\\p{Nd})[${WORD}]`;
const PUNCTUATED = `[${WORD}!"'&.,?]`;

/** Words, the parts of words with hyphens, and what is between, as `TextWrapper.wordsep_re`. */
const PIECES = new RegExp(
  `[${SPACE}]+` +
    `|(?<=${PUNCTUATED})-{2,}(?=[${WORD}])` +
    `|[^${SPACE}]+?(?:-(?:(?<=${LETTER}${LETTER}-)|(?<=${LETTER}-${LETTER}-))(?=${LETTER}-?${LETTER})` +
    `|(?=[${SPACE}]|$)|(?<=${PUNCTUATED})(?=-{2,}[${WORD}]))`,
  "gu",
);
const WORDS = new RegExp(`[${SPACE}]+|[^${SPACE}]+`, "gu");
/** Whether a piece is white space, of which Python has more kinds here than where it cuts. */
const isBlank = (piece: string): boolean => stripped(piece) === "";

/** A piece of a text; its length is counted once, for that goes through all of it. */
interface Chunk {
  readonly text: string;
  /** In code points. */
  readonly length: number;
  /** Units of white space at its end. */
  readonly blank: number;
}

function chunkOf(piece: string): Chunk {
  const blank = piece.length - stripped(piece, { side: "right" }).length;
  return { text: piece, length: lengthOf(piece), blank };
}

/** The first code points of a text, looking no further. */
function beginning(text: string, count: number): string {
  return part(text.slice(0, 2 * count), 0, count);
}

/** How to wrap. */
export interface Wrapping {
  readonly width: number;
  /** Whether a word that is longer than a line is cut. */
  readonly breakWords: boolean;
  /** Whether words may be cut behind their hyphens. */
  readonly breakHyphens: boolean;
}

/** The lines of a text without line ends. */
export function wrapped(text: string, wrapping: Wrapping): string[] {
  const { width } = wrapping;
  if (width <= 0) throw new TemplateError("a line has to be at least 1 character wide");
  spendCharacters(text.length * 4);
  const chunks = (text.match(wrapping.breakHyphens ? PIECES : WORDS) ?? []).reverse()
    .map(chunkOf);
  const lines: string[] = [];
  while (chunks.length > 0) {
    const line: string[] = [];
    let length = 0;
    const { text: next, blank } = chunks.at(-1)!;
    if (next.length <= blank && lines.length > 0) chunks.pop();
    while (chunks.length > 0) {
      const more = chunks.at(-1)!.length;
      if (length + more > width) break;
      line.push(chunks.pop()!.text);
      length += more;
    }
    if (chunks.length > 0 && chunks.at(-1)!.length > width) {
      cutLong(chunks, line, { ...wrapping, room: width - length });
    }
    if (line.length > 0 && isBlank(line.at(-1)!)) line.pop();
    if (line.length > 0) lines.push(line.join(""));
  }
  return lines;
}

/** A word that fits into no line: cut, behind a hyphen if it may be, or put in a line of its own. */
function cutLong(
  chunks: Chunk[],
  line: string[],
  { breakWords, breakHyphens, room }: Wrapping & { readonly room: number },
): void {
  if (!breakWords) {
    if (line.length === 0) line.push(chunks.pop()!.text);
    return;
  }
  const chunk = chunks.pop()!;
  let end = room;
  const head = beginning(chunk.text, room);
  if (breakHyphens && chunk.length > room) {
    const hyphen = head.lastIndexOf("-");
    if (hyphen > 0 && /[^-]/.test(head.slice(0, hyphen))) {
      end = lengthOf(head.slice(0, hyphen)) + 1;
    }
  }
  const cut = beginning(head, end);
  line.push(cut);
  chunks.push({
    text: chunk.text.slice(cut.length),
    length: Math.max(0, chunk.length - end),
    blank: chunk.blank,
  });
}
