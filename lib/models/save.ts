/**
 * Writing a Hugging Face model folder, as `save_pretrained` would: what it makes opens with
 * `from_pretrained`, transformers.js and this project alike.
 *
 * @module
 */
import { writeSafetensors } from "../data/safetensors.ts";
import type { JsonObject } from "./checkpoint.ts";

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
}

const TOKENIZER_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
] as const;

/**
 * Writes config.json, model.safetensors, generation_config.json and the tokenizer's files. The same
 * model gives the same bytes.
 *
 * @param dir An existing folder.
 * @param model What to write.
 */
export async function saveCheckpoint(dir: string, model: SavedModel): Promise<void> {
  const { config, tensors, generationConfigFrom = [], tokenizerFrom = [] } = model;
  // transformers reads `dtype` since 4.56 and `torch_dtype` before.
  await writeJson(`${dir}/config.json`, { ...config, dtype: "float32", torch_dtype: "float32" });
  const entries = [...tensors].map(([name, { shape, data }]) =>
    [name, { dtype: "F32", shape, data }] as const
  );
  await writeSafetensors(`${dir}/model.safetensors`, entries, { format: "pt" });

  const source = await firstWith("generation_config.json", generationConfigFrom);
  if (source === undefined) {
    await writeJson(`${dir}/generation_config.json`, generationConfig(config));
  } else {
    await copyIfThere(`${source}/generation_config.json`, `${dir}/generation_config.json`);
  }
  const tokenizer = await firstWith("tokenizer.json", tokenizerFrom);
  for (const file of tokenizer === undefined ? [] : TOKENIZER_FILES) {
    await copyIfThere(`${tokenizer}/${file}`, `${dir}/${file}`);
  }
}

function generationConfig(config: JsonObject): JsonObject {
  const tokens = ["bos_token_id", "eos_token_id", "pad_token_id"]
    .map((name) => [name, config[name]] as const)
    .filter(([, id]) => id !== undefined && id !== null);
  return { _from_model_config: true, ...Object.fromEntries(tokens) };
}

async function writeJson(path: string, value: JsonObject): Promise<void> {
  const sorted = Object.fromEntries(
    Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1),
  );
  await Deno.writeTextFile(path, JSON.stringify(sorted, null, 2) + "\n");
}

async function firstWith(file: string, dirs: readonly string[]): Promise<string | undefined> {
  for (const dir of dirs) {
    const found = await Deno.stat(`${dir}/${file}`).then((stat) => stat.isFile, () => false);
    if (found) return dir;
  }
  return undefined;
}

async function copyIfThere(from: string, to: string): Promise<void> {
  try {
    // Not copyFile, which would keep the read-only mode that files in the store have.
    await Deno.writeFile(to, await Deno.readFile(from));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
