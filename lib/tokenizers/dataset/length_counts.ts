/**
 * How long texts are: how many of each length there are, and what that comes to.
 *
 * @module
 */

import type { LengthBin, TextLengths } from "../../data/tokens/text_lengths.ts";

/** Bins of a histogram, at most. */
const BINS = 19;

/** Counts lengths. Takes memory for each length that occurs, of which there are few. */
export class LengthCounts {
  readonly #counts = new Map<number, number>();

  add(length: number): void {
    this.#counts.set(length, (this.#counts.get(length) ?? 0) + 1);
  }

  /** What the lengths come to; undefined where there are none. */
  summary(): TextLengths | undefined {
    const sorted = [...this.#counts].sort(([a], [b]) => a - b);
    const [first, last] = [sorted[0], sorted.at(-1)];
    if (first === undefined || last === undefined) return undefined;
    let [texts, tokens] = [0, 0];
    for (const [length, count] of sorted) {
      texts += count;
      tokens += length * count;
    }
    // The least length that so many texts don't exceed: one that occurs.
    const quantile = (share: number): number => {
      let seen = 0;
      for (const [length, count] of sorted) {
        seen += count;
        if (seen >= share * texts) return length;
      }
      return last[0];
    };
    const p99 = quantile(0.99);
    return {
      min: first[0],
      median: quantile(0.5),
      mean: Math.round(100 * tokens / texts) / 100,
      p90: quantile(0.9),
      p99,
      max: last[0],
      histogram: histogram(sorted, { from: first[0], to: p99 + 1, end: last[0] + 1 }),
    };
  }
}

/**
 * Counts by bins whose width is 1, 2 or 5 times a power of ten, from `from` to `to` and a bit beyond; the
 * last holds all that is longer, so that one long text does not make a single bar of all others.
 */
function histogram(
  sorted: readonly (readonly [length: number, count: number])[],
  { from, to, end }: { readonly from: number; readonly to: number; readonly end: number },
): LengthBin[] {
  const width = roundWidth((to - from) / BINS);
  const start = Math.floor(from / width) * width;
  const bins = Array.from(
    { length: Math.ceil((to - start) / width) },
    (_, i) => ({ from: start + i * width, to: start + (i + 1) * width, count: 0 }),
  );
  const reached = bins.at(-1)!.to;
  if (end > reached) bins.push({ from: reached, to: end, count: 0 });
  for (const [length, count] of sorted) {
    bins[Math.min(bins.length - 1, Math.floor((length - start) / width))]!.count += count;
  }
  return bins;
}

function roundWidth(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((width) => width >= least)!;
}
