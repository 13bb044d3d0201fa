/** Every activation and its slope beside transformers' ACT2FN on PyTorch 2.13, in double precision. */
import assert from "node:assert/strict";
import { gradients } from "../../lib/graph/autodiff/autodiff.ts";
import { Graph } from "../../lib/graph/ir/graph.ts";
import * as ops from "../../lib/graph/ops/mod.ts";
import { ACTIVATIONS } from "../../lib/models/layers/activations.ts";
import { runGraph } from "../graph/running.ts";

const X = Float32Array.of(-7.5, -2, -0.75, -0.1, 0, 0.3, 1.25, 4, 9);

/** Values and slopes at X. */
const GELU = [[-2.39392e-13, -0.0455003, -0.169971, -0.0460172, 0, 0.185373, 1.11794, 3.99987, 9], [
  -1.79382e-12,
  -0.0852318,
  0.000774278,
  0.420477,
  0.5,
  0.732328,
  1.12266,
  1.0005,
  1,
]];
const TANH_GELU = [[0, -0.0454023, -0.170039, -0.0460172, 0, 0.185371, 1.11771, 3.99993, 9], [
  0,
  -0.0860993,
  0.00106174,
  0.420478,
  0.5,
  0.732295,
  1.12249,
  1.00034,
  1,
]];
const SILU = [[
  -0.00414584,
  -0.238406,
  -0.240616,
  -0.0475021,
  0,
  0.172333,
  0.971625,
  3.92806,
  8.99889,
], [-0.00359077, -0.0907842, 0.1574, 0.450083, 0.5, 0.64778, 0.993681, 1.05266, 1.00099]];
const EXPECTED: Readonly<Record<string, readonly (readonly number[])[]>> = {
  gelu: GELU,
  gelu_python: GELU,
  gelu_new: TANH_GELU,
  gelu_pytorch_tanh: TANH_GELU,
  gelu_python_tanh: TANH_GELU,
  gelu_accurate: TANH_GELU,
  gelu_fast: TANH_GELU,
  silu: SILU,
  swish: SILU,
  quick_gelu: [[-2.14433e-05, -0.0643414, -0.16361, -0.0457552, 0, 0.187484, 1.11693, 3.99559, 9], [
    -3.36372e-05,
    -0.0738154,
    0.000428467,
    0.415309,
    0.5,
    0.744626,
    1.09592,
    1.0064,
    1,
  ]],
  relu: [[0, 0, 0, 0, 0, 0.3, 1.25, 4, 9], [0, 0, 0, 0, 0, 1, 1, 1, 1]],
  relu2: [[0, 0, 0, 0, 0, 0.09, 1.5625, 16, 81], [0, 0, 0, 0, 0, 0.6, 2.5, 8, 18]],
  leaky_relu: [[-0.075, -0.02, -0.0075, -0.001, 0, 0.3, 1.25, 4, 9], [
    0.01,
    0.01,
    0.01,
    0.01,
    0.01,
    1,
    1,
    1,
    1,
  ]],
  sigmoid: [
    [0.000552779, 0.119203, 0.320821, 0.475021, 0.5, 0.574443, 0.7773, 0.982014, 0.999877],
    [0.000552473, 0.104994, 0.217895, 0.249376, 0.25, 0.244458, 0.173105, 0.0176627, 0.000123379],
  ],
  tanh: [[-0.999999, -0.964028, -0.635149, -0.099668, 0, 0.291313, 0.848284, 0.999329, 1], [
    1.22361e-06,
    0.0706508,
    0.596586,
    0.990066,
    1,
    0.915137,
    0.280415,
    0.00134095,
    6.09199e-08,
  ]],
  linear: [[-7.5, -2, -0.75, -0.1, 0, 0.3, 1.25, 4, 9], [1, 1, 1, 1, 1, 1, 1, 1, 1]],
};

for (const [name, build] of Object.entries(ACTIVATIONS)) {
  Deno.test(`the activation ${name} has the reference's values and slopes`, async () => {
    const graph = new Graph(name);
    const x = graph.input("x", { type: "float32", shape: [X.length] });
    const y = build(x);
    graph.output("y", ops.add(y, 0));
    graph.output("dy", gradients(ops.reduceSum(y), [x])[0]!);
    const found = await runGraph(graph, { x: X });
    const [values, slopes] = EXPECTED[name]!;
    for (const [i, value] of X.entries()) {
      assert.ok(Math.abs(found.y![i]! - values![i]!) < 2e-5, `${name}(${value}) is ${found.y![i]}`);
      assert.ok(Math.abs(found.dy![i]! - slopes![i]!) < 2e-5, `slope at ${value}: ${found.dy![i]}`);
    }
  });
}
