/**
 * Packing by best-fit decreasing: the longest piece first, each into the block with the least room that does.
 *
 * Source: the strategies `bfd` and `bfd_split` of trl. Pieces are looked at a window at a time, so that
 * datasets of any size are packed; blocks come in the order of their first pieces, which keep their order
 * within.
 *
 * @module
 */

/** Something to pack. */
export interface Piece {
  readonly ids: Int32Array;
  /** For each id whether it is learned; undefined where all are. */
  readonly learned?: Uint8Array | undefined;
  /** Whether what would follow it in a block needs an end token before it. */
  readonly isOpen: boolean;
  /** Whether such an end token is learned. */
  readonly isEndLearned: boolean;
}

/** How pieces are packed. */
export interface BestFitOptions {
  /** Tokens of a block, of which no piece has more. */
  readonly size: number;
  /** Takes a block: pieces that fit into it with the end tokens between them. */
  readonly emit: (pieces: readonly Piece[]) => void;
  /** Tokens that are looked at together; default 4 million, or some blocks. */
  readonly window?: number;
}

const WINDOW = 1 << 22;

/** Packs pieces, one call each, then `finish`. */
export class BestFitPacker {
  readonly #options: BestFitOptions;
  readonly #window: number;
  #pieces: Piece[] = [];
  #tokens = 0;

  constructor(options: BestFitOptions) {
    this.#options = options;
    this.#window = options.window ?? Math.max(WINDOW, 16 * options.size);
  }

  add(piece: Piece): void {
    this.#pieces.push(piece);
    this.#tokens += piece.ids.length;
    if (this.#tokens >= this.#window) this.finish();
  }

  /** Packs what is left. */
  finish(): void {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#tokens = 0;
    // Behind the last piece of a block no end token is needed: where every piece is to be followed by
    // one, each block has room for one more.
    const size = this.#options.size + (pieces.every(({ isOpen }) => isOpen) ? 1 : 0);
    const lengths = pieces.map(({ ids, isOpen }) => Math.min(size, ids.length + (isOpen ? 1 : 0)));
    for (const block of bestFit(lengths, size)) {
      this.#options.emit(block.map((index) => pieces[index]!));
    }
  }
}

/**
 * Packs lengths into blocks.
 *
 * @param lengths None more than `size`.
 * @returns Indices by block, in ascending order.
 *
 * @example
 * ```ts
 * import { bestFit } from "./best_fit.ts";
 * const blocks = bestFit([3, 6, 4, 2, 5], 10);
 * if (JSON.stringify(blocks) !== "[[0,3,4],[1,2]]") throw new Error(JSON.stringify(blocks));
 * ```
 */
export function bestFit(lengths: readonly number[], size: number): number[][] {
  const order = [...lengths.keys()].sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  const blocks: number[][] = [];
  const rooms = new Rooms(size);
  for (const index of order) {
    const length = lengths[index]!;
    const room = rooms.leastFrom(length);
    const block = room === undefined ? blocks.push([]) - 1 : rooms.take(room);
    blocks[block]!.push(index);
    rooms.put((room ?? size) - length, block);
  }
  return blocks.map((block) => block.sort((a, b) => a - b)).sort(([a], [b]) => a! - b!);
}

/** Blocks by the room that they have left, and a tree over the rooms that finds the next one that there is. */
class Rooms {
  readonly #blocks = new Map<number, number[]>();
  /** A power of two, at least all rooms. */
  readonly #width: number;
  /** Node 1 is the root; node `width + room` says how many blocks have that room. */
  readonly #counts: Int32Array;

  constructor(size: number) {
    this.#width = 2 ** Math.ceil(Math.log2(size + 1));
    this.#counts = new Int32Array(2 * this.#width);
  }

  put(room: number, block: number): void {
    const blocks = this.#blocks.get(room);
    if (blocks === undefined) this.#blocks.set(room, [block]);
    else blocks.push(block);
    this.#change(room, 1);
  }

  /** A block with this room, which has none any more. */
  take(room: number): number {
    this.#change(room, -1);
    return this.#blocks.get(room)!.pop()!;
  }

  /** The least room that any block has and that is not less; undefined where there is none. */
  leastFrom(room: number): number | undefined {
    let node = this.#width + room;
    if (this.#counts[node] === 0) {
      // Up until there is something to the right, then down to the leftmost of it.
      while (node > 1 && (node % 2 === 1 || this.#counts[node + 1] === 0)) node >>= 1;
      if (node <= 1) return undefined;
      node++;
      while (node < this.#width) node = this.#counts[2 * node] === 0 ? 2 * node + 1 : 2 * node;
    }
    return node - this.#width;
  }

  #change(room: number, by: number): void {
    for (let node = this.#width + room; node > 0; node >>= 1) this.#counts[node]! += by;
  }
}
