/**
 * Traces of the reference: a tiny model, one batch, and what transformers and PyTorch compute on it. A folder
 * with `model/` (a Hugging Face model folder), `golden.json` (loss, optimizer, one entry a step) and
 * `golden.safetensors` (`in.*`, `logits`, `grad.NAME`, `after.NAME`). Traces of language models may have more:
 * `generate` and `perplexity` in the one, `probabilities.NAME` in the other file.
 *
 * @module
 */
import { z } from "zod";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { readJsonObject } from "../base/json_file.ts";
import { readSafetensors, type TensorData } from "../data/formats/safetensors.ts";
import { UserError } from "../base/errors.ts";
import { loadConfig, loadGenerationConfig } from "../checkpoint/load.ts";

/** The settings of the reference's AdamW steps. */
export interface TraceOptimizer {
  readonly learningRate: number;
  readonly warmupSteps: number;
  readonly totalSteps: number;
  readonly weightDecay: number;
  readonly maxGradNorm: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** What the reference saw at one step. */
export interface TraceStep {
  readonly loss: number;
  readonly gradNorm: number;
  readonly learningRate: number;
}

/** Sequences that the reference generated of `gen.input_ids`. */
export interface TraceSequences {
  readonly name: string;
  readonly settings: JsonObject;
  readonly sequences: readonly (readonly number[])[];
}

/** A perplexity of `text.input_ids` by the reference's recipe. */
export interface TracePerplexity {
  readonly name: string;
  readonly window: number;
  readonly stride: number;
  readonly negativeLogLikelihood: number;
  readonly tokens: number;
}

/** A trace. */
export interface Trace {
  readonly folder: string;
  /** Content of model/config.json. */
  readonly config: JsonObject;
  /** Content of model/generation_config.json; empty where there is none. */
  readonly generationConfig: JsonObject;
  readonly loss: number;
  readonly optimizer: TraceOptimizer;
  readonly steps: readonly TraceStep[];
  readonly generated: readonly TraceSequences[];
  readonly perplexities: readonly TracePerplexity[];
  /** Tensors of golden.safetensors by name. */
  readonly tensors: ReadonlyMap<string, TensorData>;
}

const FILE = "golden.json";

const idLists = z.array(z.array(z.int()));

/**
 * The folders below (and including) one that hold a trace, sorted.
 *
 * @throws {UserError} where the folder cannot be read.
 */
export async function findTraces(folder: string): Promise<string[]> {
  const found: string[] = [];
  const seen = new Set<string>();
  const walk = async (dir: string): Promise<void> => {
    // Links are followed, and may lead round in a circle.
    const real = await Deno.realPath(dir);
    if (seen.has(real)) return;
    seen.add(real);
    const names: string[] = [];
    for await (const entry of Deno.readDir(dir)) {
      const kind = entry.isSymlink ? await pointedTo(`${dir}/${entry.name}`) : entry;
      if (kind?.isFile && entry.name === FILE) found.push(dir);
      if (kind?.isDirectory) names.push(entry.name);
    }
    for (const name of names) await walk(`${dir}/${name}`);
  };
  try {
    await walk(folder);
  } catch (cause) {
    throw new UserError({
      what: `cannot read the folder ${folder}: ${cause instanceof Error ? cause.message : cause}`,
      remedy: "give a folder with traces, as reference/make_goldens.py makes them",
      cause,
    });
  }
  return found.sort();
}

/** What a link leads to; undefined where that is nothing. */
async function pointedTo(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.FilesystemLoop) {
      return undefined;
    }
    throw error;
  }
}

/**
 * Reads a trace.
 *
 * @param folder One of {@linkcode findTraces}.
 * @throws {UserError} where a file is missing, damaged, or lacks what a trace has.
 */
