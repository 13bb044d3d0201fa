/**
 * The matrix products of a training step, each timed alone: the step's time if all else were free.
 *
 * @module
 */
import { toOnnx } from "../../lib/graph/onnx/compile.ts";
import { gradients } from "../../lib/graph/autodiff/autodiff.ts";
import { Graph } from "../../lib/graph/ir/graph.ts";
import { neededNodes } from "../../lib/graph/onnx/lower.ts";
import type { GraphNode, Tensor } from "../../lib/graph/ir/tensor.ts";
import { sizeOf } from "../../lib/graph/ir/tensor.ts";
import { openModel, parameterInputs } from "../../lib/models/open.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import type { Device } from "../../lib/base/device.ts";
import { type Engine, float32, type HostTensor } from "../../lib/runtime/session/session.ts";
import { objectiveOf } from "../../lib/train/objectives/registry.ts";
import { median } from "./median.ts";
import { BENCH_MODELS, type StepFigures } from "./step_figures.ts";

/** Runs of each product, and the time after which no more are added, in milliseconds. */
const RUNS = { least: 3, most: 20, enough: 300 };

/** Times every distinct product of a model's step and sums them up. */
export async function timeProducts(
  name: string,
  { device, threads }: { readonly device: Device; readonly threads: number },
): Promise<Required<Pick<StepFigures, "products_ms" | "products_gflops">>> {
  let [milliseconds, flops] = [0, 0];
  for (const [node, ...others] of kindsOf(name)) {
    // One engine each: it gives the memory of the arrays back.
    const engine = await openEngine(device, { threads });
    const { graph, feeds, fetches } = alone(node, engine);
    const session = await engine.createSession(toOnnx(graph, { target: device }));
    const times: number[] = [];
    await session.run(feeds, fetches);
    const begun = performance.now();
    while (
      times.length < RUNS.least ||
      times.length < RUNS.most && performance.now() - begun < RUNS.enough
    ) {
      const start = performance.now();
      await session.run(feeds, fetches);
      times.push(performance.now() - start);
    }
    await session.release();
    await engine.dispose();
    milliseconds += median(times) * (1 + others.length);
    flops += flopsOf(node) * (1 + others.length);
  }
  return { products_ms: milliseconds, products_gflops: flops / milliseconds / 1e6 };
}

/** A kind of product, for another library to time. */
export interface ProductKind {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly transA: boolean;
  readonly transB: boolean;
  /** How many a step has. */
  readonly count: number;
  /** Floating-point operations of one. */
  readonly flops: number;
}

/** The distinct products of a model's step. */
export function productKinds(name: string): ProductKind[] {
  return kindsOf(name).map((nodes) => {
    const { inputs, attributes } = nodes[0];
    return {
      a: inputs[0]!.shape,
      b: inputs[1]!.shape,
      transA: attributes.transA === true,
      transB: attributes.transB === true,
      count: nodes.length,
      flops: flopsOf(nodes[0]),
    };
  });
}

/** The products of a step, those alike together. */
function kindsOf(name: string): [GraphNode, ...GraphNode[]][] {
  const key = (node: GraphNode): string =>
    JSON.stringify([node.op, node.attributes, node.inputs.map(({ shape }) => shape)]);
  return [...Map.groupBy(productsOf(name), key).values()] as [GraphNode, ...GraphNode[]][];
}

/** The products that the compiled training graph holds. */
function productsOf(name: string): GraphNode[] {
  const { config, batch, length } = BENCH_MODELS[name]!;
  const model = openModel(config);
  const graph = new Graph("train");
  const params = parameterInputs(graph, model.parameters);
  const inputIds = graph.input("input_ids", { type: "int32", shape: [batch, length] });
  const targets = graph.input("targets", { type: "int32", shape: [batch, length] });
  const seed = graph.input("dropout_seed", { type: "int32", shape: [] });
  const logits = model.build(graph, { input_ids: inputIds }, { params, dropout: { seed } });
  const denominator = graph.input("loss_denominator", { type: "float32", shape: [] });
  const loss = objectiveOf(model.task).loss(logits, { targets }, { denominator });
  graph.output("loss", loss);
  const found = gradients(loss, [...params.values()]);
  for (const [index, gradient] of found.entries()) graph.output(`gradient/${index}`, gradient);
  return neededNodes(graph).filter(({ op }) => op === "MatMul" || op === "Linear");
}

/** A graph of nothing but this product, with arrays to run it on. */
function alone(
  { op, inputs, attributes }: GraphNode,
  engine: Engine,
): { graph: Graph; feeds: Record<string, HostTensor>; fetches: Record<string, HostTensor> } {
  const graph = new Graph("product");
  const operands = inputs.map(({ shape }, index) =>
    graph.input(`operand${index}`, { type: "float32", shape })
  );
  const [product] = graph.add(op, operands, { attributes }) as [Tensor];
  graph.output("product", product);
  const array = ({ shape }: Tensor): HostTensor => {
    const size = sizeOf(shape);
    return float32(engine.allocate?.(size) ?? new Float32Array(size), shape);
  };
  const random = (tensor: Tensor): HostTensor => {
    const values = array(tensor);
    for (let i = 0; i < values.data.length; i++) values.data[i] = Math.random() - 0.5;
    return values;
  };
  return {
    graph,
    feeds: Object.fromEntries(operands.map((operand) => [operand.name, random(operand)])),
    fetches: { product: array(product) },
  };
}

function flopsOf({ inputs, outputs, attributes }: GraphNode): number {
  const [a, product] = [inputs[0]!, outputs[0]!];
  return 2 * sizeOf(product.shape) * (a.shape.at(attributes.transA === true ? -2 : -1) ?? 1);
}
