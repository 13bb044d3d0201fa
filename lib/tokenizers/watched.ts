/**
 * An end for tokenizers that have none: a `tokenizer.json` from elsewhere may hold a pattern that takes
 * time exponential in the length of a text, or tokens so long that a long word takes their length for each of
 * its characters.
 *
 * @module
 */
import { startWatch } from "../base/watchdog.ts";
import type { UserErrorParts } from "../base/errors.ts";
import type { Tokenizer } from "./load.ts";

/** Milliseconds that a text may take, however short, and characters in a millisecond more: the slowest do a hundred. */
const DEADLINE = 20_000;
const CHARACTERS_A_MS = 10;

/** What is watched, and how long. */
export interface WatchedTokenizerOptions {
  /** The file or folder that it came from, for the message. */
  readonly name: string;
  /** Milliseconds for a text, beside its length. */
  readonly deadline?: number;
}

/** What is said where a text takes without end. */
export function endlessText(name: string): UserErrorParts {
  return {
    what: `the tokenizer of ${name} comes to no end with a text`,
    requirement: "its tokenizer.json has a pattern or tokens that may take time without bound",
    remedy: "use another tokenizer, or leave out or shorten the rows with the longest words",
  };
}

/**
 * The same tokenizer, which ends the process of a stage in words where a text takes without end.
 *
 * @returns It, until it is disposed of.
 *
 * @example
 * ```ts ignore
 * using tokenizer = await watchedTokenizer(await loadTokenizer(dir), { name: dir });
 * ```
 */
export async function watchedTokenizer(
  tokenizer: Tokenizer,
  { name, deadline = DEADLINE }: WatchedTokenizerOptions,
): Promise<Tokenizer & Disposable> {
  const watch = await startWatch({
    deadline,
    parts: endlessText(name),
  });
  return {
    ...tokenizer,
    encode: (text, options) =>
      watch.during(() => tokenizer.encode(text, options), text.length / CHARACTERS_A_MS),
    encodeWithOffsets: (text, options) =>
      watch.during(
        () => tokenizer.encodeWithOffsets(text, options),
        (typeof text === "string" ? text : text.join("")).length / CHARACTERS_A_MS,
      ),
    decode: (ids, options) =>
      watch.during(() => tokenizer.decode(ids, options), ids.length / CHARACTERS_A_MS),
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}
