/**
 * Gradient checkpointing (Chen et al., arXiv 1604.06174): of each block only the input is kept; its inner
 * states are computed again when the backward pass comes to it. Memory for the states of one block instead of
 * all, for a second forward pass. The numbers are the same but for rounding: to the bit for GPT-2, not where an
 * input of a block gets gradients from elsewhere, too (they are summed up in another order), and not for DistilBERT
 * on ONNX Runtime, where every gradient moves by about an ulp. Why was not found out; a guess is that the engine
 * fuses operations of the first pass, between which the backward pass no longer reads.
 *
 * An engine orders a graph's nodes as it likes within what they depend on, and stores equal nodes once. So
 * the second pass of a block takes its input plus a zero that is made of the gradients of the block after it:
 * it is no equal of the first pass and can't begin before those are done. Dropout's masks get the zero too.
 *
 * @module
 */
import { InternalError } from "../../base/errors.ts";
import { backpropagate, sumGradients } from "../../graph/autodiff/autodiff.ts";
import * as ops from "../../graph/ops/mod.ts";
import type { Tensor } from "../../graph/ir/tensor.ts";
import type { Segment } from "../../models/build/build.ts";
import type { DropoutSource } from "../../models/build/dropout.ts";

/**
 * The gradients of a loss, as `gradients` gives them.
 *
 * @param loss A scalar.
 * @param options `wrt`: inputs of the graph. `segments`: in the order of the forward pass; each is used, and none
 * lies inside another. `dropout`: the source that they were built with.
 */
export function checkpointedGradients(
  loss: Tensor,
  options: {
    readonly wrt: readonly Tensor[];
    readonly segments: readonly Segment[];
    readonly dropout: DropoutSource;
  },
): Tensor[] {
  const { wrt, segments, dropout } = options;
  const { graph } = loss;
  if (segments.length === 0) throw new InternalError("the model has no blocks");
  const total = new Map<Tensor, Tensor>();
  /** Gradients that wait at the inputs and outputs of segments. */
  const waiting = new Map<Tensor, Tensor>();
  const add = (to: Map<Tensor, Tensor>, tensor: Tensor, more: Tensor): void => {
    const before = to.get(tensor);
    to.set(tensor, before === undefined ? more : sumGradients(before, more));
  };
  /** Goes back from some tensors to others; what parameters get is summed up. Gives all gradients it made. */
  const carry = (
    upstream: ReadonlyMap<Tensor, Tensor>,
    until: ReadonlyMap<Tensor, Tensor>,
  ): Tensor[] => {
    const ends = [...until.keys()];
    const found = backpropagate(upstream, { wrt: [...wrt, ...ends], until: ends });
    const made: Tensor[] = [];
    for (const [i, tensor] of [...wrt, ...until.values()].entries()) {
      const gradient = found[i];
      if (gradient === undefined) continue;
      made.push(gradient);
      add(i < wrt.length ? total : waiting, tensor, gradient);
    }
    return made;
  };

  /** What lies between segments is not computed again: a walk ends at the outputs of all that come before. */
  const outputsBefore = (index: number): Map<Tensor, Tensor> =>
    new Map(segments.slice(0, index).flatMap(({ outputs }) => outputs.map((o) => [o, o] as const)));
  const one = ops.expand(ops.scalar(graph, 1), loss.shape);
  let made = carry(new Map([[loss, one]]), outputsBefore(segments.length));
  for (const [index, { inputs, outputs, build }] of [...segments.entries()].toReversed()) {
    const upstream = outputs.map((output) => waiting.get(output));
    outputs.forEach((output) => waiting.delete(output));
    // Below the lowest parameter that is trained nothing is computed.
    const isNeeded = upstream.some((gradient) => gradient !== undefined) &&
      outputs.some((output) => dependsOn(output, wrt));
    if (isNeeded) {
      const again = graph.scope("again", () => {
        const zero = zeroOf(made);
        const from = inputs.map((input) => ops.add(input, zero, { name: "input" }));
        const source = { ...dropout, after: ops.cast(zero, "int32") };
        return { from, outputs: build(from, source) };
      });
      const seeds = again.outputs.flatMap((output, i) =>
        upstream[i] === undefined ? [] : [[output, upstream[i]] as const]
      );
      made = carry(new Map(seeds), new Map(again.from.map((from, i) => [from, inputs[i]!])));
    }
    // What no earlier segment reads or made has all of its gradient now, and is carried on.
    const before = outputsBefore(index);
    const later = new Set(segments.slice(0, index).flatMap((segment) => segment.inputs));
    for (const input of inputs) {
      const gradient = waiting.get(input);
      if (gradient === undefined || before.has(input) || later.has(input)) continue;
      waiting.delete(input);
      carry(new Map([[input, gradient]]), before);
    }
  }
  return wrt.map((tensor) => total.get(tensor) ?? ops.expand(ops.scalar(graph, 0), tensor.shape));
}

/** Whether any of the inputs has a part in a tensor. */
function dependsOn(tensor: Tensor, inputs: readonly Tensor[]): boolean {
  const wanted = new Set(inputs);
  const seen = new Set<Tensor>();
  const stack = [tensor];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (wanted.has(next)) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    stack.push(...next.node?.inputs ?? []);
  }
  return false;
}

/** A zero that is there when all of the tensors are: float32 scalar. */
function zeroOf(tensors: readonly Tensor[]): Tensor {
  const firsts = tensors.map((tensor) =>
    ops.slice(ops.reshape(tensor, [-1]), { axis: 0, start: 0, end: 1 })
  );
  return ops.mul(ops.reduceSum(ops.concat(firsts, { axis: 0 })), 0, { name: "zero" });
}
