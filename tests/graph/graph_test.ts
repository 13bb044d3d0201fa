/**
 * Building graphs: names, sharing, pruning, inference errors, and what is written as ONNX.
 */
import { toOnnx } from "../../lib/graph/onnx/compile.ts";
import assert from "node:assert/strict";
import { Graph } from "../../lib/graph/ir/graph.ts";
import { lower } from "../../lib/graph/onnx/lower.ts";
import * as ops from "../../lib/graph/ops/mod.ts";
import type { Target, Tensor } from "../../lib/graph/ir/tensor.ts";
import { runGraph } from "./running.ts";

const float = (...shape: number[]): { type: "float32"; shape: number[] } => (
  { type: "float32", shape }
);

Deno.test("a graph names tensors by scope, and counts equal names", () => {
  const graph = new Graph();
  const x = graph.input("x", float(2));
  const [first, second] = graph.scope("h0", () =>
    graph.scope("attn", () => [
      ops.add(x, 1, { name: "scores" }),
      ops.add(x, 2, { name: "scores" }),
    ]));
  assert.deepEqual([first?.name, second?.name], ["h0/attn/scores", "h0/attn/scores_2"]);
  assert.equal(ops.exp(x).name, "Exp");
});

Deno.test("equal nodes and equal constants are kept once", () => {
  const graph = new Graph();
  const x = graph.input("x", float(2));
  assert.equal(ops.mul(x, 3), ops.mul(x, 3));
  assert.notEqual(ops.mul(x, 3), ops.mul(x, 4));
  assert.notEqual(ops.reduceSum(x, { axes: [0] }), ops.reduceMean(x, { axes: [0] }));
  assert.equal(graph.constants.length, 2);
  // 0 and -0 are different numbers to a reciprocal.
  assert.notEqual(ops.add(x, 0), ops.add(x, -0));
});

Deno.test("what no output needs is not compiled", () => {
  const graph = new Graph();
  const x = graph.input("x", float(2));
  ops.exp(ops.mul(x, 7));
  graph.output("y", ops.add(x, 1));
  const { nodes, initializers, inputs } = lower(graph, "cpu");
  assert.deepEqual(nodes.map(({ op }) => op), ["Add"]);
  assert.equal(initializers.length, 1);
  assert.equal(inputs.length, 1);
});

Deno.test("outputs have their declared names, also inputs and one tensor twice", async () => {
  const graph = new Graph();
  const x = graph.input("x", float(2));
  const y = ops.add(x, 1);
  graph.output("first", y);
  graph.output("second", y);
  graph.output("same", x);
  const got = await runGraph(graph, { x: Float32Array.of(1, 2) });
  assert.deepEqual([...got.first!, ...got.second!, ...got.same!], [2, 3, 2, 3, 1, 2]);
});

Deno.test("names that are taken, foreign tensors and missing outputs are refused", () => {
  const graph = new Graph("g");
  const x = graph.input("x", float(2));
  assert.throws(() => graph.input("x", float(2)), /already has a tensor "x"/);
  assert.throws(() => toOnnx(graph), /"g" has no outputs/);
  assert.throws(
    () => ops.add(x, new Graph().input("z", float(2))),
    /float32 \[2\] "z" belongs to another graph/,
  );
  graph.output("y", ops.exp(x));
  assert.throws(() => graph.output("y", x), /already has an output "y"/);
});

