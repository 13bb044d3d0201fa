/**
 * The slope of `y = x gate(x)`, written with as few passes over the elements as the gate allows; the gate
 * itself comes from the forward pass.
 *
 * @module
 */

import { InternalError } from "../../base/errors.ts";
import type { GatedActivation } from "../ops/elementwise.ts";
import * as ops from "../ops/mod.ts";
import type { GraphNode, Tensor } from "../ir/tensor.ts";

/** 2 sqrt(2/pi): the argument's factor in {@linkcode GELU_TANH} once tanh is written as a sigmoid. */
const LINEAR = 2 * Math.sqrt(2 / Math.PI);

/** Coefficients of the sigmoid's argument `x (linear + cubic x^2)` in the tanh form of GELU. */
export const GELU_TANH = { linear: LINEAR, cubic: LINEAR * 0.044715 } as const;

/** dy/dx of a `GatedActivation` node, in the shape of x. */
export function gatedActivationSlope(node: GraphNode): Tensor {
  const [[x], [y, gate]] = [node.inputs, node.outputs];
  if (x === undefined || y === undefined || gate === undefined) {
    throw new InternalError(`${node.name} lacks operands`);
  }
  const kind = node.attributes.kind as GatedActivation;
  switch (kind) {
    case "silu": // gate + y (1 - gate)
      return ops.add(gate, ops.sub(y, ops.mul(y, gate)));
    case "gelu_tanh": { // gate + y (1 - gate) (linear + 3 cubic x^2)
      const inner = ops.add(ops.mul(ops.mul(x, x), 3 * GELU_TANH.cubic), GELU_TANH.linear);
      return ops.add(gate, ops.mul(ops.sub(y, ops.mul(y, gate)), inner));
    }
    case "gelu": { // gate + x density(x)
      const density = ops.exp(ops.mul(ops.mul(x, x), -0.5));
      return ops.add(gate, ops.mul(ops.mul(x, density), 1 / Math.sqrt(2 * Math.PI)));
    }
    default:
      throw new InternalError(`no slope for the activation ${kind satisfies never}`);
  }
}
