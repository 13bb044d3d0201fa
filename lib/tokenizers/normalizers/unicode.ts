/**
 * Unicode's normal forms, NFC to NFKD, and `StripAccents`.
 *
 * JavaScript's are of a later Unicode than the reference's: what that does not know, it leaves as it is.
 * Alignments follow its decomposition, order and composition step by step; the classes and compositions
 * that these need are asked of JavaScript's own forms.
 *
 * @module
 */
import { type AlignedText, Rewriter } from "../components/aligned_text.ts";
import { CharacterSet } from "../components/characters.ts";
import { LATER_MARKS, LATER_NORMALIZED } from "../components/later_unicode.ts";
import type { Normalizer } from "./normalizer.ts";

/** A name of a normal form. */
export type Form = "NFC" | "NFD" | "NFKC" | "NFKD";

const LATER = new CharacterSet(LATER_NORMALIZED);
const LATER_PATTERN = new RegExp(`([${LATER_NORMALIZED}])`, "v");

/** JavaScript's own takes the square of the time that marks in a row need to be put in order. */
const MANY_MARKS = /\p{M}{256}/u;

/** A character with how it came about, as `Rewriter.push` takes it. */
interface Step {
  char: string;
  change: number;
}

/** A normal form. */
export class CanonicalForm implements Normalizer {
  readonly #form: Form;
  readonly #composes: boolean;
  readonly #decomposition: "NFD" | "NFKD";

  constructor(form: Form) {
    this.#form = form;
    this.#composes = form === "NFC" || form === "NFKC";
    this.#decomposition = form === "NFC" || form === "NFD" ? "NFD" : "NFKD";
  }

  normalize(text: string): string {
    if (MANY_MARKS.test(text)) return this.#steps(text).map(({ char }) => char).join("");
    const whole = text.normalize(this.#form);
    if (whole === text || !LATER_PATTERN.test(text)) return whole;
    return text.split(LATER_PATTERN).map((part, i) =>
      i % 2 === 0 ? part.normalize(this.#form) : part
    ).join("");
  }

  align(text: AlignedText): AlignedText {
    if (this.normalize(text.text) === text.text) return text;
    const rewriter = new Rewriter(text);
    for (const { char, change } of this.#steps(text.text)) rewriter.push(char, change);
    return rewriter.finish();
  }

  #steps(text: string): readonly Step[] {
    const steps = this.#decompose(text);
    return this.#composes ? compose(steps) : steps;
  }

  /** Each character in parts, marks in their order. */
  #decompose(text: string): Step[] {
    const steps: Step[] = [];
    let marks: Step[] = [];
    const flush = (): void => {
      // A stable sort, as it has to be.
      marks.sort((a, b) =>
        isOutOfOrder(a.char, b.char) ? 1 : isOutOfOrder(b.char, a.char) ? -1 : 0
      );
      for (const mark of marks) steps.push(mark);
      marks = [];
    };
    for (const whole of text) {
      const parts = LATER.has(whole.codePointAt(0)!) ? whole : whole.normalize(this.#decomposition);
      let change = 0;
      for (const char of parts) {
        if (isMark(char)) marks.push({ char, change });
        else {
          flush();
          steps.push({ char, change });
        }
        change = 1;
      }
    }
    flush();
    return steps;
  }
}

/** Composes what is decomposed, and counts what each composed character took along. */
function compose(steps: readonly Step[]): Step[] {
  const out: Step[] = [];
  let base: Step | undefined;
  let waiting: Step[] = [];
  const flush = (): void => {
    if (base !== undefined) out.push(base);
    out.push(...waiting);
    waiting = [];
  };
  for (const step of steps) {
    if (base === undefined) {
      if (isMark(step.char)) out.push(step);
      else base = { ...step };
      continue;
    }
    const last = waiting.at(-1);
    // A mark after one of its own class or a higher one does not reach the base.
    const isBlocked = last !== undefined && !isOutOfOrder(step.char, last.char);
    const composed = isBlocked ? undefined : composition(base.char, step.char);
    if (composed !== undefined) {
      base = { char: composed, change: base.change + step.change - 1 };
    } else if (isMark(step.char)) waiting.push(step);
    else {
      flush();
      base = { ...step };
    }
  }
  flush();
  return out;
}

const MARKS = new Map<string, boolean>();
const ORDERS = new Map<string, boolean>();
const COMPOSITIONS = new Map<string, string | undefined>();

/** Whether a character has a combining class: then it moves past, or is passed by, another that has. */
function isMark(char: string): boolean {
  if (char < "\u0300") return false;
  return remembered(MARKS, char, () => {
    if (LATER.has(char.codePointAt(0)!)) return false;
    const probe = `a\u0301${char}\u0334`;
    return probe.normalize("NFD") !== probe;
  });
}

/** Whether the second mark belongs before the first. */
function isOutOfOrder(first: string, second: string): boolean {
  if (first < "\u0300" || second < "\u0300" || !isMark(first) || !isMark(second)) return false;
  return remembered(ORDERS, first + second, () => {
    return first !== second && `a${first}${second}`.normalize("NFD") === `a${second}${first}`;
  });
}

function composition(base: string, char: string): string | undefined {
  if (char < "\u0300" || LATER.has(base.codePointAt(0)!) || LATER.has(char.codePointAt(0)!)) {
    return undefined;
  }
  return remembered(COMPOSITIONS, base + char, () => {
    const composed = (base + char).normalize("NFC");
    const isOne = composed.length === (composed.codePointAt(0)! > 0xffff ? 2 : 1);
    return isOne && !LATER.has(composed.codePointAt(0)!) ? composed : undefined;
  });
}

/** Entries of a cache before it starts over. */
const CACHED = 1 << 16;

function remembered<T>(cache: Map<string, T>, key: string, make: () => T): T {
  const known = cache.get(key);
  if (known !== undefined || cache.has(key)) return known as T;
  const made = make();
  if (cache.size >= CACHED) cache.clear();
  cache.set(key, made);
  return made;
}

// Two of the reference's marks are letters since.
const MARK_SET = `[\\p{M}\\u1cf2\\u1cf3]--[${LATER_MARKS}]`;
const IS_MARK = new CharacterSet(MARK_SET);
const MARK_PATTERN = new RegExp(`[${MARK_SET}]`, "gv");

/** `StripAccents`: without marks of any kind. */
export class StripAccents implements Normalizer {
  normalize(text: string): string {
    return text.replace(MARK_PATTERN, "");
  }

  align(text: AlignedText): AlignedText {
    return text.filter((char) => !IS_MARK.has(char.codePointAt(0)!));
  }
}
