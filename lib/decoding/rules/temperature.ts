/**
 * Temperature: how far apart the scores lie before a token is drawn.
 *
 * @module
 */
import type { LogitsProcessor } from "./rule.ts";

/**
 * Divides the scores: below 1 the likely tokens gain, above 1 the unlikely ones.
 *
 * @param value Above 0.
 */
export function temperature(value: number): LogitsProcessor {
  const divisor = Math.fround(value);
  return (scores) => {
    for (let i = 0; i < scores.length; i++) scores[i] = scores[i]! / divisor;
  };
}
