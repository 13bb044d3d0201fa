/**
 * A whole training step of a tiny GPT-2 for tests: forward, loss and gradients.
 *
 * @module
 */

import { gradients } from "../../lib/graph/autodiff/autodiff.ts";
import { Graph } from "../../lib/graph/ir/graph.ts";
import { type Gpt2Config, gpt2Forward, gpt2Parameters } from "../../lib/models/gpt2.ts";
import { causalLmLoss } from "../../lib/models/loss.ts";
import { parameterInputs } from "../../lib/models/parameters.ts";

/** A batch: ids, mask and labels, `[B, T]` each. */
export interface Batch {
  readonly shape: readonly [number, number];
  readonly ids: Int32Array;
  readonly mask?: Int32Array;
  readonly labels: Int32Array;
}

/** Outputs `logits`, `loss` and `grad.NAME` for each parameter; inputs as in `Batch` and the parameters. */
export function trainingGraph(
  config: Gpt2Config,
  batch: Batch,
  options: { readonly dropout?: boolean } = {},
): Graph {
  const graph = new Graph("gpt2");
  const params = parameterInputs(graph, gpt2Parameters(config));
  const type = { type: "int32", shape: batch.shape } as const;
  const inputIds = graph.input("ids", type);
  const labels = graph.input("labels", type);
  const attentionMask = batch.mask === undefined ? undefined : graph.input("mask", type);
  const seed = options.dropout === true
    ? graph.input("dropout_seed", { type: "int32", shape: [] })
    : undefined;
  const { logits } = gpt2Forward(graph, config, {
    params,
    inputIds,
    attentionMask,
    dropout: seed === undefined ? undefined : { seed },
  });
  const { loss, tokens } = causalLmLoss(logits, labels);
  graph.output("logits", logits);
  graph.output("loss", loss);
  graph.output("tokens", tokens);
  const entries = [...params];
  gradients(loss, entries.map(([, tensor]) => tensor)).forEach((gradient, i) =>
    graph.output(`grad.${entries[i]![0]}`, gradient)
  );
  return graph;
}

/** The feeds of {@linkcode trainingGraph}. */
export function trainingFeeds(
  batch: Batch,
  params: Record<string, Float32Array>,
): Record<string, Float32Array | Int32Array> {
  const mask = batch.mask === undefined ? {} : { mask: batch.mask };
  return { ...params, ids: batch.ids, labels: batch.labels, ...mask };
}
