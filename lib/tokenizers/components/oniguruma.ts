/**
 * Regular expressions of Oniguruma (its Ruby syntax, on Unicode text) as JavaScript's with the flag `v`.
 *
 * Source: doc/RE of Oniguruma. Left out, with an error: backreferences, calls and conditions, `\K`, `\R`,
 * `\X`, `\G`, `\y`, options but `i` and `m`, and case-insensitive letters that stand for two (`ss` and ß).
 *
 * @module
 */

/** A construct that JavaScript lacks, or that is no regular expression. */
export class UntranslatableError extends Error {}

/** `\w` within a class. */
const WORD_MEMBERS = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
/** `\w` outside of one, where a table of Latin-1 has more than the property. */
const WORD = `${WORD_MEMBERS}\\u{b2}\\u{b3}\\u{b9}\\u{bc}-\\u{be}`;
const SPACE = "\\p{White_Space}";

/** The classes that a letter after `\` names. */
const LETTER_CLASSES: Readonly<Record<string, string>> = {
  s: `[${SPACE}]`,
  S: `[^${SPACE}]`,
  d: "\\p{Nd}",
  D: "\\P{Nd}",
  w: `[${WORD}]`,
  W: `[^${WORD}]`,
  h: "[0-9a-fA-F]",
  H: "[^0-9a-fA-F]",
};

/** `[:name:]`, and `\p{name}` where that is no property of Unicode. */
const POSIX: Readonly<Record<string, string>> = {
  alnum: "[\\p{Alphabetic}\\p{Nd}]",
  alpha: "\\p{Alphabetic}",
  ascii: "\\p{ASCII}",
  blank: "[\\p{Zs}\\t]",
  cntrl: "\\p{Cc}",
  digit: "\\p{Nd}",
  lower: "\\p{Lowercase}",
  punct: "[\\p{P}\\p{S}]",
  space: `[${SPACE}]`,
  upper: "\\p{Uppercase}",
  xdigit: "[0-9a-fA-F]",
  word: `[${WORD_MEMBERS}]`,
};

const CONTROLS: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  f: "\f",
  v: "\v",
  a: "\x07",
  e: "\x1b",
};

/** Letters that, with the case ignored, are also matched by one character that is none of them. */
const FOLDED_PAIRS = /[sS][sStT]|[fF][fFiIlL]|\P{ASCII}/u;

/** Places between characters. */
const ANCHORS: Readonly<Record<string, string>> = {
  b: `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`,
  B: `(?:(?<=[${WORD}])(?=[${WORD}])|(?<![${WORD}])(?![${WORD}]))`,
  A: "^",
  z: "$",
  Z: "(?=\\n?$)",
};

/**
 * The source of the same expression for `new RegExp(source, "v")`.
 *
 * @throws {UntranslatableError} naming the construct that has no counterpart.
 *
 * @example
 * ```ts
 * import { translateRegex } from "./oniguruma.ts";
 * const regex = new RegExp(translateRegex("\\h++|[[:alpha:]&&[^x]]"), "v");
 * if (regex.exec("zzxaff")?.[0] !== "z" || regex.test("x_")) throw new Error(regex.source);
 * ```
 */
