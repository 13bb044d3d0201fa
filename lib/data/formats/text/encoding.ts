/**
 * Text encodings, decoded in pieces, without replacing anything.
 *
 * What is no text in its encoding comes out as a surrogate that stands alone, as in Python's
 * `surrogateescape`: valid text has none, so a row that holds one is known to be bad, and the rows around it
 * are read. U+FFFD could not be told from one that is really in the text.
 *
 * @module
 */

/** Encodings that text files may have. `latin1` is ISO 8859-1 to the letter. */
export const ENCODINGS = ["utf-8", "utf-16le", "utf-16be", "latin1", "windows-1252"] as const;

/** An encoding. */
export type Encoding = typeof ENCODINGS[number];

/** What a bad byte becomes, plus the byte. */
const ESCAPE = 0xdc00;

/** Decodes bytes that come in pieces. */
export interface Decoder {
  /** The text of some bytes, as far as its last character is whole. */
  decode(bytes: Uint8Array<ArrayBuffer>): string;
  /** The text of what is left at the end. */
  end(): string;
}

/** A decoder for a file in this encoding; a byte order mark has to be taken away before. */
export function decoderOf(encoding: Encoding): Decoder {
  switch (encoding) {
    case "utf-8":
      return new WholeCharacters(decodeUtf8, cutCharacter);
    case "utf-16le":
    case "utf-16be":
      return new WholeCharacters(
        (bytes) => decodeUtf16(bytes, encoding),
        (bytes) => cutUnit(bytes, encoding),
      );
    case "latin1":
    case "windows-1252":
      return new WholeCharacters((bytes) => decodeBytes(bytes, encoding), () => 0);
  }
}

/** Keeps a character that is cut until the rest of it comes. */
class WholeCharacters implements Decoder {
  readonly #decode: (bytes: Uint8Array<ArrayBuffer>) => string;
  readonly #cut: (bytes: Uint8Array) => number;
  #kept: Uint8Array<ArrayBuffer> = new Uint8Array();

  /** @param cut How many bytes at the end are the beginning of a character. */
  constructor(
    decode: (bytes: Uint8Array<ArrayBuffer>) => string,
    cut: (bytes: Uint8Array) => number,
  ) {
    this.#decode = decode;
    this.#cut = cut;
  }

