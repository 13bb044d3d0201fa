/**
 * The `model` of a tokenizer.json.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import { isJsonObject } from "../../base/json.ts";
import { Settings } from "../components/settings.ts";
import { Bpe } from "./bpe.ts";
import type { Model } from "./model.ts";
import { Unigram } from "./unigram.ts";
import { WordLevel, WordPiece } from "./word_piece.ts";

/** A model and its type. */
export interface ParsedModel {
  readonly type: string;
  readonly model: Model;
}

/**
 * Reads a model.
 *
 * @throws {ComponentError} where a type or a setting is not known, or its parts do not fit together.
 */
export function parseModel(json: Json): ParsedModel {
  const settings = new Settings(json, "model", oldType(json));
  const model = made(settings);
  settings.end();
  return { type: settings.type, model };
}

function made(settings: Settings): Model {
  switch (settings.type) {
    case "BPE":
      return new Bpe(settings, vocabOf(settings));
    case "WordPiece":
      return new WordPiece(settings, vocabOf(settings));
    case "WordLevel":
      return new WordLevel(settings, vocabOf(settings));
    case "Unigram":
      return new Unigram(settings);
    default:
      throw settings.unknown("model");
  }
}

/** Token -> id; the file was checked. */
function vocabOf(settings: Settings): ReadonlyMap<string, number> {
  return new Map(Object.entries(settings.mapping("vocab")) as [string, number][]);
}

/** The type of a model that names none, as files of old. */
function oldType(json: Json): string | undefined {
  if (!isJsonObject(json)) return undefined;
  if (Array.isArray(json.vocab)) return "Unigram";
  return Array.isArray(json.merges) ? "BPE" : "WordPiece";
}
