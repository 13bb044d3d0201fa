/**
 * When two texts count as the same.
 *
 * `exact` compares every character. `normalized` also finds copies that differ in case, white space or Unicode
 * form. Left out: near duplicates, where a changed word makes another text: they are in `duplicates/`.
 *
 * @module
 */
import { normalizeWhitespace } from "./clean.ts";
import { SeenHashes } from "./duplicates/seen_hashes.ts";
import { hashText } from "./duplicates/text_hash.ts";

/** How texts are compared. */
export type DedupeMode = "exact" | "normalized";

/** Equal for texts that count as the same. */
export function textKey(text: string, mode: DedupeMode): string {
  return mode === "exact" ? text : normalizeWhitespace(text.normalize("NFKC").toLowerCase());
}

/**
 * Remembers texts by their hashes of 64 bits, in 11 to 16 bytes each, however long they are.
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
  readonly #seen = new SeenHashes();
  readonly #hash = new Uint32Array(4);

  constructor(mode: DedupeMode) {
    this.#mode = mode;
  }

  /** Adds a text. @returns Whether it, or one that counts as the same, was there before. */
  add(text: string): boolean {
    hashText(this.#hash, textKey(text, this.#mode));
    return this.#seen.add(this.#hash);
  }
}
