/**
 * Text files as lines: UTF-8 with or without a byte order mark, `\n` or `\r\n`, plain or gzip.
 *
 * Bytes that are no UTF-8 are an error with the line they are on: replacing them would train a model
 * on the replacement character without anybody noticing.
 *
 * @module
 */
import { Duplex } from "node:stream";
import { createGunzip } from "node:zlib";
import { UserError } from "../../base/errors.ts";

/** Characters of the longest line or field: no row is meant that is longer. */
export const MAX_LINE: number = 1 << 28;

/** Characters of the longest text that JavaScript can hold. */
const MAX_TEXT = 2 ** 29 - 24;

/** Bytes that are unpacked at once. */
const CHUNK = 1 << 18;

/** A packed file that unpacks to more than this many bytes, and to so many times its own, is a trap. */
const UNPACKED = { bytes: 1 << 27, times: 200 };

/** A line of a file. */
export interface Line {
  readonly text: string;
  /** From 1. */
  readonly number: number;
}

/** A file to read: where it is, and the name to show and to tell the format by. */
export interface InputFile {
  readonly path: string;
  readonly name: string;
}

/**
 * The text of a file in pieces of up to about 1 MB, cut anywhere.
 *
 * @throws {UserError} Where the file cannot be read, is UTF-16, or holds bytes that are no UTF-8.
 */
export async function* textChunks(file: InputFile): AsyncGenerator<string> {
  let bytes: ReadableStream<Uint8Array<ArrayBuffer>>;
  let size: number;
  try {
    const opened = await Deno.open(file.path);
    ({ size } = await opened.stat());
    bytes = opened.readable;
  } catch (error) {
    throw new UserError({
      what: `cannot open ${file.name}: ${(error as Error).message}`,
      cause: error,
    });
  }
  const packed = /\.gz$/i.test(file.name);
  if (packed) bytes = bytes.pipeThrough(gunzip());
  let unpacked = 0;
  // The decoder drops a byte order mark itself.
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1;
  let first = true;
  try {
    for await (const chunk of bytes) {
      if (first && isUtf16(chunk)) throw notUtf8(file, { line: 1, why: "it is UTF-16" });
      first = false;
      unpacked += chunk.length;
      if (packed && unpacked > Math.max(UNPACKED.bytes, UNPACKED.times * size)) {
        throw new UserError({
          what:
            `${file.name} unpacks to more than ${unpacked} bytes, ${UNPACKED.times} times its own`,
          requirement:
            "no text is so much smaller when it is packed; this is made to fill a memory",
          remedy: "unpack it first, if it is meant to be so",
        });
      }
      const text = decode(decoder, chunk, { file, line });
      line += count(text, "\n");
      if (text !== "") yield text;
    }
    decode(decoder, undefined, { file, line });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError({
      what: `cannot read ${file.name}: ${(error as Error).message}`,
      cause: error,
    });
  }
}

/**
 * Unpacks gzip of any number of members one after the other, as the format has it (RFC 1952) and `cat`
 * makes it. `DecompressionStream` reads the first alone.
 */
function gunzip(): ReadableWritablePair<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  return Duplex.toWeb(createGunzip({ chunkSize: CHUNK })) as unknown as ReadableWritablePair<
    Uint8Array<ArrayBuffer>,
    Uint8Array<ArrayBuffer>
  >;
}

/**
 * The lines of a file, many at a time; the end of the last line is no line of its own.
 *
 * @throws {UserError} Where a line is longer than any row can be.
 */
export async function* lineBatches(file: InputFile): AsyncGenerator<Line[]> {
  // In pieces: a line of a gigabyte would else be copied at every megabyte.
  let rest: string[] = [];
  let length = 0;
  let number = 1;
  for await (const chunk of textChunks(file)) {
    const lines = chunk.split("\n");
    length += lines[0]!.length;
    if (length > MAX_LINE) throw tooLong(file, { line: number, is: "this line", than: MAX_LINE });
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
export async function wholeText(file: InputFile): Promise<string> {
  const parts: string[] = [];
  let length = 0;
  for await (const chunk of textChunks(file)) {
    length += chunk.length;
    if (length > MAX_TEXT) throw tooLong(file, { line: 1, is: "this file", than: MAX_TEXT });
    parts.push(chunk);
  }
  return parts.join("").replaceAll("\r\n", "\n");
}

/** The error for a text that no row can hold. */
export function tooLong(
  file: InputFile,
  { line, is, than }: { line: number; is: string; than: number },
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

function isUtf16(chunk: Uint8Array): boolean {
  return (chunk[0] === 0xff && chunk[1] === 0xfe) || (chunk[0] === 0xfe && chunk[1] === 0xff);
}

function decode(
  decoder: TextDecoder,
  chunk: Uint8Array<ArrayBuffer> | undefined,
  { file, line }: { file: InputFile; line: number },
): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch {
    throw notUtf8(file, { line: line + linesBeforeBadByte(chunk ?? new Uint8Array()), why: "" });
  }
}

/** How many whole lines of the chunk are fine; the cut at its start can only hide a bad first line. */
function linesBeforeBadByte(chunk: Uint8Array<ArrayBuffer>): number {
  let start = chunk.indexOf(10) + 1;
  if (start === 0) return 0;
  for (let lines = 1;; lines++) {
    const end = chunk.indexOf(10, start);
    try {
      new TextDecoder("utf-8", { fatal: true })
        .decode(chunk.subarray(start, end < 0 ? undefined : end), { stream: end < 0 });
    } catch {
      return lines;
    }
    // Every later line is fine: the bad bytes stand before the first line end.
    if (end < 0) return 0;
    start = end + 1;
  }
}

function notUtf8(file: InputFile, { line, why }: { line: number; why: string }): UserError {
  return new UserError({
    what: `${file.name} is not UTF-8 text${why === "" ? "" : `: ${why}`}`,
    requirement: "text files have to be UTF-8",
    remedy: "convert it, for instance with `iconv -f latin1 -t utf-8`",
    at: { file: file.name, line, column: 1 },
  });
}

function count(text: string, char: string): number {
  let n = 0;
  for (let at = text.indexOf(char); at >= 0; at = text.indexOf(char, at + 1)) n++;
  return n;
}
