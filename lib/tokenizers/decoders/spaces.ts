/**
 * Decoders that put spaces back: `WordPiece`, `Metaspace`, `BPEDecoder`, `CTC`.
 *
 * Source: Hugging Face tokenizers.
 *
 * @module
 */
import type { Settings } from "../components/settings.ts";
import { metaspaceSettings } from "../pre_tokenizers/metaspace.ts";
import { cleanUpTokens } from "./clean_up.ts";
import type { Decoder } from "./decoder.ts";

/** `WordPiece`: a space before each token that does not go on a word. */
export function wordPieceDecoder(settings: Settings): Decoder {
  const prefix = settings.text("prefix", "##");
  const cleanUp = settings.boolean("cleanup", true) ? cleanUpTokens : (text: string) => text;
  return (tokens) =>
    tokens.map((token, i) =>
      cleanUp(i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : " " + token)
    );
}

/** `Metaspace`: spaces for marks, but none in the first token where encoding puts one there. */
export function metaspaceDecoder(settings: Settings): Decoder {
  const { mark, scheme } = metaspaceSettings(settings);
  return (tokens) =>
    tokens.map((token, i) => token.replaceAll(mark, i === 0 && scheme !== "never" ? "" : " "));
}

/** `BPEDecoder`: a space for what ends a word, but for the last. */
export function bpeDecoder(settings: Settings): Decoder {
  const suffix = settings.text("suffix", "</w>");
  return (tokens) =>
    tokens.map((token, i) => token.replaceAll(suffix, i === tokens.length - 1 ? "" : " "));
}

/** `CTC`: without repetitions and padding. */
export function ctcDecoder(settings: Settings): Decoder {
  const pad = settings.text("pad_token", "<pad>");
  const delimiter = settings.text("word_delimiter_token", "|");
  const cleansUp = settings.boolean("cleanup", true);
  return (tokens) =>
    tokens.filter((token, i) => i === 0 || token !== tokens[i - 1])
      .map((token) => {
        const kept = token.replaceAll(pad, "");
        return cleansUp ? cleanUpTokens(kept).replaceAll(delimiter, " ") : kept;
      })
      .filter((token) => token !== "");
}
