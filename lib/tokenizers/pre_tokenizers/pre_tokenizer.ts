/**
 * What a pre-tokenizer is: it cuts a text into the words that a model looks at one by one.
 *
 * @module
 */
import type { AlignedText } from "../components/aligned_text.ts";

/** Cuts texts. Both methods give the same pieces, none of them empty. */
export interface PreTokenizer {
  /** @param isStart Whether the text begins where all of it does. */
  cut(text: string, isStart: boolean): string[];
  /** As `cut`, and keeps where each character came from. */
  align(text: AlignedText): AlignedText[];
}
