/**
 * Narrowing float32 to the 16-bit formats of checkpoints, rounding to the nearest and to even between two, as
 * torch's `.to(dtype)` does.
 *
 * @module
 */

/** The number formats that weights are saved in, by the names of `dtype` in config.json. */
export const SAVED_DTYPES = ["float32", "float16", "bfloat16"] as const;

/** A name in {@linkcode SAVED_DTYPES}. */
export type SavedDtype = typeof SAVED_DTYPES[number];

/**
 * The raw 16 bits of each number.
 *
 * @param values Any float32; too large ones become infinite, NaN stays NaN.
 * @param dtype The format: float16 has 11 significant bits up to 65504, bfloat16 has 8 in the range of float32.
 *
 * @example
 * ```ts
 * import { narrow } from "./half.ts";
 * if (narrow(Float32Array.of(1), "bfloat16")[0] !== 0x3f80) throw new Error();
 * if (narrow(Float32Array.of(1), "float16")[0] !== 0x3c00) throw new Error();
 * ```
 */
export function narrow(
  values: Float32Array,
  dtype: "float16" | "bfloat16",
): Uint16Array<ArrayBuffer> {
  if (dtype === "float16") return new Uint16Array(new Float16Array(values).buffer);
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(words, (word) => {
    // Adding could carry a NaN's payload into infinity.
    if ((word & 0x7fffffff) > 0x7f800000) return (word >>> 16) | 0x40;
    return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  });
}
