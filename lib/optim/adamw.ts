/**
 * AdamW (Loshchilov and Hutter, arXiv 1711.05101), with the arithmetic of `torch.optim.AdamW`, as an
 * elementwise graph over any shape: chunks of a flat arena on the host, or each parameter's buffer on a GPU.
 * All that changes from step to step is fed as scalars, so a graph is compiled once per shape.
 *
 * Left out: amsgrad, maximize.
 *
 * @module
 */

import type { Graph } from "../graph/ir/graph.ts";
import * as ops from "../graph/ops/mod.ts";
import type { Tensor } from "../graph/ir/tensor.ts";
import {
  type OptimizedTensor,
  type Optimizer,
  optimizerGraph,
  type OptimizerStep,
  type ScalarFeed,
} from "./optimizer.ts";

/** What one step of the optimizer depends on, beside the tensors. */
export interface AdamwSettings {
  /** The number of this step, from 1. */
  readonly step: number;
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled weight decay of these elements; 0 for biases and normalization. */
  readonly weightDecay: number;
  /** The factor of gradient clipping. */
  readonly scale: number;
}

/** Names of the scalar inputs of an update. */
export const ADAMW_SCALARS = [
  "keep",
  "beta1",
  "gradient_share",
  "beta2",
  "root_share",
  "epsilon",
  "step_size",
] as const;

/** A name in {@linkcode ADAMW_SCALARS}. */
export type AdamwScalar = typeof ADAMW_SCALARS[number];

/** The tensors of one update, all of one shape. */
export interface AdamwState {
  readonly parameter: Tensor;
  /** The first moment: the running mean of gradients. Zeros at first. */
  readonly m: Tensor;
  /** The second moment: the running mean of squared gradients. Zeros at first. */
  readonly v: Tensor;
}

/**
 * The scalars of a step, computed in double precision as torch does.
 *
 * @returns Feeds for the inputs that {@linkcode adamwScalars} declares.
 */
export function adamwStep(settings: AdamwSettings): Record<AdamwScalar, ScalarFeed> {
  const values = adamwValues(settings);
  return Object.fromEntries(
    ADAMW_SCALARS.map((name) => [name, {
      type: "float32",
      dims: [],
      data: Float32Array.of(values[name]),
    }]),
  ) as unknown as Record<AdamwScalar, ScalarFeed>;
}

function adamwValues(settings: AdamwSettings): Record<AdamwScalar, number> {
  const { step, learningRate, beta1, beta2, epsilon, weightDecay, scale } = settings;
  const correction = Math.sqrt(1 - beta2 ** step);
  return {
    keep: 1 - learningRate * weightDecay,
    beta1,
    gradient_share: scale * (1 - beta1),
    beta2,
    root_share: scale * Math.sqrt(1 - beta2),
    epsilon: epsilon * correction,
    step_size: learningRate * correction / (1 - beta1 ** step),
  };
}

/** AdamW with its settings, for a training run. */
export function adamw(
  settings: Omit<AdamwSettings, keyof OptimizerStep>,
): Optimizer {
  return {
    name: "adamw",
    elementwise: true,
    slots: (shape): Record<string, readonly number[]> => ({ m: shape, v: shape }),
    scalars: ADAMW_SCALARS,
    undecayed: { keep: 1 },
    feeds: (step: OptimizerStep): Record<AdamwScalar, number> =>
      adamwValues({ ...settings, ...step }),
    update({ parameter, slots }: OptimizedTensor, { gradient, scalars }): OptimizedTensor {
      const next = adamwUpdate({ parameter, m: slots.m!, v: slots.v! }, {
        gradient,
        scalars: scalars as Readonly<Record<AdamwScalar, Tensor>>,
      });
      return { parameter: next.parameter, slots: { m: next.m, v: next.v } };
    },
  };
}

/** Declares the scalar inputs. */
export function adamwScalars(graph: Graph): Record<AdamwScalar, Tensor> {
  const entries = ADAMW_SCALARS.map((name) => [
    name,
    graph.input(name, { type: "float32", shape: [] }),
  ]);
  return Object.fromEntries(entries) as Record<AdamwScalar, Tensor>;
}

/**
 * One update:
 * `m' = beta1 m + (1 - beta1) g`, `v' = beta2 v + (1 - beta2) g^2`,
 * `p' = (1 - lr decay) p - lr / (1 - beta1^t) m' / (sqrt(v') / sqrt(1 - beta2^t) + epsilon)`,
 * with the last fraction expanded by `sqrt(1 - beta2^t)` and the clip factor on the gradient taken into its
 * shares, which spares passes over the elements.
 *
 * @param state Parameter and moments.
 * @param options The gradient, of the same shape, and the scalars.
 */
export function adamwUpdate(
  state: AdamwState,
  options: { readonly gradient: Tensor; readonly scalars: Readonly<Record<AdamwScalar, Tensor>> },
): AdamwState {
  const { scalars: s } = options;
  const { gradient } = options;
  const m = ops.add(ops.mul(state.m, s.beta1), ops.mul(gradient, s.gradient_share));
  const root = ops.mul(gradient, s.root_share);
  const v = ops.add(ops.mul(state.v, s.beta2), ops.mul(root, root));
  const change = ops.mul(ops.div(m, ops.add(ops.sqrt(v), s.epsilon)), s.step_size);
  return { parameter: ops.sub(ops.mul(state.parameter, s.keep), change), m, v };
}

/**
 * A whole graph of one update over tensors of `shape`: inputs `parameter`, `gradient`, `m`, `v` and the
 * scalars; outputs `new_parameter`, `new_m`, `new_v`. Being elementwise, it may be fetched into the arrays it
 * was fed with on the native engine.
 */
export function adamwGraph(shape: readonly number[]): Graph {
  const unused = { beta1: 0, beta2: 0, epsilon: 0, weightDecay: 0 };
  return optimizerGraph(adamw(unused), shape);
}
