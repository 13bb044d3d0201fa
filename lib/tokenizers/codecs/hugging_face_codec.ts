/**
 * Tokenizers of every other kind (WordPiece, Unigram, BPE with a normalizer), through the npm package
 * `@huggingface/tokenizers`, with its gaps closed or refused.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { UserError } from "../../base/errors.ts";
import type { Codec } from "./codec.ts";
import { exactNormalizer, rememberWords } from "./exact_components.ts";
import { exactPreTokenizer } from "./exact_pre_tokenizers.ts";
import type { TokenizerFiles } from "./files.ts";

/**
 * A codec over `@huggingface/tokenizers`.
 *
 * @param files The parsed folder.
 * @param dir Its path, for messages.
 * @throws {UserError} where the package does not support the tokenizer.
 */
export function huggingFaceCodec(files: TokenizerFiles, dir: string): Codec {
  const singleWord = files.addedTokens.find((token) => token.singleWord);
  if (singleWord !== undefined) {
    throw new UserError({
      what: `cannot use ${dir}/tokenizer.json: its token "${singleWord.content}" has single_word`,
      requirement: "single_word is supported for byte-level BPE only",
    });
  }
  // The package insists on keys that tokenizer.json may leave out where there is nothing to say.
  const optional = { decoder: null, post_processor: null, pre_tokenizer: null, normalizer: null };
  const tokenizer = { added_tokens: [], ...optional, ...files.tokenizer };
  // The package looks at a component's settings where it uses them, and fails there in its own words.
  const guarded = <T>(call: () => T): T => {
    try {
      return call();
    } catch (cause) {
      if (cause instanceof UserError) throw cause;
      throw new UserError({
        what: `cannot use ${dir}/tokenizer.json: ${cause instanceof Error ? cause.message : cause}`,
        remedy: "a setting of one of its components is of a wrong form, or not supported",
        cause,
      });
    }
  };
  const inner = guarded(() => {
    const made = new HuggingFaceTokenizer(tokenizer, files.config);
    made.normalizer = exactNormalizer(made.normalizer, files.tokenizer.normalizer);
    made.pre_tokenizer = exactPreTokenizer(made.pre_tokenizer, files.tokenizer.pre_tokenizer);
    return made;
  });
  if (inner.model !== null) rememberWords(inner.model);
  const { model } = files.tokenizer;
  const type = isJsonObject(model) ? modelType(model) : "unknown";
  const unknown = unknownToken(model);
  // The package gives no id for a word outside of a WordLevel vocabulary.
  const unknownId = unknown === undefined ? undefined : inner.token_to_id(unknown);
  const knownId = (id: number | undefined): number => {
    const found = id ?? unknownId;
    if (found !== undefined) return found;
    throw new UserError({
      what: `the text has a word that ${dir}/tokenizer.json has no token for`,
      requirement: "its model needs an unk_token that is in its vocabulary",
    });
  };
  const cleanUp = type !== "BPE" && files.config.clean_up_tokenization_spaces === true;
  let highest = -1;
  for (const id of inner.get_vocab().values()) highest = Math.max(highest, id);
  return {
    type,
    isUnbounded: true,
    encode: (text, options = {}) =>
      guarded(() =>
        inner.encode(text, { add_special_tokens: options.addSpecialTokens ?? true }).ids
          .map(knownId)
      ),
    decode: (ids, options = {}) => {
      // A model's embedding may be padded past the vocabulary; such ids stand for nothing.
      const known = Array.from(ids).filter((id) => inner.id_to_token(id) !== undefined);
      if (known.length === 0) return "";
      return guarded(() =>
        inner.decode(known, {
          skip_special_tokens: options.skipSpecialTokens ?? false,
          clean_up_tokenization_spaces: options.cleanUpTokenizationSpaces ?? cleanUp,
        })
      );
    },
    around: guarded(() => findAround(inner)),
    vocabSize: highest + 1,
    idOf: (token) => inner.token_to_id(token),
    tokenOf: (id) => inner.id_to_token(id),
  };
}

/** The token that stands for what the vocabulary lacks, where the model names one. */
function unknownToken(model: Json | undefined): string | undefined {
  return isJsonObject(model) && typeof model.unk_token === "string" ? model.unk_token : undefined;
}

/** The type of a model; files of old leave it out. */
function modelType(model: JsonObject): string {
  if (typeof model.type === "string") return model.type;
  if (Array.isArray(model.vocab)) return "Unigram";
  return Array.isArray(model.merges) ? "BPE" : "WordPiece";
}

/** What the post-processor puts around a text, seen on a token that no tokenizer has. */
function findAround(inner: HuggingFaceTokenizer): Codec["around"] {
  const marker = "\u0000text\u0000";
  const tokens = inner.post_processor?.post_process([marker], null, true).tokens ?? [marker];
  const at = tokens.indexOf(marker);
  const ids = (list: readonly string[]): number[] =>
    list.flatMap((token) => inner.token_to_id(token) ?? []);
  return { before: ids(tokens.slice(0, at)), after: ids(tokens.slice(at + 1)) };
}
