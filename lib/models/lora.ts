/**
 * LoRA (Hu et al., arXiv 2106.09685) with the arithmetic and the names of peft's `LoraConfig`: a linear layer
 * `x W + b` becomes `x W + b + (alpha / r) dropout(x) A^T B^T`, of which only A `[r, in]` and B `[out, r]` are
 * trained. B starts as zeros, so training starts from the model as it is.
 *
 * W is `[out, in]`, in GPT-2's layers `[in, out]` (`Conv1D`, peft's `fan_in_fan_out`). Left out: adapters of embeddings
 * and output layers, trained biases, `modules_to_save`, DoRA, rsLoRA, ranks that differ by module.
 *
 * @module
 */
import { nearest, UserError } from "../base/errors.ts";
import * as ops from "../graph/ops/mod.ts";
import type { Tensor } from "../graph/ir/tensor.ts";
import type { CheckpointNames } from "./architecture.ts";
import type { LinearAdapter, LinearSpec } from "./build/build.ts";
import { dropout } from "./build/dropout.ts";
import { type ParameterSpec, ZEROS } from "./build/parameters.ts";

/** Settings by the names and with the meanings of peft's `LoraConfig`. */
export interface LoraConfig {
  /** Rank. */
  readonly r: number;
  /** What is added is scaled by `lora_alpha / r`. */
  readonly lora_alpha: number;
  /** Share of the adapter's inputs that is set to 0. */
  readonly lora_dropout: number;
  /**
   * Layers that get an adapter: names, each of a layer or of all layers that end so (`c_attn`, `mlp.c_proj`);
   * `all-linear` for every linear layer but the output layer.
   */
  readonly target_modules: "all-linear" | readonly string[];
}

/** Settings that leave the layers to the architecture. */
export type LoraSettings = Omit<LoraConfig, "target_modules"> & {
  readonly target_modules?: LoraConfig["target_modules"] | undefined;
};

/** The adapters of a model. */
export interface Adapters {
  readonly lora: LoraConfig;
  /** The layers that have one, in the model's order. */
  readonly modules: readonly LinearSpec[];
  /** The adapters' own parameters: those that are trained. */
  readonly parameters: readonly ParameterSpec[];
  /** What a build adds to each layer, by its name. */
  beside(params: ReadonlyMap<string, Tensor>): ReadonlyMap<string, LinearAdapter>;
}

/** An array with its shape. */
interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/**
 * Makes adapters for the linear layers of a model.
 *
 * @param linears All linear layers of the model.
 * @param options The adapters' settings, and which of the layers are heads, which get none.
 * @throws {UserError} where a target is no linear layer of the model.
 */
export function loraAdapters(
  linears: readonly LinearSpec[],
  options: { readonly lora: LoraConfig; readonly names: CheckpointNames },
): Adapters {
  const { lora, names: { heads } } = options;
  const inner = linears.filter(({ name }) => !heads.includes(`${name}.weight`));
  const modules = targetedModules(inner, lora);
  return {
    lora,
    modules,
    parameters: modules.flatMap(({ name, inputs, outputs }): ParameterSpec[] => [
      {
        name: loraA(name),
        shape: [lora.r, inputs],
        // torch's kaiming_uniform_ with a = sqrt(5).
        init: { kind: "uniform", bound: 1 / Math.sqrt(inputs) },
        decay: true,
      },
      { name: loraB(name), shape: [outputs, lora.r], init: ZEROS, decay: true },
    ]),
    beside: (params) =>
      new Map(modules.map(({ name }) => [name, linearAdapter(name, { lora, params })])),
  };
}

/**
 * The base's weights with what the adapters add: a model that needs none.
 *
 * @param parameters The model's parameters, adapters and all.
 * @param options The adapters, and all weights by name.
 * @returns The base's parameters in their order; new arrays where an adapter is.
 */
