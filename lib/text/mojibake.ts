/**
 * Repair of mojibake: UTF-8 that was read as windows-1252 or latin-1, once or several times (`Ã©` for `é`,
 * `â€™` for `’`), after the idea of ftfy (Speer 2019, https://doi.org/10.5281/zenodo.2591652).
 *
 * ftfy scores a text before and after. Here each sequence of characters whose bytes are UTF-8 is looked at: it
 * is repaired where no text would hold it as it stands, such as a capital Ã after a small letter, a euro sign
 * behind â, or two letters of one script side by side. What a text may hold, such as `IRMÃ”` or `está»…`, is
 * repaired only where the same text has another of its script that is beyond doubt. Left out: bytes that were
 * lost on the way, and UTF-8 read as another code page.
 *
 * @module
 */

/** What windows-1252 has at 0x80 to 0x9f; what it hasn't stands for itself, as in latin-1. */
const SPECIALS = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";

const BYTES = new Map([...SPECIALS].map((char, i) => [char.charCodeAt(0), 0x80 + i]));

/** Characters that stand for the bytes 0x80 to 0xbf, which continue a character of UTF-8. */
const CONTINUING = `[\\u0080-\\u00bf${SPECIALS}]`;
const SEQUENCE = new RegExp(
  `[\\u00c2-\\u00df]${CONTINUING}|[\\u00e0-\\u00ef]${CONTINUING}{2}|[\\u00f0-\\u00f4]${CONTINUING}{3}`,
  "gu",
);

/**
 * What may follow a letter in a text that is as it was written: ends of quotations, dashes, marks, raised
 * digits.
 */
const AFTER_LETTERS = new Set("\u00a0\u00ad»«’‘”“…–—›‹™®©°²³¹ºª·•");

/**
 * An à whose second byte, a no-break space, has become a space: alone, or with the space behind it. `Ã` is a
 * word in no language, but a letter that may be spoken of, so this too takes another that is beyond doubt.
 */
const LOST_A = /(?<![\p{Lu}\p{M}])Ã(?: (?= ))?( )(?=\p{Ll}|Ã )/gu;

/** Scripts and other sets that are told apart, by code points. */
const SETS: readonly (readonly [set: string, first: number, last: number])[] = [
  ["latin", 0x80, 0x17f],
  // What windows-1252 has of other blocks, as twofold mojibake shows.
  ["latin", 0x192, 0x192],
  // Vietnamese and Romanian.
  ["latin", 0x1a0, 0x1b0],
  ["latin", 0x218, 0x21b],
  ["latin", 0x2c6, 0x2c6],
  ["latin", 0x2dc, 0x2dc],
  ["greek", 0x370, 0x3ff],
  ["cyrillic", 0x400, 0x4ff],
  ["hebrew", 0x590, 0x5ff],
  ["arabic", 0x600, 0x6ff],
  ["indic", 0x900, 0xeff],
  ["georgian", 0x10a0, 0x10ff],
  ["latin", 0x1e00, 0x1eff],
  ["symbols", 0x2000, 0x2bff],
  ["cjk", 0x3000, 0x9fff],
  ["cjk", 0xac00, 0xd7af],
  ["symbols", 0xfe00, 0xfe0f],
  ["symbols", 0xfeff, 0xfeff],
  ["cjk", 0xff00, 0xffef],
  ["symbols", 0xfffd, 0xfffd],
  ["emoji", 0x1f000, 0x1faff],
];

/** How often a text is repaired: mojibake of mojibake of mojibake is rare. */
const PASSES = 3;

/** Characters whose bytes are one character of UTF-8. */
interface Sequence {
  readonly start: number;
  readonly end: number;
  /** What it was. */
  readonly char: string;
  readonly set: string;
}

/**
 * Repairs what is mojibake beyond doubt.
 *
 * @example
 * ```ts
 * import { repairMojibake } from "./mojibake.ts";
 * if (repairMojibake("Itâ€™s a cafÃ©") !== "It’s a café") throw new Error();
 * if (repairMojibake("cafÃƒÂ©") !== "café") throw new Error();
 * if (repairMojibake("IRMÃ… MAÑANA”") !== "IRMÃ… MAÑANA”") throw new Error();
 * ```
 */
