/**
 * Which files of a folder or repository are a model that Temper reads: the configuration, safetensors
 * weights and the tokenizer. A tokenizer may stand alone.
 *
 * Weights in other formats (.bin, .h5, .msgpack, .onnx, ...) are left where they are.
 *
 * @module
 */
import { UserError } from "../../../base/errors.ts";
import { compileGlob, type Glob, naturalCompare } from "../../../base/glob.ts";
import { VOCABULARY_FILES } from "../../../base/vocabulary_files.ts";

/** Which files of a model to take, as `huggingface_hub.snapshot_download` names them. */
export interface ModelPatterns {
  readonly allowPatterns?: readonly string[] | undefined;
  readonly ignorePatterns?: readonly string[] | undefined;
}

/** Small files that a model may have, in the order in which they are asked for without a listing. */
export const MODEL_FILES: readonly string[] = [
  "config.json",
  "generation_config.json",
  ...VOCABULARY_FILES,
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "merges.txt",
  "chat_template.jinja",
];

/** The weights where they are one file. */
export const WEIGHTS = "model.safetensors";

/** What names the shards of weights. */
export const WEIGHTS_INDEX = "model.safetensors.index.json";

const OTHER_WEIGHTS = /\.(?:bin|h5|msgpack|onnx|ckpt|pt|pth|gguf)$/;

/** Whether a name is that of a tokenizer's vocabulary. */
export function isVocabulary(path: string): boolean {
  return VOCABULARY_FILES.includes(path);
}

/**
 * The files to take, in natural order.
 *
 * @param paths All that are there.
 * @param options `written`: what the user calls the source; `missing`: the error for a file that is not there.
 * @throws {UserError} Where nothing matches, or what is there is neither a model nor a tokenizer.
 */
export function chooseModelFiles(
  paths: readonly string[],
  { written, patterns = {}, missing }: {
    readonly written: string;
    readonly patterns?: ModelPatterns;
    readonly missing: (path: string) => UserError;
  },
): string[] {
  const compiled = (list: readonly string[]): readonly Glob[] =>
    list.map((pattern) =>
      compileGlob(pattern.endsWith("/") ? `${pattern}*` : pattern, { slash: true })
    );
  const allowed = patterns.allowPatterns && compiled(patterns.allowPatterns);
  const ignored = compiled(patterns.ignorePatterns ?? []);
  const single = paths.includes(WEIGHTS);
  const chosen = paths.filter((path) => {
    if (ignored.some((glob) => glob.test(path))) return false;
    if (allowed !== undefined) return allowed.some((glob) => glob.test(path));
    if (MODEL_FILES.includes(path)) return true;
    if (path === WEIGHTS) return true;
    return !single && (path === WEIGHTS_INDEX || /^model-\d+-of-\d+\.safetensors$/.test(path));
  });
  if (chosen.length === 0 && (allowed !== undefined || ignored.length > 0)) {
    throw new UserError({
      what: `no file of ${written} matches ${
        allowed === undefined ? "what ignore_patterns leaves" : "allow_patterns"
      }`,
      requirement: `it has ${paths.slice(0, 20).join(", ")}`,
    });
  }
  if (allowed === undefined && ignored.length === 0) {
    const weights = chosen.some((path) => path.endsWith(".safetensors"));
    const others = paths.some((path) => OTHER_WEIGHTS.test(path));
    const isTokenizer = !weights && !others && chosen.some(isVocabulary);
    if (!isTokenizer && !chosen.includes("config.json")) throw missing("config.json");
    if (!isTokenizer && !weights) throw noSafetensors(written, paths);
  }
  return chosen.sort(naturalCompare);
}

/** The error for a model without weights that can be read. */
export function noSafetensors(written: string, paths: readonly string[]): UserError {
  const others = paths.filter((path) => OTHER_WEIGHTS.test(path));
  return new UserError({
    what: `${written} has no weights as safetensors${
      others.length === 0 ? "" : `, only ${others.slice(0, 5).join(", ")}`
    }`,
    requirement: `a model needs ${WEIGHTS}, or several with ${WEIGHTS_INDEX}`,
    remedy:
      "choose a revision that has them, or convert the weights; allow_patterns takes other files as they are",
  });
}
