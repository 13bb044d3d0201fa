/**
 * Which tokens of a text are learned, where parts of the text are marked.
 *
 * @module
 */
import { widthAt } from "../components/aligned_text.ts";
import type { Encoding } from "../encodings/encoding.ts";

/**
 * Finds the tokens that touch a marked character, as transformers' `return_assistant_tokens_mask` does.
 *
 * @param encoding Of the text.
 * @param options `marks`: where marked parts begin and end, in turn, in UTF-16 units of `text`.
 * @returns 1 for a token that is learned, 0 for another.
 *
 * @example
 * ```ts
 * import { learnedTokens } from "./learned_tokens.ts";
 * // Two tokens, of the characters 0 to 3 and 3 to 6.
 * const offsets = Int32Array.of(0, 3, 3, 6);
 * const learned = learnedTokens({ offsets }, { text: "ab cde", marks: [4, 6] });
 * if (learned.join() !== "0,1") throw new Error(learned.join());
 * ```
 */
export function learnedTokens(
  { offsets }: Pick<Encoding, "offsets">,
  { text, marks }: { readonly text: string; readonly marks: readonly number[] },
): Uint8Array<ArrayBuffer> {
  const learned = new Uint8Array(offsets.length / 2);
  const before = markedBefore(text, marks);
  for (let i = 0; i < learned.length; i++) {
    const [from, to] = [offsets[2 * i]!, offsets[2 * i + 1]!];
    // A token of no character is learned where what stands on both sides of it is.
    const isLearned = from === to
      ? from > 0 && before[from + 1]! - before[from - 1]! === 2
      : before[to]! > before[from]!;
    if (isLearned) learned[i] = 1;
  }
  return learned;
}

/** How many marked characters (code points) stand before each. */
function markedBefore(text: string, marks: readonly number[]): Int32Array {
  const before = new Int32Array(text.length + 1);
  let [count, mark] = [0, 0];
  for (let at = 0; at < text.length; count++) {
    while (mark < marks.length && at >= marks[mark + 1]!) mark += 2;
    const isMarked = mark < marks.length && at >= marks[mark]!;
    before[count + 1] = before[count]! + (isMarked ? 1 : 0);
    at += widthAt(text, at);
  }
  return before.subarray(0, count + 1);
}
