/**
 * Writes a trained tokenizer as the files that transformers, tokenizers and transformers.js load:
 * `tokenizer.json` and `tokenizer_config.json`.
 *
 * @module
 */
import type { Json, JsonObject } from "../base/json.ts";
import { conventionalToken } from "./codecs/files.ts";
import { addedTokens, template } from "./conversion/document.ts";
import { byteLevel, type Recipe, recipeOf } from "./training/recipes.ts";
import type { TrainedBpe } from "./training/train_bpe.ts";

/** What was learned: the `model` of tokenizer.json. */
export interface TrainedModel {
  readonly model: JsonObject;
  /** Tokens by id. */
  readonly tokens: readonly string[];
}

/** How a trained tokenizer is written. */
export interface SaveOptions {
  readonly recipe: Recipe;
  /** In tokens; goes into tokenizer_config.json. */
  readonly modelMaxLength?: number | undefined;
}

/**
 * Saves a trained tokenizer.
 *
 * Roles of its special tokens go by their usual names (`<|endoftext|>`, `</s>`, `<s>`, `<pad>`). Of BPE,
 * without such names the first special token ends texts, and the end token begins and pads them too, as
 * GPT-2 has it.
 *
 * @param dir An existing folder.
 */
export async function saveTokenizer(
  dir: string,
  { model, tokens }: TrainedModel,
  { recipe, modelMaxLength }: SaveOptions,
): Promise<void> {
  const { normalizer, pre_tokenizer, decoder, around, specialTokens } = recipe;
  const vocab = new Map(tokens.map((token, id) => [token, id]));
  const isBpe = model.type === "BPE";
  const document = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(specialTokens, { vocab }),
    normalizer,
    pre_tokenizer,
    // That of BPE adds no token: it only keeps offsets from being trimmed.
    post_processor: isBpe
      ? byteLevel(true, false)
      : around === undefined
      ? null
      : template(around, vocab),
    decoder,
    model,
  };
  const config: Record<string, Json> = {
    ...isBpe ? { add_prefix_space: false } : {},
    ...rolesOf(recipe, isBpe),
    clean_up_tokenization_spaces: false,
    model_max_length: modelMaxLength ?? null,
    tokenizer_class: "PreTrainedTokenizerFast",
  };
  const sorted = Object.fromEntries(Object.entries(config).sort(([a], [b]) => a < b ? -1 : 1));
  await Deno.writeTextFile(`${dir}/tokenizer.json`, JSON.stringify(document, null, 2) + "\n");
  await Deno.writeTextFile(`${dir}/tokenizer_config.json`, JSON.stringify(sorted, null, 2) + "\n");
}

/** What the special tokens are there for. */
function rolesOf({ specialTokens, unkToken }: Recipe, isBpe: boolean): Record<string, Json> {
  const eos = conventionalToken("eos", specialTokens) ?? (isBpe ? specialTokens[0] : undefined);
  const bos = conventionalToken("bos", specialTokens) ?? (isBpe ? eos : undefined);
  const pad = conventionalToken("pad", specialTokens) ?? (isBpe ? eos : undefined);
  const others = { cls_token: "[CLS]", sep_token: "[SEP]", mask_token: "[MASK]" };
  return {
    bos_token: bos ?? null,
    eos_token: eos ?? null,
    pad_token: pad ?? null,
    ...unkToken === undefined ? {} : { unk_token: unkToken },
    ...Object.fromEntries(
      Object.entries(others).filter(([, token]) => specialTokens.includes(token)),
    ),
  };
}

/** The `model` of byte-level BPE. */
export function bpeModel({ tokens, merges }: TrainedBpe): TrainedModel {
  return {
    tokens,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map((merge) => [...merge]),
    },
  };
}

/**
 * Saves a byte-level BPE tokenizer; see {@linkcode saveTokenizer}.
 *
 * @param dir An existing folder.
 * @param trained From `trainBpe`.
 * @param options `modelMaxLength` in tokens goes into tokenizer_config.json.
 */
export async function saveBpe(
  dir: string,
  trained: TrainedBpe,
  { modelMaxLength }: { readonly modelMaxLength?: number | undefined } = {},
): Promise<void> {
  const recipe = recipeOf({ type: "bpe", special_tokens: [...trained.specialTokens] });
  await saveTokenizer(dir, bpeModel(trained), { recipe, modelMaxLength });
}
