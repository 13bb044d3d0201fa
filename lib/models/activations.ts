/**
 * The activation functions that configurations name, as transformers' `ACT2FN` spells them.
 *
 * @module
 */

import * as ops from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";

/** The accepted names, and what each computes. */
export const ACTIVATIONS = {
  gelu: (x: Tensor): Tensor => ops.gatedActivation(x, { kind: "gelu" }),
  gelu_new: (x: Tensor): Tensor => ops.gatedActivation(x, { kind: "gelu_tanh" }),
  gelu_pytorch_tanh: (x: Tensor): Tensor => ops.gatedActivation(x, { kind: "gelu_tanh" }),
  relu: (x: Tensor): Tensor => ops.relu(x),
  silu: (x: Tensor): Tensor => ops.gatedActivation(x, { kind: "silu" }),
  swish: (x: Tensor): Tensor => ops.gatedActivation(x, { kind: "silu" }),
  tanh: (x: Tensor): Tensor => ops.tanh(x),
} as const;

/** The name of an activation function. */
export type Activation = keyof typeof ACTIVATIONS;

/** True where `name` is an activation that can be built. */
export function isActivation(name: string): name is Activation {
  return Object.hasOwn(ACTIVATIONS, name);
}
