/**
 * Tokenizers of the GPT-2 kind: added tokens, byte-level words, BPE, and what a post-processor puts
 * around the ids.
 *
 * Takes a tokenizer.json that has no normalizer, pre-tokenizer and decoder `ByteLevel`, model `BPE`
 * over all 256 bytes, and a post-processor `ByteLevel`, `RobertaProcessing`, `BertProcessing`,
 * `TemplateProcessing` or none. Anything else is left to `hugging_face_codec.ts`.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import { UserError } from "../../base/errors.ts";
import { AddedTokenSplitter } from "./added_tokens.ts";
import { ByteLevelBpe } from "./bpe.ts";
import { BYTE_TO_CHAR, tokenBytes } from "./byte_level.ts";
import type { Codec } from "./codec.ts";
import type { TokenizerFiles } from "./files.ts";

/**
 * A codec for a byte-level BPE tokenizer, or undefined where it is of another kind.
 *
 * @param files The parsed folder.
 * @param dir Its path, for messages.
 * @throws {UserError} where vocabulary and merges do not fit together.
 */
export function byteLevelCodec(files: TokenizerFiles, dir: string): Codec | undefined {
  const { tokenizer, addedTokens } = files;
  const { model, pre_tokenizer: preTokenizer, decoder } = tokenizer;
  if (tokenizer.normalizer !== null && tokenizer.normalizer !== undefined) return undefined;
  if (!isJsonObject(preTokenizer) || preTokenizer.type !== "ByteLevel") return undefined;
  if (preTokenizer.use_regex === false) return undefined;
  if (!isJsonObject(decoder) || decoder.type !== "ByteLevel") return undefined;
  if (!isJsonObject(model) || !isPlainBpe(model)) return undefined;
  const vocab = parseVocab(model);
  const around = parseAround(tokenizer.post_processor, vocab, files);
  if (vocab === undefined || around === undefined) return undefined;

  const bpe = makeBpe(vocab, { model, preTokenizer, dir });
  const splitter = new AddedTokenSplitter(addedTokens);
  const ids = new Map(vocab);
  for (const token of addedTokens) ids.set(token.content, token.id);
  const spelling: string[] = [];
  for (const [token, id] of ids) spelling[id] = token;
  const special = new Set(addedTokens.filter((token) => token.special).map((token) => token.id));
  const bytes: (Uint8Array | undefined)[] = [];
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

  return {
    type: "BPE",
    isUnbounded: false,
    encode: (text, options = {}) => {
      const add = options.addSpecialTokens ?? true;
      const out = add ? [...around.before] : [];
      for (const section of splitter.split(text)) {
        if (typeof section === "number") out.push(section);
        else bpe.encode(section, out);
      }
      if (add) out.push(...around.after);
      return out;
    },
    decode: (tokens, options = {}) => {
      const parts: Uint8Array[] = [];
      let length = 0;
      for (let i = 0; i < tokens.length; i++) {
        const id = tokens[i]!;
        const token = spelling[id];
        // A model's embedding may be padded past the vocabulary; such ids stand for nothing.
        if (token === undefined || (options.skipSpecialTokens === true && special.has(id))) {
          continue;
        }
        const part = bytes[id] ??= tokenBytes(token);
        parts.push(part);
        length += part.length;
      }
      const joined = new Uint8Array(length);
      let at = 0;
      for (const part of parts) {
        joined.set(part, at);
        at += part.length;
      }
      const text = utf8.decode(joined);
      return options.cleanUpTokenizationSpaces === true ? cleanUpSpaces(text) : text;
    },
    around,
    vocabSize: spelling.length,
    idOf: (token) => ids.get(token),
    tokenOf: (id) => spelling[id],
  };
}

/** transformers' `clean_up_tokenization`. */
function cleanUpSpaces(text: string): string {
  return text.replaceAll(" .", ".").replaceAll(" ?", "?").replaceAll(" !", "!").replaceAll(
    " ,",
    ",",
  )
    .replaceAll(" ' ", "'").replaceAll(" n't", "n't").replaceAll(" 'm", "'m").replaceAll(
      " 's",
      "'s",
    )
    .replaceAll(" 've", "'ve").replaceAll(" 're", "'re");
}

