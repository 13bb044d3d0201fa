/**
 * The graphs of training and evaluation, compiled for one shape of batch [B, T].
 *
 * A training program takes the parameters and a batch, and gives the batch's share of the step's loss
 * and the gradient of each parameter: the loss is the sum over the batch's predicted tokens divided by
 * `loss_denominator`, the number that all batches of the step predict, so that summing the gradients of
 * its batches gives those of the mean over all its tokens. An evaluation program gives the summed
 * negative log likelihood of each row, without dropout. Rows are padded on the right, where a causal
 * model never looks, so neither needs an attention mask. Targets are the labels shifted by one on the host,
 * since WebGPU cannot slice integers.
 *
 * @module
 */
import { toOnnx } from "../../graph/onnx/compile.ts";
import { gradients } from "../../graph/autodiff/autodiff.ts";
import { Graph } from "../../graph/ir/graph.ts";
import * as ops from "../../graph/ops/mod.ts";
import type { Tensor } from "../../graph/ir/tensor.ts";
import type { CausalLm } from "../../models/causal_lm.ts";
import type { Segment } from "../../models/family.ts";
import { meanCrossEntropy } from "../../models/loss.ts";
import { parameterInputs } from "../../models/parameters.ts";
import {
  type AnyTensor,
  type Engine,
  float32,
  type HostTensor,
  type Session,
} from "../../runtime/session/session.ts";
import { checkpointedGradients } from "./gradient_checkpointing.ts";

/** Name of the loss among a training program's outputs. */
export const LOSS_OUTPUT = "loss";

/** Name of a parameter's gradient among a training program's outputs. */
export function gradientOutput(parameter: string): string {
  return `gradient/${parameter}`;
}

/** A compiled forward and backward pass. */
export interface TrainingProgram {
  readonly batchSize: number;
  readonly length: number;
  /**
   * Feeds: parameters by name, `input_ids`, `targets`, `loss_denominator`, `dropout_seed`; in mixed precision
   * `loss_scale`, too, which the gradients are multiplied by, but not the loss.
   */
  readonly session: Session;
}

/** A compiled forward pass with its loss. */
export interface EvaluationProgram {
  /**
   * Runs it.
   *
   * @param parameters By name.
   * @param inputs `input_ids` and `targets`, int32 [B, T].
   * @returns Summed negative log likelihood of each row, [B].
   */
  rowLosses(
    parameters: Readonly<Record<string, AnyTensor>>,
    inputs: Readonly<Record<string, HostTensor>>,
  ): Promise<Float32Array>;
  release(): Promise<void>;
}

/** A shape and the engine to compile for. */
export interface ProgramOptions {
  readonly engine: Engine;
  /** B. */
  readonly batchSize: number;
  /** T. */
  readonly length: number;
}

/**
 * Builds and compiles forward, loss and backward.
 *
 * @param options `trained`: the parameters whose gradients are computed; all where absent.
 * `labelSmoothing`: the share of the loss that is taken over the whole vocabulary evenly; default 0.
 * `gradientCheckpointing`: whether the states of blocks are computed again in place of being kept.
 * `fp16`: whether in mixed precision; evaluation never is.
 */
export async function compileTraining(
  model: CausalLm,
  options: ProgramOptions & {
    readonly trained?: ReadonlySet<string>;
    readonly labelSmoothing?: number;
    readonly gradientCheckpointing?: boolean;
    readonly fp16?: boolean;
  },
): Promise<TrainingProgram> {
  const { engine, batchSize, length, fp16 = false } = options;
  const graph = new Graph("train");
  const inPrecision = <T>(body: () => T): T => fp16 ? graph.autocast(body) : body();
  const { params, inputIds, targets } = declareInputs(graph, model, options);
  const denominator = graph.input("loss_denominator", { type: "float32", shape: [] });
  const seed = graph.input("dropout_seed", { type: "int32", shape: [] });
  const segments: Segment[] | undefined = options.gradientCheckpointing === true ? [] : undefined;
  const dropout = { seed };
  const logits = inPrecision(() => model.forward(graph, { params, inputIds, dropout, segments }));
  const { loss } = meanCrossEntropy(flat(logits), {
    labels: flat(targets),
    denominator,
    smoothing: options.labelSmoothing,
  });
  graph.output(LOSS_OUTPUT, loss);
  const { trained } = options;
  const wrt = [...params].filter(([name]) => trained?.has(name) ?? true);
  const tensors = wrt.map(([, tensor]) => tensor);
  const scaled = fp16
    ? ops.mul(loss, graph.input("loss_scale", { type: "float32", shape: [] }))
    : loss;
  const found = segments === undefined
    ? gradients(scaled, tensors)
    : checkpointedGradients(scaled, {
      wrt: tensors,
      segments: segments.map((segment) => ({
        ...segment,
        build: (x, source) => inPrecision(() => segment.build(x, source)),
      })),
      dropout,
    });
  for (const [i, [name]] of wrt.entries()) graph.output(gradientOutput(name), found[i]!);
  const session = await engine.createSession(toOnnx(graph, { target: engine.name }), {
    deviceOutputs: wrt.map(([name]) => gradientOutput(name)),
  });
  return { batchSize, length, session };
}

/** Builds and compiles forward and the loss of each row. */
export async function compileEvaluation(
  model: CausalLm,
  options: ProgramOptions,
): Promise<EvaluationProgram> {
  const { engine, batchSize, length } = options;
  const graph = new Graph("evaluate");
  const { params, inputIds, targets } = declareInputs(graph, model, options);
  const logits = model.forward(graph, { params, inputIds });
  const losses = ops.crossEntropy(flat(logits), { labels: flat(targets) }); // [B T]
  graph.output("rows", ops.reduceSum(ops.reshape(losses, [batchSize, length]), { axes: [1] }));
  const session = await engine.createSession(toOnnx(graph, { target: engine.name }));
  const rows = float32(new Float32Array(batchSize), [batchSize]);
  return {
    async rowLosses(
      parameters: Readonly<Record<string, AnyTensor>>,
      inputs: Readonly<Record<string, HostTensor>>,
    ): Promise<Float32Array> {
      await session.run({ ...parameters, ...inputs }, { rows });
      return rows.data;
    },
    release: (): Promise<void> => session.release(),
  };
}

function declareInputs(
  graph: Graph,
  model: CausalLm,
  { batchSize, length }: ProgramOptions,
): { params: Map<string, Tensor>; inputIds: Tensor; targets: Tensor } {
  const params = parameterInputs(graph, model.parameters);
  const shape = [batchSize, length];
  const inputIds = graph.input("input_ids", { type: "int32", shape });
  const targets = graph.input("targets", { type: "int32", shape });
  return { params, inputIds, targets };
}

/** [B, T, ...] -> [B T, ...]. */
function flat(tensor: Tensor): Tensor {
  return ops.reshape(tensor, [-1, ...tensor.shape.slice(2)]);
}