  decode(bytes: Uint8Array<ArrayBuffer>): string {
    let whole = bytes;
    if (this.#kept.length > 0) {
      whole = new Uint8Array(this.#kept.length + bytes.length);
      whole.set(this.#kept);
      whole.set(bytes, this.#kept.length);
    }
    const end = whole.length - this.#cut(whole);
    this.#kept = whole.slice(end);
    return this.#decode(whole.subarray(0, end));
  }

  end(): string {
    return this.#decode(this.#kept);
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array<ArrayBuffer>): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return escapeUtf8(bytes);
  }
}

/** How many bytes at the end are the beginning of a character that goes on. */
function cutCharacter(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return charLength(byte) > back ? back : 0;
  }
  return 0;
}

/** Bytes of a character by its first; 1 for what begins none. */
function charLength(byte: number): number {
  if (byte < 0xc2 || byte > 0xf4) return 1;
  return byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/** Decodes UTF-8 that is known to have bad bytes. */
function escapeUtf8(bytes: Uint8Array): string {
  const units = new Uint16Array(bytes.length);
  let length = 0;
  for (let i = 0; i < bytes.length;) {
    const first = bytes[i]!;
    const size = charLength(first);
    let code = size === 1 ? first : first & (0x7f >> size);
    let isGood = first < 0x80 || size > 1;
    for (let k = 1; k < size && isGood; k++) {
      const byte = bytes[i + k] ?? 0;
      isGood = (byte & 0xc0) === 0x80;
      code = (code << 6) | (byte & 0x3f);
    }
    if (size === 3) isGood &&= code >= 0x800 && (code < 0xd800 || code > 0xdfff);
    if (size === 4) isGood &&= code >= 0x10000 && code <= 0x10ffff;
    if (!isGood) {
      units[length++] = ESCAPE + first;
      i++;
      continue;
    }
    if (code >= 0x10000) {
      units[length++] = 0xd7c0 + (code >> 10);
      units[length++] = 0xdc00 + (code & 0x3ff);
    } else {
      units[length++] = code;
    }
    i += size;
  }
  return textOf(units.subarray(0, length));
}

/** Text of UTF-16 units, whatever they are. */
function textOf(units: Uint16Array): string {
  let text = "";
  for (let i = 0; i < units.length; i += 8192) {
    text += String.fromCharCode(...units.subarray(i, i + 8192));
  }
  return text;
}

const utf16 = {
  "utf-16le": new TextDecoder("utf-16le", { fatal: true, ignoreBOM: true }),
  "utf-16be": new TextDecoder("utf-16be", { fatal: true, ignoreBOM: true }),
};

function decodeUtf16(bytes: Uint8Array<ArrayBuffer>, encoding: "utf-16le" | "utf-16be"): string {
  try {
    return utf16[encoding].decode(bytes);
  } catch {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const units = new Uint16Array((bytes.length + 1) >> 1);
    for (let i = 0; i < units.length; i++) {
      // Half a character at the end: a unit that makes no pair with one before it.
      units[i] = 2 * i + 1 < bytes.length ? view.getUint16(2 * i, encoding === "utf-16le") : 0xd800;
    }
    return textOf(units);
  }
}

/** As {@linkcode cutCharacter}, of UTF-16: half a unit, half a pair. */
function cutUnit(bytes: Uint8Array, encoding: "utf-16le" | "utf-16be"): number {
  const odd = bytes.length % 2;
  const high = bytes[bytes.length - odd - (encoding === "utf-16le" ? 1 : 2)] ?? 0;
  return odd + (high >= 0xd8 && high <= 0xdb ? 2 : 0);
}

const windows1252 = new TextDecoder("windows-1252");

/** The bytes that Windows-1252 leaves open. */
const OPEN = /[\u0081\u008d\u008f\u0090\u009d]/g;

function decodeBytes(
  bytes: Uint8Array<ArrayBuffer>,
  encoding: "latin1" | "windows-1252",
): string {
  // What browsers call latin1 is Windows-1252; they agree where no byte is from 0x80 to 0x9f.
  const text = windows1252.decode(bytes);
  if (encoding === "windows-1252") {
    return text.replace(OPEN, (open) => String.fromCharCode(ESCAPE + open.charCodeAt(0)));
  }
  return bytes.some((byte) => byte >= 0x80 && byte < 0xa0) ? textOf(Uint16Array.from(bytes)) : text;
}

/** What the first bytes of a file say about its encoding. */
export interface Beginning {
  /** The encoding that they announce or plainly have. */
  readonly encoding: Encoding | "utf-32" | undefined;
  /** Bytes of the byte order mark. */
  readonly mark: number;
}

/**
 * What the first bytes of a file say about its encoding.
 *
 * @param bytes The first thousand, or all.
 */
export function beginningOf(bytes: Uint8Array): Beginning {
  const starts = (...mark: number[]): boolean =>
    bytes.length >= mark.length && mark.every((byte, i) => bytes[i] === byte);
  if (starts(0xef, 0xbb, 0xbf)) return { encoding: "utf-8", mark: 3 };
  if (starts(0xff, 0xfe, 0, 0) || starts(0, 0, 0xfe, 0xff)) return { encoding: "utf-32", mark: 4 };
  if (starts(0xff, 0xfe)) return { encoding: "utf-16le", mark: 2 };
  if (starts(0xfe, 0xff)) return { encoding: "utf-16be", mark: 2 };
  // Text of Latin letters has a zero in every unit of UTF-16, and UTF-8 has none at all.
  const zeros = [0, 0];
  for (let i = 0; i < bytes.length; i++) if (bytes[i] === 0) zeros[i % 2]!++;
  const few = bytes.length / 2 * 0.05;
  const many = Math.max(1, bytes.length / 2 * 0.4);
  if (zeros[1]! >= many && zeros[0]! <= few) return { encoding: "utf-16le", mark: 0 };
  if (zeros[0]! >= many && zeros[1]! <= few) return { encoding: "utf-16be", mark: 0 };
  return { encoding: undefined, mark: 0 };
}

/** Whether bytes are mostly ASCII, with no zero: no text in UTF-16 is, whose spaces and line ends have one. */
export function isMostlyAscii(bytes: Uint8Array): boolean {
  let ascii = 0;
  for (const byte of bytes) {
    if (byte === 0) return false;
    if (byte < 0x80) ascii++;
  }
  return bytes.length >= 4 && ascii >= 0.8 * bytes.length;
}

/** A surrogate that stands alone. */
const ALONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/**
 * Where a text has what is none in its file's encoding.
 *
 * @returns The index and, where it was one, the byte; undefined where all is well.
 */
export function badCharacter(
  text: string,
): { index: number; byte: number | undefined } | undefined {
  // A string that has no character past U+00FF answers this at once.
  if (text.isWellFormed()) return undefined;
  const index = text.search(ALONE);
  const byte = text.charCodeAt(index) - ESCAPE;
  return { index, byte: byte >= 0x80 && byte <= 0xff ? byte : undefined };
}
