/**
 * What an optimizer is to a training run: what it keeps for each tensor, which scalars a step feeds, and
 * one update as a graph. Each optimizer is a file beside this one; states of training (on the host, on a
 * device) know none of them by name.
 *
 * @module
 */

import { Graph } from "../graph/ir/graph.ts";
import type { Tensor } from "../graph/ir/tensor.ts";

/** A scalar feed. */
export interface ScalarFeed {
  readonly type: "float32";
  readonly dims: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** What changes from step to step. */
export interface OptimizerStep {
  /** The number of this update, from 1. */
  readonly step: number;
  readonly learningRate: number;
  /** The factor of gradient clipping. */
  readonly scale: number;
}

/** A parameter and what the optimizer keeps for it, by name of the slot. */
export interface OptimizedTensor {
  readonly parameter: Tensor;
  readonly slots: Readonly<Record<string, Tensor>>;
}

/** An optimizer with its settings. */
export interface Optimizer {
  /** As the option `optim` names it. */
  readonly name: string;
  /**
   * Whether an element's update depends on that element alone. Then tensors may be updated in chunks of
   * any size, and slots have the shape of the parameter.
   */
  readonly elementwise: boolean;
  /**
   * What is kept for a tensor between steps, all zeros at first.
   *
   * @param shape The tensor's.
   * @returns Shapes by name of the slot.
   */
  slots(shape: readonly number[]): Readonly<Record<string, readonly number[]>>;
  /** Names of the scalar inputs of an update. */
  readonly scalars: readonly string[];
  /** The value that one of the scalars has for tensors without weight decay. */
  readonly undecayed: Readonly<Record<string, number>>;
  /** Values of the scalars, for tensors with weight decay. */
  feeds(step: OptimizerStep): Readonly<Record<string, number>>;
  /** Adds one update to a graph. */
  update(
    tensor: OptimizedTensor,
    options: { readonly gradient: Tensor; readonly scalars: Readonly<Record<string, Tensor>> },
  ): OptimizedTensor;
}

/**
 * The scalars of a step as feeds.
 *
 * @param optimizer Whose.
 * @param options The step, and whether it is for tensors with weight decay.
 */
export function scalarFeeds(
  optimizer: Optimizer,
  options: OptimizerStep & { readonly decayed: boolean },
): Record<string, ScalarFeed> {
  const values = {
    ...optimizer.feeds(options),
    ...(options.decayed ? {} : optimizer.undecayed),
  };
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, {
      type: "float32" as const,
      dims: [],
      data: Float32Array.of(value),
    }]),
  );
}

/** Declares the scalar inputs of an update. */
export function scalarInputs(graph: Graph, optimizer: Optimizer): Record<string, Tensor> {
  return Object.fromEntries(
    optimizer.scalars.map((name) => [name, graph.input(name, { type: "float32", shape: [] })]),
  );
}

/**
 * A whole graph of one update of a tensor: inputs `parameter`, `gradient`, the slots and the scalars;
 * outputs `new_parameter` and `new_<slot>`. Every output is last written by an elementwise operation over
 * the input it replaces, so that on the native engine it may be fetched into the array it was fed with.
 */
export function optimizerGraph(optimizer: Optimizer, shape: readonly number[]): Graph {
  const graph = new Graph(optimizer.name);
  const input = (name: string, dims: readonly number[]): Tensor =>
    graph.input(name, { type: "float32", shape: dims });
  const parameter = input("parameter", shape);
  const slots = Object.fromEntries(
    Object.entries(optimizer.slots(shape)).map(([name, dims]) => [name, input(name, dims)]),
  );
  const gradient = input("gradient", shape);
  const scalars = scalarInputs(graph, optimizer);
  const next = optimizer.update({ parameter, slots }, { gradient, scalars });
  graph.output("new_parameter", next.parameter);
  for (const [name, slot] of Object.entries(next.slots)) graph.output(`new_${name}`, slot);
  return graph;
}
