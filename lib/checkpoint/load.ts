/**
 * Reading a Hugging Face model folder: config.json and the parameters in model.safetensors, whole or in
 * shards (`model.safetensors.index.json`).
 *
 * Names differ between files that transformers all accepts: with or without the base model's prefix,
 * with buffers that old versions saved, with a tied output layer saved or not. A model's
 * `CheckpointNames` says what to expect; the shapes that its config asks for decide whether a
 * folder fits. Half precision is widened. Left out: pickles (`pytorch_model.bin`), quantized weights.
 *
 * @module
 */
import type { JsonObject } from "../base/json.ts";
import { readJsonObject } from "../base/json_file.ts";
import {
  openSafetensors,
  type SafetensorsFile,
  type TensorData,
} from "../data/formats/safetensors.ts";
import { nearest, UserError } from "../base/errors.ts";
import type { CheckpointNames } from "../models/architecture.ts";
import { type OpenModel, openModel } from "../models/open.ts";
import type { ParameterSpec } from "../models/build/parameters.ts";

/** What was read. */
export interface Checkpoint {
  readonly config: JsonObject;
  /** Parameters by canonical name, row-major float32. */
  readonly tensors: Map<string, { shape: readonly number[]; data: Float32Array<ArrayBuffer> }>;
  /** Tensors of the files that no parameter wanted; transformers warns of them too. */
  readonly unused: readonly string[];
  /** Parameters that the files lack and may lack. */
  readonly missing: readonly string[];
}

/** How to read. */
export interface LoadOptions {
  /** What is expected in the folder. Default the model of its config. */
  readonly model?: Pick<OpenModel, "parameters" | "names">;
  /** Names of parameters that the folder may lack: they are left out. Default none. */
  readonly mayLack?: readonly string[];
  /** Where to put a parameter: an array of its size. A new one where absent. */
  readonly into?: (parameter: ParameterSpec) => Float32Array<ArrayBuffer>;
}

/**
 * Reads config.json of a model folder.
 *
 * @throws {UserError} where it is missing or no JSON object.
 */
export async function loadConfig(dir: string): Promise<JsonObject> {
  const config = await readJsonObject(`${dir}/config.json`);
  if (config === undefined) {
    throw new UserError({
      what: `${dir} is no model: there is no config.json`,
      requirement: "a Hugging Face model folder: config.json and model.safetensors",
    });
  }
  return config;
}

/**
 * Reads generation_config.json of a model folder.
 *
 * @returns undefined where the folder has none.
 * @throws {UserError} where it is no JSON object.
 */
export async function loadGenerationConfig(dir: string): Promise<JsonObject | undefined> {
  return await readJsonObject(`${dir}/generation_config.json`);
}

/**
 * Reads a model folder.
 *
 * @param dir The folder.
 * @param options What is expected in it and where it goes.
 * @throws {UserError} where the folder is no model, its files are damaged, or parameters are missing or
 * of another shape: all of those at once, each with the nearest name.
 */
export async function loadCheckpoint(dir: string, options: LoadOptions = {}): Promise<Checkpoint> {
  const config = await loadConfig(dir);
  const { names, parameters: all } = options.model ?? openModel(config);
  const { mayLack = [] } = options;
  await using weights = await openWeights(dir);
  const available = canonicalNames([...weights.files.keys()], names);
  const missing = mayLack.filter((name) => !available.has(name));
  const parameters = all.filter(({ name }) => !missing.includes(name));
  checkShapes(parameters, { dir, available, shape: weights.shape });
  await checkTied(weights, { dir, names, available });

  const tensors: Checkpoint["tensors"] = new Map();
  const used = new Set<string>();
  for (const parameter of parameters) {
    const stored = available.get(parameter.name)!;
    used.add(stored);
    const tensor = await weights.read(stored);
    const data = toFloat32(tensor, { dir, name: stored });
    const target = options.into?.(parameter);
    target?.set(data);
    tensors.set(parameter.name, { shape: parameter.shape, data: target ?? data });
  }
  const unused = [...available.values()].filter((stored) => !used.has(stored));
  return { config, tensors, unused, missing };
}

interface Weights extends AsyncDisposable {
  /** Name as stored -> file that holds it. */
  readonly files: ReadonlyMap<string, SafetensorsFile>;
  readonly shape: (stored: string) => readonly number[];
  readonly read: (stored: string) => Promise<TensorData>;
}

