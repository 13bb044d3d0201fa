/**
 * The activation functions that configurations name, as transformers' `ACT2FN` spells them.
 *
 * Left out: those with parameters of their own (`prelu`, `xielu`), and those that no model we read has.
 *
 * @module
 */

import * as ops from "../../graph/ops/mod.ts";
import type { Tensor } from "../../graph/ir/tensor.ts";

type Function = (x: Tensor) => Tensor;

const gelu: Function = (x) => ops.gatedActivation(x, { kind: "gelu" });
/** The approximation by tanh, which goes by several names. */
const tanhGelu: Function = (x) => ops.gatedActivation(x, { kind: "gelu_tanh" });
const silu: Function = (x) => ops.gatedActivation(x, { kind: "silu" });

/** Slope of `x sigmoid(slope x)` in CLIP's approximation of GELU. */
const QUICK = 1.702;

/** Slope of a leaky ReLU below 0: torch's default. */
const LEAK = 0.01;

/** The accepted names, and what each computes. */
export const ACTIVATIONS = {
  gelu,
  gelu_python: gelu,
  gelu_new: tanhGelu,
  gelu_pytorch_tanh: tanhGelu,
  gelu_python_tanh: tanhGelu,
  gelu_accurate: tanhGelu,
  gelu_fast: tanhGelu,
  quick_gelu: (x: Tensor): Tensor => ops.mul(x, ops.sigmoid(ops.mul(x, QUICK))),
  relu: (x: Tensor): Tensor => ops.relu(x),
  relu2: (x: Tensor): Tensor => ops.mul(ops.relu(x), ops.relu(x)),
  leaky_relu: (x: Tensor): Tensor => ops.where(ops.less(0, x), { then: x, else: ops.mul(x, LEAK) }),
  silu,
  swish: silu,
  sigmoid: (x: Tensor): Tensor => ops.sigmoid(x),
  tanh: (x: Tensor): Tensor => ops.tanh(x),
  linear: (x: Tensor): Tensor => x,
} as const;
