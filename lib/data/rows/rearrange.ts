/**
 * Rows in another order, whatever their size: they are dealt into stretches of the new order, each small
 * enough for the memory, and each is then put in order by itself.
 *
 * @module
 */
import { BATCH, type Batch } from "../formats/batch.ts";
import type { Cell } from "../formats/columns.ts";
import { Spill } from "./spill.ts";

/** The place of a row that is left out. */
export const NOWHERE = 0xffffffff;

/** Characters of a stretch, about; and those that wait for the disk of all stretches together. */
const STRETCH = 1 << 25;
const WAITING = 1 << 24;

/** Where rows go. */
export interface Arrangement {
  /** For each row, in the order in which they come, its place from 0; {@linkcode NOWHERE} leaves it out. */
  readonly places: Uint32Array;
  /** Rows that have a place: each from 0 to this is one row's. */
  readonly count: number;
  /** A folder for files that are gone at the end. */
  readonly folder: string;
  /** Rows at which a batch has to end, ascending. */
  readonly ends?: readonly number[];
  /** Characters that fit in memory; a default that suits a gigabyte. */
  readonly stretch?: number;
}

/** A column for the places, which no data has. */
const PLACE = "";

/** The rows in their new order. */
export async function* rearranged(
  batches: AsyncIterable<Batch> | Iterable<Batch>,
  { places, count, folder, ends = [], stretch = STRETCH }: Arrangement,
): AsyncGenerator<Batch> {
  const first = new Spill(`${folder}/.rows`, { most: Infinity });
  let stretches: Spill[] | undefined;
  let rowsOfStretch = count;
  let at = 0;
  using stack = new DisposableStack();
  stack.use(first);
  for await (const batch of batches) {
    const own = places.subarray(at, at + batch.length);
    at += batch.length;
    const placed = { length: batch.length, columns: new Map(batch.columns).set(PLACE, [...own]) };
    if (stretches !== undefined) {
      deal(placed, { stretches, rowsOfStretch });
      continue;
    }
    first.write(placed);
    if (first.characters <= stretch) continue;
    // So many characters had so many rows: the others will be like them.
    rowsOfStretch = Math.max(1, Math.floor(first.rows * stretch / first.characters));
    const number = Math.ceil(count / rowsOfStretch);
    stretches = Array.from({ length: number }, (_, i) => {
      return stack.use(new Spill(`${folder}/.rows-${i}`, { most: WAITING / number }));
    });
    for (const held of first.batches()) deal(held, { stretches, rowsOfStretch });
    first[Symbol.dispose]();
  }
  for (const [i, spill] of (stretches ?? [first]).entries()) {
    const from = i * rowsOfStretch;
    yield* inOrder(spill, { from, to: Math.min(count, from + rowsOfStretch), ends });
    spill[Symbol.dispose]();
  }
}

/** Puts the rows of a batch into the stretches that their places lie in. */
function deal(
  { length, columns }: Batch,
  { stretches, rowsOfStretch }: {
    readonly stretches: readonly Spill[];
    readonly rowsOfStretch: number;
  },
): void {
  const places = columns.get(PLACE) as readonly number[];
  const rows = new Map<number, number[]>();
  for (let i = 0; i < length; i++) {
    if (places[i] === NOWHERE) continue;
    const stretch = Math.floor(places[i]! / rowsOfStretch);
    const own = rows.get(stretch);
    if (own === undefined) rows.set(stretch, [i]);
    else own.push(i);
  }
  for (const [stretch, own] of rows) {
    stretches[stretch]!.write({
      length: own.length,
      columns: new Map([...columns].map(([name, cells]) => [name, own.map((i) => cells[i]!)])),
    });
  }
}

/** The rows of one stretch in order. */
function* inOrder(
  spill: Spill,
  { from, to, ends }: {
    readonly from: number;
    readonly to: number;
    readonly ends: readonly number[];
  },
): Generator<Batch> {
  const columns = new Map<string, Cell[]>();
  for (const batch of spill.batches()) {
    const places = batch.columns.get(PLACE) as readonly number[];
    for (const [name, cells] of batch.columns) {
      if (name === PLACE) continue;
      let ordered = columns.get(name);
      if (ordered === undefined) columns.set(name, ordered = new Array<Cell>(to - from));
      for (let i = 0; i < batch.length; i++) {
        if (places[i] !== NOWHERE) ordered[places[i]! - from] = cells[i]!;
      }
    }
  }
  for (let start = from; start < to;) {
    const end = Math.min(start + BATCH.rows, to, ends.find((each) => each > start) ?? Infinity);
    yield {
      length: end - start,
      columns: new Map(
        [...columns].map(([name, cells]) => [name, cells.slice(start - from, end - from)]),
      ),
    };
    start = end;
  }
}
