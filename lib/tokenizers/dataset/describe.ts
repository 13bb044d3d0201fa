/**
 * Sentences about a dataset that was tokenized, for the summary of a run.
 *
 * @module
 */
import type { TextLengths } from "../../data/tokens/text_lengths.ts";
import type { EncodedSplit } from "./encode_rows.ts";

/** What became of the splits. */
export interface Described {
  readonly splits: Readonly<Record<string, EncodedSplit>>;
  /** Most tokens of a row. */
  readonly maxLength: number | undefined;
}

/** One sentence on rows and tokens of every split, then one a split on how long its texts are. */
export function describeTokens(
  { splits, maxLength }: Described,
): { readonly rows: string; readonly lengths: readonly string[] } {
  const named = Object.entries(splits);
  const rows = named.map(([name, split]) => `${name} ${describeRows(split, maxLength)}`).join("; ");
  const lengths = named.flatMap(([name, { lengths, texts }]) =>
    lengths === undefined ? [] : [`${name}: ${describeLengths(lengths, texts)}`]
  );
  return { rows, lengths };
}

const number = (value: number): string => value.toLocaleString("en-US");

function describeRows(
  { rows: split, texts, dropped, truncated, learned, unlearned = 0 }: EncodedSplit,
  maxLength: number | undefined,
): string {
  const tokens = "stored" in split ? split.stored.length : split.columns.input_ids.data.length;
  const notes = [`${number(tokens)} tokens`];
  if (learned !== undefined) notes.push(`${number(learned)} of them learned`);
  if (unlearned > 0) notes.push(`${number(unlearned)} texts with nothing to learn`);
  if (truncated > 0) {
    notes.push(
      `${(100 * truncated / texts).toFixed(1)} % of texts longer than ${maxLength} tokens`,
    );
  }
  if (dropped > 0) notes.push(`${number(dropped)} empty dropped`);
  return `${number(split.rows)} rows, ${notes.join(", ")}`;
}

/** "2,000 texts of 3 to 1,024 tokens, median 310, mean 345.2, p90 800, p99 1,000 ▁▃█▆▂▁". */
function describeLengths(lengths: TextLengths, texts: number): string {
  const { min, median, mean, p90, p99, max, histogram } = lengths;
  const many = texts === 1 ? "1 text" : `${number(texts)} texts`;
  if (min === max) return `${many} of ${number(min)} ${min === 1 ? "token" : "tokens"}`;
  const figures = [`median ${number(median)}`, `mean ${number(mean)}`, `p90 ${number(p90)}`];
  return `${many} of ${number(min)} to ${number(max)} tokens, ${figures.join(", ")}, ` +
    `p99 ${number(p99)} ${bars(histogram.map(({ count }) => count))}`;
}

const BARS = "▁▂▃▄▅▆▇█";

/** A bar a bin, the highest full; a point for a bin without texts. */
function bars(counts: readonly number[]): string {
  const most = Math.max(...counts);
  return counts.map((count) => count === 0 ? "·" : BARS[Math.ceil(BARS.length * count / most) - 1])
    .join("");
}
