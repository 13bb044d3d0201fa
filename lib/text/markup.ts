/**
 * Where markup stands in a text that may hold some: tags, comments, declarations, whole scripts and styles.
 *
 * Attributes are read as browsers read them (https://html.spec.whatwg.org/multipage/parsing.html), but what no
 * tag closes is text. A parser (htmlparser2, parse5) takes `a <b, c` for the beginning of a tag and drops all
 * that follows, which in reviews and e-mails is what people wrote. Whatever a text holds, finding takes a time
 * in proportion to its length: what was looked for in vain is not looked for again.
 *
 * @module
 */

/** A stretch that a reader doesn't see. */
export interface Markup {
  /** From this UTF-16 unit. */
  readonly start: number;
  /** To before this one. */
  readonly end: number;
  /** The name of a tag, in small letters; absent for what shows nothing: comments, scripts, styles. */
  readonly tag?: string;
}

/** Elements whose content is no text, each with its end. */
const HIDDEN: Readonly<Record<string, RegExp>> = {
  script: /<\/script\s*>/gi,
  style: /<\/style\s*>/gi,
};

/** The name of a tag, and what has to follow it. */
const TAG_NAME = /\/?([a-zA-Z][a-zA-Z0-9:-]*)(?=[\s>]|\/\s*>)/y;

/** The rest of a doctype or processing instruction. */
const DECLARATION = /[^<>]*>/y;

/** Finds markup in a text, from left to right. */
export class MarkupScanner {
  readonly #text: string;
  /** What there is no more of in the text. */
  readonly #missing = new Set<string>();
  /** Places behind a quoted value from where no tag is closed. */
  readonly #unclosed = new Set<number>();

  constructor(text: string) {
    this.#text = text;
  }

  /** All of it, in order; none overlaps another. */
  *markup(): Generator<Markup, void> {
    for (let at = this.#text.indexOf("<"); at >= 0;) {
      const found = this.#markupAt(at);
      if (found !== undefined) yield found;
      at = this.#text.indexOf("<", found?.end ?? at + 1);
    }
  }

  #markupAt(start: number): Markup | undefined {
    const text = this.#text;
    const next = text[start + 1];
    if (next === "!" && text.startsWith("--", start + 2)) {
      // "<!-->" is a whole comment.
      const end = this.#after("-->", start + 2);
      return end === undefined ? undefined : { start, end };
    }
    if (next === "?" || next === "!" && /[a-zA-Z]/.test(text[start + 2] ?? "")) {
      const end = this.#sticky(DECLARATION, start + 2)?.end;
      return end === undefined ? undefined : { start, end };
    }
    const name = this.#sticky(TAG_NAME, start + 1);
    if (name === undefined) return undefined;
    const end = this.#tagEnd(name.end);
    if (end === undefined) return undefined;
    const tag = name.found[1]!.toLowerCase();
    const hidden = next === "/" || !Object.hasOwn(HIDDEN, tag)
      ? undefined
      : this.#hiddenEnd(tag, end);
    return hidden === undefined ? { start, end, tag } : { start, end: hidden };
  }

  /** The place behind the `>` of a tag, from behind its name; undefined where there is none before a `<`. */
  #tagEnd(from: number): number | undefined {
    const text = this.#text;
    const passed: number[] = [];
    // A quotation mark opens a value behind "=" alone: it's the apostrophe of a word otherwise.
    let isValue = false;
    for (let at = from; at < text.length;) {
      const char = text[at]!;
      if (char === ">") return at + 1;
      if (char === "<" || this.#unclosed.has(at)) break;
      const close: number | undefined = isValue && (char === '"' || char === "'")
        ? this.#after(char, at + 1)
        : undefined;
      if (close !== undefined) passed.push(close);
      isValue = char === "=" || isValue && close === undefined && /\s/.test(char);
      at = close ?? at + 1;
    }
    for (const place of passed) this.#unclosed.add(place);
    return undefined;
  }

  /** The place behind the end of a script or style; undefined where it has none: then its text is shown. */
  #hiddenEnd(tag: string, from: number): number | undefined {
    if (this.#missing.has(tag)) return undefined;
    const pattern = HIDDEN[tag]!;
    pattern.lastIndex = from;
    const found = pattern.exec(this.#text);
    if (found === null) this.#missing.add(tag);
    return found === null ? undefined : found.index + found[0].length;
  }

  /** The place behind the next `mark`; undefined where none follows. */
  #after(mark: string, from: number): number | undefined {
    if (this.#missing.has(mark)) return undefined;
    const at = this.#text.indexOf(mark, from);
    if (at < 0) this.#missing.add(mark);
    return at < 0 ? undefined : at + mark.length;
  }

  #sticky(pattern: RegExp, at: number): { found: RegExpExecArray; end: number } | undefined {
    pattern.lastIndex = at;
    const found = pattern.exec(this.#text);
    return found === null ? undefined : { found, end: at + found[0].length };
  }
}
