/**
 * Text files in pieces and as lines: UTF-8 with or without a byte order mark, or the encoding that is said;
 * `\n` or `\r\n`; plain, gzip or zstd.
 *
 * Nothing is replaced: bytes that are no text come out as `encoding.ts` says, for rows to be judged one by one.
 *
 * @module
 */
import { UserError } from "../../../base/errors.ts";
import { fileBytes } from "../packed/bytes.ts";
import type { InputFile, Reading } from "../row_file.ts";
import { beginningOf, decoderOf, type Encoding, isMostlyAscii } from "./encoding.ts";

/** Characters of the longest line or field: no row is meant that is longer. */
export const MAX_LINE: number = 1 << 28;

/** Characters of the longest text that JavaScript can hold. */
const MAX_TEXT = 2 ** 29 - 24;

/** Bytes by which an encoding is told. */
const BEGINNING = 1024;

/** What packed files begin with; no text of any encoding does. */
const PACKINGS = [
  { is: "gzip", end: ".gz", mark: [0x1f, 0x8b, 0x08] },
  { is: "Zstandard", end: ".zst", mark: [0x28, 0xb5, 0x2f, 0xfd] },
] as const;

/** A line of a file. */
export interface Line {
  readonly text: string;
  /** From 1. */
  readonly number: number;
}

/** How a text file is read. */
export interface TextReading extends Pick<Reading, "signal" | "progress"> {
  /** UTF-8 where it is not said. */
  readonly encoding?: Encoding | undefined;
}

/**
 * The text of a file in pieces of up to about 256 KB, cut anywhere between two characters.
 *
 * @throws {UserError} Where the file cannot be read, or plainly has another encoding.
 */
export async function* textChunks(
  file: InputFile,
  reading: TextReading = {},
): AsyncGenerator<string> {
  const encoding = reading.encoding ?? "utf-8";
  const decoder = decoderOf(encoding);
  const beginning: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const chunk of fileBytes(file, reading)) {
    let bytes = chunk;
    if (length < BEGINNING) {
      beginning.push(chunk);
      length += chunk.length;
      if (length < BEGINNING) continue;
      bytes = withoutMark(concat(beginning), { file, encoding });
    }
    const text = decoder.decode(bytes);
    if (text !== "") yield text;
  }
  let text = "";
  if (length < BEGINNING) text = decoder.decode(withoutMark(concat(beginning), { file, encoding }));
  text += decoder.end();
  if (text !== "") yield text;
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * The lines of a file, many at a time; the end of the last line is no line of its own.
 *
 * @throws {UserError} Where a line is longer than any row can be.
 */
export async function* lineBatches(
  file: InputFile,
  reading: TextReading = {},
): AsyncGenerator<Line[]> {
  // In pieces: a line of a gigabyte would else be copied at every piece.
  let rest: string[] = [];
  let length = 0;
  let number = 1;
  for await (const chunk of textChunks(file, reading)) {
    const lines = chunk.split("\n");
    length += lines[0]!.length;
    if (length > MAX_LINE) throw tooLong(file, { line: number, is: "this line" });
    rest.push(lines[0]!);
    if (lines.length === 1) continue;
    lines[0] = rest.join("");
    const last = lines.pop()!;
    [rest, length] = [[last], last.length];
    yield lines.map((text) => ({ text: withoutReturn(text), number: number++ }));
  }
  if (length > 0) yield [{ text: withoutReturn(rest.join("")), number }];
}

/**
 * The whole text of a file, with `\n` as its line ends.
 *
 * @throws {UserError} Where it is too long for one text.
 */
export async function wholeText(file: InputFile, reading: TextReading = {}): Promise<string> {
  const parts: string[] = [];
  let length = 0;
  for await (const chunk of textChunks(file, reading)) {
    length += chunk.length;
    if (length > MAX_TEXT) throw tooLong(file, { line: 1, is: "this file", than: MAX_TEXT });
    parts.push(chunk);
  }
  return parts.join("").replaceAll("\r\n", "\n");
}

/** The error for a text that no row can hold. */
export function tooLong(
  file: InputFile,
  { line, is, than = MAX_LINE }: {
    readonly line: number;
    readonly is: string;
    readonly than?: number;
  },
): UserError {
  return new UserError({
    what: `${is} has more than ${than} characters`,
    requirement: "what is read in one piece holds less",
    remedy: "check that the file is of the format that it is read as",
    at: { file: file.name, line, column: 1 },
  });
}

function withoutReturn(text: string): string {
  return text.endsWith("\r") ? text.slice(0, -1) : text;
}

/** The bytes behind a byte order mark, if they may be of this encoding. */
function withoutMark(
  bytes: Uint8Array<ArrayBuffer>,
  { file, encoding }: { readonly file: InputFile; readonly encoding: Encoding },
): Uint8Array<ArrayBuffer> {
  const first = bytes.subarray(0, BEGINNING);
  const packed = PACKINGS.find(({ mark }) => mark.every((byte, i) => first[i] === byte));
  if (packed !== undefined) {
    throw new UserError({
      what: `${file.name} is no text: it is packed with ${packed.is}`,
      requirement: "the name of a file tells whether it is packed",
      remedy: `unpack it, or call it ${file.name}${packed.end}`,
    });
  }
  const { encoding: seen, mark } = beginningOf(first);
  const isUtf16 = encoding === "utf-16le" || encoding === "utf-16be";
  const real = seen ?? (isUtf16 && isMostlyAscii(first) ? "utf-8" : undefined);
  if (real === undefined || real === encoding) return bytes.subarray(mark);
  throw new UserError({
    what: `${file.name} is not ${encoding.toUpperCase()} text: it is ${real.toUpperCase()}`,
    requirement: "text files are UTF-8 where no `encoding` is said",
    remedy: real === "utf-32"
      ? "convert it, for instance with `iconv -f utf-32 -t utf-8`"
      : real === "utf-8"
      ? "leave `encoding` out"
      : `say \`encoding: ${real}\`, or convert it with \`iconv -f ${real} -t utf-8\``,
    at: { file: file.name, line: 1, column: 1 },
  });
}
