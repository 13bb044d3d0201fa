/**
 * Writing a Hugging Face model folder, as `save_pretrained` would: what it makes opens with
 * `from_pretrained`, transformers.js and this project alike.
 *
 * @module
 */
import type { JsonObject } from "../base/json.ts";
import { writeJsonObject } from "../base/json_file.ts";
import type { TensorData } from "../data/formats/safetensors.ts";
import { copyIfThere, copyTokenizerFiles } from "../data/tokens/tokenizer_files.ts";
import { unreachable } from "../base/errors.ts";
import { narrow, type SavedDtype } from "./half.ts";
import { writeWeights } from "./shards.ts";

/** What goes into a model folder. */
export interface SavedModel {
  /** Content of config.json; the dtype is added. */
  readonly config: JsonObject;
  /** Parameters by checkpoint name; tied copies are left out by the caller. */
  readonly tensors: Iterable<
    readonly [
      string,
      { readonly shape: readonly number[]; readonly data: Float32Array<ArrayBuffer> },
    ]
  >;
  /**
   * Folders whose generation_config.json is taken over; the first that has one. Without any it is
   * made from the config's special tokens.
   */
  readonly generationConfigFrom?: readonly string[];
  /** Folders whose tokenizer files are taken over; the first that has a tokenizer.json. */
  readonly tokenizerFrom?: readonly string[];
  /** The format of the weights. Default float32, which loses nothing. */
  readonly dtype?: SavedDtype;
  /** Most bytes of weights in a file, before there are several. Default no limit. */
  readonly maxShardSize?: number;
}

/**
 * Writes config.json, model.safetensors (or shards and their index), generation_config.json and the
 * tokenizer's files. The same model gives the same bytes.
 *
 * @param dir An existing folder.
 * @param model What to write.
 */
export async function saveCheckpoint(dir: string, model: SavedModel): Promise<void> {
  const { config, tensors, generationConfigFrom = [], tokenizerFrom = [] } = model;
  const { dtype = "float32", maxShardSize = Infinity } = model;
  // transformers reads `dtype` since 4.56 and `torch_dtype` before.
  await writeJsonObject(`${dir}/config.json`, {
    ...config,
    dtype,
    torch_dtype: dtype,
  });
  const entries = [...tensors].map(([name, tensor]) => [name, stored(tensor, dtype)] as const);
  await writeWeights(dir, entries, { maxShardSize });

  const source = await firstWith("generation_config.json", generationConfigFrom);
  if (source === undefined) {
    await writeJsonObject(`${dir}/generation_config.json`, generationConfig(config));
  } else {
    await copyIfThere(`${source}/generation_config.json`, `${dir}/generation_config.json`);
  }
  const tokenizer = await firstWith("tokenizer.json", tokenizerFrom);
  if (tokenizer !== undefined) await copyTokenizerFiles(tokenizer, dir);
}

function stored(
  { shape, data }: { readonly shape: readonly number[]; readonly data: Float32Array<ArrayBuffer> },
  dtype: SavedDtype,
): TensorData {
  switch (dtype) {
    case "float32":
      return { dtype: "F32", shape, data };
    case "float16":
      return { dtype: "F16", shape, data: narrow(data, dtype) };
    case "bfloat16":
      return { dtype: "BF16", shape, data: narrow(data, dtype) };
    default:
      return unreachable(dtype);
  }
}

function generationConfig(config: JsonObject): JsonObject {
  const tokens = ["bos_token_id", "eos_token_id", "pad_token_id"]
    .map((name) => [name, config[name]] as const)
    .filter(([, id]) => id !== undefined && id !== null);
  return { _from_model_config: true, ...Object.fromEntries(tokens) };
}

async function firstWith(file: string, dirs: readonly string[]): Promise<string | undefined> {
  for (const dir of dirs) {
    const found = await Deno.stat(`${dir}/${file}`).then((stat) => stat.isFile, () => false);
    if (found) return dir;
  }
  return undefined;
}
