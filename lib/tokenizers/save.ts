/**
 * Writes a trained tokenizer as the files that transformers, tokenizers and transformers.js load:
 * `tokenizer.json` and `tokenizer_config.json`.
 *
 * @module
 */
import { conventionalToken } from "./codecs/files.ts";
import type { TrainedBpe } from "./training/train_bpe.ts";

/**
 * Saves a byte-level BPE tokenizer.
 *
 * Roles of its special tokens go by their usual names (`<|endoftext|>`, `</s>`, `<s>`, `<pad>`);
 * without one, the first special token ends texts, and the end token begins and pads them too.
 *
 * @param dir An existing folder.
 * @param trained From `trainBpe`.
 * @param options `modelMaxLength` in tokens goes into tokenizer_config.json.
 */
export async function saveBpe(
  dir: string,
  trained: TrainedBpe,
  options: { readonly modelMaxLength?: number | undefined } = {},
): Promise<void> {
  const byteLevel = {
    type: "ByteLevel",
    add_prefix_space: false,
    trim_offsets: true,
    use_regex: true,
  };
  const document = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: trained.specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    // Adds no token: it only keeps offsets from being trimmed.
    post_processor: { ...byteLevel, add_prefix_space: true, trim_offsets: false },
    decoder: { ...byteLevel, add_prefix_space: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(trained.tokens.map((token, id) => [token, id])),
      merges: trained.merges,
    },
  };
  const eos = conventionalToken("eos", trained.specialTokens) ?? trained.specialTokens[0];
  const bos = conventionalToken("bos", trained.specialTokens) ?? eos;
  const pad = conventionalToken("pad", trained.specialTokens) ?? eos;
  const config = {
    add_prefix_space: false,
    bos_token: bos ?? null,
    clean_up_tokenization_spaces: false,
    eos_token: eos ?? null,
    model_max_length: options.modelMaxLength ?? null,
    pad_token: pad ?? null,
    tokenizer_class: "PreTrainedTokenizerFast",
  };
  await Deno.writeTextFile(`${dir}/tokenizer.json`, JSON.stringify(document, null, 2) + "\n");
  await Deno.writeTextFile(`${dir}/tokenizer_config.json`, JSON.stringify(config, null, 2) + "\n");
}
