/**
 * What quality rules count in a text: its words and lines, found once.
 *
 * A word is a stretch without white space, its core is what is left of it without punctuation and symbols
 * at its ends. So rules that count words mean languages that write spaces between them.
 *
 * @module
 */
import { characterCount } from "../clean.ts";

/** Ends of lines, as Python's `splitlines` has them. */
const LINE_END = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/;

/** A text that rules look at. */
export class Page {
  readonly text: string;
  #words: readonly string[] | undefined;
  #cores: readonly string[] | undefined;
  #lines: readonly string[] | undefined;

  constructor(text: string) {
    this.text = text;
  }

  /** Stretches without white space. */
  get words(): readonly string[] {
    return this.#words ??= this.text.match(/\S+/g) ?? [];
  }

  /**
   * What is left of words that have a letter, mark or digit, without what is before the first and after the
   * last.
   */
  get cores(): readonly string[] {
    return this.#cores ??= this.words.map(core).filter((word) => word !== "");
  }

  /** Lines without white space at their ends, blank ones left out. */
  get lines(): readonly string[] {
    return this.#lines ??= linesOf(this.text).filter((line) => line !== "");
  }

  /** Runs of lines without a blank line between them. */
  get paragraphs(): readonly string[] {
    const paragraphs: string[] = [];
    let open: string[] = [];
    for (const line of [...linesOf(this.text), ""]) {
      if (line !== "") open.push(line);
      else if (open.length > 0) {
        paragraphs.push(open.join("\n"));
        open = [];
      }
    }
    return paragraphs;
  }

  /** Code points of all words. */
  get wordCharacters(): number {
    return this.words.reduce((sum, word) => sum + characterCount(word), 0);
  }
}

/** Lines without white space at their ends. */
export function linesOf(text: string): string[] {
  return text.split(LINE_END).map((line) => line.trim());
}

/** Quick for the usual word; the pattern is anchored by the loop, so that no text makes it slow. */
function core(word: string): string {
  let [start, end] = [0, word.length];
  while (start < end && !isOfCore(word, start)) start++;
  while (start < end && !isOfCore(word, end - 1)) end--;
  return word.slice(start, end);
}

function isOfCore(word: string, at: number): boolean {
  const unit = word.charCodeAt(at);
  if (unit < 0x80) {
    return unit >= 0x61 && unit <= 0x7a || unit >= 0x41 && unit <= 0x5a ||
      unit >= 0x30 && unit <= 0x39;
  }
  // Half of a pair: the whole character decides.
  const isLow = (unit & 0xfc00) === 0xdc00 && at > 0;
  const code = word.codePointAt(isLow ? at - 1 : at)!;
  return /[\p{L}\p{M}\p{N}]/u.test(String.fromCodePoint(code));
}
