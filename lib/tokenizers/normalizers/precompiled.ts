/**
 * SentencePiece's normalizer (T5, XLNet, mBART): what its table replaces, grapheme by grapheme.
 *
 * Source: `Precompiled` of Hugging Face tokenizers.
 *
 * @module
 */
import { type AlignedText, Rewriter } from "../components/aligned_text.ts";
import type { Settings } from "../components/settings.ts";
import type { Normalizer } from "./normalizer.ts";
import { PrecompiledCharsMap } from "./precompiled_map.ts";

/** The normalizer; without a table it changes nothing. */
export class Precompiled implements Normalizer {
  readonly #map: PrecompiledCharsMap | undefined;

  constructor(settings: Settings) {
    const table = settings.optionalText("precompiled_charsmap") ?? "";
    try {
      this.#map = table === "" ? undefined : new PrecompiledCharsMap(table);
    } catch (error) {
      throw settings.wrong(`has a table that cannot be read: ${(error as Error).message}`);
    }
  }

  normalize(text: string): string {
    return this.#map?.normalize(text) ?? text;
  }

  align(text: AlignedText): AlignedText {
    const steps: { char: string; change: number }[] = [];
    let isChanged = false;
    for (const { from, to } of this.#map?.replacements(text.text) ?? []) {
      if (to === undefined) {
        for (const char of from) steps.push({ char, change: 0 });
        continue;
      }
      isChanged = true;
      const made = Array.from(to, (char) => ({ char, change: 0 }));
      const more = made.length - Array.from(from).length;
      // The last ones are those that are inserted, or the last one takes along what goes.
      for (let i = 0; i < more; i++) made[made.length - 1 - i]!.change = 1;
      steps.push(...made);
      const last = steps.at(-1);
      if (more < 0 && last !== undefined) last.change += more;
    }
    if (!isChanged) return text;
    const rewriter = new Rewriter(text);
    for (const { char, change } of steps) rewriter.push(char, change);
    return rewriter.finish();
  }
}
