/**
 * Text from outside as a terminal may show it: what a stage, a server, a file or a command line says
 * is data, and data must not move the cursor, change colours, or hide what stands beside it.
 *
 * What would do so is shown by its number, as JSON writes it (`\u001b`), and never dropped: a reader sees
 * that something was there. Because the spelling is JSON's own, a line of JSON means the same before
 * and after. Files (`runs/`, `--json`) keep the exact text; this is for what a person reads.
 *
 * Left out: letters that look like other letters, and the order of right-to-left scripts, which is theirs
 * as long as nothing overrides it.
 *
 * @module
 */

/**
 * What changes a terminal: C0 but tab and newline, DEL, C1 (U+009B begins an escape sequence by itself),
 * what orders text from right to left, line and paragraph separators, halves of surrogate pairs.
 */
const HARMFUL = /(?![\n\t])\p{Cc}|[\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/**
 * Whatever takes no place, or the place of a space without being one: a name could hide in it. Also
 * what has no sign that everybody sees, as private and unassigned characters, and signs that are blank:
 * of Braille, of music, and the fillers of Khitan and of Egyptian.
 */
const UNSEEN =
  /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\u{16fe4}\u{1d159}\u{13441}\u{13442}]|(?! )\p{Zs}/gu;

/**
 * A text of several lines without anything that changes the terminal. Newlines stay, tabs become a space.
 *
 * @example
 * ```ts
 * import { visible } from "./text.ts";
 * if (visible("a\x1b[2Jb\r\nc") !== "a\\u001b[2Jb\nc") throw new Error();
 * if (visible("\u202Egnp.exe") !== "\\u202egnp.exe") throw new Error();
 * ```
 */
export function visible(text: string): string {
  return text.replaceAll("\r\n", "\n").replaceAll("\t", " ").replaceAll(HARMFUL, escaped);
}

/** A text that has to stay on its line: as {@linkcode visible}, and a newline is shown as `\n`. */
export function visibleLine(text: string): string {
  return visible(text).replaceAll("\n", "\\n");
}

/**
 * A name that a person compares or decides by, exactly: also what takes no place is shown, so that two
 * different names never look the same for want of a visible character.
 *
 * @example
 * ```ts
 * import { visibleName } from "./text.ts";
 * if (visibleName("HO\u200bME\n") !== "HO\\u200bME\\u000a") throw new Error();
 * ```
 */
export function visibleName(name: string): string {
  return name.replaceAll(UNSEEN, escaped);
}

/** Whether a name holds nothing that {@linkcode visibleName} would have to show by its number. */
export function isVisibleName(name: string): boolean {
  return visibleName(name) === name;
}

/** Every text in a JSON-like value made {@linkcode visible}, names of members too; `lines` says which member may have several lines. */
export function visibleValue<T>(value: T, lines: (name: string) => boolean): T {
  return visibleIn(value, lines, false) as T;
}

function visibleIn(value: unknown, lines: (name: string) => boolean, many: boolean): unknown {
  if (typeof value === "string") return many ? visible(value) : visibleLine(value);
  if (Array.isArray(value)) return value.map((item) => visibleIn(item, lines, many));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) =>
      [visibleLine(name), visibleIn(member, lines, lines(name))] as const
    ),
  );
}

/**
 * A text in which a new line of what comes from outside can't pass for one of the program's own: lines
 * after the first begin with spaces, and where they do not already they get two.
 */
export function indented(text: string): string {
  return text.replaceAll(/\n(?! {2}|\n|$)/g, "\n  ");
}

const ESCAPE = "\x1b";
/** The codes with which this program draws: at the beginning up to the first of its lines, then colours and clearing. */
const OWN_CODES = new RegExp(`(^(?:${ESCAPE}\\[\\d+A)?\\r|${ESCAPE}\\[(?:\\d+m|[KJ]))`, "u");

/** What the program itself writes to a terminal: its own codes stay, all else becomes {@linkcode visible}. */
export function visibleWithCodes(text: string): string {
  return text.split(OWN_CODES).map((part, i) => i % 2 === 1 ? part : visibleKeepingTabs(part))
    .join("");
}

/** The last line of defence behind everything that is written: what is clean already stays as it is. */
export function visibleKeepingTabs(text: string): string {
  return text.replaceAll(HARMFUL, escaped);
}

/** JSON as one line, or indented, that means the same and changes no terminal: `JSON.stringify` leaves DEL, C1 and all above as they are. */
export function jsonForTerminal(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replaceAll(HARMFUL, escaped);
}

/** As JSON writes it: four digits a code unit, so two numbers beyond U+FFFF. */
function escaped(character: string): string {
  let text = "";
  for (let i = 0; i < character.length; i++) {
    text += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  }
  return text;
}
