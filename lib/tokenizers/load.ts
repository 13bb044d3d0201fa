/**
 * A tokenizer from a folder: text to token ids and back, with the same ids as Hugging Face tokenizers.
 *
 * @module
 */
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { UserError } from "../errors.ts";
import { readTokenizerFiles, type TokenizerFiles } from "./files.ts";

/** Options of {@linkcode Tokenizer.encode}. */
export interface EncodeOptions {
  /** Adds what the tokenizer puts around a text ([CLS], `</s>`); default true. GPT-2 puts nothing. */
  readonly addSpecialTokens?: boolean;
}

/** Options of {@linkcode Tokenizer.decode}. */
export interface DecodeOptions {
  /** Leaves special tokens out; default false. */
  readonly skipSpecialTokens?: boolean;
  /**
   * Removes the spaces before punctuation (transformers' `clean_up_tokenization_spaces`); default
   * what tokenizer_config.json says, else false, as transformers 5 has it: the text stays as it was.
   */
  readonly cleanUpTokenizationSpaces?: boolean;
}

/** Text to token ids and back. */
export interface Tokenizer {
  /** Ids of a text. Never truncates or pads. */
  encode(text: string, options?: EncodeOptions): number[];
  /** The text of ids; bytes that are no UTF-8 become U+FFFD. */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  /** One more than the highest id: the rows that an embedding needs. */
  readonly vocabSize: number;
  readonly bosTokenId?: number;
  readonly eosTokenId?: number;
  readonly padTokenId?: number;
  /** Longest input of the model it came with, in tokens, where known. */
  readonly modelMaxLength?: number;
  /** The id of a token by its spelling in the vocabulary, `Ġthe` or `<|endoftext|>`. */
  idOf(token: string): number | undefined;
  /** The spelling of an id. */
  tokenOf(id: number): string | undefined;
}

/**
 * Loads the tokenizer of a model, tokens or tokenizer folder.
 *
 * @param dir Folder with tokenizer.json; tokenizer_config.json, special_tokens_map.json and
 * config.json are read where present.
 * @throws {UserError} where there is no tokenizer.json, or it asks for something unsupported.
 */
export async function loadTokenizer(dir: string): Promise<Tokenizer> {
  const files = await readTokenizerFiles(dir);
  return wrap(files, dir);
}

/**
 * Ids of a text that a model is to continue: what the tokenizer puts before a text, and the text,
 * but no end-of-text token after it (T5, RoBERTa and some others would append one).
 */
export function encodePrompt(tokenizer: Tokenizer, text: string): number[] {
  const ids = tokenizer.encode(text);
  const bare = tokenizer.encode(text, { addSpecialTokens: false });
  // An end token that stands in the text itself is the author's and stays.
  while (ids.length > bare.length && ids.at(-1) === tokenizer.eosTokenId) ids.pop();
  return ids;
}

function wrap(files: TokenizerFiles, dir: string): Tokenizer {
  let inner: HuggingFaceTokenizer;
  try {
    inner = new HuggingFaceTokenizer(files.tokenizer, files.config);
  } catch (cause) {
    throw new UserError({
      what: `cannot use ${dir}/tokenizer.json: ${cause instanceof Error ? cause.message : cause}`,
      cause,
    });
  }
  const cleanUp = files.config.clean_up_tokenization_spaces === true;
  let highest = -1;
  for (const id of inner.get_vocab().values()) highest = Math.max(highest, id);
  return {
    encode: (text, options = {}) =>
      inner.encode(text, { add_special_tokens: options.addSpecialTokens ?? true }).ids,
    decode: (ids, options = {}) =>
      ids.length === 0 ? "" : inner.decode(Array.from(ids), {
        skip_special_tokens: options.skipSpecialTokens ?? false,
        clean_up_tokenization_spaces: options.cleanUpTokenizationSpaces ?? cleanUp,
      }),
    vocabSize: highest + 1,
    ...(files.bosTokenId === undefined ? {} : { bosTokenId: files.bosTokenId }),
    ...(files.eosTokenId === undefined ? {} : { eosTokenId: files.eosTokenId }),
    ...(files.padTokenId === undefined ? {} : { padTokenId: files.padTokenId }),
    ...(files.modelMaxLength === undefined ? {} : { modelMaxLength: files.modelMaxLength }),
    idOf: (token) => inner.token_to_id(token),
    tokenOf: (id) => inner.id_to_token(id),
  };
}
