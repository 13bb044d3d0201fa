/**
 * LoRA (Hu et al., arXiv 2106.09685) with the arithmetic and the names of peft's `LoraConfig`: a linear layer
 * `x W + b` becomes `x W + b + (alpha / r) dropout(x) A^T B^T`, of which only A `[r, in]` and B `[out, r]` are
 * trained. B starts as zeros, so training starts from the model as it is.
 *
 * GPT-2's layers keep W as `[in, out]` (`Conv1D`, peft's `fan_in_fan_out`). Left out: adapters of embeddings
 * and output layers, trained biases, `modules_to_save`, DoRA, rsLoRA, ranks that differ by module.
 *
 * @module
 */
import { nearest, UserError } from "../base/errors.ts";
import * as ops from "../graph/ops/mod.ts";
import type { Tensor } from "../graph/ir/tensor.ts";
import { dropout } from "./dropout.ts";
import type { CausalLm } from "./family.ts";
import type { LinearAdapter } from "./layers.ts";
import { parameterLookup, type ParameterSpec } from "./parameters.ts";

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

/** A linear layer with an adapter. */
export interface LoraModule {
  /** `transformer.h.0.attn.c_attn`. */
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
}

/** A causal language model with adapters. Its parameters are the base's, then the adapters'. */
export interface LoraModel extends CausalLm {
  readonly lora: LoraConfig;
  /** The adapters' parameters: those that are trained. */
  readonly adapters: readonly ParameterSpec[];
  readonly modules: readonly LoraModule[];
}

/** An array with its shape. */
interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/**
 * Puts adapters beside the linear layers of a model.
 *
 * @param base The model; its own parameters stay as they are.
 * @param lora The adapters' settings.
 * @throws {UserError} where a target is no linear layer of the model.
 */
export function loraModel(base: CausalLm, lora: LoraConfig): LoraModel {
  const modules = targetedModules(base, lora);
  const { r: rank } = lora;
  const adapters = modules.flatMap(({ name, inputs, outputs }): ParameterSpec[] => [
    {
      name: loraA(name),
      shape: [rank, inputs],
      // torch's kaiming_uniform_ with a = sqrt(5).
      init: "uniform",
      bound: 1 / Math.sqrt(inputs),
      decay: true,
    },
    { name: loraB(name), shape: [outputs, rank], init: "zeros", decay: true },
  ]);
  const adaptersOf = (params: ReadonlyMap<string, Tensor>): Map<string, LinearAdapter> =>
    new Map(modules.map(({ name }) => [name, linearAdapter(name, { lora, params })]));
  return {
    ...base,
    parameters: [...base.parameters, ...adapters],
    lora,
    adapters,
    modules,
    forward: (graph, inputs) =>
      base.forward(graph, { ...inputs, adapters: adaptersOf(inputs.params) }),
    decode: (graph, inputs) =>
      base.decode(graph, { ...inputs, adapters: adaptersOf(inputs.params) }),
  };
}

/**
 * The base's weights with what the adapters add: a model that needs none.
 *
 * @param model The model.
 * @param weights All its parameters by name.
 * @returns The base's parameters in their order; new arrays where an adapter is.
 */
export function mergedWeights(
  model: LoraModel,
  weights: ReadonlyMap<string, Pick<Values, "data">>,
): [string, Values][] {
  const valuesOf = (name: string): Float32Array<ArrayBuffer> => weights.get(name)!.data;
  const adapted = new Map(model.modules.map((module) => [`${module.name}.weight`, module]));
  const added = new Set(model.adapters.map(({ name }) => name));
  return model.parameters.filter(({ name }) => !added.has(name)).map(({ name, shape }) => {
    const module = adapted.get(name);
    const data = valuesOf(name);
    if (module === undefined) return [name, { shape, data }];
    const [a, b] = [valuesOf(loraA(module.name)), valuesOf(loraB(module.name))];
    return [name, { shape, data: merge(data, { ...module, a, b, lora: model.lora }) }];
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
  const param = parameterLookup(params);
  return (x, source) => { // [N, in]
    const rate = lora.lora_dropout;
    const kept = dropout(x, { rate, site: `${module}/lora`, source });
    const low = ops.matmul(kept, param(loraA(module)), { transB: true, name: "lora_A" }); // [N, r]
    const alpha = lora.lora_alpha / lora.r;
    return ops.matmul(low, param(loraB(module)), { transB: true, alpha, name: "lora_B" }); // [N, out]
  };
}

/** `W + (alpha / r) A^T B^T`, summed in double precision. */
function merge(
  weight: Float32Array,
  { a, b, inputs, outputs, lora }: LoraModule & {
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
    for (let o = 0; o < outputs; o++) merged[i * outputs + o] = weight[i * outputs + o]! + row[o]!;
  }
  return merged;
}

/** The linear layers that are asked for, in the model's order. */
function targetedModules(base: CausalLm, { target_modules: targets }: LoraConfig): LoraModule[] {
  const shapes = new Map(base.parameters.map(({ name, shape }) => [name, shape]));
  const all = base.linearModules.map((name): LoraModule => {
    const [inputs = 0, outputs = 0] = shapes.get(`${name}.weight`) ?? [];
    return { name, inputs, outputs };
  });
  if (targets === "all-linear") return all;
  const matches = (target: string, { name }: LoraModule): boolean =>
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
