/**
 * What texts become on the way from one thread to another: a few arrays, whatever their number.
 *
 * @module
 */
import type { Codec } from "../codecs/codec.ts";
import { learnedTokens } from "./learned_tokens.ts";

/** The ids of several texts, without what a tokenizer puts around each. */
export interface EncodedTexts {
  /** Those of the first text, then those of the second, and so on. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** Where each text ends in `ids`; one for each text. */
  readonly ends: Uint32Array<ArrayBuffer>;
  /** For each id whether it is learned; there where parts of the texts are marked. */
  readonly learned?: Uint8Array<ArrayBuffer>;
}

/** Marked parts of several texts: of each begin, end, begin, end, …, in UTF-16 units. */
export type Marks = readonly (readonly number[])[];

/**
 * Encodes texts, each by itself.
 *
 * @param marks Which parts are learned, where not all is.
 */
export function encodeTexts(
  tokenizer: Codec,
  texts: readonly string[],
  marks?: Marks,
): EncodedTexts {
  const flags: Uint8Array[] = [];
  const each = texts.map((text, i) => {
    const own = marks?.[i] ?? [];
    // Without offsets a text is encoded several times as fast.
    if (own.length === 0) {
      const ids = tokenizer.encode(text, { addSpecialTokens: false });
      flags.push(new Uint8Array(marks === undefined ? 0 : ids.length));
      return ids;
    }
    const encoding = tokenizer.encodeWithOffsets(text, { addSpecialTokens: false });
    flags.push(learnedTokens(encoding, { text, marks: own }));
    return encoding.ids;
  });
  const ends = new Uint32Array(texts.length);
  let length = 0;
  for (const [i, ids] of each.entries()) ends[i] = length += ids.length;
  const ids = new Int32Array(length);
  for (const [i, of] of each.entries()) ids.set(of, ends[i]! - of.length);
  if (marks === undefined) return { ids, ends };
  const learned = new Uint8Array(length);
  for (const [i, of] of flags.entries()) learned.set(of, ends[i]! - of.length);
  return { ids, ends, learned };
}
