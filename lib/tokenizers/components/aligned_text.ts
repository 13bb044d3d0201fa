/**
 * A text that was changed, and where each of its characters comes from: what offsets are told by.
 *
 * Follows `NormalizedString` of Hugging Face tokenizers to the letter, where a rule could be another:
 * an inserted character lies where the one before it lies, a replacement where the last character lies
 * that it replaces. `encode` never makes one; it costs several times the text.
 *
 * @module
 */

/** A text with the place in the original of each UTF-16 unit. Never changed; methods make new ones. */
export class AlignedText {
  readonly text: string;
  /** Original code points before and up to the end of each unit's character. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Where this piece begins in the original: what stands before its first character lies there. */
  readonly origin: number;

  constructor(
    text: string,
    places: { readonly starts: Int32Array; readonly ends: Int32Array; readonly origin: number },
  ) {
    this.text = text;
    this.starts = places.starts;
    this.ends = places.ends;
    this.origin = places.origin;
  }

  /** An unchanged text. */
  static of(text: string): AlignedText {
    const starts = new Int32Array(text.length);
    const ends = new Int32Array(text.length);
    for (let i = 0, point = 0; i < text.length; point++) {
      for (const end = i + widthAt(text, i); i < end; i++) {
        starts[i] = point;
        ends[i] = point + 1;
      }
    }
    return new AlignedText(text, { starts, ends, origin: 0 });
  }

  /** The part between two units, neither within a character. */
  slice(from: number, to: number): AlignedText {
    return new AlignedText(this.text.slice(from, to), {
      starts: this.starts.subarray(from, to),
      ends: this.ends.subarray(from, to),
      origin: from < to ? this.starts[from]! : this.origin,
    });
  }

  /** Each character as others; the first of these replaces it, the rest are inserted. */
  mapCharacters(map: (char: string) => string): AlignedText {
    const rewriter = new Rewriter(this);
    for (const char of this.text) {
      let change = 0;
      for (const next of map(char)) {
        rewriter.push(next, change);
        change = 1;
      }
    }
    return rewriter.finish();
  }

  /** Without the characters that are not to be kept. */
  filter(isKept: (char: string) => boolean): AlignedText {
    const rewriter = new Rewriter(this);
    // A kept character takes those along that are removed after it.
    let held: string | undefined;
    let removed = 0;
    for (const char of this.text) {
      if (!isKept(char)) removed++;
      else {
        if (held === undefined) rewriter.skip(removed);
        else rewriter.push(held, -removed);
        held = char;
        removed = 0;
      }
    }
    if (held !== undefined) rewriter.push(held, -removed);
    return rewriter.finish();
  }

  /** With something before it; what is empty stays so. */
  prepend(prefix: string): AlignedText {
    if (this.text === "" || prefix === "") return this;
    const width = widthAt(this.text, 0);
    const rewriter = new Rewriter(this, { from: 0, to: width });
    let change = 0;
    for (const char of prefix) {
      rewriter.push(char, change);
      change = 1;
    }
    rewriter.push(this.text.slice(0, width), 1);
    return rewriter.finish();
  }

  /** With other text in place of some ranges of units, which are in order and do not overlap. */
  replace(
    ranges: Iterable<{ readonly from: number; readonly to: number; readonly by: string }>,
  ): AlignedText {
    let text = "";
    const starts: number[] = [];
    const ends: number[] = [];
    const copy = (from: number, to: number): void => {
      text += this.text.slice(from, to);
      for (let i = from; i < to; i++) {
        starts.push(this.starts[i]!);
        ends.push(this.ends[i]!);
      }
    };
    let done = 0;
    for (const { from, to, by } of ranges) {
      copy(done, from);
      text += by;
      for (let i = 0; i < by.length; i++) {
        starts.push(to > 0 ? this.starts[to - 1]! : this.origin);
        ends.push(to > 0 ? this.ends[to - 1]! : this.origin);
      }
      done = to;
    }
    copy(done, this.text.length);
    return new AlignedText(text, {
      starts: Int32Array.from(starts),
      ends: Int32Array.from(ends),
      origin: this.origin,
    });
  }
}

/** Writes a text anew, character by character, and says how each came about. */
export class Rewriter {
  readonly #source: AlignedText;
  readonly #from: number;
  readonly #to: number;
  /** The next character of the source that is not spoken for. */
  #at: number;
  #text = "";
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** @param range What is rewritten, in units; the rest stays. Default all of it. */
  constructor(
    source: AlignedText,
    { from = 0, to = source.text.length }: { readonly from?: number; readonly to?: number } = {},
  ) {
    this.#source = source;
    this.#from = this.#at = from;
    this.#to = to;
  }

  /** Passes over characters of the source before anything is written. */
  skip(characters: number): void {
    this.#pass(characters);
  }

  /**
   * Writes a character.
   *
   * @param change 1: it is inserted; 0: it replaces the next of the source; -n: and n after that go.
   */
  push(char: string, change: number): void {
    const { starts, ends, origin } = this.#source;
    const last = Math.min(change > 0 ? this.#at - 1 : this.#at, starts.length - 1);
    for (let i = 0; i < char.length; i++) {
      this.#starts.push(last < 0 ? origin : starts[last]!);
      this.#ends.push(last < 0 ? origin : ends[last]!);
    }
    this.#text += char;
    if (change <= 0) this.#pass(1 - change);
  }

  /** The text as it was written. */
  finish(): AlignedText {
    const { text, starts, ends, origin } = this.#source;
    const [from, to] = [this.#from, this.#to];
    const joined = (old: Int32Array, made: readonly number[]): Int32Array => {
      const all = new Int32Array(old.length - (to - from) + made.length);
      // Most are words: `set` takes longer than a loop for so few.
      for (let i = 0; i < made.length; i++) all[from + i] = made[i]!;
      if (from > 0) all.set(old.subarray(0, from));
      if (to < old.length) all.set(old.subarray(to), from + made.length);
      return all;
    };
    return new AlignedText(text.slice(0, from) + this.#text + text.slice(to), {
      starts: joined(starts, this.#starts),
      ends: joined(ends, this.#ends),
      origin,
    });
  }

  #pass(characters: number): void {
    const { text } = this.#source;
    for (let n = 0; n < characters && this.#at < this.#to; n++) this.#at += widthAt(text, this.#at);
  }
}

/** Units of the character at a unit: 1 or 2. */
export function widthAt(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xd800 && unit <= 0xdbff && at + 1 < text.length ? 2 : 1;
}