/** Whether the model is BPE without the features that `bpe.ts` leaves out. */
function isPlainBpe(model: JsonObject): boolean {
  const isBpe = model.type === "BPE" || (model.type === undefined && Array.isArray(model.merges));
  const off = (value: Json | undefined): boolean =>
    value === undefined || value === null || value === "" || value === false || value === 0;
  return isBpe && [
    model.dropout,
    model.continuing_subword_prefix,
    model.end_of_word_suffix,
    model.byte_fallback,
  ].every(off);
}

/** Token -> id, or undefined where a byte has no token. */
function parseVocab(model: JsonObject): Map<string, number> | undefined {
  if (!isJsonObject(model.vocab)) return undefined;
  const vocab = new Map<string, number>();
  for (const [token, id] of Object.entries(model.vocab)) {
    if (typeof id === "number") vocab.set(token, id);
  }
  return BYTE_TO_CHAR.every((char) => vocab.has(char)) ? vocab : undefined;
}

function makeBpe(
  vocab: ReadonlyMap<string, number>,
  { model, preTokenizer, dir }: { model: JsonObject; preTokenizer: JsonObject; dir: string },
): ByteLevelBpe {
  // The file was checked: older ones write "a b", newer ones ["a", "b"].
  const list = (model.merges ?? []) as readonly (string | readonly [string, string])[];
  const merges = list.map((merge): readonly [string, string] =>
    typeof merge === "string" ? merge.split(" ") as [string, string] : merge
  );
  try {
    return new ByteLevelBpe(vocab, {
      merges,
      addPrefixSpace: preTokenizer.add_prefix_space === true,
      ignoreMerges: model.ignore_merges === true,
    });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new UserError({
      what: `${dir}/tokenizer.json has merges that do not fit its vocabulary: ${cause.message}`,
      remedy: "download or train the tokenizer again",
      cause,
    });
  }
}

/** What the post-processor puts before and after a text's ids; undefined for an unknown kind. */
function parseAround(
  processor: Json | undefined,
  vocab: ReadonlyMap<string, number> | undefined,
  { addedTokens }: TokenizerFiles,
): { before: number[]; after: number[] } | undefined {
  if (processor === null || processor === undefined) return { before: [], after: [] };
  if (!isJsonObject(processor)) return undefined;
  switch (processor.type) {
    case "ByteLevel":
      return { before: [], after: [] };
    case "RobertaProcessing":
    case "BertProcessing": {
      const cls = Array.isArray(processor.cls) ? processor.cls[1] : undefined;
      const sep = Array.isArray(processor.sep) ? processor.sep[1] : undefined;
      if (typeof cls !== "number" || typeof sep !== "number") return undefined;
      return { before: [cls], after: [sep] };
    }
    case "TemplateProcessing": {
      const before: number[] = [];
      const after: number[] = [];
      let current = before;
      for (const piece of Array.isArray(processor.single) ? processor.single : []) {
        if (!isJsonObject(piece)) return undefined;
        if (isJsonObject(piece.Sequence)) {
          current = after;
          continue;
        }
        const name = isJsonObject(piece.SpecialToken) ? piece.SpecialToken.id : undefined;
        if (typeof name !== "string") return undefined;
        const ids = isJsonObject(processor.special_tokens)
          ? processor.special_tokens[name]
          : undefined;
        const list = isJsonObject(ids) && Array.isArray(ids.ids) ? ids.ids : [];
        const id = addedTokens.find((token) => token.content === name)?.id ?? vocab?.get(name);
        const numbers = list.length > 0 ? list : [id];
        for (const number of numbers) {
          if (typeof number !== "number") return undefined;
          current.push(number);
        }
      }
      return { before, after };
    }
    default:
      return undefined;
  }
}
