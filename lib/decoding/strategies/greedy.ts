/**
 * Greedy search: always the likeliest token.
 *
 * @module
 */
import { argmax } from "./choose.ts";
import { type Rules, SingleRow, type Strategy } from "./strategy.ts";

/** One sequence a prompt. */
export function greedy(rules: Rules): Strategy {
  return {
    width: 1,
    searches: (prompt) => [new SingleRow(prompt, { rules, sequence: 0, choose: argmax })],
  };
}
