/**
 * A tokenizer.json of a folder that has none: of vocab.json and merges.txt, of vocab.txt, or of a model of
 * SentencePiece, with the components that transformers gives to each class of tokenizers.
 *
 * Source: the classes of transformers 5. Which one it is, the configs say; without them the file's own
 * special tokens tell.
 *
 * @module
 */
import { isJsonObject, type JsonObject, parseJson } from "../../base/json.ts";
import { UserError } from "../../base/errors.ts";
import { readJsonObject } from "../../base/json_file.ts";
import { withAddedTokens } from "./added_tokens.ts";
import { readFile } from "./files.ts";
import { readSentencePieceModel, type SentencePieceModel } from "./sentencepiece_model.ts";
import { bertDocument, byteLevelDocument } from "./word_documents.ts";
import { sentencePieceDocument } from "./sentencepiece_documents.ts";

/** What the configs of a folder say. */
export interface ConversionConfigs {
  readonly config: JsonObject | undefined;
  readonly modelConfig: JsonObject | undefined;
}

/** Names of files that hold a model of SentencePiece. */
const SENTENCEPIECE_FILES = ["spiece.model", "tokenizer.model", "sentencepiece.bpe.model"] as const;

/**
 * The tokenizer.json that a folder's files make.
 *
 * @param dir A folder without one.
 * @returns undefined where there is nothing to make it of.
 * @throws {UserError} where a file is damaged, or of a kind that is not supported.
 */
export async function convertTokenizer(
  dir: string,
  configs: ConversionConfigs,
): Promise<JsonObject | undefined> {
  const config = configs.config ?? {};
  const document = await convertedDocument(dir, { ...configs, config });
  if (document === undefined) return undefined;
  const old = await readJsonObject(`${dir}/added_tokens.json`) ?? {};
  return withAddedTokens(document, { config, old });
}

async function convertedDocument(
  dir: string,
  configs: ConversionConfigs & { readonly config: JsonObject },
): Promise<JsonObject | undefined> {
  const { config } = configs;
  const name = className(configs);
  for (const file of SENTENCEPIECE_FILES) {
    const bytes = await readFile(`${dir}/${file}`);
    if (bytes === undefined) continue;
    return sentencePieceDocument(parsedModel(bytes, `${dir}/${file}`), {
      name,
      config,
      file: `${dir}/${file}`,
    });
  }
  const merges = await readFile(`${dir}/merges.txt`);
  const vocab = await readFile(`${dir}/vocab.json`);
  if (merges !== undefined && vocab !== undefined) {
    return byteLevelDocument(vocabOf(vocab, `${dir}/vocab.json`), {
      merges: linesOf(merges).filter((line) => line !== "" && !line.startsWith("#version")),
      name,
      config,
    });
  }
  const words = await readFile(`${dir}/vocab.txt`);
  if (words === undefined) return undefined;
  const lines = linesOf(words);
  if (lines.at(-1) === "") lines.pop();
  return bertDocument(new Map(lines.map((line, id) => [line.trimEnd(), id])), config);
}

/** What kind of tokenizer it is, in small letters without `tokenizer`: bert, roberta, t5. */
function className({ config, modelConfig }: ConversionConfigs): string | undefined {
  const given = config?.tokenizer_class ?? modelConfig?.tokenizer_class;
  if (typeof given === "string") return given.toLowerCase().replace(/tokenizer(fast)?$/, "");
  const type = modelConfig?.model_type;
  return typeof type === "string" ? type.toLowerCase() : undefined;
}

function linesOf(bytes: Uint8Array): string[] {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).split(/\r?\n/);
}

function vocabOf(bytes: Uint8Array, file: string): ReadonlyMap<string, number> {
  let json: unknown;
  try {
    json = parseJson(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new UserError({ what: `${file} is not JSON`, cause });
  }
  const entries = isJsonObject(json) ? Object.entries(json) : [];
  if (entries.length === 0 || !entries.every(([, id]) => typeof id === "number")) {
    throw new UserError({
      what: `${file} is no vocabulary`,
      requirement: "a JSON object of tokens and their ids",
    });
  }
  return new Map(entries as [string, number][]);
}

function parsedModel(bytes: Uint8Array, file: string): SentencePieceModel {
  try {
    return readSentencePieceModel(bytes);
  } catch (cause) {
    throw new UserError({
      what: `${file} is no model of SentencePiece: ${(cause as Error).message}`,
      remedy: "fetch it again",
      cause,
    });
  }
}
