import { toOnnx } from "../../lib/graph/onnx/compile.ts";
import assert from "node:assert/strict";
import { Graph } from "../../lib/graph/ir/graph.ts";
import { adamw } from "../../lib/optim/adamw.ts";
import { clipFactor, sumOfSquares } from "../../lib/optim/clip.ts";
import { optimizerGraph, scalarFeeds } from "../../lib/optim/optimizer.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import { runGraph } from "../graph/running.ts";

// torch.optim.AdamW([0.5, -1, 2], lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.2), PyTorch 2.13
const STEPS: [number[], number[]][] = [
  [[0.3, -0.001, 4.0], [0.3903322, -0.93, 1.860025]],
  [[-0.1, 0.0, 1.0], [0.3475381, -0.8852252, 1.741899]],
  [[0.2, 0.5, -3.0], [0.2811342, -0.9364179, 1.7020171]],
];

const OPTIMIZER = adamw({ beta1: 0.8, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.2 });
const learningRate = 0.1;

Deno.test("AdamW takes torch's steps, in place, with the clip factor on the gradient", async () => {
  for (const scale of [1, 0.25]) {
    const engine = await openEngine("cpu", { threads: 1 });
    const session = await engine.createSession(toOnnx(optimizerGraph(OPTIMIZER, [3])));
    const tensor = (...values: number[]) => (
      { type: "float32" as const, dims: [3], data: Float32Array.from(values) }
    );
    const [parameter, m, v] = [tensor(0.5, -1, 2), tensor(0, 0, 0), tensor(0, 0, 0)];
    for (const [index, [gradient, expected]] of STEPS.entries()) {
      const scalars = scalarFeeds(OPTIMIZER, {
        learningRate,
        scale,
        step: index + 1,
        decayed: true,
      });
      const feeds = { parameter, m, v, gradient: tensor(...gradient.map((g) => g / scale)) };
      const fetches = { new_parameter: parameter, new_m: m, new_v: v };
      await session.run({ ...feeds, ...scalars }, fetches);
      expected.forEach((value, i) => assert.ok(Math.abs(parameter.data[i]! - value) < 1e-6));
    }
    await engine.dispose();
  }
});

Deno.test("weight decay acts on the parameter alone", async () => {
  const scalars = scalarFeeds(OPTIMIZER, { learningRate, scale: 1, step: 1, decayed: true });
  const feeds = Object.fromEntries(Object.entries(scalars).map(([key, { data }]) => [key, data]));
  const zero = new Float32Array(2);
  const got = await runGraph(optimizerGraph(OPTIMIZER, [2]), {
    ...feeds,
    parameter: Float32Array.of(1, -2),
    gradient: zero,
    m: zero,
    v: zero,
  });
  assert.ok(Math.abs(got.new_parameter![0]! - 0.98) < 1e-6);
  assert.ok(Math.abs(got.new_parameter![1]! + 1.96) < 1e-6);
  assert.deepEqual([...got.new_m!, ...got.new_v!], [0, 0, 0, 0]);
});

Deno.test("clipFactor() shortens long gradients only, as torch's clip_grad_norm_", () => {
  assert.equal(clipFactor(0.5, 1), 1);
  assert.ok(Math.abs(clipFactor(4, 1) - 1 / 4.000001) < 1e-12);
  assert.equal(clipFactor(4, 0), 1);
});

Deno.test("sumOfSquares() sums over all elements of tensors of any shape", async () => {
  // One that is a row, one of many rows, and one whose prime size is cut into none.
  const shapes = { x: [2, 2], y: [40, 1000], z: [4999] };
  const graph = new Graph();
  const tensors = Object.entries(shapes).map(([name, shape]) =>
    graph.input(name, { type: "float32", shape })
  );
  graph.output("sum", sumOfSquares(tensors));
  const feeds = {
    x: Float32Array.of(1, 2, 3, 4),
    y: Float32Array.from({ length: 40_000 }, (_, i) => i % 3),
    z: new Float32Array(4999).fill(2),
  };
  const expected = Object.values(feeds).flatMap((values) => [...values])
    .reduce((sum, value) => sum + value * value, 0);
  const got = await runGraph(graph, feeds);
  assert.deepEqual([...got.sum!], [expected]);
});
