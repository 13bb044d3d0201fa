/**
 * When two texts count as the same.
 *
 * `exact` compares every character. `normalized` also finds copies that differ in case, white space
 * or Unicode form. Left out: near duplicates (a changed word makes another text).
 *
 * @module
 */
import { normalizeWhitespace } from "./clean.ts";

/** How texts are compared. */
export type DedupeMode = "exact" | "normalized";

/** Equal for texts that count as the same. */
export function textKey(text: string, mode: DedupeMode): string {
  return mode === "exact" ? text : normalizeWhitespace(text.normalize("NFKC").toLowerCase());
}

/**
 * Remembers texts.
 *
 * @example
 * ```ts
 * import { SeenTexts } from "./dedupe.ts";
 * const seen = new SeenTexts("normalized");
 * if (seen.add("Call me  Ishmael.") || !seen.add("call me ishmael.")) throw new Error();
 * ```
 */
export class SeenTexts {
  readonly #mode: DedupeMode;
  readonly #keys = new Set<string>();

  constructor(mode: DedupeMode) {
    this.#mode = mode;
  }

  /** Adds a text. @returns Whether it, or one that counts as the same, was there before. */
  add(text: string): boolean {
    const key = textKey(text, this.#mode);
    const known = this.#keys.has(key);
    if (!known) this.#keys.add(key);
    return known;
  }
}
