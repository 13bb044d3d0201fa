/**
 * Dropout (Srivastava et al., JMLR 2014) whose mask is computed in the graph from integers: a pure function of
 * (seed, site, row, column), bit-identical on every engine, so that a run can be repeated anywhere and the
 * backward pass shares the mask of the forward pass.
 *
 * Each row i and each column j gets two hashed 32-bit words. An element's word is
 * `(r_i + c_j) (r'_i + c'_j)` modulo 2^32, whose high bits depend on all bits of both factors; the element is
 * kept where the word, read as a signed number, lies below a threshold. That takes four integer passes over
 * the elements; a full hash of each would take a dozen. Only Add, Mul and Div of int32 are needed, which agree
 * on all engines; shifts and exclusive or are missing on WebGPU.
 *
 * @module
 */

import * as ops from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";

/** Randomness for one run of a graph. */
export interface DropoutSource {
  /** int32 scalar; another value for every step (and every part of an accumulated batch). */
  readonly seed: Tensor;
}

/** Rounds of {@linkcode mixed}; three already pass the tests of `tests/models/dropout_test.ts`. */
const ROUNDS = 4;

/** Odd constants with irregular bits: the golden ratio and murmur3's, as signed 32-bit numbers. */
const GOLDEN = 0x9e3779b1 | 0;
const ODD_A = 0x85ebca6b | 0;
const ODD_B = 0xc2b2ae35 | 0;

/**
 * Sets each element to 0 with probability `rate` and scales the others by `1 / (1 - rate)`.
 *
 * @param x float32 of any shape.
 * @param options.rate Between 0 (adds nothing to the graph) and 1 (all zeros).
 * @param options.site A name that no other dropout of the graph has; it decides the mask with the seed.
 * @param options.source The randomness; without it, as in evaluation, nothing is dropped.
 */
export function dropout(
  x: Tensor,
  options: {
    readonly rate: number;
    readonly site: string;
    readonly source: DropoutSource | undefined;
  },
): Tensor {
  const { rate, site, source } = options;
  if (rate === 0 || source === undefined) return x;
  if (rate >= 1) return ops.mul(x, 0);
  const mask = x.graph.scope("dropout", () => dropoutMask(x.shape, { rate, site, source }));
  return ops.mul(x, mask, { name: "dropped" });
}

/** The factors of {@linkcode dropout}: 0 or `1 / (1 - rate)`, in the given shape. */
function dropoutMask(
  shape: readonly number[],
  { rate, site, source }: { rate: number; site: string; source: DropoutSource },
): Tensor {
  const columns = shape.at(-1) ?? 1;
  const rows = shape.slice(0, -1).reduce((a, b) => a * b, 1);
  const word = (stream: number): Tensor => {
    const key = siteKey(site, stream);
    const row = ops.add(ops.mul(words(source, rows, 2 * stream), key.factor), key.offset);
    const column = words(source, columns, 2 * stream + 1);
    return ops.add(ops.reshape(row, [rows, 1]), ops.reshape(column, [1, columns]));
  };
  const bits = ops.mul(word(0), word(1));
  const kept = ops.cast(ops.less(bits, dropoutThreshold(rate)), "float32");
  return ops.reshape(ops.mul(kept, 1 / (1 - rate)), shape);
}

/** Words below this signed number are kept: it has a share of `1 - rate` of all of them below. */
export function dropoutThreshold(rate: number): number {
  return Math.min(2 ** 31 - 1, Math.round((1 - rate) * 2 ** 32) - 2 ** 31);
}

/** An odd factor and an offset that move a site's row words away from every other site's. */
export function siteKey(site: string, stream: number): { factor: number; offset: number } {
  // FNV-1a of the name, then murmur3's finalizer twice for two words.
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(`${stream}:${site}`)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  const offset = finalized(hash);
  return { factor: finalized(offset + GOLDEN) | 1, offset };
}

function finalized(word: number): number {
  let h = word | 0;
  h = Math.imul(h ^ (h >>> 16), ODD_A);
  h = Math.imul(h ^ (h >>> 13), ODD_B);
  return h ^ (h >>> 16);
}

/** The words of each seed tensor by count and stream: all sites of a graph share them. */
const SHARED_WORDS = new WeakMap<Tensor, Map<string, Tensor>>();

/** int32 `[count]` of hashed words of a stream: the same for all sites, so computed once per graph. */
function words({ seed }: DropoutSource, count: number, stream: number): Tensor {
  const known = SHARED_WORDS.get(seed) ?? new Map<string, Tensor>();
  SHARED_WORDS.set(seed, known);
  const key = `${count} ${stream}`;
  const shared = known.get(key) ?? hashedWords(seed, { count, stream });
  known.set(key, shared);
  return shared;
}

function hashedWords(seed: Tensor, { count, stream }: { count: number; stream: number }): Tensor {
  const numbers = seed.graph.constant(
    Int32Array.from({ length: count }, (_, i) => Math.imul(i, GOLDEN)),
    { type: "int32", shape: [count], name: "numbers" },
  );
  const start = mixed(ops.add(ops.mul(seed, ODD_A), Math.imul(stream + 1, ODD_B)));
  return mixed(ops.add(numbers, start));
}

/**
 * A hash of words from the operations at hand: `t (2t + 1)`, which carries every bit upwards (the mixing
 * step of RC6), and an exchange of the halves, which brings the mixed ones down again.
 */
function mixed(word: Tensor): Tensor {
  let t = word;
  for (let round = 0; round < ROUNDS; round++) {
    t = ops.mul(t, ops.add(ops.add(t, t), 1));
    t = ops.add(ops.add(ops.mul(t, 65536), ops.div(t, 65536)), Math.imul(round + 1, GOLDEN));
  }
  return t;
}
