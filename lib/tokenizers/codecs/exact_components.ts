/**
 * Parts of `@huggingface/tokenizers` 0.2.0 that give other results than Hugging Face tokenizers, and
 * what stands in for them: `BertNormalizer`, `Precompiled`, `Strip` (whose
 * white space is JavaScript's, with U+FEFF and without U+0085); pre-tokenizers are in
 * `exact_pre_tokenizers.ts`.
 *
 * Left as they are: characters that Unicode made after version 8 (the reference's tables of marks and
 * punctuation for BERT are that old).
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import { type Model, Normalizer, SequenceNormalizer } from "@huggingface/tokenizers";
import { bertNormalize, type BertNormalizerConfig } from "./bert_normalizer.ts";
import { PrecompiledCharsMap } from "./precompiled_normalizer.ts";

/**
 * A normalizer of the package, or ours in its place.
 *
 * @param normalizer As the package made it.
 * @param config Its entry in tokenizer.json.
 */
export function exactNormalizer(
  normalizer: Normalizer | null,
  config: Json | undefined,
): Normalizer | null {
  if (normalizer === null || !isJsonObject(config)) return normalizer;
  if (config.type === "BertNormalizer") return new ExactBertNormalizer(config);
  if (config.type === "Precompiled") return new ExactPrecompiled(config);
  if (config.type === "Strip") return new ExactStrip(config);
  if (normalizer instanceof SequenceNormalizer && Array.isArray(config.normalizers)) {
    const parts = config.normalizers;
    normalizer.normalizers = normalizer.normalizers.map((part, i) =>
      exactNormalizer(part, parts[i])
    );
  }
  return normalizer;
}

/**
 * Makes a model remember the words it has seen: WordPiece and Unigram look at each word alone, and
 * text repeats its words.
 */
export function rememberWords(model: Model): void {
  const encode = model.encode.bind(model);
  const known = new Map<string, readonly string[]>();
  model.encode = (words): string[] =>
    words.flatMap((word) => {
      let tokens = known.get(word);
      if (tokens === undefined) {
        tokens = encode([word]);
        if (known.size >= CACHE_WORDS) known.clear();
        // Without a pre-tokenizer that splits, a word is a whole text.
        if (word.length <= CACHE_WORD_LENGTH) known.set(word, tokens);
      }
      return tokens;
    });
}

/** Distinct words remembered before starting over. */
const CACHE_WORDS = 1 << 16;
const CACHE_WORD_LENGTH = 256;

class ExactBertNormalizer extends Normalizer {
  readonly #config: BertNormalizerConfig;

  constructor(config: JsonObject) {
    super({ type: "BertNormalizer" });
    this.#config = {
      cleanText: config.clean_text !== false,
      handleChineseChars: config.handle_chinese_chars !== false,
      stripAccents: typeof config.strip_accents === "boolean" ? config.strip_accents : null,
      lowercase: config.lowercase !== false,
    };
  }

  override normalize(text: string): string {
    return bertNormalize(text, this.#config);
  }
}

class ExactPrecompiled extends Normalizer {
  readonly #map: PrecompiledCharsMap | undefined;

  constructor(config: JsonObject) {
    const { precompiled_charsmap: map } = config;
    super({ type: "Precompiled", precompiled_charsmap: typeof map === "string" ? map : "" });
    this.#map = typeof map === "string" && map !== "" ? new PrecompiledCharsMap(map) : undefined;
  }

  override normalize(text: string): string {
    return this.#map?.normalize(text) ?? text;
  }
}

class ExactStrip extends Normalizer {
  readonly #left: boolean;
  readonly #right: boolean;

  constructor({ strip_left: left, strip_right: right }: JsonObject) {
    super({ type: "Strip" });
    this.#left = left !== false;
    this.#right = right !== false;
  }

  override normalize(text: string): string {
    let [start, end] = [0, text.length];
    // White space is in the basic plane: a half of a pair is none.
    while (this.#left && start < end && WHITE_SPACE.test(text[start]!)) start++;
    while (this.#right && start < end && WHITE_SPACE.test(text[end - 1]!)) end--;
    return text.slice(start, end);
  }
}

const WHITE_SPACE = /\p{White_Space}/u;
