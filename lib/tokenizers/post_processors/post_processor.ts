/**
 * What a post-processor is: it puts special tokens around texts, gives types and trims offsets.
 *
 * @module
 */
import type { Draft } from "../encodings/draft.ts";

/** Works on a text or a pair of them. */
export interface PostProcessor {
  /** How many tokens `process` adds. */
  added(isPair: boolean): number;
  /** The parts of the encoding in order; the drafts given may be changed. */
  process(drafts: readonly Draft[], addSpecialTokens: boolean): Draft[];
}
