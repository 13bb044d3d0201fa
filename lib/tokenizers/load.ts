/**
 * A tokenizer from a folder: text to token ids and back, with the same ids as Hugging Face tokenizers.
 *
 * A tokenizer is made of the components that its tokenizer.json names (`codecs/component_codec.ts`).
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import type { Codec } from "./codecs/codec.ts";
import { componentCodec } from "./codecs/component_codec.ts";
import { ComponentError } from "./components/settings.ts";
import { readTokenizerFiles, type TokenizerFiles } from "./codecs/files.ts";

export type { Codec, DecodeOptions, EncodeOptions } from "./codecs/codec.ts";

/** A tokenizer: a codec and what it knows of special tokens and of its model. */
export interface Tokenizer extends Codec {
  readonly bosTokenId?: number;
  readonly eosTokenId?: number;
  readonly padTokenId?: number;
  /** Longest input of the model it came with, in tokens, where known. */
  readonly modelMaxLength?: number;
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
  const codec = openCodec(files, dir);
  return {
    ...codec,
    ...(files.bosTokenId === undefined ? {} : { bosTokenId: files.bosTokenId }),
    ...(files.eosTokenId === undefined ? {} : { eosTokenId: files.eosTokenId }),
    ...(files.padTokenId === undefined ? {} : { padTokenId: files.padTokenId }),
    ...(files.modelMaxLength === undefined ? {} : { modelMaxLength: files.modelMaxLength }),
  };
}

/** The file is somebody else's, and nothing says of its parts that they are what their names promise. */
function openCodec(files: TokenizerFiles, dir: string): Codec {
  const told = <T>(call: () => T): T => {
    try {
      return call();
    } catch (cause) {
      if (cause instanceof UserError) throw cause;
      throw new UserError({
        what: `cannot use ${dir}/tokenizer.json: ${cause instanceof Error ? cause.message : cause}`,
        ...cause instanceof ComponentError ? {} : {
          requirement: "it must be the file that Hugging Face tokenizers saves",
          remedy: "fetch or make the tokenizer again",
        },
        cause,
      });
    }
  };
  const codec = told(() => componentCodec(files));
  return {
    ...codec,
    encode: (text, options) => told(() => codec.encode(text, options)),
    encodeWithOffsets: (text, options) => told(() => codec.encodeWithOffsets(text, options)),
    decode: (ids, options) => told(() => codec.decode(ids, options)),
  };
}

/**
 * Ids of a text that a model is to continue: what the tokenizer puts before a text, and the text,
 * but nothing after it (T5, RoBERTa and some others would append the end token).
 */
export function encodePrompt(tokenizer: Tokenizer, text: string): number[] {
  return [
    ...tokenizer.around.before,
    ...tokenizer.encode(text, { addSpecialTokens: false }),
  ];
}
