/**
 * What counts as nearly the same text, in `filter` and `split`.
 *
 * @module
 */
import { z } from "temper";

/** Options of {@linkcode NearDuplicates} by their names in a pipeline. */
export const nearDuplicateOptions = z.strictObject({
  threshold: z.number().gt(0).max(1).default(0.8)
    .describe("texts at least so similar are one: the Jaccard similarity of their shingles"),
  ngram: z.int().min(1).max(64).default(5).describe("words of a shingle"),
  permutations: z.int().min(16).max(1024).default(128).describe("hashes of a text (MinHash)"),
});
