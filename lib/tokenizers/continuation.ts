/**
 * The text that a model wrote after a prompt.
 *
 * @module
 */
import type { DecodeOptions, Tokenizer } from "./load.ts";

/**
 * The text of a continuation: that of all ids, less that of the prompt's. Decoded alone it would begin as
 * a text of its own: a WordPiece would keep its `##`, a word of SentencePiece would lose its space, and
 * half a character would be none.
 *
 * @param ids Prompt and continuation.
 * @param options `promptLength` in tokens; the others are those of `decode`.
 */
export function continuationText(
  tokenizer: Pick<Tokenizer, "decode">,
  ids: ArrayLike<number>,
  { promptLength, ...options }: DecodeOptions & { readonly promptLength: number },
): string {
  const all = Array.from(ids);
  const whole = tokenizer.decode(all, options);
  const prompt = tokenizer.decode(all.slice(0, promptLength), options);
  // What the prompt ends with may look otherwise with more behind it: half a character, a cleaned up space.
  let same = 0;
  while (same < prompt.length && prompt[same] === whole[same]) same++;
  return whole.slice(same);
}
