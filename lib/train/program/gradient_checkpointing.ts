/**
 * Gradient checkpointing (Chen et al., arXiv 1604.06174): of each block only the input is kept; its inner
 * states are computed again when the backward pass comes to it. Memory for the states of one block instead of
 * all, for a second forward pass; the numbers are the same.
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
import type { DropoutSource } from "../../models/dropout.ts";
import type { Segment } from "../../models/family.ts";

/**
 * The gradients of a loss, as `gradients` gives them.
 *
 * @param loss A scalar.
 * @param options `wrt`: inputs of the graph. `segments`: in the order of the forward pass, each from the output
 * of the one before. `dropout`: the source that they were built with.
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
  const total = new Map<Tensor, Tensor>();
  /** Goes back from `end` to `begin`, and takes what the parameters between get. */
  const carry = (
    end: Tensor,
    { upstream, begin }: { readonly upstream: Tensor; readonly begin?: Tensor },
  ): { gradient: Tensor | undefined; made: Tensor[] } => {
    const until = begin === undefined ? [] : [begin];
    const found = backpropagate(new Map([[end, upstream]]), { wrt: [...wrt, ...until], until });
    for (const [i, tensor] of wrt.entries()) {
      const [before, more] = [total.get(tensor), found[i]];
      if (more === undefined) continue;
      total.set(tensor, before === undefined ? more : sumGradients(before, more));
    }
    return { gradient: found[wrt.length], made: found.filter((made) => made !== undefined) };
  };

  const last = segments.at(-1);
  if (last === undefined) throw new InternalError("the model has no segments");
  let end = last.output;
  const one = ops.expand(ops.scalar(graph, 1), loss.shape);
  let { gradient, made } = carry(loss, { upstream: one, begin: end });
  for (const { input, output, build } of segments.toReversed()) {
    if (end !== output) throw new InternalError("segments have to follow one another");
    end = input;
    // Below the lowest parameter that is trained nothing is computed.
    if (gradient === undefined || !dependsOn(output, wrt)) {
      gradient = undefined;
      break;
    }
    const again = graph.scope("again", () => {
      const zero = zeroOf(made);
      const from = ops.add(input, zero, { name: "input" });
      return { input: from, output: build(from, { ...dropout, after: ops.cast(zero, "int32") }) };
    });
    const upstream: Tensor = gradient;
    ({ gradient, made } = carry(again.output, { upstream, begin: again.input }));
  }
  if (gradient !== undefined) carry(end, { upstream: gradient });
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
