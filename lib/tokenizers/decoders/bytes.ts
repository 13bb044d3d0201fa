/**
 * Decoders of bytes: `ByteLevel`, whose tokens spell them, and `ByteFallback`, where some tokens are one.
 *
 * Source: Hugging Face tokenizers.
 *
 * @module
 */
import { tokenBytes } from "../components/byte_level.ts";
import { byteOf } from "../models/byte_tokens.ts";
import type { Decoder } from "./decoder.ts";

/** Distinct tokens remembered before starting over; more than any vocabulary has. */
const CACHED = 1 << 20;

/** `ByteLevel`: bytes that are no UTF-8 become U+FFFD. */
export function byteLevelDecoder(): Decoder {
  const known = new Map<string, Uint8Array>();
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  const bytesOf = (token: string): Uint8Array => {
    let bytes = known.get(token);
    if (bytes === undefined) {
      bytes = tokenBytes(token);
      if (known.size >= CACHED) known.clear();
      known.set(token, bytes);
    }
    return bytes;
  };
  return (tokens) => {
    const parts = tokens.map(bytesOf);
    const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      joined.set(part, at);
      at += part.length;
    }
    return [utf8.decode(joined)];
  };
}

/** `ByteFallback`: bytes in a row that are no UTF-8 become a U+FFFD each. */
export function byteFallbackDecoder(): Decoder {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
  return (tokens) => {
    const out: string[] = [];
    let bytes: number[] = [];
    const flush = (): void => {
      if (bytes.length === 0) return;
      try {
        out.push(utf8.decode(Uint8Array.from(bytes)));
      } catch {
        for (let i = 0; i < bytes.length; i++) out.push("\ufffd");
      }
      bytes = [];
    };
    for (const token of tokens) {
      const byte = byteOf(token);
      if (byte !== undefined) bytes.push(byte);
      else {
        flush();
        out.push(token);
      }
    }
    flush();
    return out;
  };
}
