/** Mixed precision in the graph: which operands are float16, and what products of them are. */
import { toOnnx } from "../../lib/graph/onnx/compile.ts";
import assert from "node:assert/strict";
import { gradients } from "../../lib/graph/autodiff/autodiff.ts";
import { Graph } from "../../lib/graph/ir/graph.ts";
import { lower } from "../../lib/graph/onnx/lower.ts";
import * as ops from "../../lib/graph/ops/mod.ts";
import type { Tensor } from "../../lib/graph/ir/tensor.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import type { HostTensor } from "../../lib/runtime/session/session.ts";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { normal, relativeError } from "./running.ts";
import { onDevice } from "../fixtures/webgpu.ts";

const float = (graph: Graph, name: string, shape: number[]): Tensor =>
  graph.input(name, { type: "float32", shape });

/** The operations and types of the operands of a graph's nodes: `MatMul float16 float16`. */
function typesOf(graph: Graph): string[] {
  return graph.nodes.map(({ op, inputs }) => [op, ...inputs.map(({ type }) => type)].join(" "));
}

Deno.test("Graph.autocast() gives products float16 operands and float32 results", () => {
  const graph = new Graph();
  const [x, w, b] = [float(graph, "x", [2, 3]), float(graph, "w", [3, 4]), float(graph, "b", [4])];
  const y = graph.autocast(() => ops.softmax(ops.gemm(x, { weight: w, bias: b })));
  assert.equal(y.type, "float32");
  assert.deepEqual(typesOf(graph), [
    "Cast float32",
    "Cast float32",
    "MatMul float16 float16",
    "Add float32 float32",
    "Softmax float32",
  ]);
  const outside = ops.matmul(x, w);
  assert.deepEqual(outside.node?.inputs.map(({ type }) => type), ["float32", "float32"]);
});

Deno.test("Graph.autocast() ends with its body, also where that fails", () => {
  const graph = new Graph();
  assert.throws(() =>
    graph.autocast(() => {
      assert.ok(graph.autocasts);
      throw new Error("no");
    })
  );
  assert.ok(!graph.autocasts);
});

Deno.test("autocast moves elements in half the bytes and casts each tensor once", () => {
  const graph = new Graph();
  const x = float(graph, "x", [2, 3, 8]);
  graph.autocast(() => {
    const turned = ops.transpose(ops.reshape(x, [2, 3, 2, 4]), [0, 2, 1, 3]);
    const [left, right] = ops.split(turned, { axis: 1, sizes: [1, 1] });
    return ops.matmul(left!, ops.concat([right!, right!], { axis: 2 }), { transB: true });
  });
  assert.equal(typesOf(graph).filter((node) => node === "Cast float32").length, 1);
  const [product] = graph.nodes.filter(({ op }) => op === "MatMul");
  assert.deepEqual(product?.inputs.map(({ type }) => type), ["float16", "float16"]);
  assert.ok(typesOf(graph).includes("Concat float16 float16"));
});

Deno.test("autocast leaves a product over the axis of a vocabulary in float32", () => {
  const graph = new Graph();
  const [hidden, head] = [float(graph, "hidden", [4, 8]), float(graph, "head", [9000, 8])];
  const logits = graph.autocast(() => ops.matmul(hidden, head, { transB: true }));
  const [dHidden, dHead] = gradients(ops.reduceSum(ops.mul(logits, logits)), [hidden, head]);
  assert.deepEqual([dHidden!.type, dHead!.type], ["float32", "float32"]);
  const operands = graph.nodes.filter(({ op }) => op === "MatMul")
    .map(({ outputs: [y], inputs }) => [y!.shape.join("x"), ...new Set(inputs.map((t) => t.type))]);
  assert.deepEqual(operands.toSorted(), [
    ["4x8", "float32"],
    ["4x9000", "float16"],
    ["9000x8", "float16"],
  ]);
  // The gradient reads the master, not a widened copy of its cast.
  const wide = graph.nodes.find(({ op, outputs: [y] }) => op === "MatMul" && y === dHidden);
  assert.equal(wide?.inputs[1], head);
});

Deno.test("a float16 product is lowered to float16 operators that are summed up in float32", () => {
  const graph = new Graph();
  const [a, b] = [float(graph, "a", [5, 768]), float(graph, "b", [768, 6])];
  graph.output("y", graph.autocast(() => ops.matmul(a, b)));
  const { nodes } = lower(graph, "webgpu");
  const made = nodes.map(({ op, attributes }) =>
    op === "Cast" ? `Cast ${attributes?.to === 10 ? "float16" : "float32"}` : op
  );
  assert.deepEqual(made.toSorted(), [
    "Cast float16",
    "Cast float16",
    "Cast float32",
    "MatMul",
    "ReduceSum",
    "Reshape",
    "Reshape",
    "Transpose",
  ]);
});

/** Inner sizes of one run, of even runs, of runs with a rest; ranks, transposition, factors, broadcasting. */
const PRODUCTS: [number[], number[], { transA?: boolean; transB?: boolean; alpha?: number }][] = [
  [[7, 768], [768, 5], {}],
  [[7, 521], [521, 5], {}],
  [[7, 768], [5, 768], { transB: true }],
  [[521, 7], [521, 5], { transA: true }],
  [[768, 7], [5, 768], { transA: true, transB: true, alpha: 0.3 }],
  [[2, 3, 7, 16], [2, 3, 9, 16], { transB: true, alpha: 0.25 }],
  [[2, 3, 7, 512], [2, 3, 512, 4], {}],
  [[2, 7, 600], [600, 4], {}],
];

Deno.test({
  ...onDevice("webgpu", "float16 products are those of float32 to 0.5 %", ["shader-f16"]),
  async fn(): Promise<void> {
    const engine = await openEngine("webgpu", { threads: 1 });
    assert.equal(engine.float16, true);
    const random = randomNumbers(7);
    const graph = new Graph();
    const feeds: Record<string, HostTensor> = {};
    // A mean that is not zero is where sums in float16 alone go wrong.
    const operand = (name: string, shape: number[]): Tensor => {
      const data = normal(random, { shape }).map((value) => value + 0.5);
      feeds[name] = { type: "float32", dims: shape, data: data as Float32Array<ArrayBuffer> };
      return float(graph, name, shape);
    };
    for (const [i, [left, right, options]] of PRODUCTS.entries()) {
      const [a, b] = [operand(`a${i}`, left), operand(`b${i}`, right)];
      graph.output(`half${i}`, graph.autocast(() => ops.matmul(a, b, options)));
      graph.output(`full${i}`, ops.matmul(a, b, options));
    }
    const session = await engine.createSession(toOnnx(graph, { target: "webgpu" }));
    const results = await session.run(feeds);
    const dataOf = (name: string): Float32Array => (results[name] as HostTensor<"float32">).data;
    for (const [i, product] of PRODUCTS.entries()) {
      const error = relativeError(dataOf(`half${i}`), dataOf(`full${i}`));
      assert.ok(error < 5e-3, `${JSON.stringify(product)}: ${error}`);
      assert.ok(error > 0, "float16 leaves a trace");
    }
    await engine.dispose();
  },
});
