/**
 * The `decoder` of a tokenizer.json.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import { parsePattern } from "../components/parse_pattern.ts";
import { Settings } from "../components/settings.ts";
import { byteFallbackDecoder, byteLevelDecoder } from "./bytes.ts";
import type { Decoder } from "./decoder.ts";
import { bpeDecoder, ctcDecoder, metaspaceDecoder, wordPieceDecoder } from "./spaces.ts";

/**
 * Reads a decoder.
 *
 * @param json Its entry.
 * @param place Where that is.
 * @throws {ComponentError} where a type or a setting is not known.
 */
export function parseDecoder(json: Json, place = "decoder"): Decoder {
  const settings = new Settings(json, place);
  if (settings.type === "Sequence") {
    const parts = settings.list("decoders").map((part, i) =>
      parseDecoder(part, `${place}.decoders[${i}]`)
    );
    settings.end();
    return (tokens) => parts.reduce((done, decoder) => decoder(done), tokens);
  }
  const decoder = single(settings);
  settings.end();
  return decoder;
}

function single(settings: Settings): Decoder {
  switch (settings.type) {
    case "BPEDecoder":
      return bpeDecoder(settings);
    case "ByteFallback":
      return byteFallbackDecoder();
    case "ByteLevel":
      // What encoding does with these, decoding does not ask for.
      settings.ignore("add_prefix_space", "trim_offsets", "use_regex");
      return byteLevelDecoder();
    case "CTC":
      return ctcDecoder(settings);
    case "Fuse":
      return (tokens) => [tokens.join("")];
    case "Metaspace":
      return metaspaceDecoder(settings);
    case "Replace": {
      const pattern = parsePattern(settings);
      const content = settings.text("content");
      if (pattern.isRegex && content.includes("$")) {
        throw settings.wrong('has "$" in its content, which is not supported beside a pattern');
      }
      return (tokens) => tokens.map((token) => pattern.replace(token, content));
    }
    case "Strip":
      return stripDecoder(settings);
    case "WordPiece":
      return wordPieceDecoder(settings);
    default:
      throw settings.unknown("decoder");
  }
}

/** `Strip`: so many of a character less, at either end of each token. */
function stripDecoder(settings: Settings): Decoder {
  const content = settings.text("content");
  const [start, stop] = [settings.count("start"), settings.count("stop")];
  if (Array.from(content).length !== 1) {
    throw settings.wrong("has a setting that is of a wrong form: content is to be one character");
  }
  const width = content.length;
  return (tokens) =>
    tokens.map((token) => {
      let [from, to] = [0, token.length];
      for (let i = 0; i < start && token.startsWith(content, from); i++) from += width;
      for (let i = 0; i < stop && to - width >= from; i++) {
        if (!token.endsWith(content, to)) break;
        to -= width;
      }
      return token.slice(from, to);
    });
}
