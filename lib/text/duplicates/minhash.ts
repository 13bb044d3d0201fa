/**
 * MinHash (Broder 1997): of many permutations of all hashes, the smallest of a set under each. Two sets have
 * the same smallest one with a probability that is their Jaccard similarity.
 *
 * Permutations are multiply-add modulo 2^32 with odd factors (Dietzfelbinger et al. 1997). Their hashes must
 * be well mixed, as those of `shingles.ts` are; on these, estimates have the spread that theory gives.
 *
 * @module
 */
import { randomStream } from "../../base/random.ts";
import type { Bands } from "./bands.ts";
import { mixed } from "./text_hash.ts";

/** The key of the stream that the permutations are drawn from: the same in all runs. */
const PERMUTATIONS = 0x4d48;

/** Computes signatures and hashes of their bands. */
export class MinHash {
  readonly #factors: Int32Array;
  readonly #terms: Int32Array;
  readonly #signature: Int32Array;

  /** @param permutations Length of a signature. */
  constructor(permutations: number) {
    const random = randomStream(PERMUTATIONS);
    // In fours: the loop below takes four at a time.
    const length = Math.ceil(permutations / 4) * 4;
    this.#factors = Int32Array.from({ length }, () => random.nextUint32() | 1);
    this.#terms = Int32Array.from({ length }, () => random.nextUint32());
    this.#signature = new Int32Array(length);
  }

  /**
   * The signature of a set.
   *
   * @param hashes At least one; repeated ones count once.
   * @returns A view that the next call overwrites.
   */
  signatureOf(hashes: Int32Array): Int32Array {
    const [factors, terms, signature] = [this.#factors, this.#terms, this.#signature];
    const count = hashes.length;
    for (let i = 0; i < signature.length; i += 4) {
      const a0 = factors[i]!, a1 = factors[i + 1]!, a2 = factors[i + 2]!, a3 = factors[i + 3]!;
      const b0 = terms[i]!, b1 = terms[i + 1]!, b2 = terms[i + 2]!, b3 = terms[i + 3]!;
      let m0 = 0x7fffffff, m1 = m0, m2 = m0, m3 = m0;
      for (let j = 0; j < count; j++) {
        const x = hashes[j]!;
        const x0 = Math.imul(x, a0) + b0 | 0;
        const x1 = Math.imul(x, a1) + b1 | 0;
        const x2 = Math.imul(x, a2) + b2 | 0;
        const x3 = Math.imul(x, a3) + b3 | 0;
        if (x0 < m0) m0 = x0;
        if (x1 < m1) m1 = x1;
        if (x2 < m2) m2 = x2;
        if (x3 < m3) m3 = x3;
      }
      signature[i] = m0, signature[i + 1] = m1, signature[i + 2] = m2, signature[i + 3] = m3;
    }
    return signature;
  }
}

/**
 * A hash of each band of a signature.
 *
 * @param into Receives it: that of band i at `at + i * stride`.
 */
export function hashBands(
  signature: Int32Array,
  { bands, rows }: Bands,
  into: { hashes: Uint32Array; at: number; stride: number },
): void {
  for (let band = 0; band < bands; band++) {
    let hash = band;
    for (let i = band * rows; i < (band + 1) * rows; i++) {
      hash = Math.imul(mixed(hash ^ signature[i]!), 5) + 0x52dce729 | 0;
    }
    into.hashes[into.at + band * into.stride] = mixed(hash);
  }
}
