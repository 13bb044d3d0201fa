/**
 * Repeatable randomness: numbers that are functions of a few integers, such as (seed, epoch).
 *
 * Streams are xoshiro128++ (Blackman and Vigna, https://prng.di.unimi.it), their state filled by a mixer
 * over the keys, so that streams of neighbouring keys have nothing in common. A single number at a place
 * is drawn by a counter, Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3",
 * SC 2011), which has no state to fill. Not for secrets.
 *
 * @module
 */

/** A stream of random numbers. */
export interface RandomStream {
  /** The next 32 bits, as an integer from 0 to 2^32 - 1. */
  nextUint32(): number;
  /** Uniform in [0, 1), with 32 random bits. */
  nextFloat(): number;
  /** Uniform among 0 .. bound - 1, without bias. `bound` is from 1 to 2^32. */
  nextBelow(bound: number): number;
  /** Standard normal (Box-Muller). */
  nextNormal(): number;
}

/**
 * Opens the stream of some keys.
 *
 * @param keys Integers; numbers beyond 32 bits count with all their bits.
 * @returns The same numbers for the same keys, on every machine.
 *
 * @example
 * ```ts
 * import { randomStream } from "./random.ts";
 * const [a, b] = [randomStream(42, 0), randomStream(42, 0)];
 * if (a.nextUint32() !== b.nextUint32()) throw new Error();
 * ```
 */
export function randomStream(...keys: number[]): RandomStream {
  let hash = 0x9e3779b9;
  for (const key of keys) {
    hash = mix(hash ^ (key >>> 0)) + 0x85ebca6b | 0;
    hash = mix(hash ^ (Math.floor(key / 2 ** 32) >>> 0)) + 0xc2b2ae35 | 0;
  }
  let s0 = mix(hash + 0x9e3779b9 | 0);
  let s1 = mix(hash + 0x3c6ef372 | 0);
  let s2 = mix(hash + 0xdaa66d2b | 0);
  let s3 = mix(hash + 0x78dde6e4 | 0) | 1; // never all zero, the one state it cannot leave
  const nextUint32 = (): number => {
    const sum = s0 + s3 | 0;
    const result = ((sum << 7 | sum >>> 25) + s0) >>> 0;
    const shifted = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= shifted;
    s3 = s3 << 11 | s3 >>> 21;
    return result;
  };
  const nextFloat = (): number => nextUint32() / 2 ** 32;
  let spare: number | undefined;
  return {
    nextUint32,
    nextFloat,
    nextBelow(bound: number): number {
      // Values of the last, incomplete round are drawn again.
      const limit = 2 ** 32 - 2 ** 32 % bound;
      let value = nextUint32();
      while (value >= limit) value = nextUint32();
      return value % bound;
    },
    nextNormal(): number {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      const radius = Math.sqrt(-2 * Math.log((nextUint32() + 1) / 2 ** 32));
      const angle = 2 * Math.PI * nextFloat();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
  };
}

/**
 * A random order of 0 .. n - 1 (Fisher-Yates).
 *
 * @param n How many.
 * @param random Where the randomness comes from.
 */
export function permutation(n: number, random: RandomStream): Int32Array<ArrayBuffer> {
  const order = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const j = random.nextBelow(i + 1);
    order[i] = order[j]!;
    order[j] = i;
  }
  return order;
}

/** Finalizer of MurmurHash3 (Appleby): each bit of the result depends on all bits of `x`. */
function mix(x: number): number {
  x = Math.imul(x ^ x >>> 16, 0x85ebca6b);
  x = Math.imul(x ^ x >>> 13, 0xc2b2ae35);
  return x ^ x >>> 16;
}

/**
 * A number in [0, 1) with 53 random bits, a function of the seed and the counter alone.
 *
 * @param seed A whole number; its lower 64 bits count.
 * @param counter Whole numbers from 0, below 2^32.
 *
 * @example
 * ```ts
 * import { uniformAt } from "./random.ts";
 * if (uniformAt(42, [5, 0, 0]) !== uniformAt(42, [5, 0, 0])) throw new Error();
 * if (uniformAt(42, [5, 0, 0]) === uniformAt(42, [6, 0, 0])) throw new Error();
 * ```
 */
export function uniformAt(seed: number, counter: readonly [number, number, number]): number {
  const wide = BigInt.asUintN(64, BigInt(seed));
  const [a, b] = philox([...counter, 0], [Number(wide & 0xffffffffn), Number(wide >> 32n)]);
  return ((a >>> 5) * 2 ** 26 + (b >>> 6)) / 2 ** 53;
}

/**
 * Philox4x32 with ten rounds.
 *
 * @param counter Four 32-bit words.
 * @param key Two 32-bit words.
 * @returns Four random 32-bit words, unsigned.
 */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [a, b, c, d] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const x = multiply(0xd2511f53, a);
    const y = multiply(0xcd9e8d57, c);
    [a, b, c, d] = [(y.high ^ b ^ k0) >>> 0, y.low, (x.high ^ d ^ k1) >>> 0, x.low];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [a, b, c, d];
}

/** The 64-bit product of two unsigned 32-bit numbers, in halves: a double holds 53 bits only. */
function multiply(a: number, b: number): { readonly high: number; readonly low: number } {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = a1 * b0 + Math.floor((a0 * b0) / 2 ** 16);
  const crossed = a0 * b1 + (middle % 2 ** 16);
  const high = a1 * b1 + Math.floor(middle / 2 ** 16) + Math.floor(crossed / 2 ** 16);
  return { high: high >>> 0, low: Math.imul(a, b) >>> 0 };
}
