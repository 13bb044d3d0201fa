/**
 * Dropout (Srivastava et al., JMLR 2014) whose mask is computed in the graph from integers: a pure function of
 * (seed, site, row, column), bit-identical on every engine, so that a run can be repeated anywhere and the
 * backward pass shares the mask of the forward pass.
 *
 * Each row i and each column j gets two hashed 32-bit words, and each row another one for each site. An
 * element's word is `(r_i + c_j) (r'_i + c'_j) s_i` modulo 2^32, whose high bits depend on all bits of the
 * factors; the element is kept where the word, read as a signed number, lies below a threshold. The first
 * product is the same for all sites of a shape and computed once, so that a site takes a multiplication, a
 * comparison and a conversion; a full hash of each element would take a dozen passes. Only Add, Mul and Div of
 * int32 are needed, which agree on all engines; shifts and exclusive or are missing on WebGPU.
 *
 * @module
 */

import * as ops from "../../graph/ops/mod.ts";
import type { Tensor } from "../../graph/ir/tensor.ts";

/** Randomness for one run of a graph. */
export interface DropoutSource {
  /** int32 scalar; another value for every step (and every part of an accumulated batch). */
  readonly seed: Tensor;
  /**
   * int32 scalar, always 0: masks are computed when it is there and not before, apart from equal masks of a
   * source without it. Absent: at any time.
   */
  readonly after?: Tensor;
}

/** Streams 0 to 3 make the words that sites share; this one tells the sites apart, row by row. */
const ROW_STREAM = 4;
const STREAMS = 5;

/** Words of a stream are made in powers of two from here on. */
const LEAST_WORDS = 4096;

/** Rounds of {@linkcode mixed}; three already pass the tests of `tests/models/dropout_test.ts`. */
const ROUNDS = 4;

/** Odd constants with irregular bits: the golden ratio and murmur3's, as signed 32-bit numbers. */
const GOLDEN = 0x9e3779b1 | 0;
const ODD_A = 0x85ebca6b | 0;
const ODD_B = 0xc2b2ae35 | 0;

/** Where a dropout is and how much it drops. */
export interface DropoutOptions {
  /** Between 0 (adds nothing to the graph) and 1 (all zeros). */
  readonly rate: number;
  /** A name that no other dropout of the graph has; it decides the mask with the seed. */
  readonly site: string;
  /** The randomness; without it, as in evaluation, nothing is dropped. */
  readonly source: DropoutSource | undefined;
}

/**
 * Sets each element to 0 with probability `rate` and scales the others by `1 / (1 - rate)`.
 *
 * @param x float32 of any shape.
 */
export function dropout(x: Tensor, options: DropoutOptions): Tensor {
  const { rate, source } = options;
  if (rate === 0 || source === undefined) return x;
  if (rate >= 1) return ops.mul(x, 0);
  const mask = x.graph.scope(
    "dropout",
    () => ops.mul(dropoutMask(x.shape, { ...options, source }), 1 / (1 - rate)),
  );
  return ops.mul(x, ops.reshape(mask, x.shape), { name: "dropped" });
}

/**
 * Dropout whose scale is left to the caller: where the result goes into a matrix product, it costs nothing there.
 *
 * @param x float32 of any shape.
 * @returns `x` with elements set to 0, and what the others are to be multiplied by.
 */
export function unscaledDropout(
  x: Tensor,
  options: DropoutOptions,
): { kept: Tensor; factor: number } {
  const { rate, source } = options;
  if (rate === 0 || source === undefined) return { kept: x, factor: 1 };
  if (rate >= 1) return { kept: ops.mul(x, 0), factor: 1 };
  const mask = x.graph.scope("dropout", () => dropoutMask(x.shape, { ...options, source }));
  return {
    kept: ops.mul(x, ops.reshape(mask, x.shape), { name: "dropped" }),
    factor: 1 / (1 - rate),
  };
}

