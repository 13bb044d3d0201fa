/**
 * How long a sequence may become.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import type { GenerationSettings } from "./settings.ts";

/** Tokens of the continuation where neither the caller nor the model says how many, as in transformers. */
const DEFAULT_NEW_TOKENS = 20;

/**
 * The most tokens that a sequence may have, prompt included.
 *
 * @param settings The decided settings.
 * @param options `promptLength`: tokens of the prompt; `contextLength`: the model's window. Every
 *   token but the last one generated must fit into it.
 * @throws {UserError} where the prompt leaves no room, or more is asked for than the window holds.
 */
export function longestSequence(
  settings: GenerationSettings,
  options: { readonly promptLength: number; readonly contextLength: number },
): number {
  const { promptLength, contextLength } = options;
  const room = contextLength + 1;
  if (promptLength > contextLength) {
    throw new UserError({
      what: `a prompt of ${promptLength} tokens does not fit into the model's window of ` +
        `${contextLength}`,
      remedy: "shorten the prompt",
    });
  }
  if (settings.max_length === null && settings.max_new_tokens === null) {
    // Nobody asked for a length, so the window may cut it.
    return Math.max(promptLength + 1, Math.min(promptLength + DEFAULT_NEW_TOKENS, contextLength));
  }
  const longest = settings.max_length ?? promptLength + settings.max_new_tokens!;
  const asked = settings.max_length === null
    ? `max_new_tokens ${settings.max_new_tokens} after a prompt of ${promptLength} tokens`
    : `max_length ${longest}`;
  if (longest > room) {
    throw new UserError({
      what: `${asked} is more than the model's window of ${contextLength} tokens holds`,
      requirement: `at most ${room - promptLength} new tokens here`,
    });
  }
  if (longest <= promptLength) {
    throw new UserError({
      what: `${asked} leaves no room after a prompt of ${promptLength} tokens`,
      remedy: "raise max_length, or set max_new_tokens instead",
    });
  }
  const least = Math.max(settings.min_length, promptLength + settings.min_new_tokens);
  if (least > longest) {
    throw new UserError({
      what: `min_length or min_new_tokens asks for ${least} tokens, ${asked} allows ${longest}`,
    });
  }
  return longest;
}
