/**
 * The `normalizer` of a tokenizer.json.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import type { AlignedText } from "../components/aligned_text.ts";
import { parsePattern } from "../components/parse_pattern.ts";
import { Settings } from "../components/settings.ts";
import { BertNormalizer, Lowercase } from "./bert.ts";
import type { Normalizer } from "./normalizer.ts";
import { Precompiled } from "./precompiled.ts";
import { ByteLevelNormalizer, Nmt, Prepend, Replace, Strip } from "./rewriting.ts";
import { CanonicalForm, type Form, StripAccents } from "./unicode.ts";

/** A normalizer, and whether it runs a pattern of which nobody knows how long it takes. */
export interface ParsedNormalizer {
  readonly normalizer: Normalizer;
  readonly isUnbounded: boolean;
  /** Every type in it, for what depends on them. */
  readonly types: readonly string[];
}

/**
 * Reads a normalizer.
 *
 * @param json Its entry.
 * @param place Where that is.
 * @throws {ComponentError} where a type or a setting is not known.
 */
export function parseNormalizer(json: Json, place = "normalizer"): ParsedNormalizer {
  const settings = new Settings(json, place);
  if (settings.type === "Sequence") {
    const parts = settings.list("normalizers").map((part, i) =>
      parseNormalizer(part, `${place}.normalizers[${i}]`)
    );
    settings.end();
    return {
      normalizer: sequence(parts.map(({ normalizer }) => normalizer)),
      isUnbounded: parts.some(({ isUnbounded }) => isUnbounded),
      types: parts.flatMap(({ types }) => types),
    };
  }
  const { normalizer, isUnbounded = false } = single(settings);
  settings.end();
  return { normalizer, isUnbounded, types: [settings.type] };
}

function single(
  settings: Settings,
): { readonly normalizer: Normalizer; readonly isUnbounded?: boolean } {
  switch (settings.type) {
    case "BertNormalizer":
      return { normalizer: new BertNormalizer(settings) };
    case "Lowercase":
      return { normalizer: new Lowercase() };
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD":
      return { normalizer: new CanonicalForm(settings.type satisfies Form) };
    case "StripAccents":
      return { normalizer: new StripAccents() };
    case "Precompiled":
      return { normalizer: new Precompiled(settings) };
    case "Replace": {
      const pattern = parsePattern(settings);
      return { normalizer: new Replace(settings, pattern), isUnbounded: pattern.isUnbounded };
    }
    case "Prepend":
      return { normalizer: new Prepend(settings) };
    case "Strip":
      return { normalizer: new Strip(settings) };
    case "Nmt":
      return { normalizer: new Nmt() };
    case "ByteLevel":
      return { normalizer: new ByteLevelNormalizer() };
    default:
      throw settings.unknown("normalizer");
  }
}

function sequence(parts: readonly Normalizer[]): Normalizer {
  return {
    normalize: (text) => parts.reduce((done, part) => part.normalize(done), text),
    align: (text) => parts.reduce((done: AlignedText, part) => part.align(done), text),
  };
}
