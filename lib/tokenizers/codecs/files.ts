/**
 * The files of a tokenizer folder, parsed once: `tokenizer.json`, or those that it can be made of, and,
 * where present, `tokenizer_config.json`, `special_tokens_map.json` and `config.json`, from which the ids
 * of the beginning, end and padding tokens follow.
 *
 * The layout is that of a Hugging Face model folder.
 *
 * @module
 */
import { isJsonObject, type JsonObject } from "../../base/json.ts";
import { readJsonObject } from "../../base/json_file.ts";
import { UserError } from "../../base/errors.ts";
import { convertTokenizer } from "../conversion/convert.ts";
import { tokenizerProblem } from "./file_check.ts";

/** One entry of `added_tokens` in tokenizer.json. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Matches only where no letter or digit touches it. */
  readonly singleWord: boolean;
  /** Takes the white space before it along. */
  readonly lstrip: boolean;
  /** Takes the white space after it along. */
  readonly rstrip: boolean;
  /** Looked for after the normalizer instead of before it. */
  readonly normalized: boolean;
  /** Left out by `decode` with `skipSpecialTokens`. */
  readonly special: boolean;
}

/** What a tokenizer folder holds. */
export interface TokenizerFiles {
  /** tokenizer.json. */
  readonly tokenizer: JsonObject;
  /** Whether there is no such file, and it was made of others. */
  readonly isConverted: boolean;
  /** tokenizer_config.json; empty where the folder has none. */
  readonly config: JsonObject;
  readonly addedTokens: readonly AddedToken[];
  readonly bosTokenId: number | undefined;
  readonly eosTokenId: number | undefined;
  readonly padTokenId: number | undefined;
  /** `model_max_length` in tokens, where it is a real bound (transformers writes 1e30 for none). */
  readonly modelMaxLength: number | undefined;
}

/** What a special token can be to a language model. */
export type Role = "bos" | "eos" | "pad";

/** Contents that mark the beginning, end and padding: the defaults of the transformers classes. */
const CONVENTIONAL = {
  bos: ["<s>", "<|begin_of_text|>", "<bos>", "<|endoftext|>"],
  eos: ["<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>"],
  pad: ["<pad>", "[PAD]", "<|pad|>"],
} as const;

/**
 * Reads the files of a tokenizer.
 *
 * @param dir A model, tokens or tokenizer folder.
 * @throws {UserError} where tokenizer.json is missing or a file is no JSON object.
 */
export async function readTokenizerFiles(dir: string): Promise<TokenizerFiles> {
  const [own, config, map, modelConfig] = await Promise.all(
    ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "config.json"].map((
      name,
    ) => readJsonObject(`${dir}/${name}`)),
  );
  const tokenizer = own ?? await convertTokenizer(dir, { config, modelConfig });
  if (tokenizer === undefined) throw missing(dir);
  const problem = tokenizerProblem(tokenizer);
  if (problem !== undefined) {
    throw new UserError({
      what: own === undefined
        ? `the tokenizer of the files in ${dir} ${problem}`
        : `${dir}/tokenizer.json ${problem}`,
      requirement: "it must be the file that Hugging Face tokenizers saves",
    });
  }
  const addedTokens = parseAddedTokens(tokenizer);
  const find = (role: Role): number | undefined =>
    specialId(role, { tokenizer, addedTokens, config, map, modelConfig });
  const length = config?.model_max_length;
  return {
    tokenizer,
    isConverted: own === undefined,
    config: config ?? {},
    addedTokens,
    bosTokenId: find("bos"),
    eosTokenId: find("eos"),
    padTokenId: find("pad"),
    // transformers writes int(1e30) where a tokenizer has no bound of its own.
    modelMaxLength: typeof length === "number" && length > 0 && length < 2 ** 31
      ? Math.floor(length)
      : undefined,
  };
}

interface Sources {
  readonly tokenizer: JsonObject;
  readonly addedTokens: readonly AddedToken[];
  readonly config: JsonObject | undefined;
  readonly map: JsonObject | undefined;
  readonly modelConfig: JsonObject | undefined;
}

/** The id of a special token: tokenizer_config, then special_tokens_map, then config.json, then convention. */
function specialId(role: Role, sources: Sources): number | undefined {
  const key = `${role}_token`;
  for (const file of [sources.config, sources.map]) {
    const value = file?.[key];
    const content = isJsonObject(value) ? value.content : value;
    if (typeof content === "string") return idOfContent(content, sources);
    // An explicit null says that the tokenizer has none; nothing further down may overrule it.
    if (value === null) return undefined;
  }
  const id = sources.modelConfig?.[`${key}_id`];
  const first = Array.isArray(id) ? id[0] : id;
  if (typeof first === "number" && Number.isInteger(first) && first >= 0) return first;
  // A bare tokenizer.json names no roles; the usual names speak for themselves.
  const special = sources.addedTokens.filter((token) => token.special);
  const content = conventionalToken(role, special.map((token) => token.content));
  return special.find((token) => token.content === content)?.id;
}

/** The one of `contents` that plays a role by its usual name, or undefined. */
export function conventionalToken(role: Role, contents: readonly string[]): string | undefined {
  return CONVENTIONAL[role].find((content) => contents.includes(content));
}

function idOfContent(content: string, { tokenizer, addedTokens }: Sources): number | undefined {
  const added = addedTokens.find((token) => token.content === content);
  if (added !== undefined) return added.id;
  const vocab = isJsonObject(tokenizer.model) ? tokenizer.model.vocab : undefined;
  if (Array.isArray(vocab)) {
    const index = vocab.findIndex((entry) => Array.isArray(entry) && entry[0] === content);
    return index < 0 ? undefined : index;
  }
  if (!isJsonObject(vocab) || !Object.hasOwn(vocab, content)) return undefined;
  const id = vocab[content];
  return typeof id === "number" ? id : undefined;
}

function parseAddedTokens(tokenizer: JsonObject): AddedToken[] {
  const list = Array.isArray(tokenizer.added_tokens) ? tokenizer.added_tokens : [];
  return list.filter(isJsonObject).flatMap((token) => {
    const { id, content } = token;
    if (typeof id !== "number" || typeof content !== "string" || content === "") return [];
    const special = token.special === true;
    return [{
      id,
      content,
      singleWord: token.single_word === true,
      lstrip: token.lstrip === true,
      rstrip: token.rstrip === true,
      normalized: typeof token.normalized === "boolean" ? token.normalized : !special,
      special,
    }];
  });
}

function missing(dir: string): UserError {
  return new UserError({
    what: `${dir} holds no tokenizer: there is no tokenizer.json`,
    requirement: "a model or tokens folder with tokenizer.json, or with spiece.model or " +
      "tokenizer.model, vocab.json and merges.txt, or vocab.txt",
  });
}
