/**
 * A model as the rooms above use it: what its architecture says of a config, and what running its forward pass
 * once tells of its parameters, its linear layers and what it keeps while a text is continued.
 *
 * @module
 */
import { InternalError, UserError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { Graph } from "../graph/ir/graph.ts";
import type { Tensor } from "../graph/ir/tensor.ts";
import type { Inputs, Model, Task } from "./architecture.ts";
import { type BuildOptions, type LinearSpec, newBuild, type Slot } from "./build/build.ts";
import { type Adapters, loraAdapters, type LoraSettings } from "./lora.ts";
import type { ParameterSpec } from "./build/parameters.ts";
import { architectureOf, taskOf } from "./registry.ts";

/** A model that is ready to be built into graphs. */
export interface OpenModel extends Model {
  readonly modelType: string;
  readonly task: Task;
  /** Its parameters in the order of the reference's `named_parameters()`, then those of its adapters. */
  readonly parameters: readonly ParameterSpec[];
  /** Its linear layers in the order of the forward pass. */
  readonly linears: readonly LinearSpec[];
  /** What each attention keeps, in the order of the forward pass. */
  readonly slots: readonly Slot[];
  /** The adapters beside its layers, where there are any. */
  readonly adapters?: Adapters | undefined;
  /**
   * Adds the forward pass to a graph.
   *
   * @param inputs See {@linkcode Model.forward}.
   * @param options `params`: the tensors of all parameters, by name.
   * @returns The logits.
   */
  build(
    graph: Graph,
    inputs: Inputs,
    options: PassOptions & { readonly params: ReadonlyMap<string, Tensor> },
  ): Tensor;
}

/** How a forward pass is built; see {@linkcode BuildOptions}. */
export type PassOptions = Pick<
  BuildOptions,
  "dropout" | "segments" | "past" | "keep" | "askedAt"
>;

/** How to open a model. */
export interface OpenOptions {
  /** What it is to do. Default what its config says, else the first task of its architecture. */
  readonly task?: Task | undefined;
  /** Puts adapters beside its linear layers. */
  readonly lora?: LoraSettings | undefined;
}

/**
 * Makes a model of its config.
 *
 * @param config A parsed config.json; absent fields take transformers' defaults.
 * @throws {UserError} where its `model_type` is not known, it has no such task, or a field cannot be.
 *
 * @example
 * ```ts
 * import { openModel } from "./open.ts";
 * const { parameters } = openModel({ model_type: "gpt2", n_layer: 1, n_embd: 8, n_head: 2 });
 * if (parameters[0]?.name !== "transformer.wte.weight") throw new Error();
 * ```
 */
export function openModel(config: JsonObject, options: OpenOptions = {}): OpenModel {
  const architecture = architectureOf(config);
  const { modelType, heads } = architecture;
  const tasks = Object.keys(heads) as Task[];
  const task = options.task ?? taskOf(config) ?? tasks[0];
  const head = task && heads[task];
  if (task === undefined || head === undefined) {
    throw new UserError({
      what: `a model with model_type: ${modelType} has no head for the task ${task}`,
      requirement: `its tasks are ${tasks.join(", ")}`,
    });
  }
  const model = architecture.open(config, task);
  const { parameters, linears, slots } = recorded(model);
  const adapters = options.lora && loraAdapters(linears, {
    lora: {
      ...options.lora,
      target_modules: options.lora.target_modules ?? architecture.loraTargets,
    },
    names: model.names,
  });
  return {
    ...model,
    modelType,
    task,
    config: { ...model.config, model_type: modelType, architectures: [head] },
    parameters: [...parameters, ...adapters?.parameters ?? []],
    linears,
    slots,
    adapters,
    build(graph, inputs, { params, ...pass }): Tensor {
      const parameter = ({ name }: ParameterSpec): Tensor => {
        const tensor = params.get(name);
        if (tensor === undefined) throw new InternalError(`no parameter "${name}"`);
        return tensor;
      };
      const b = newBuild(graph, {
        ...pass,
        parameter,
        attentionMask: inputs.attention_mask,
        adapters: adapters?.beside(params),
      });
      return model.forward(b, inputs);
    },
  };
}

/** What one pass over one short row names. */
function recorded(model: Model): Pick<OpenModel, "parameters" | "linears" | "slots"> {
  const graph = new Graph("record");
  const known = new Map<string, { spec: ParameterSpec; tensor: Tensor }>();
  const linears: LinearSpec[] = [];
  const slots: Slot[] = [];
  const b = newBuild(graph, {
    parameter(spec: ParameterSpec): Tensor {
      const { name, shape } = spec;
      const before = known.get(name);
      if (before !== undefined) return before.tensor;
      const tensor = graph.input(name, { type: "float32", shape });
      known.set(name, { spec, tensor });
      return tensor;
    },
    onLinear: (linear) => linears.push(linear),
    keep: (slot) => slots.push(slot),
  });
  const inputs = model.fields.map((field) =>
    [field, graph.input(field, { type: "int32", shape: [1, 1] })] as const
  );
  model.forward(b, Object.fromEntries(inputs));
  return { parameters: [...known.values()].map(({ spec }) => spec), linears, slots };
}

/** Declares a graph input for each parameter, under its checkpoint name. */
export function parameterInputs(
  graph: Graph,
  specs: readonly ParameterSpec[],
): Map<string, Tensor> {
  return new Map(
    specs.map(({ name, shape }) => [name, graph.input(name, { type: "float32", shape })]),
  );
}