/** 0 where an element is dropped, else 1; `[rows, columns]`, all axes but the last being rows. */
function dropoutMask(
  shape: readonly number[],
  { rate, site, source }: { rate: number; site: string; source: DropoutSource },
): Tensor {
  const columns = shape.at(-1) ?? 1;
  const rows = shape.slice(0, -1).reduce((a, b) => a * b, 1);
  const { factor, offset } = siteKey(site);
  // 2 (word factor + offset) + 1 is odd: a product with it loses no bit of the other factor.
  const row = ops.add(
    ops.mul(words(source, { count: rows, stream: ROW_STREAM }), factor << 1),
    offset << 1 | 1,
  );
  const bits = ops.mul(sharedWords(source, rows, columns), ops.reshape(row, [rows, 1]));
  return ops.cast(ops.less(bits, dropoutThreshold(rate)), "float32");
}

/** int32 `[rows, columns]`: the words that all sites of this shape share; computed once a run. */
function sharedWords(source: DropoutSource, rows: number, columns: number): Tensor {
  const { after } = source;
  const sum = (stream: number): Tensor => {
    const row = words(source, { count: rows, stream });
    return ops.add(
      ops.reshape(after === undefined ? row : ops.add(row, after), [rows, 1]),
      ops.reshape(words(source, { count: columns, stream: stream + 1 }), [1, columns]),
    );
  };
  return ops.mul(sum(0), sum(2));
}

/** Words below this signed number are kept: it has a share of `1 - rate` of all of them below. */
export function dropoutThreshold(rate: number): number {
  return Math.min(2 ** 31 - 1, Math.round((1 - rate) * 2 ** 32) - 2 ** 31);
}

/** An odd factor and an offset that move a site's row words away from every other site's. */
export function siteKey(site: string): { factor: number; offset: number } {
  // FNV-1a of the name, then murmur3's finalizer twice for two words.
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(site)) {
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

/** What was made from each seed tensor: all sites of a graph share it. */
const SHARED = new WeakMap<Tensor, Map<string, readonly Tensor[]>>();

/** The same tensors for the same seed and key. */
function shared(seed: Tensor, key: string, make: () => readonly Tensor[]): readonly Tensor[] {
  const known = SHARED.get(seed) ?? new Map<string, readonly Tensor[]>();
  SHARED.set(seed, known);
  const tensors = known.get(key) ?? make();
  known.set(key, tensors);
  return tensors;
}

/** int32 `[count]` of hashed words of a stream. A word depends on its place, not on the count. */
function words(
  { seed }: DropoutSource,
  { count, stream }: { count: number; stream: number },
): Tensor {
  // All streams and sizes take their words from as few hashes as can be: each is dozens of launches on a GPU.
  let length = LEAST_WORDS;
  while (length < count) length *= 2;
  const streams = shared(seed, `all ${length}`, () => hashedWords(seed, length));
  const [word] = shared(seed, `${stream} ${count}`, () => [
    ops.slice(ops.reshape(streams[stream]!, [length]), { axis: 0, start: 0, end: count }),
  ]);
  return word!;
}

/** int32 `[1, length]` for each stream. */
function hashedWords(seed: Tensor, length: number): readonly Tensor[] {
  const constant = (name: string, shape: readonly number[], value: (i: number) => number): Tensor =>
    seed.graph.constant(
      Int32Array.from({ length: Math.max(...shape) }, (_, i) => value(i)),
      { type: "int32", shape, name },
    );
  const [starts] = shared(seed, "starts", () => {
    const streams = constant("streams", [STREAMS, 1], (i) => Math.imul(i + 1, ODD_B));
    return [mixed(ops.add(streams, ops.mul(seed, ODD_A)))];
  });
  const numbers = constant("numbers", [1, length], (i) => Math.imul(i, GOLDEN));
  const table = mixed(ops.add(numbers, starts!)); // (1, length) + (STREAMS, 1)
  return ops.split(table, { axis: 0, sizes: Array<number>(STREAMS).fill(1) });
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
