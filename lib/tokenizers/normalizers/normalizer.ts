/**
 * What a normalizer is: text to text, once for ids alone and once with where each character came from.
 *
 * @module
 */
import type { AlignedText } from "../components/aligned_text.ts";

/** Changes a text before it is cut. Both methods give the same text. */
export interface Normalizer {
  normalize(text: string): string;
  /** As `normalize`, and keeps where each character came from. */
  align(text: AlignedText): AlignedText;
}