export function mergedWeights(
  parameters: readonly ParameterSpec[],
  options: {
    readonly adapters: Adapters;
    readonly weights: ReadonlyMap<string, Pick<Values, "data">>;
  },
): [string, Values][] {
  const { adapters, weights } = options;
  const valuesOf = (name: string): Float32Array<ArrayBuffer> => weights.get(name)!.data;
  const adapted = new Map(adapters.modules.map((module) => [`${module.name}.weight`, module]));
  const added = new Set(adapters.parameters.map(({ name }) => name));
  return parameters.filter(({ name }) => !added.has(name)).map(({ name, shape }) => {
    const module = adapted.get(name);
    const data = valuesOf(name);
    if (module === undefined) return [name, { shape, data }];
    const [a, b] = [valuesOf(loraA(module.name)), valuesOf(loraB(module.name))];
    return [name, { shape, data: merge(data, { ...module, a, b, lora: adapters.lora }) }];
  });
}

/** Name of A `[r, in]`. */
function loraA(module: string): string {
  return `${module}.lora_A.weight`;
}

/** Name of B `[out, r]`. */
function loraB(module: string): string {
  return `${module}.lora_B.weight`;
}

function linearAdapter(
  module: string,
  { lora, params }: {
    readonly lora: LoraConfig;
    readonly params: ReadonlyMap<string, Tensor>;
  },
): LinearAdapter {
  const { lora_dropout: rate } = lora;
  const [a, b] = [params.get(loraA(module))!, params.get(loraB(module))!];
  return (rows, { dropout: source }) => { // [N, in]
    const kept = dropout(rows, { rate, site: `${module}/lora`, source });
    const low = ops.matmul(kept, a, { transB: true, name: "lora_A" }); // [N, r]
    const alpha = lora.lora_alpha / lora.r;
    return ops.matmul(low, b, { transB: true, alpha, name: "lora_B" }); // [N, out]
  };
}

/** `W + (alpha / r) A^T B^T`, or its transpose where W is `[out, in]`; summed in double precision. */
function merge(
  weight: Float32Array,
  { a, b, inputs, outputs, layout, lora }: LinearSpec & {
    readonly a: Float32Array;
    readonly b: Float32Array;
    readonly lora: LoraConfig;
  },
): Float32Array<ArrayBuffer> {
  const { r: rank, lora_alpha: alpha } = lora;
  const merged = new Float32Array(weight.length);
  const row = new Float64Array(outputs);
  for (let i = 0; i < inputs; i++) {
    row.fill(0);
    for (let k = 0; k < rank; k++) {
      const factor = a[k * inputs + i]! * alpha / rank;
      for (let o = 0; o < outputs; o++) row[o]! += factor * b[o * rank + k]!;
    }
    for (let o = 0; o < outputs; o++) {
      const place = layout === "in_out" ? i * outputs + o : o * inputs + i;
      merged[place] = weight[place]! + row[o]!;
    }
  }
  return merged;
}

/** The linear layers that are asked for, in the model's order. */
function targetedModules(
  all: readonly LinearSpec[],
  { target_modules: targets }: LoraConfig,
): readonly LinearSpec[] {
  if (targets === "all-linear") return all;
  const matches = (target: string, { name }: LinearSpec): boolean =>
    name === target || name.endsWith(`.${target}`);
  for (const [i, target] of targets.entries()) {
    if (all.some((module) => matches(target, module))) continue;
    const endings = new Set(all.flatMap(({ name }) => {
      const parts = name.split(".");
      return parts.map((_, start) => parts.slice(start).join("."));
    }));
    throw new UserError({
      what: `cannot train: lora.target_modules[${i}] is "${target}", ` +
        "and no linear layer of the model's blocks ends so",
      requirement: `one of ${
        [...new Set(all.map(({ name }) => name.split(".").at(-1)))].join(", ")
      },` +
        " with more of its name before it where only some are meant (mlp.c_proj)",
      nearest: nearest(target, endings),
    });
  }
  return all.filter((module) => targets.some((target) => matches(target, module)));
}
