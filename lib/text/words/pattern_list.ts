/**
 * Lists of patterns, such as those that no text may match: JavaScript's regular expressions in Unicode mode.
 *
 * A regular expression may take time exponential in the length of a text, and nothing here can stop it: who
 * takes patterns from a user has them watched (`lib/base/watchdog.ts`).
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import type { Replaced } from "./word_list.ts";

/** What a list of patterns is read with. */
export interface PatternOptions {
  /** Where the patterns stand, for messages: the name of an option. */
  readonly option: string;
  /** Small and capital letters are the same. Default false. */
  readonly ignoreCase?: boolean;
}

/**
 * A list of patterns. `^` and `$` are the ends of a line.
 *
 * @example
 * ```ts
 * import { PatternList } from "./pattern_list.ts";
 * const list = new PatternList(["https?://\\S+", "^Page \\d+$"], { option: "drop_patterns" });
 * if (list.firstIn("So it ends.\nPage 12\n") !== "^Page \\d+$") throw new Error();
 * if (list.replace("see http://x.org now", "").text !== "see  now") throw new Error();
 * ```
 */
export class PatternList {
  readonly #patterns: readonly { source: string; regex: RegExp }[];

  /** @throws {UserError} Where one is no regular expression, or matches nothing at all (`a*`). */
  constructor(patterns: readonly string[], options: PatternOptions) {
    this.#patterns = patterns.map((source) => ({ source, regex: compile(source, options) }));
  }

  /** The first pattern of the list that a text matches; undefined where none does. */
  firstIn(text: string): string | undefined {
    return this.#patterns.find(({ regex }) => {
      regex.lastIndex = 0;
      return regex.test(text);
    })?.source;
  }

  /** How many places of a text match, of all patterns. */
  countIn(text: string): number {
    return this.#patterns.reduce((sum, { regex }) => sum + (text.match(regex)?.length ?? 0), 0);
  }

  /**
   * Puts `by` in place of every match, pattern after pattern: what one puts there the next may match.
   *
   * @param by Taken as it is, `$1` too.
   */
  replace(text: string, by: string): Replaced {
    let count = 0;
    for (const { regex } of this.#patterns) {
      text = text.replace(regex, () => {
        count++;
        return by;
      });
    }
    return { text, count };
  }
}

function compile(source: string, { option, ignoreCase = false }: PatternOptions): RegExp {
  let regex: RegExp;
  try {
    regex = new RegExp(source, ignoreCase ? "gimu" : "gmu");
  } catch (error) {
    throw new UserError({
      what: `${option} is no regular expression: ${(error as Error).message}`,
      remedy: "write a backslash before a character that is to stand for itself, as in \\. or \\(",
      cause: error,
    });
  }
  if (regex.test("")) {
    throw new UserError({
      what: `${option} has the pattern ${source}, which matches the empty text`,
      requirement: "a pattern that matches nothing is in every text",
      remedy: "write + in place of *, or {1,9} in place of {0,9}",
    });
  }
  regex.lastIndex = 0;
  return regex;
}
