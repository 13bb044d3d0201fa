/**
 * How fast a stage is and how long it still takes, from what it told of its progress. Pure.
 *
 * The rate is that of the last seconds. The time left follows slowly: it is the end that several seconds
 * of work agree on, so that one slow file or a burst of rows makes nobody wait for another hour.
 *
 * @module
 */
import type { Measure } from "../../pipeline/run/events.ts";

/** Over how long a rate is measured, in milliseconds: long enough to be calm, short enough to follow a change. */
const RATE_WINDOW = 15_000;

/** A rate is measured over at least so long, in milliseconds. */
const SHORTEST = 200;

/** Nothing is said of the end before so much time, in milliseconds, of work. */
const MEANINGFUL = 3_000;

/** How fast the expected end follows what is measured, in milliseconds: after so long two thirds of the way. */
const CALM = 10_000;

/** Where nothing is told for longer, in milliseconds, the time left goes on by the clock. */
const QUIET = 2_000;

/** What was told at a time. */
interface Sample {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly done: number;
  /** Of the second measure. */
  readonly also: number | undefined;
}

/** Units in a second. */
export interface Rates {
  readonly main: number | undefined;
  /** Of the second measure. */
  readonly also: number | undefined;
}

/** Progress of one kind of work. */
export class Pace {
  /** The last seconds, oldest first. */
  readonly #samples: Sample[] = [];
  readonly #unit: string;
  readonly #total: number;
  /** When it was first told of. */
  #began = 0;
  /** When it is expected to end, milliseconds since the epoch. */
  #end: number | undefined;

  constructor({ unit, total }: { readonly unit: string; readonly total: number }) {
    this.#unit = unit;
    this.#total = total;
  }

  /** Whether further progress is of the same work: of another unit or total, or less than before, it is not. */
  isOf({ unit, total, done }: { unit: string; total: number; done: number }): boolean {
    const last = this.#samples.at(-1);
    return unit === this.#unit && total === this.#total &&
      (last === undefined || done >= last.done);
  }

  /** Takes what was told. */
  add(time: number, { done, also }: { readonly done: number; readonly also?: Measure }): void {
    const last = this.#samples.at(-1);
    if (last === undefined) this.#began = time;
    this.#samples.push({ time, done, also: also?.done });
    while (this.#samples.length > 2 && time - this.#samples[0]!.time > RATE_WINDOW) {
      this.#samples.shift();
    }
    const rate = this.rates.main;
    if (this.#total <= 0 || rate === undefined || time - this.#began < MEANINGFUL) return;
    const end = time + 1000 * (this.#total - done) / rate;
    const weight = this.#end === undefined ? 1 : 1 - Math.exp(-(time - last!.time) / CALM);
    this.#end = (this.#end ?? end) + weight * (end - (this.#end ?? end));
  }

  /** What it was in the last seconds; undefined before there is anything to measure. */
  get rates(): Rates {
    return { main: this.#rateOf(({ done }) => done), also: this.#rateOf(({ also }) => also) };
  }

  /**
   * Milliseconds until it is expected to end; undefined before that means anything.
   *
   * @param now Milliseconds since the epoch.
   */
  left(now: number): number | undefined {
    const last = this.#samples.at(-1);
    if (this.#end === undefined || last === undefined || last.done >= this.#total) return undefined;
    return Math.max(1000, this.#end - Math.max(last.time, now - QUIET));
  }

  #rateOf(of: (sample: Sample) => number | undefined): number | undefined {
    const own = this.#samples.filter((sample) => of(sample) !== undefined);
    const [first, last] = [own[0], own.at(-1)];
    if (first === undefined || last === undefined || last.time - first.time < SHORTEST) {
      return undefined;
    }
    const rate = (of(last)! - of(first)!) / ((last.time - first.time) / 1000);
    return rate > 0 ? rate : undefined;
  }
}