export async function readTrace(folder: string): Promise<Trace> {
  const path = `${folder}/${FILE}`;
  const json = await readJsonObject(path) ?? {};
  const field = reader(path);
  const optimizer = field.object(json, "optimizer");
  const betas = optimizer.betas;
  if (!Array.isArray(betas) || betas.length !== 2) throw lacks(path, "optimizer.betas");
  const steps = json.steps;
  if (!Array.isArray(steps) || steps.length === 0) throw lacks(path, "steps");
  return {
    folder,
    config: await loadConfig(`${folder}/model`),
    generationConfig: await loadGenerationConfig(`${folder}/model`) ?? {},
    loss: field.number(json, "loss"),
    optimizer: {
      learningRate: field.number(optimizer, "lr"),
      warmupSteps: field.number(optimizer, "warmup_steps"),
      totalSteps: field.number(optimizer, "total_steps"),
      weightDecay: field.number(optimizer, "weight_decay"),
      maxGradNorm: field.number(optimizer, "max_grad_norm"),
      beta1: field.number({ beta1: betas[0]! }, "beta1"),
      beta2: field.number({ beta2: betas[1]! }, "beta2"),
      epsilon: field.number(optimizer, "eps"),
    },
    steps: steps.map((step) => {
      const entry = field.object({ step }, "step");
      return {
        loss: field.number(entry, "loss"),
        gradNorm: field.number(entry, "grad_norm"),
        learningRate: field.number(entry, "lr"),
      };
    }),
    generated: Object.entries(field.optional(json, "generate")).map(([name, value]) => {
      const entry = field.object({ [name]: value }, name);
      const sequences = idLists.safeParse(entry.sequences);
      if (!sequences.success) throw lacks(path, `generate.${name}.sequences`);
      return { name, settings: field.object(entry, "settings"), sequences: sequences.data };
    }),
    perplexities: Object.entries(field.optional(json, "perplexity")).map(([name, value]) => {
      const entry = field.object({ [name]: value }, name);
      const [, window, stride] = /^max_length-(\d+)-stride-(\d+)$/.exec(name) ?? [];
      if (window === undefined || stride === undefined) throw lacks(path, `perplexity.${name}`);
      return {
        name,
        window: Number(window),
        stride: Number(stride),
        negativeLogLikelihood: field.number(entry, "negative_log_likelihood"),
        tokens: field.number(entry, "tokens"),
      };
    }),
    tensors: (await readSafetensors(`${folder}/golden.safetensors`, { widen: true })).tensors,
  };
}

/**
 * A tensor of floats.
 *
 * @throws {UserError} where the trace has none of this name and shape.
 */
export function traceFloats(
  { folder, tensors }: Trace,
  { name, shape }: { readonly name: string; readonly shape: readonly number[] },
): Float32Array {
  const tensor = tensors.get(name);
  const path = `${folder}/golden.safetensors`;
  if (tensor === undefined) throw lacks(path, name);
  if (!(tensor.data instanceof Float32Array) || String(tensor.shape) !== String(shape)) {
    throw new UserError({
      what: `"${name}" in ${path} is ${tensor.dtype} [${tensor.shape}]`,
      requirement: `the model of the trace asks for F32 [${shape}]`,
    });
  }
  return tensor.data;
}

/**
 * A tensor of whole numbers, as int32.
 *
 * @throws {UserError} where the trace has none of this name, or one of floats.
 */
export function traceIntegers(
  { folder, tensors }: Trace,
  name: string,
): { readonly shape: readonly number[]; readonly data: Int32Array<ArrayBuffer> } {
  const tensor = tensors.get(name);
  const path = `${folder}/golden.safetensors`;
  if (tensor === undefined) throw lacks(path, name);
  const { data, shape } = tensor;
  if (data instanceof Float32Array || data instanceof Float64Array) {
    throw new UserError({
      what: `"${name}" in ${path} is ${tensor.dtype}`,
      requirement: "ids, masks and labels are whole numbers",
    });
  }
  const values = Int32Array.from(data as ArrayLike<number | bigint>, Number);
  const wide = values.findIndex((value, i) => value !== Number(data[i]));
  if (wide >= 0) {
    throw new UserError({
      what: `"${name}" in ${path} has ${data[wide]} at ${wide}`,
      requirement: "whole numbers of 32 bits",
    });
  }
  return { shape, data: values };
}

function reader(path: string): {
  number(from: JsonObject, name: string): number;
  object(from: JsonObject, name: string): JsonObject;
  optional(from: JsonObject, name: string): JsonObject;
} {
  const object = (from: JsonObject, name: string): JsonObject => {
    const value = from[name];
    if (!isJsonObject(value)) throw lacks(path, name);
    return value;
  };
  return {
    number(from, name): number {
      const value = from[name];
      if (typeof value !== "number" || !Number.isFinite(value)) throw lacks(path, name);
      return value;
    },
    object,
    optional: (from, name) => from[name] === undefined ? {} : object(from, name),
  };
}

function lacks(path: string, name: string): UserError {
  return new UserError({
    what: `${path} lacks "${name}", or it is of another kind`,
    requirement: "a trace as reference/make_goldens.py makes it",
  });
}