const mismatches: [string, (graph: Graph) => Tensor, RegExp][] = [
  [
    "shapes that do not broadcast",
    (g) => ops.add(g.input("a", float(2, 3)), g.input("b", float(4)), { name: "sum" }),
    /Add "sum".*must broadcast: got float32 \[2, 3\] "a", float32 \[4\] "b"/,
  ],
  [
    "element types that differ",
    (g) => ops.add(g.input("a", float(2)), g.input("b", { type: "int32", shape: [2] })),
    /one element type/,
  ],
  [
    "inner sizes that differ",
    (g) => ops.matmul(g.input("a", float(2, 3)), g.input("b", float(2, 3))),
    /MatMul.*inner sizes must be equal/,
  ],
  [
    "a reshape of another size",
    (g) => ops.reshape(g.input("a", float(2, 3)), [4]),
    /Reshape.*number of elements must stay/,
  ],
  [
    "a slice beyond its axis",
    (g) => ops.slice(g.input("a", float(2, 3)), { axis: 1, start: 1, end: 4 }),
    /Slice.*axis=1.*inside its axis/,
  ],
  [
    "ids that are no int32",
    (g) => ops.gather(g.input("a", float(2, 3)), g.input("b", float(2))),
    /Gather.*operand 1 must be int32/,
  ],
  [
    "a split that does not fill its axis",
    (g) => ops.split(g.input("a", float(2, 3)), { axis: 1, sizes: [1, 1] })[0]!,
    /Split.*sizes must fill the axis/,
  ],
  [
    "a bias of another width",
    (g) =>
      ops.gemm(g.input("a", float(2, 3)), {
        weight: g.input("w", float(3, 4)),
        bias: g.input("b", float(3)),
      }),
    /Linear.*bias must be \[out\]/,
  ],
];

for (const [what, build, message] of mismatches) {
  Deno.test(`inference refuses ${what}, naming operation, shapes and names`, () => {
    assert.throws(() => build(new Graph()), message);
  });
}

Deno.test("a constant must have as many elements as its shape", () => {
  assert.throws(() => new Graph().constant(new Float32Array(3), float(2)), /3 elements.*\[2\]/);
});

Deno.test("int32 arithmetic wraps and divides towards zero, as dropout needs", async () => {
  const graph = new Graph();
  const x = graph.input("x", { type: "int32", shape: [3] });
  graph.output("product", ops.mul(x, x));
  graph.output("quotient", ops.div(x, 65536));
  const got = await runGraph(graph, { x: Int32Array.of(2147483647, -65537, 123456789) });
  assert.deepEqual([...got.product!], [1, 131073, Math.fround(Math.imul(123456789, 123456789))]);
  assert.deepEqual([...got.quotient!], [32767, -1, 1883]);
});

// What an engine lacks must not be in a graph for it.
const lacking: Record<Target, string[]> = {
  cpu: [],
  wasm: [],
  webgpu: ["FusedMatMul", "OneHot", "Sign", "Mod", "Or", "IsNaN", "LogSoftmax", "ScatterND"],
};

for (const target of ["cpu", "wasm", "webgpu"] as const) {
  Deno.test(`lowering for ${target} avoids what the engine lacks`, () => {
    const graph = new Graph();
    const a = graph.input("a", float(2, 3, 4));
    const b = graph.input("b", float(2, 3, 4));
    const ids = graph.input("ids", { type: "int32", shape: [6] });
    graph.output("product", ops.matmul(a, b, { transB: true, alpha: 0.5 }));
    const table = ops.reshape(a, [6, 4]);
    graph.output("rows", ops.scatterAdd(table, { ids, rows: ops.reshape(b, [6, 4]) }));
    const used = new Set(lower(graph, target).nodes.map(({ op }) => op));
    assert.deepEqual(lacking[target].filter((op) => used.has(op)), []);
    assert.equal(used.has("FusedMatMul"), target === "cpu");
  });
}

Deno.test("scattered rows add up the same way on every run", async () => {
  const graph = new Graph();
  const ids = graph.input("ids", { type: "int32", shape: [500] });
  const rows = graph.input("rows", float(500, 16));
  const table = graph.constant(new Float32Array(32), float(2, 16));
  graph.output("sum", ops.scatterAdd(table, { ids, rows }));
  const feeds = {
    ids: Int32Array.from({ length: 500 }, (_, i) => i % 2),
    rows: Float32Array.from({ length: 8000 }, (_, i) => Math.sin(i) * 10 ** (i % 5)),
  };
  const [first, second] = [await runGraph(graph, feeds), await runGraph(graph, feeds)];
  assert.deepEqual(first, second);
  let expected = 0;
  for (let row = 1; row < 500; row += 2) expected += feeds.rows[row * 16 + 3]!;
  assert.ok(Math.abs(first.sum![19]! - expected) < 1e-2 * Math.abs(expected));
});
