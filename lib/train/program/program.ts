/**
 * The graphs of training and evaluation, compiled for one shape of batch [B, T].
 *
 * A training program takes the parameters and a batch, and gives the batch's share of the step's loss
 * and the gradient of each parameter: the loss is the sum over the batch's predictions divided by
 * `loss_denominator`, the number that all batches of the step predict, so that summing the gradients of
 * its batches gives those of the mean over all its predictions. An evaluation program gives what the objective
 * measures of each row, without dropout.
 *
 * @module
 */
import { gradients } from "../../graph/autodiff/autodiff.ts";
import { Graph } from "../../graph/ir/graph.ts";
import type { Tensor } from "../../graph/ir/tensor.ts";
import { toOnnx } from "../../graph/onnx/compile.ts";
import * as ops from "../../graph/ops/mod.ts";
import type { Inputs } from "../../models/architecture.ts";
import type { Segment } from "../../models/build/build.ts";
import { type OpenModel, parameterInputs } from "../../models/open.ts";
import type { AnyTensor, Engine, HostTensor, Session } from "../../runtime/session/session.ts";
import { objectiveOf } from "../objectives/registry.ts";
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
   * Feeds: parameters by name, the model's inputs and the objective's targets, `loss_denominator`,
   * `dropout_seed`; in mixed precision `loss_scale`, too, which the gradients are multiplied by, but not the loss.
   */
  readonly session: Session;
}

/** A compiled forward pass with what the objective measures. */
export interface EvaluationProgram {
  /**
   * Runs it.
   *
   * @param parameters By name.
   * @param inputs The model's inputs and the objective's targets.
   * @returns The objective's outputs, on the host.
   */
  run(
    parameters: Readonly<Record<string, AnyTensor>>,
    inputs: Readonly<Record<string, HostTensor>>,
  ): Promise<Readonly<Record<string, Float32Array>>>;
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
 * `labelSmoothing`: the share of the loss that is taken over all classes evenly; default 0.
 * `gradientCheckpointing`: whether the states of blocks are computed again in place of being kept.
 * `fp16`: whether in mixed precision; evaluation never is.
 */
export async function compileTraining(
  model: OpenModel,
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
  const { params, inputs, targets } = declareInputs(graph, model, options);
  const denominator = graph.input("loss_denominator", { type: "float32", shape: [] });
  const seed = graph.input("dropout_seed", { type: "int32", shape: [] });
  const segments: Segment[] | undefined = options.gradientCheckpointing === true ? [] : undefined;
  const dropout = { seed };
  const logits = inPrecision(() => model.build(graph, inputs, { params, dropout, segments }));
  const loss = graph.scope("loss", () =>
    objectiveOf(model.task).loss(logits, targets, {
      denominator,
      smoothing: options.labelSmoothing,
    }));
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
        build: (again, source) => inPrecision(() => segment.build(again, source)),
      })),
      dropout,
    });
  for (const [i, [name]] of wrt.entries()) graph.output(gradientOutput(name), found[i]!);
  const session = await engine.createSession(toOnnx(graph, { target: engine.name }), {
    deviceOutputs: wrt.map(([name]) => gradientOutput(name)),
  });
  return { batchSize, length, session };
}

/** Builds and compiles forward and what the objective measures of each row. */
export async function compileEvaluation(
  model: OpenModel,
  options: ProgramOptions,
): Promise<EvaluationProgram> {
  const { engine } = options;
  const graph = new Graph("evaluate");
  const { params, inputs, targets } = declareInputs(graph, model, options);
  const logits = model.build(graph, inputs, { params });
  const outputs = objectiveOf(model.task).evaluation(logits, targets);
  for (const [name, tensor] of Object.entries(outputs)) graph.output(name, tensor);
  const session = await engine.createSession(toOnnx(graph, { target: engine.name }));
  return {
    async run(
      parameters: Readonly<Record<string, AnyTensor>>,
      inputs: Readonly<Record<string, HostTensor>>,
    ): Promise<Readonly<Record<string, Float32Array>>> {
      const found = await session.run({ ...parameters, ...inputs });
      return Object.fromEntries(
        Object.keys(outputs).map((name) => [name, (found[name] as HostTensor<"float32">).data]),
      );
    },
    release: (): Promise<void> => session.release(),
  };
}

function declareInputs(
  graph: Graph,
  model: OpenModel,
  { batchSize, length }: ProgramOptions,
): { params: Map<string, Tensor>; inputs: Inputs; targets: Inputs } {
  const params = parameterInputs(graph, model.parameters);
  const declare = (name: string, per: "token" | "row"): Tensor =>
    graph.input(name, { type: "int32", shape: per === "row" ? [batchSize] : [batchSize, length] });
  const targets = Object.entries(objectiveOf(model.task).targets);
  return {
    params,
    inputs: Object.fromEntries(model.fields.map((name) => [name, declare(name, "token")])),
    targets: Object.fromEntries(targets.map(([name, per]) => [name, declare(name, per)])),
  };
}
