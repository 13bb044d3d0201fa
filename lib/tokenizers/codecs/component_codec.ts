/**
 * A codec made of the components of a tokenizer.json, as Hugging Face tokenizers has them.
 *
 * Left out: the pre-tokenizer `UnicodeScripts`, dropout, and what the file says of truncation and padding,
 * which transformers decides anew for each call, too.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import { ComponentError } from "../components/settings.ts";
import { cleanUpText } from "../decoders/clean_up.ts";
import { parseDecoder } from "../decoders/parse.ts";
import { Draft, join } from "../encodings/draft.ts";
import { encodingOf, padEncodings } from "../encodings/encoding.ts";
import { truncate } from "../encodings/truncation.ts";
import { parseModel } from "../models/parse.ts";
import { parseNormalizer } from "../normalizers/parse.ts";
import { parsePostProcessor } from "../post_processors/parse.ts";
import type { PostProcessor } from "../post_processors/post_processor.ts";
import { parsePreTokenizer } from "../pre_tokenizers/parse.ts";
import { AddedTokenFinder } from "./added_tokens.ts";
import type { Codec } from "./codec.ts";
import type { TokenizerFiles } from "./files.ts";
import { Pipeline } from "./pipeline.ts";
import { findShortcuts } from "./shortcuts.ts";

/**
 * Makes the codec.
 *
 * @throws {ComponentError} where a component is not supported, or its settings do not fit.
 */
export function componentCodec({ tokenizer, addedTokens, config }: TokenizerFiles): Codec {
  const parsed = <T>(json: Json | undefined, parse: (json: Json) => T): T | undefined =>
    json === undefined || json === null ? undefined : parse(json);
  const normalizer = parsed(tokenizer.normalizer, (json) => parseNormalizer(json));
  const preTokenizer = parsed(tokenizer.pre_tokenizer, (json) => parsePreTokenizer(json));
  const decoder = parsed(tokenizer.decoder, (json) => parseDecoder(json));
  const processor = parsed(tokenizer.post_processor, (json) => parsePostProcessor(json)) ?? PLAIN;
  const { model, type } = parseModel(tokenizer.model!);

  const idOf = (token: string): number | undefined => added.get(token) ?? model.vocab.get(token);
  const added = new Map(addedTokens.map((token) => [token.content, token.id]));
  const spelling: string[] = [];
  for (const [token, id] of model.vocab) spelling[id] = token;
  for (const [token, id] of added) spelling[id] = token;
  const isSpecial = new Set(
    addedTokens.filter(({ special }) => special).map(({ content }) => content),
  );
  const finder = (isNormalized: boolean): AddedTokenFinder =>
    new AddedTokenFinder(
      addedTokens.filter(({ normalized }) => normalized === isNormalized),
      (content) => isNormalized ? normalizer?.normalizer.normalize(content) ?? content : content,
    );
  const normalized = finder(true);
  const pipeline = new Pipeline({
    normalizer: normalizer?.normalizer,
    preTokenizer: preTokenizer?.preTokenizer,
    model,
    raw: finder(false),
    normalized,
    tokenOf: (id) => spelling[id] ?? "",
    shortcuts: findShortcuts({
      tokenizer,
      normalizer,
      preTokenizer,
      model,
      hasNormalizedTokens: !normalized.isEmpty,
    }),
  });
  const around = findAround(processor);
  const cleansUp = type !== "BPE" && config.clean_up_tokenization_spaces === true;

  return {
    type,
    encode: (text, { addSpecialTokens = true } = {}) => {
      const ids = addSpecialTokens ? [...around.before] : [];
      pipeline.ids(text, ids);
      if (addSpecialTokens) ids.push(...around.after);
      return ids;
    },
    encodeWithOffsets: (text, { addSpecialTokens = true, truncation, padding } = {}) => {
      let drafts = (typeof text === "string" ? [text] : text).map((part) => pipeline.draft(part));
      drafts[1]?.setType(1);
      if (truncation !== undefined) {
        const reserved = addSpecialTokens ? processor.added(drafts.length > 1) : 0;
        drafts = truncate(drafts, { ...truncation, maxLength: truncation.maxLength - reserved });
      }
      const encoding = encodingOf(join(processor.process(drafts, addSpecialTokens)));
      return padding === undefined ? encoding : padEncodings([encoding], padding)[0]!;
    },
    decode: (ids, { skipSpecialTokens = false, cleanUpTokenizationSpaces = cleansUp } = {}) => {
      const tokens: string[] = [];
      for (let i = 0; i < ids.length; i++) {
        // A model's embedding may be padded past the vocabulary; such ids stand for nothing.
        const token = spelling[ids[i]!];
        if (token === undefined || (skipSpecialTokens && isSpecial.has(token))) continue;
        tokens.push(token);
      }
      const text = decoder === undefined ? tokens.join(" ") : decoder(tokens).join("");
      return cleanUpTokenizationSpaces ? cleanUpText(text) : text;
    },
    around,
    vocabSize: spelling.length,
    idOf,
    tokenOf: (id) => spelling[id],
  };
}

/** No post-processor. */
const PLAIN: PostProcessor = { added: () => 0, process: (drafts) => [...drafts] };

/** What a post-processor puts around a text, seen on an id that no token has. */
function findAround(processor: PostProcessor): Codec["around"] {
  const text = new Draft();
  text.push(-1, { token: "" });
  const { ids } = join(processor.process([text], true));
  const at = ids.indexOf(-1);
  if (at === -1) throw new ComponentError("its post_processor leaves out the text");
  return { before: ids.slice(0, at), after: ids.slice(at + 1) };
}
