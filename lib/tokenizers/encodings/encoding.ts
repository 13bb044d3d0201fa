/**
 * Encodings with all that the tokens of a text say: where they stand, whose they are, what pads them.
 *
 * @module
 */
import type { Draft } from "./draft.ts";
import type { Truncation } from "./truncation.ts";

/** What tokens a text, or a pair of them, has. Every array has an entry a token, `offsets` two. */
export interface Encoding {
  readonly ids: Int32Array;
  /** 0 for the first text, 1 for the second, or as the tokenizer's template says. */
  readonly typeIds: Int32Array;
  /**
   * Beginning and end of each token in its text, in characters (code points, as in Python; a lone half of
   * a surrogate pair is one); [2 * tokens]. 0 and 0 for special tokens that were added.
   */
  readonly offsets: Int32Array;
  /** 1 for special tokens that were added, and for padding. */
  readonly specialTokensMask: Uint8Array;
  /** 0 for padding. */
  readonly attentionMask: Uint8Array;
  /** The pieces that truncation cut off, each with its own special tokens. */
  readonly overflowing: readonly Encoding[];
}

/** How encodings are brought to one length. */
export interface Padding {
  /** Tokens of each; default as many as the longest has. Longer ones stay. */
  readonly length?: number;
  /** Rounds the length up. */
  readonly multipleOf?: number;
  /** The end that is padded; default right. */
  readonly direction?: "left" | "right";
  readonly id: number;
  /** Default 0. */
  readonly typeId?: number;
}

/** Options of `encodeWithOffsets`. */
export interface EncodingOptions {
  /** Adds what the tokenizer puts around texts; default true. */
  readonly addSpecialTokens?: boolean;
  readonly truncation?: Truncation;
  readonly padding?: Padding;
}

/** A finished encoding. */
export function encodingOf(draft: Draft): Encoding {
  const offsets = new Int32Array(draft.length * 2);
  for (let i = 0; i < draft.length; i++) {
    offsets[2 * i] = draft.starts[i]!;
    offsets[2 * i + 1] = draft.ends[i]!;
  }
  return {
    ids: Int32Array.from(draft.ids),
    typeIds: Int32Array.from(draft.typeIds),
    offsets,
    specialTokensMask: Uint8Array.from(draft.special),
    attentionMask: Uint8Array.from(draft.attention),
    overflowing: draft.overflowing.map(encodingOf),
  };
}

/**
 * Brings encodings to one length, and what was cut off of them as well.
 *
 * @example
 * ```ts
 * import { padEncodings } from "./encoding.ts";
 * import { Draft } from "./draft.ts";
 * import { encodingOf } from "./encoding.ts";
 * const draft = new Draft();
 * draft.push(7, { token: "a", end: 1 });
 * const [padded] = padEncodings([encodingOf(draft)], { id: 0, multipleOf: 4, direction: "left" });
 * if (padded!.ids.join() !== "0,0,0,7") throw new Error(padded!.ids.join());
 * ```
 */
export function padEncodings(encodings: readonly Encoding[], padding: Padding): Encoding[] {
  const { length, multipleOf = 0 } = padding;
  let target = length ?? encodings.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  if (multipleOf > 0) target = Math.ceil(target / multipleOf) * multipleOf;
  return encodings.map((encoding) => padded(encoding, target, padding));
}

function padded(encoding: Encoding, target: number, padding: Padding): Encoding {
  const overflowing = encoding.overflowing.map((piece) => padded(piece, target, padding));
  const more = target - encoding.ids.length;
  if (more <= 0) return { ...encoding, overflowing };
  const { direction = "right", id, typeId = 0 } = padding;
  const at = direction === "left" ? more : 0;
  const widened = <T extends Int32Array | Uint8Array>(
    array: T,
    { fill, width = 1 }: { readonly fill: number; readonly width?: number },
  ): T => {
    const wider = new (array.constructor as new (length: number) => T)(target * width).fill(fill);
    wider.set(array, at * width);
    return wider as T;
  };
  return {
    ids: widened(encoding.ids, { fill: id }),
    typeIds: widened(encoding.typeIds, { fill: typeId }),
    offsets: widened(encoding.offsets, { fill: 0, width: 2 }),
    specialTokensMask: widened(encoding.specialTokensMask, { fill: 1 }),
    attentionMask: widened(encoding.attentionMask, { fill: 0 }),
    overflowing,
  };
}
