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

/** A normalizer, and what it is made of. */
export interface ParsedNormalizer {
  readonly normalizer: Normalizer;
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
      types: parts.flatMap(({ types }) => types),
    };
  }
  const normalizer = single(settings);
  settings.end();
  return { normalizer, types: [settings.type] };
}

function single(settings: Settings): Normalizer {
  switch (settings.type) {
    case "BertNormalizer":
      return new BertNormalizer(settings);
    case "Lowercase":
      return new Lowercase();
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD":
      return new CanonicalForm(settings.type satisfies Form);
    case "StripAccents":
      return new StripAccents();
    case "Precompiled":
      return new Precompiled(settings);
    case "Replace":
      return new Replace(settings, parsePattern(settings));
    case "Prepend":
      return new Prepend(settings);
    case "Strip":
      return new Strip(settings);
    case "Nmt":
      return new Nmt();
    case "ByteLevel":
      return new ByteLevelNormalizer();
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
