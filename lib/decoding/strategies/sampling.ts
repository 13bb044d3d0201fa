/**
 * Sampling: each token is drawn from the distribution that the rules leave.
 *
 * @module
 */
import { sampleToken } from "./choose.ts";
import { uniform } from "./draws.ts";
import { type Rules, SingleRow, type Strategy } from "./strategy.ts";

/**
 * Several sequences a prompt, each drawn by itself.
 *
 * @param options `seed` decides every draw together with the prompt's index, the number of the sequence and the
 * position; `sequences` a prompt.
 */
export function sampling(
  rules: Rules,
  { seed, sequences }: { readonly seed: number; readonly sequences: number },
): Strategy {
  return {
    width: 1,
    searches: (prompt) =>
      Array.from({ length: sequences }, (_, sequence) =>
        new SingleRow(prompt, {
          rules,
          sequence,
          choose: (scores, position) =>
            sampleToken(scores, uniform(seed, { prompt: prompt.index, sequence, position })),
        })),
  };
}