async function openWeights(dir: string): Promise<Weights> {
  const opened: SafetensorsFile[] = [];
  const files = new Map<string, SafetensorsFile>();
  const close = (): Promise<void> => Promise.resolve(opened.forEach((file) => file.close()));
  try {
    const index = await exists(`${dir}/model.safetensors`)
      ? undefined
      : await readJsonObject(`${dir}/model.safetensors.index.json`);
    if (index === undefined) {
      await requireSafetensors(dir);
      const file = await openSafetensors(`${dir}/model.safetensors`);
      opened.push(file);
      for (const name of file.entries.keys()) files.set(name, file);
    } else {
      const shards = new Map<string, SafetensorsFile>();
      for (const [name, shardName] of Object.entries(weightMap(index, dir))) {
        let shard = shards.get(shardName);
        if (shard === undefined) {
          shard = await openSafetensors(`${dir}/${shardName}`);
          shards.set(shardName, shard);
          opened.push(shard);
        }
        if (!shard.entries.has(name)) {
          throw new UserError({
            what: `${dir}/${shardName} lacks the tensor "${name}" that ` +
              `model.safetensors.index.json places there`,
            remedy: "fetch the model again",
          });
        }
        files.set(name, shard);
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    files,
    shape: (stored: string): readonly number[] => files.get(stored)!.entries.get(stored)!.shape,
    read: (stored: string): Promise<TensorData> => files.get(stored)!.read(stored, { widen: true }),
    [Symbol.asyncDispose]: close,
  };
}

/** Says what is there instead, where a folder has no safetensors. */
async function requireSafetensors(dir: string): Promise<void> {
  if (await exists(`${dir}/model.safetensors`)) return;
  const pickled: string[] = [];
  for await (const { name } of Deno.readDir(dir)) {
    if (/^pytorch_model.*\.bin$/.test(name)) pickled.push(name);
  }
  if (pickled.length > 0) {
    throw new UserError({
      what: `${dir} has its weights in ${
        pickled.sort()[0]
      }, a pickle, which can run code when read`,
      requirement: "weights in model.safetensors",
      remedy: "use a revision of the model that has model.safetensors, or convert it with " +
        "transformers: save_pretrained writes safetensors",
    });
  }
  throw new UserError({
    what: `${dir} has no weights: there is no model.safetensors`,
    requirement: "model.safetensors, or model.safetensors.index.json with its shards",
  });
}

function weightMap({ weight_map: map }: JsonObject, dir: string): Record<string, string> {
  const path = `${dir}/model.safetensors.index.json`;
  const entries = typeof map === "object" && map !== null ? Object.entries(map) : [];
  // A shard is a file beside the index; a path that leads elsewhere is an attack or a mistake.
  const fine = ([, file]: [string, unknown]): boolean =>
    typeof file === "string" && /^[^/\\]+\.safetensors$/.test(file);
  const wrong = entries.find((entry) => !fine(entry));
  if (entries.length === 0 || wrong !== undefined) {
    throw new UserError({
      what: wrong === undefined
        ? `${path} has no weight_map`
        : `${path} places "${wrong[0]}" in ${JSON.stringify(wrong[1])}, which is no file beside it`,
      requirement: 'weight_map: {"<tensor>": "<shard>.safetensors", …}',
    });
  }
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Canonical name -> name as stored; what is no parameter is left out, tied copies stand in only where needed. */
function canonicalNames(stored: readonly string[], names: CheckpointNames): Map<string, string> {
  const { prefix, ignored, heads, tied } = names;
  // A file without the prefix is one of the base model alone.
  const bare = prefix !== "" && !stored.some((name) => name.startsWith(prefix));
  const available = new Map<string, string>();
  for (const name of stored) {
    if (ignored.some((pattern) => pattern.test(name))) continue;
    available.set(bare && !heads.includes(name) ? prefix + name : name, name);
  }
  for (const [copy, original] of Object.entries(tied)) {
    const kept = available.get(copy);
    if (kept === undefined) continue;
    if (!available.has(original)) available.set(original, kept);
    available.delete(copy);
  }
  return available;
}

function checkShapes(
  parameters: readonly ParameterSpec[],
  { dir, available, shape }: {
    readonly dir: string;
    readonly available: ReadonlyMap<string, string>;
    readonly shape: (stored: string) => readonly number[];
  },
): void {
  const wanted = new Set(parameters.map(({ name }) => name));
  const spare = [...available.keys()].filter((name) => !wanted.has(name));
  const problems: string[] = [];
  for (const parameter of parameters) {
    const stored = available.get(parameter.name);
    if (stored === undefined) {
      const near = nearest(parameter.name, spare);
      problems.push(
        `${parameter.name} [${parameter.shape}] is missing` +
          (near === undefined ? "" : ` (there is "${near}")`),
      );
    } else if (String(shape(stored)) !== String(parameter.shape)) {
      problems.push(`${stored} is [${shape(stored)}], its config asks for [${parameter.shape}]`);
    }
  }
  if (problems.length === 0) return;
  const shown = problems.slice(0, 40);
  if (shown.length < problems.length) shown.push(`and ${problems.length - shown.length} more`);
  throw new UserError({
    what: `the weights in ${dir} do not fit its config.json:\n  ${shown.join("\n  ")}`,
    remedy: "check that config.json and the weights are of the same model and revision",
  });
}

/** transformers does not tie what was saved twice and differs, whatever the config says. */
async function checkTied(
  weights: Weights,
  { dir, names, available }: {
    readonly dir: string;
    readonly names: CheckpointNames;
    readonly available: ReadonlyMap<string, string>;
  },
): Promise<void> {
  for (const [copy, original] of Object.entries(names.tied)) {
    const stored = available.get(original);
    if (stored === undefined || stored === copy || !weights.files.has(copy)) continue;
    const read = async (name: string): Promise<Float32Array> =>
      toFloat32(await weights.read(name), { dir, name });
    const [a, b] = [await read(stored), await read(copy)];
    if (sameValues(a, b)) continue;
    throw new UserError({
      what: `${dir} has "${stored}" and "${copy}" with different values, ` +
        "and its config.json says that they are one",
      remedy:
        "set tie_word_embeddings: false in config.json, or leave one of them out of the weights",
    });
  }
}

function sameValues(a: Float32Array, b: Float32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

function toFloat32(
  { dtype, data }: TensorData,
  { dir, name }: { dir: string; name: string },
): Float32Array<ArrayBuffer> {
  if (data instanceof Float32Array) return data;
  if (data instanceof Float64Array) return Float32Array.from(data);
  throw new UserError({
    what: `the tensor "${name}" in ${dir} has dtype ${dtype}`,
    requirement: "parameters in F32, F16, BF16 or F64; quantized models cannot be read",
  });
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
