/**
 * Keys and values of the tokens that a batch has read, on the host. B rows, H heads, K width of a head, L places;
 * a token lies at the place of its position, so a row that has read n tokens fills its first n places.
 *
 * L grows by doubling, so that the first steps of a long text don't pay for its end.
 *
 * @module
 */
import { InternalError } from "../../base/errors.ts";
import { type AnyTensor, type HostTensor, int32 } from "../../runtime/session/session.ts";
import type { Slot } from "../../models/build/build.ts";
import { floatsOf, type Outputs } from "./programs.ts";
import { type RowMove, rowMoves } from "./row_moves.ts";

/** L of a cache that is new. */
const SMALLEST = 32;

/** One tensor of the cache, [B, H, L, K]. */
interface Entry {
  /** Its name among the outputs of a run; `past_` and this among its inputs. */
  readonly name: string;
  readonly heads: number;
  readonly width: number;
  data: Float32Array<ArrayBuffer>;
}

/** The cache of one batch. */
export class KeyValueCache {
  /** The most places that will be needed. */
  readonly limit: number;
  readonly #entries: readonly Entry[];
  #capacity = 0;
  /** Tokens read, by row. */
  #lengths: Int32Array<ArrayBuffer>;

  constructor(
    slots: readonly Slot[],
    options: { readonly batch: number; readonly limit: number },
  ) {
    this.limit = options.limit;
    this.#lengths = new Int32Array(options.batch);
    this.#entries = slots.flatMap(({ name, heads, width }) =>
      ["key", "value"].map((part) => ({
        name: `${part}.${name}`,
        heads,
        width,
        data: new Float32Array(0),
      }))
    );
  }

  /** B. */
  get batch(): number {
    return this.#lengths.length;
  }

  /** L. */
  get capacity(): number {
    return this.#capacity;
  }

  /** By row, where its next token goes; the last place once a row is full: nobody looks at what comes then. */
  places(): Int32Array<ArrayBuffer> {
    return this.#lengths.map((length) => Math.min(length, this.limit - 1));
  }

  /** The feeds of a step: `past_key.SLOT`, `past_value.SLOT`, `past_mask`. Valid until the cache changes. */
  feeds(): Readonly<Record<string, AnyTensor>> {
    const [batch, capacity] = [this.batch, this.#capacity];
    const mask = new Int32Array(batch * capacity);
    this.#lengths.forEach((length, row) =>
      mask.fill(1, row * capacity, row * capacity + Math.min(length, capacity))
    );
    const past = this.#entries.map(({ name, heads, width, data }) => {
      const dims = [batch, heads, capacity, width];
      return [`past_${name}`, { type: "float32", dims, data } satisfies HostTensor] as const;
    });
    return { ...Object.fromEntries(past), past_mask: int32(mask, [batch, capacity]) };
  }

  /** Makes room for `places` tokens a row; what is there stays. */
  reserve(places: number): void {
    if (places <= this.#capacity) return;
    if (places > this.limit) {
      throw new InternalError(`a cache of ${this.limit} places was asked for ${places}`);
    }
    let capacity = Math.max(SMALLEST, this.#capacity);
    while (capacity < places) capacity *= 2;
    this.#rebuild(Int32Array.from(this.#lengths.keys()), Math.min(capacity, this.limit));
  }

  /**
   * Keeps what a run computed for its own tokens.
   *
   * @param present `key.SLOT` and `value.SLOT` [B, H, T, K].
   * @param counts By row: how many of the T tokens are its own.
   */
  append(present: Outputs, counts: ArrayLike<number>): void {
    const places = this.places();
    for (const { name, heads, width, data } of this.#entries) {
      const source = floatsOf(present, name);
      const length = source.dims[2]!;
      for (let row = 0; row < this.batch; row++) {
        for (let head = row * heads; head < (row + 1) * heads; head++) {
          const start = head * length * width;
          const own = source.data.subarray(start, start + counts[row]! * width);
          data.set(own, (head * this.#capacity + places[row]!) * width);
        }
      }
    }
    this.#lengths = places.map((place, row) => place + counts[row]!);
  }

  /** Gives each row the content of its parent. Rows that are their own parents cost nothing. */
  reorder(parents: Int32Array): void {
    if (parents.length !== this.batch) {
      this.#rebuild(parents, this.#capacity);
    } else {
      const moves = rowMoves(parents);
      const used = Math.max(0, ...this.#lengths);
      for (const entry of moves.length === 0 ? [] : this.#entries) this.#move(entry, moves, used);
    }
    this.#lengths = Int32Array.from(parents, (parent) => this.#lengths[parent]!);
  }

  /** Forgets what lies beyond the first `length` places. */
  truncate(length: number): void {
    this.#lengths = this.#lengths.map((own) => Math.min(own, length));
  }

  /** Copies the `used` places of rows; the row after the last one is a spare one. */
  #move({ data, heads, width }: Entry, moves: readonly RowMove[], used: number): void {
    const size = this.#capacity * width;
    const needsSpare = moves.some(({ to }) => to === this.batch);
    const spare = new Float32Array(needsSpare ? heads * size : 0);
    const head = (row: number, index: number): Float32Array => {
      const start = (row === this.batch ? index : row * heads + index) * size;
      return (row === this.batch ? spare : data).subarray(start, start + used * width);
    };
    for (const { from, to } of moves) {
      for (let index = 0; index < heads; index++) head(to, index).set(head(from, index));
    }
  }

  /** New arrays: rows of `parents`, with another number of places. */
  #rebuild(parents: Int32Array, capacity: number): void {
    const places = Math.min(this.#capacity, capacity);
    for (const entry of this.#entries) {
      const { data, heads, width } = entry;
      entry.data = new Float32Array(parents.length * heads * capacity * width);
      parents.forEach((parent, row) => {
        for (let head = 0; head < heads; head++) {
          const start = (parent * heads + head) * this.#capacity * width;
          const source = data.subarray(start, start + places * width);
          entry.data.set(source, (row * heads + head) * capacity * width);
        }
      });
    }
    this.#capacity = capacity;
  }
}