export function translateRegex(pattern: string): string {
  if (/\(\?[a-z-]*i/.test(pattern) && FOLDED_PAIRS.test(pattern)) {
    throw new UntranslatableError("letters whose case is ignored and that may be one character");
  }
  return new Translator(pattern).translate();
}

class Translator {
  readonly #chars: readonly string[];
  #at = 0;
  #atoms = 0;
  /** Whether `.` matches a line's end. */
  #dotAll = false;

  constructor(pattern: string) {
    this.#chars = Array.from(pattern);
  }

  translate(): string {
    const out = this.#alternatives();
    if (this.#at < this.#chars.length) throw new UntranslatableError('a ")" too many');
    return out;
  }

  /** Up to the end of the group, or of the pattern. */
  #alternatives(): string {
    const dotAll = this.#dotAll;
    let out = "";
    while (this.#at < this.#chars.length && this.#peek() !== ")") {
      out += this.#take("|") ? "|" : this.#repeated();
    }
    this.#dotAll = dotAll;
    return out;
  }

  #repeated(): string {
    let atom = this.#atom();
    for (;;) {
      const quantifier = this.#quantifier();
      if (quantifier === undefined) return atom;
      const isCounted = quantifier.startsWith("{");
      if (this.#take("?")) {
        if (isCounted && !quantifier.includes(",")) {
          throw new UntranslatableError(`the repetition ${quantifier}?`);
        }
        atom = `(?:${atom})${quantifier}?`;
      } else if (!isCounted && this.#take("+")) atom = this.#atomic(`(?:${atom})${quantifier}`);
      else atom = `(?:${atom})${quantifier}`;
    }
  }

  #quantifier(): string | undefined {
    for (const sign of ["*", "+", "?"]) if (this.#take(sign)) return sign;
    const counts = /^\{(\d*)(,?)(\d*)\}/.exec(this.#chars.slice(this.#at, this.#at + 16).join(""));
    if (counts === null || (counts[1] === "" && counts[3] === "")) return undefined;
    this.#at += counts[0].length;
    const [, from, comma, to] = counts;
    if (to !== "" && from !== "" && Number(to) < Number(from)) {
      throw new UntranslatableError(`the repetition ${counts[0]}`);
    }
    return `{${from === "" ? "0" : from}${comma}${to}}`;
  }

  /** Without going back into it: JavaScript does not go back into what a look ahead has found. */
  #atomic(inside: string): string {
    const name = `atom${this.#atoms++}`;
    return `(?:(?=(?<${name}>${inside}))\\k<${name}>)`;
  }

  #atom(): string {
    const char = this.#next();
    switch (char) {
      case "(":
        return this.#group();
      case "[":
        return this.#class();
      case "\\":
        return this.#escape();
      case ".":
        return this.#dotAll ? "[^]" : "[^\\n]";
      case "^":
        return "(?:^|(?<=\\n)(?!$))";
      case "$":
        return "(?=\\n|$)";
      case "*":
      case "+":
      case "?":
        throw new UntranslatableError(`a "${char}" with nothing before it`);
      default:
        return literal(char);
    }
  }

  #group(): string {
    if (!this.#take("?")) return this.#closed("(?:");
    for (const opening of ["<=", "<!", "=", "!", ":"]) {
      if (this.#takeAll(opening)) return this.#closed(`(?${opening}`);
    }
    if (this.#take(">")) return this.#atomic(this.#closed("(?:"));
    if (this.#take("#")) {
      while (this.#next() !== ")");
      return "";
    }
    const name = /^<[A-Za-z_]\w*>/.exec(this.#chars.slice(this.#at, this.#at + 64).join(""));
    if (name !== null) {
      this.#at += name[0].length;
      return this.#closed("(?:");
    }
    return this.#options();
  }

  /** `(?i:…)`, and `(?i)` which holds to the end of the group. */
  #options(): string {
    let [on, off, isOff] = ["", "", false];
    for (;;) {
      const char = this.#next();
      if (char === "-") isOff = true;
      else if (char === "m") this.#dotAll = !isOff;
      else if (char === "i") isOff ? off = "i" : on = "i";
      else if (char === ":" || char === ")") {
        const flags = on === "" && off === "" ? "" : `${on}${off === "" ? "" : `-${off}`}`;
        if (char === ":") {
          // What `m` says holds inside alone; `#alternatives` puts back what it found.
          const inside = this.#closed(`(?${flags}:`);
          this.#dotAll = false;
          return inside;
        }
        return `(?${flags}:${this.#alternatives()})`;
      } else throw new UntranslatableError(`the group "(?${char}"`);
    }
  }

  #closed(opening: string): string {
    const inside = this.#alternatives();
    if (!this.#take(")")) throw new UntranslatableError('a "(" without an end');
    return `${opening}${inside})`;
  }

  #escape(): string {
    const char = this.#next();
    const named = this.#named(char, { isMember: false });
    if (named !== undefined) return named;
    if (Object.hasOwn(ANCHORS, char)) return ANCHORS[char]!;
    return literal(this.#escaped(char));
  }

  /** `\s`, `\p{…}`. */
  #named(char: string, { isMember }: { readonly isMember: boolean }): string | undefined {
    if (isMember && (char === "w" || char === "W")) {
      return `[${char === "w" ? "" : "^"}${WORD_MEMBERS}]`;
    }
    if (Object.hasOwn(LETTER_CLASSES, char)) return LETTER_CLASSES[char];
    if (char !== "p" && char !== "P") return undefined;
    if (!this.#take("{")) return literal(char);
    let isNegated = char === "P";
    if (this.#take("^")) isNegated = !isNegated;
    let name = "";
    for (let next = this.#next(); next !== "}"; next = this.#next()) name += next;
    const inside = !isMember && name.toLowerCase() === "word" ? WORD : property(name);
    return isNegated ? `[^${inside}]` : `[${inside}]`;
  }

  /** The character that an escape stands for. */
  #escaped(char: string): string {
    if (Object.hasOwn(CONTROLS, char)) return CONTROLS[char]!;
    if (char === "x" || char === "u") {
      const rest = this.#chars.slice(this.#at, this.#at + 12).join("");
      const digits = char === "u"
        ? /^([0-9a-fA-F]{4})/.exec(rest)
        : /^\{([0-9a-fA-F]{1,8})\}/.exec(rest) ?? /^([0-9a-fA-F]{1,2})/.exec(rest);
      const point = Number.parseInt(digits?.[1] ?? "", 16);
      if (digits === null || !(point <= 0x10ffff)) {
        throw new UntranslatableError(`the escape "\\${char}"`);
      }
      if (char === "x" && !digits[0].startsWith("{") && point > 0x7f) {
        throw new UntranslatableError(`the byte \\x${digits[1]}`);
      }
      this.#at += digits[0].length;
      return String.fromCodePoint(point);
    }
    if (/[0-9A-Za-z]/.test(char)) throw new UntranslatableError(`the escape "\\${char}"`);
    return char;
  }

  /** After `[`, up to its `]`. */
  #class(): string {
    const isNegated = this.#take("^");
    const operands: string[] = [];
    let inside = "";
    let isFirst = true;
    while (isFirst || this.#peek() !== "]") {
      if (this.#takeAll("&&")) {
        operands.push(inside);
        inside = "";
      } else inside += this.#member(isFirst);
      isFirst = false;
    }
    this.#next();
    operands.push(inside);
    const all = operands.length === 1
      ? inside
      : operands.map((operand) => `[${operand}]`).join("&&");
    return isNegated ? `[^${all}]` : `[${all}]`;
  }

  #member(isFirst: boolean): string {
    const posix = /^\[:(\^?)(\w+):\]/.exec(this.#chars.slice(this.#at, this.#at + 16).join(""));
    if (posix !== null && Object.hasOwn(POSIX, posix[2]!)) {
      this.#at += posix[0].length;
      return posix[1] === "" ? POSIX[posix[2]!]! : `[^${POSIX[posix[2]!]!}]`;
    }
    const char = this.#next();
    if (char === "[") return this.#class();
    if (char === "]" && !isFirst) throw new UntranslatableError("an empty class");
    let from = char;
    if (char === "\\") {
      const escape = this.#next();
      const named = this.#named(escape, { isMember: true });
      if (named !== undefined) return named;
      from = escape === "b" ? "\b" : this.#escaped(escape);
    }
    const isRange = this.#peek() === "-" &&
      !["]", "[", undefined].includes(this.#chars[this.#at + 1]);
    if (!isRange) return literal(from);
    this.#next();
    let to = this.#next();
    if (to === "\\") {
      const escape = this.#next();
      if (this.#named(escape, { isMember: true }) !== undefined) {
        throw new UntranslatableError("a range that ends with a class");
      }
      to = escape === "b" ? "\b" : this.#escaped(escape);
    }
    if (to.codePointAt(0)! < from.codePointAt(0)!) throw new UntranslatableError("an empty range");
    return `${literal(from)}-${literal(to)}`;
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  #next(): string {
    const char = this.#chars[this.#at++];
    if (char === undefined) throw new UntranslatableError("an end within a group, class or escape");
    return char;
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at++;
    return true;
  }

  #takeAll(text: string): boolean {
    if (this.#chars.slice(this.#at, this.#at + text.length).join("") !== text) return false;
    this.#at += text.length;
    return true;
  }
}

/** A character as it may stand anywhere. */
function literal(char: string): string {
  return /^[0-9A-Za-z]$/.test(char) ? char : `\\u{${char.codePointAt(0)!.toString(16)}}`;
}

/** The inside of a class for a name in `\p{…}`: Oniguruma passes over case, spaces, `_` and `-`. */
function property(name: string): string {
  const plain = name.toLowerCase();
  if (Object.hasOwn(POSIX, plain)) return POSIX[plain]!;
  const capital = name.replace(
    /(^|[_ -])(\w)/g,
    (_, gap, letter) => `${gap === "" ? "" : "_"}${letter.toUpperCase()}`,
  );
  for (const form of [name, capital, `Script=${name}`, `Script=${capital}`]) {
    try {
      new RegExp(`\\p{${form}}`, "u");
      return `\\p{${form}}`;
    } catch {
      // Not this one.
    }
  }
  throw new UntranslatableError(`the property \\p{${name}}`);
}
