/**
 * Many words and phrases looked for at once, in one pass over a text: a trie (Fredkin 1960), so that a list
 * of thousands takes no longer than one of ten.
 *
 * A word counts where it stands alone: what begins or ends with a letter, mark, digit or underscore touches
 * none of these there. In scripts that write no spaces between words (Han, kana, Thai, Lao, Khmer, Myanmar)
 * it may stand anywhere. A space in a phrase is any stretch of white space in a text. Left out: texts in
 * another Unicode form than the list's; normalize them first.
 *
 * @module
 */

/** A character, as its UTF-16 unit, to what may follow it. */
interface Node {
  next?: Map<number, Node>;
  /** The number of the word that ends here. */
  word?: number;
}

/** Where a word was found. */
export interface WordMatch {
  /** Its number in the list. */
  readonly word: number;
  /** From this UTF-16 unit of the text. */
  readonly start: number;
  /** To before this one. */
  readonly end: number;
}

/** What a word must not touch. */
const WORD_CHARACTER = /[\p{L}\p{M}\p{N}_]/u;
const NO_SPACES =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/** The unit that stands for white space. */
const SPACE = 0x20;

/** Finds the words of a list. */
export class WordTrie {
  readonly #root: Node = {};
  readonly #exactCase: boolean;

  /**
   * @param words Of equal ones the first counts; empty ones are passed over.
   * @param options `exactCase`: small and capital letters differ.
   */
  constructor(words: readonly string[], options: { exactCase?: boolean } = {}) {
    this.#exactCase = options.exactCase ?? false;
    for (const [number, word] of words.entries()) {
      const units = this.#folded(word.normalize("NFC").trim().replace(/\s+/g, " "));
      if (units === "") continue;
      let node = this.#root;
      for (let i = 0; i < units.length; i++) {
        node.next ??= new Map();
        let next = node.next.get(units.charCodeAt(i));
        if (next === undefined) node.next.set(units.charCodeAt(i), next = {});
        node = next;
      }
      node.word ??= number;
    }
  }

  /** What is found from left to right, none within another; of several at a place the longest. */
  *matches(text: string): Generator<WordMatch, void> {
    const units = this.#folded(text);
    for (let start = 0; start < units.length;) {
      const match = this.#matchAt(units, start);
      if (match !== undefined) yield match;
      start = match?.end ?? start + 1;
    }
  }

  #matchAt(units: string, start: number): WordMatch | undefined {
    let node = this.#root.next?.get(units.charCodeAt(start));
    if (node === undefined || isWithinWord(units, start)) return undefined;
    let longest: WordMatch | undefined;
    for (let end = start + 1; node !== undefined;) {
      if (node.word !== undefined && !isWithinWord(units, end)) {
        longest = { word: node.word, start, end };
      }
      const unit = units.charCodeAt(end);
      const isSpace = isWhiteSpace(unit);
      node = node.next?.get(isSpace ? SPACE : unit);
      end++;
      while (isSpace && isWhiteSpace(units.charCodeAt(end))) end++;
    }
    return longest;
  }

  /** The text in small letters, each in its place: what would change its length stays. */
  #folded(text: string): string {
    if (this.#exactCase) return text;
    const lower = text.toLowerCase();
    if (lower.length === text.length) return lower;
    return Array.from(text, (char) => {
      const small = char.toLowerCase();
      return small.length === char.length ? small : char;
    }).join("");
  }
}

/** Whether a place lies between two characters of a word. */
function isWithinWord(text: string, at: number): boolean {
  const before = characterBefore(text, at);
  const after = at < text.length ? String.fromCodePoint(text.codePointAt(at)!) : "";
  return isOfWord(before) && isOfWord(after) && !NO_SPACES.test(before) && !NO_SPACES.test(after);
}

function isOfWord(char: string): boolean {
  if (char === "") return false;
  const unit = char.charCodeAt(0);
  if (unit >= 0x80) return WORD_CHARACTER.test(char);
  return unit >= 0x61 && unit <= 0x7a || unit >= 0x41 && unit <= 0x5a ||
    unit >= 0x30 && unit <= 0x39 || unit === 0x5f;
}

function characterBefore(text: string, at: number): string {
  if (at === 0) return "";
  const low = text.charCodeAt(at - 1);
  const isPair = (low & 0xfc00) === 0xdc00 && at > 1 &&
    (text.charCodeAt(at - 2) & 0xfc00) === 0xd800;
  return text.slice(isPair ? at - 2 : at - 1, at);
}

function isWhiteSpace(unit: number): boolean {
  return unit === SPACE || unit >= 0x09 && unit <= 0x0d || unit === 0xa0 ||
    unit >= 0x2000 && unit <= 0x200a || unit === 0x2028 || unit === 0x2029 || unit === 0x202f ||
    unit === 0x3000;
}
