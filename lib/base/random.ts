/**
 * Repeatable randomness: streams of numbers that are functions of a few integers, such as (seed, epoch).
 *
 * xoshiro128++ (Blackman and Vigna, https://prng.di.unimi.it), its state filled by a mixer over the
 * keys, so that streams of neighbouring keys have nothing in common. Not for secrets.
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
