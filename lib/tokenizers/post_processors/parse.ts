/**
 * The `post_processor` of a tokenizer.json.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import { Settings } from "../components/settings.ts";
import { byteLevelProcessor, robertaProcessor } from "./byte_level.ts";
import type { PostProcessor } from "./post_processor.ts";
import { bertProcessor, templateProcessor } from "./template.ts";

/**
 * Reads a post-processor.
 *
 * @param json Its entry.
 * @param place Where that is.
 * @throws {ComponentError} where a type or a setting is not known.
 */
export function parsePostProcessor(json: Json, place = "post_processor"): PostProcessor {
  const settings = new Settings(json, place);
  const made = single(settings, place);
  settings.end();
  return made;
}

function single(settings: Settings, place: string): PostProcessor {
  switch (settings.type) {
    case "BertProcessing":
      return bertProcessor(settings);
    case "ByteLevel":
      return byteLevelProcessor(settings);
    case "RobertaProcessing":
      return robertaProcessor(settings);
    case "TemplateProcessing":
      return templateProcessor(settings);
    case "Sequence": {
      const parts = settings.list("processors").map((part, i) =>
        parsePostProcessor(part, `${place}.processors[${i}]`)
      );
      return {
        added: (isPair) => parts.reduce((sum, part) => sum + part.added(isPair), 0),
        process: (drafts, addSpecialTokens) =>
          parts.reduce((done, part) => part.process(done, addSpecialTokens), [...drafts]),
      };
    }
    default:
      throw settings.unknown("post-processor");
  }
}
