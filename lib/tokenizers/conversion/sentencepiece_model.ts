/**
 * Reads what SentencePiece saves (`spiece.model`, `tokenizer.model`): pieces and how to normalize.
 *
 * Source: sentencepiece_model.proto of google/sentencepiece, as far as tokenizers are made of it.
 *
 * @module
 */

/** What a piece is. */
export const PIECE = {
  normal: 1,
  unknown: 2,
  control: 3,
  userDefined: 4,
  unused: 5,
  byte: 6,
} as const;

/** A piece of the vocabulary; its id is its place. */
export interface Piece {
  readonly piece: string;
  readonly score: number;
  /** One of {@linkcode PIECE}. */
  readonly type: number;
}

/** A model of SentencePiece. */
export interface SentencePieceModel {
  readonly pieces: readonly Piece[];
  /** 1 Unigram, 2 BPE, 3 words, 4 characters. */
  readonly modelType: number;
  readonly unkId: number;
  readonly byteFallback: boolean;
  /** The table of the normalizer in base64, as `Precompiled` has it; empty where there is none. */
  readonly charsmap: string;
}

/**
 * Reads a model.
 *
 * @throws {RangeError} where the bytes are no such message.
 */
export function readSentencePieceModel(bytes: Uint8Array): SentencePieceModel {
  const pieces: Piece[] = [];
  let [modelType, unkId, byteFallback] = [1, 0, false];
  let charsmap: Uint8Array = new Uint8Array();
  for (const { field, number, bytes: inner } of fieldsOf(bytes)) {
    if (inner === undefined) continue;
    if (field === 1) pieces.push(pieceOf(inner));
    else if (field === 2) {
      for (const part of fieldsOf(inner)) {
        if (part.field === 3) modelType = part.number;
        else if (part.field === 40) unkId = part.number;
        else if (part.field === 35) byteFallback = part.number === 1;
      }
    } else if (field === 3) {
      for (const part of fieldsOf(inner)) {
        if (part.field === 2 && part.bytes !== undefined) charsmap = part.bytes;
      }
    } else if (number < 0) throw new RangeError("a number is negative");
  }
  if (pieces.length === 0) throw new RangeError("there are no pieces in it");
  return { pieces, modelType, unkId, byteFallback, charsmap: base64(charsmap) };
}

function pieceOf(bytes: Uint8Array): Piece {
  let [piece, score, type] = ["", 0, PIECE.normal as number];
  for (const part of fieldsOf(bytes)) {
    if (part.field === 1 && part.bytes !== undefined) piece = UTF8.decode(part.bytes);
    else if (part.field === 2) score = part.number;
    else if (part.field === 3) type = part.number;
  }
  return { piece, score, type };
}

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** A field of a message: a number, or bytes. */
interface Field {
  readonly field: number;
  readonly number: number;
  readonly bytes?: Uint8Array;
}

/** The fields of a message of protocol buffers in order. */
function* fieldsOf(bytes: Uint8Array): Iterable<Field> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = (): number => {
    // Ids and lengths are below 2^31; ten bytes are a negative number, of which none is asked for.
    for (let value = 0, scale = 1;; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError("it is cut off");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const [field, wire] = [Math.floor(key / 8), key % 8];
    if (wire === 0) yield { field, number: varint() };
    else if (wire === 2 || wire === 1 || wire === 5) {
      const length = wire === 2 ? varint() : wire === 1 ? 8 : 4;
      if (at + length > bytes.length) throw new RangeError("it is cut off");
      if (wire === 2) yield { field, number: 0, bytes: bytes.subarray(at, at + length) };
      else {
        yield { field, number: wire === 1 ? view.getFloat64(at, true) : view.getFloat32(at, true) };
      }
      at += length;
    } else throw new RangeError("it has a field of an unknown kind");
  }
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
