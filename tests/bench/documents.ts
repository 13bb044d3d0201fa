/**
 * What tokenizers are measured on.
 *
 * @module
 */

/** Characters of a document. */
const LENGTH = 2000;

/** What a measurement says. */
export interface EncodingFigures {
  readonly bytes: number;
  readonly tokens: number;
  /** The best pass over the text, on one thread. */
  readonly mb_per_s: number;
  /** Threads of the next figure. */
  readonly threads: number;
  /** The best pass with a thread a core. */
  readonly all_mb_per_s: number;
  /** The first pass, in which every word is new. */
  readonly first_mb_per_s: number;
  /** One pass with offsets, types and masks. */
  readonly offsets_mb_per_s: number;
  readonly peak_rss_mb: number;
}

/** A text in documents of 2,000 characters. */
export function documentsOf(text: string): string[] {
  const characters = Array.from(text);
  return Array.from(
    { length: Math.ceil(characters.length / LENGTH) },
    (_, i) => characters.slice(i * LENGTH, (i + 1) * LENGTH).join(""),
  );
}
