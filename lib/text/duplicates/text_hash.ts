/**
 * A hash of 128 bits of a text: MurmurHash3_x86_128 (Appleby, https://github.com/aappleby/smhasher) over the
 * text's UTF-16 in little-endian order, so that no bytes have to be made of it.
 *
 * Not for secrets: whoever wants two texts of one hash can make them.
 *
 * @module
 */

const C1 = 0x239b961b;
const C2 = 0xab0e9789 | 0;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93 | 0;

/**
 * Hashes a text.
 *
 * @param into Receives the hash: four numbers of 32 bits.
 * @param text Lone surrogates count as they are.
 *
 * @example
 * ```ts
 * import { hashText } from "./text_hash.ts";
 * const hash = new Uint32Array(4);
 * hashText(hash, "Call me Ishmael.");
 * if (hash[0] !== 0x811a7263) throw new Error();
 * ```
 */
export function hashText(into: Uint32Array, text: string): void {
  let h1 = 0, h2 = 0, h3 = 0, h4 = 0;
  const whole = text.length & ~7;
  for (let i = 0; i < whole; i += 8) {
    h1 ^= scramble1(text.charCodeAt(i) | text.charCodeAt(i + 1) << 16);
    h1 = Math.imul((h1 << 19 | h1 >>> 13) + h2 | 0, 5) + 0x561ccd1b | 0;
    h2 ^= scramble2(text.charCodeAt(i + 2) | text.charCodeAt(i + 3) << 16);
    h2 = Math.imul((h2 << 17 | h2 >>> 15) + h3 | 0, 5) + 0x0bcaa747 | 0;
    h3 ^= scramble3(text.charCodeAt(i + 4) | text.charCodeAt(i + 5) << 16);
    h3 = Math.imul((h3 << 15 | h3 >>> 17) + h4 | 0, 5) + 0x96cd1c35 | 0;
    h4 ^= scramble4(text.charCodeAt(i + 6) | text.charCodeAt(i + 7) << 16);
    h4 = Math.imul((h4 << 13 | h4 >>> 19) + h1 | 0, 5) + 0x32ac3b17 | 0;
  }
  // Past the end charCodeAt() is NaN, which counts as 0 here: what is missing is zero, as in the original.
  const rest = (i: number): number =>
    text.charCodeAt(whole + i) | text.charCodeAt(whole + i + 1) << 16;
  h1 ^= scramble1(rest(0));
  h2 ^= scramble2(rest(2));
  h3 ^= scramble3(rest(4));
  h4 ^= scramble4(rest(6));
  const bytes = text.length * 2;
  h1 ^= bytes, h2 ^= bytes, h3 ^= bytes, h4 ^= bytes;
  h1 = h1 + h2 + h3 + h4 | 0;
  h2 = h2 + h1 | 0, h3 = h3 + h1 | 0, h4 = h4 + h1 | 0;
  h1 = mixed(h1), h2 = mixed(h2), h3 = mixed(h3), h4 = mixed(h4);
  h1 = h1 + h2 + h3 + h4 | 0;
  into[0] = h1, into[1] = h2 + h1, into[2] = h3 + h1, into[3] = h4 + h1;
}

/** The last step of MurmurHash3: every bit of the result depends on every bit of `x`. */
export function mixed(x: number): number {
  x = Math.imul(x ^ x >>> 16, 0x85ebca6b);
  x = Math.imul(x ^ x >>> 13, 0xc2b2ae35);
  return x ^ x >>> 16;
}

function scramble1(k: number): number {
  k = Math.imul(k, C1);
  return Math.imul(k << 15 | k >>> 17, C2);
}

function scramble2(k: number): number {
  k = Math.imul(k, C2);
  return Math.imul(k << 16 | k >>> 16, C3);
}

function scramble3(k: number): number {
  k = Math.imul(k, C3);
  return Math.imul(k << 17 | k >>> 15, C4);
}

function scramble4(k: number): number {
  k = Math.imul(k, C4);
  return Math.imul(k << 18 | k >>> 14, C1);
}
