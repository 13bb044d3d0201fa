/**
 * A whole training step of a tiny model for tests: forward, loss and gradients.
 *
 * @module
 */

import { gradients } from "../../lib/graph/autodiff/autodiff.ts";
import { Graph } from "../../lib/graph/ir/graph.ts";
import { type OpenModel, parameterInputs } from "../../lib/models/open.ts";
import { objectiveOf } from "../../lib/train/objectives/registry.ts";

/** A batch: ids and mask `[B, T]`. */
export interface Batch {
  readonly shape: readonly [number, number];
  readonly ids: Int32Array;
  /** 1 where a token is there, 0 on the right of the rows; every token is, where absent. */
  readonly mask?: Int32Array;
  /** The tokens themselves, `[B, T]`, or a class for each row, `[B]`; -100 where a label does not count. */
  readonly labels: Int32Array;
}

/** Outputs `logits`, `loss` and `grad.NAME` for each parameter; fed with {@linkcode trainingFeeds}. */
export function trainingGraph(
  model: OpenModel,
  batch: Batch,
  options: { readonly dropout?: boolean } = {},
): Graph {
  const graph = new Graph(model.modelType);
  const params = parameterInputs(graph, model.parameters);
  const objective = objectiveOf(model.task);
  const type = { type: "int32", shape: batch.shape } as const;
  const inputIds = graph.input("ids", type);
  const mask = batch.mask && graph.input("mask", type);
  const targets = Object.fromEntries(
    Object.entries(objective.targets).map(([name, per]) => [
      name,
      graph.input(name, per === "token" ? type : { ...type, shape: [batch.shape[0]] }),
    ]),
  );
  const denominator = graph.input("denominator", { type: "float32", shape: [] });
  const seed = options.dropout === true
    ? graph.input("dropout_seed", { type: "int32", shape: [] })
    : undefined;
  const inputs = { input_ids: inputIds, ...(mask === undefined ? {} : { attention_mask: mask }) };
  const logits = model.build(graph, inputs, { params, dropout: seed && { seed } });
  const loss = objective.loss(logits, targets, { denominator });
  graph.output("logits", logits);
  graph.output("loss", loss);
  const entries = [...params];
  gradients(loss, entries.map(([, tensor]) => tensor)).forEach((gradient, i) =>
    graph.output(`grad.${entries[i]![0]}`, gradient)
  );
  return graph;
}

/** The feeds of {@linkcode trainingGraph}; `denominator` is how many predictions the batch asks for. */
export function trainingFeeds(
  model: OpenModel,
  batch: Batch,
  params: Record<string, Float32Array>,
): Record<string, Float32Array | Int32Array> {
  const { shape: [batchSize, length], ids, mask, labels } = batch;
  const rowTokens = Int32Array.from(
    { length: batchSize },
    (_, row) =>
      mask?.subarray(row * length, (row + 1) * length).reduce((sum, one) => sum + one) ?? length,
  );
  const { feeds, rowPredicted } = objectiveOf(model.task).targetsOf({
    batchSize,
    length,
    rows: batchSize,
    rowTokens,
    tokens: rowTokens.reduce((sum, count) => sum + count),
    columns: {
      input_ids: { data: Int32Array.from(ids), shape: batch.shape },
      labels: {
        data: Int32Array.from(labels),
        shape: labels.length === batchSize ? [batchSize] : batch.shape,
      },
    },
  });
  return {
    ...params,
    ids,
    ...(mask === undefined ? {} : { mask }),
    ...feeds,
    denominator: Float32Array.of(rowPredicted.reduce((sum, count) => sum + count)),
  };
}

/** The weights of tables: tensor number k, from 1, element by element; the reference script has the same. */
export function tableWeights({ parameters }: OpenModel): Record<string, Float32Array> {
  return Object.fromEntries(parameters.map(({ name, shape, init }, k) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Float32Array.from({ length: size }, (_, i) => {
      const word = (Math.imul(i, 2654435761) + (k + 1) * 40503) >>> 0;
      return (word >>> 8) / 2 ** 24 - 0.5 + (init.kind === "ones" ? 1 : 0);
    });
    return [name, values];
  }));
}
