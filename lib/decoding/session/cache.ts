/**
 * Keys and values of the tokens that a batch has read, on the host, a pair of arrays for each layer.
 * B sequences, H heads, K width of a head, L places; a token lies at the place of its position.
 *
 * L grows by doubling, so that the first steps of a long text don't pay for its end.
 *
 * @module
 */
import { InternalError } from "../../base/errors.ts";
import type { AnyTensor, HostTensor } from "../../runtime/session/session.ts";

/** The shape of a cache. */
export interface CacheShape {
  readonly layers: number;
  /** B. */
  readonly batch: number;
  /** H. */
  readonly heads: number;
  /** K. */
  readonly headWidth: number;
}

/** L of a cache that is new. */
const SMALLEST = 32;

/** The cache of one batch. */
export class KeyValueCache {
  readonly shape: CacheShape;
  /** The most places that will be needed. */
  readonly limit: number;
  #capacity = 0;
  #tensors: Record<string, HostTensor<"float32">> = {};
  #mask: HostTensor<"int32">;

  constructor(shape: CacheShape, limit: number) {
    this.shape = shape;
    this.limit = limit;
    this.#mask = { type: "int32", dims: [shape.batch, 0], data: new Int32Array(0) };
  }

  /** L. */
  get capacity(): number {
    return this.#capacity;
  }

  /** The feeds of a step: `past_key.i`, `past_value.i`, `past_mask`. Valid until the cache grows. */
  feeds(): Readonly<Record<string, AnyTensor>> {
    return { ...this.#tensors, past_mask: this.#mask };
  }

  /** Makes room for `places` tokens a sequence; what is there stays. */
  reserve(places: number): void {
    if (places <= this.#capacity) return;
    if (places > this.limit) {
      throw new InternalError(`a cache of ${this.limit} places was asked for ${places}`);
    }
    let capacity = Math.max(SMALLEST, this.#capacity);
    while (capacity < places) capacity *= 2;
    this.#resize(Math.min(capacity, this.limit));
  }

  /**
   * Keeps what a run computed for its own tokens.
   *
   * @param present `key.i` and `value.i` [B, H, T, K].
   * @param options By sequence: `places` where its first token goes, `counts` how many of the T are its own.
   */
  write(
    present: Readonly<Record<string, AnyTensor>>,
    options: { readonly places: ArrayLike<number>; readonly counts: ArrayLike<number> },
  ): void {
    const { layers, batch, heads, headWidth } = this.shape;
    for (const part of ["key", "value"]) {
      for (let layer = 0; layer < layers; layer++) {
        const source = present[`${part}.${layer}`];
        if (source === undefined || !("data" in source)) {
          throw new InternalError(`a run returned no ${part} of layer ${layer} to the host`);
        }
        const from = source.data as Float32Array;
        const length = source.dims[2]!;
        const target = this.#tensors[`past_${part}.${layer}`]!.data;
        for (let row = 0; row < batch; row++) {
          const size = options.counts[row]! * headWidth;
          for (let head = 0; head < heads; head++) {
            const start = (row * heads + head) * length * headWidth;
            const place = (row * heads + head) * this.#capacity + options.places[row]!;
            target.set(from.subarray(start, start + size), place * headWidth);
          }
        }
      }
    }
    for (let row = 0; row < batch; row++) {
      const start = row * this.#capacity + options.places[row]!;
      this.#mask.data.fill(1, start, start + options.counts[row]!);
    }
  }

  #resize(capacity: number): void {
    const { layers, batch, heads, headWidth } = this.shape;
    const old = this.#capacity;
    const grown = <A extends Float32Array | Int32Array>(
      target: A,
      source: A | undefined,
      rows: { count: number; width: number },
    ): A => {
      for (let row = 0; source !== undefined && row < rows.count; row++) {
        const from = source.subarray(row * old * rows.width, (row + 1) * old * rows.width);
        target.set(from, row * capacity * rows.width);
      }
      return target;
    };
    const tensors: Record<string, HostTensor<"float32">> = {};
    for (const part of ["key", "value"]) {
      for (let layer = 0; layer < layers; layer++) {
        const name = `past_${part}.${layer}`;
        const data = new Float32Array(batch * heads * capacity * headWidth);
        tensors[name] = {
          type: "float32",
          dims: [batch, heads, capacity, headWidth],
          data: grown(data, this.#tensors[name]?.data, { count: batch * heads, width: headWidth }),
        };
      }
    }
    const mask = new Int32Array(batch * capacity);
    this.#mask = {
      type: "int32",
      dims: [batch, capacity],
      data: grown(mask, this.#mask.data, { count: batch, width: 1 }),
    };
    this.#tensors = tensors;
    this.#capacity = capacity;
  }
}
