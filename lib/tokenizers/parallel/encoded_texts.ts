/**
 * What texts become on the way from one thread to another: two arrays, whatever their number.
 *
 * @module
 */
import type { Codec } from "../codecs/codec.ts";

/** The ids of several texts, without what a tokenizer puts around each. */
export interface EncodedTexts {
  /** Those of the first text, then those of the second, and so on. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** Where each text ends in `ids`; one for each text. */
  readonly ends: Uint32Array<ArrayBuffer>;
}

/** Encodes texts, each by itself. */
export function encodeTexts(tokenizer: Codec, texts: readonly string[]): EncodedTexts {
  const each = texts.map((text) => tokenizer.encode(text, { addSpecialTokens: false }));
  const ends = new Uint32Array(texts.length);
  let length = 0;
  for (const [i, ids] of each.entries()) ends[i] = length += ids.length;
  const ids = new Int32Array(length);
  for (const [i, of] of each.entries()) ids.set(of, ends[i]! - of.length);
  return { ids, ends };
}