export function repairMojibake(text: string): string {
  for (let pass = 0; pass < PASSES; pass++) {
    const repaired = repairOnce(text);
    if (repaired === text) break;
    text = repaired;
  }
  return text;
}

function repairOnce(text: string): string {
  const found = sequencesIn(text);
  const sure = new Set<string>();
  const isSure = found.map((sequence, i) => isBeyondDoubt(text, sequence) || isOfRun(found, i));
  for (const [i, { set }] of found.entries()) if (isSure[i]) sure.add(set);
  if (sure.size === 0) return text;
  const parts: string[] = [];
  let done = 0;
  for (const { start, end, char, set } of found) {
    if (!sure.has(set)) continue;
    parts.push(text.slice(done, start), char);
    done = end;
  }
  const repaired = parts.join("") + text.slice(done);
  return sure.has("latin") ? repaired.replace(LOST_A, "à$1") : repaired;
}

/** The sequences of a text that are UTF-8 of a character of a known set. */
function sequencesIn(text: string): Sequence[] {
  const found: Sequence[] = [];
  for (const { index, 0: units } of text.matchAll(SEQUENCE)) {
    const code = decoded(units);
    const set = SETS.find(([, first, last]) => code >= first && code <= last)?.[0];
    if (set === undefined) continue;
    const char = String.fromCodePoint(code);
    // Unassigned characters are nobody's text; controls are there between two passes.
    if (/[\p{Cn}\p{Co}]/u.test(char)) continue;
    found.push({ start: index, end: index + units.length, char, set });
  }
  return found;
}

/** The code point that the bytes of characters are, by their form alone; -1 where it is written too long. */
function decoded(units: string): number {
  let code = byteOf(units, 0) & (0x7f >> units.length);
  for (let i = 1; i < units.length; i++) code = code << 6 | byteOf(units, i) & 0x3f;
  const least = [0, 0, 0x80, 0x800, 0x10000][units.length]!;
  return code < least ? -1 : code;
}

function byteOf(units: string, at: number): number {
  const unit = units.charCodeAt(at);
  return BYTES.get(unit) ?? unit;
}

/** Whether no text would hold these characters at this place. */
function isBeyondDoubt(text: string, sequence: Sequence): boolean {
  const { start, end, set } = sequence;
  if (set === "emoji") return true;
  if (set !== "latin" && set !== "symbols") return false;
  const continuing = text.slice(start + 1, end);
  const isNatural = [...continuing].every((char) => AFTER_LETTERS.has(char));
  if (end - start === 3) {
    // Three characters: â€™, á»‡. In "está»… y" nothing is wrong; in "Nguyá»…n" the letter behind is.
    return !isNatural || isLetterAt(text, end) && !continuing.endsWith("’");
  }
  const before = characterBefore(text, start);
  if (/\p{Ll}/u.test(before)) return true;
  // A capital È is a word, and whatever follows a word may be behind it.
  if (text[start] === "È") return false;
  const isCapital = /\p{Lu}/u.test(before);
  // A no-break space or a sign that Â stands before alone: Â£, 5Â°.
  if (text[start] === "Â" && !isCapital) return /[\u00a0-\u00bf]/.test(continuing);
  if (text[start] === "Ã" && !isCapital && continuing === "\u00a0") return true;
  return !isNatural || isLetterAt(text, end) && continuing !== "’";
}

/** Whether another of the same set is its neighbour: letters of other scripts come in words. */
function isOfRun(found: readonly Sequence[], at: number): boolean {
  const { start, end, set } = found[at]!;
  if (set === "latin" || set === "symbols") return false;
  const [left, right] = [found[at - 1], found[at + 1]];
  return left?.set === set && left.end === start || right?.set === set && right.start === end;
}

function isLetterAt(text: string, at: number): boolean {
  return /^\p{L}/u.test(text.slice(at, at + 2));
}

function characterBefore(text: string, at: number): string {
  return at === 0 ? "" : text.slice(at - 1, at);
}
