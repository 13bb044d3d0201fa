/**
 * When a sequence is finished: an end token, the longest length, or a stop string, as in
 * transformers. Left out: max_time (its result depends on the machine).
 *
 * @module
 */

/** What ends a sequence. */
export interface StoppingRules {
  /** Any of these ids ends it and stays part of it. */
  readonly eosTokenIds: readonly number[];
  /** Texts that end it as soon as a token completes one; they stay part of it. */
  readonly stopStrings: readonly string[];
  /** Ids to text, for the stop strings. */
  readonly decode: (ids: readonly number[]) => string;
}

/** Why a sequence ended. */
export type FinishReason = "eos" | "length" | "stop_string";

/**
 * Whether a sequence is finished with its newest token.
 *
 * @param ids Prompt and continuation, the newest token last.
 * @param maxLength Most tokens of prompt and continuation together.
 * @returns Why, or undefined where it goes on.
 */
export function finished(
  ids: readonly number[],
  { maxLength, ...rules }: StoppingRules & { readonly maxLength: number },
): FinishReason | undefined {
  if (rules.eosTokenIds.includes(ids.at(-1)!)) return "eos";
  if (rules.stopStrings.length > 0 && completesStopString(ids, rules)) return "stop_string";
  return ids.length >= maxLength ? "length" : undefined;
}

/**
 * A stop string counts only where the newest token is part of it: one in the prompt does not stop
 * what follows. It may begin in the prompt, and end inside the token ("st" + "opera" holds "stop").
 */
function completesStopString(
  ids: readonly number[],
  options: Omit<StoppingRules, "eosTokenIds">,
): boolean {
  const longest = Math.max(...options.stopStrings.map((text) => text.length));
  // A UTF-16 unit is at most three bytes, and a token at least one byte; the rest is room for
  // tokens without text. Decoding all of a long sequence at each step would take quadratic time.
  const tail = ids.slice(-(3 * longest + 16));
  const before = options.decode(tail.slice(0, -1));
  const after = options.decode(tail);
  let same = 0;
  while (same < before.length && before[same] === after[same]) same++;
  return options.stopStrings.some((text) =>
    after.includes(text, Math.max(0, same - text.length + 1))
  );
}
