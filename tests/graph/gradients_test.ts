/**
 * Every operation's gradient against central differences, on random shapes and values, through the engine.
 */
import assert from "node:assert/strict";
import { gradients } from "../../lib/graph/autodiff.ts";
import { GRADIENTS } from "../../lib/graph/gradients.ts";
import { Graph } from "../../lib/graph/graph.ts";
import * as ops from "../../lib/graph/ops.ts";
import type { Tensor } from "../../lib/graph/tensor.ts";
import { sizeOf } from "../../lib/graph/tensor.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import { type HostTensor, isHostTensor } from "../../lib/runtime/session.ts";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { normal, relativeError } from "./running.ts";

interface Case {
  name: string;
  /** Shapes of the float32 operands for three random sizes. */
  shapes: (a: number, b: number, c: number) => number[][];
  build: (...x: Tensor[]) => Tensor;
  /** Moves drawn values into the domain, away from kinks. */
  domain?: (value: number, operand: number) => number;
}

const positive = (value: number): number => Math.abs(value) + 0.5;
/** No two operands' values closer than the step of a difference. */
const distinct = (value: number, operand: number): number =>
  Math.round(value * 4) / 4 + operand * 0.1;
const apart = (value: number): number => value + Math.sign(value) * 0.1;

const unary = (name: string, build: (x: Tensor) => Tensor, domain?: Case["domain"]): Case => ({
  name,
  shapes: (a, b) => [[a, b]],
  build,
  ...(domain === undefined ? {} : { domain }),
});

const broadcasts: [string, (a: number, b: number, c: number) => number[][]][] = [
  ["equal shapes", (a, b) => [[a, b], [a, b]]],
  ["a row", (a, b) => [[a, b], [b]]],
  ["a column and a row", (a, b) => [[a, 1], [1, b]]],
  ["a scalar", (a, b) => [[], [a, b]]],
  ["a longer second operand", (a, b, c) => [[b, 1], [a, b, c]]],
];

const binaries = ([
  ["Add", ops.add],
  ["Sub", ops.sub],
  ["Mul", ops.mul],
  ["Div", ops.div, positive],
  ["Min", ops.min, distinct],
  ["Max", ops.max, distinct],
] as [string, typeof ops.add, Case["domain"]?][]).flatMap(([op, build, domain]) =>
  broadcasts.map(([how, shapes]): Case => ({
    name: `${op} with ${how}`,
    shapes,
    build: (x, y) => build(x!, y!),
    ...(domain === undefined ? {} : { domain }),
  }))
);

const matmuls = [false, true].flatMap((transA) =>
  [false, true].flatMap((transB): Case[] => {
    const lay = (rows: number, columns: number, swap: boolean): number[] =>
      swap ? [columns, rows] : [rows, columns];
    const build = (x?: Tensor, y?: Tensor): Tensor =>
      ops.matmul(x!, y!, { transA, transB, alpha: 0.7 });
    const what = `MatMul transA=${transA} transB=${transB}`;
    return [
      { name: what, shapes: (a, b, c) => [lay(a, b, transA), lay(b, c, transB)], build },
      {
        name: `${what}, batched`,
        shapes: (a, b, c) => [[2, 2, ...lay(a, b, transA)], [2, 2, ...lay(b, c, transB)]],
        build,
      },
      {
        name: `${what}, batch broadcast`,
        shapes: (a, b, c) => [[2, 2, ...lay(a, b, transA)], [2, 1, ...lay(b, c, transB)]],
        build,
      },
    ];
  })
);

function ids(graph: Graph, values: number[], shape = [values.length]): Tensor {
  return graph.constant(Int32Array.from(values), { type: "int32", shape, name: "ids" });
}

const cases: Case[] = [
  ...binaries,
  ...matmuls,
  unary("Pow", (x) => ops.pow(x, 3)),
  unary("Neg", (x) => ops.neg(x)),
  unary("Abs", (x) => ops.abs(x), apart),
  unary("Exp", (x) => ops.exp(x)),
  unary("Log", (x) => ops.log(x), positive),
  unary("Sqrt", (x) => ops.sqrt(x), positive),
  unary("Tanh", (x) => ops.tanh(x)),
  unary("Erf", (x) => ops.erf(x)),
  unary("Relu", (x) => ops.relu(x), apart),
  unary("Sigmoid", (x) => ops.sigmoid(x)),
  unary("Reciprocal", (x) => ops.reciprocal(x), positive),
  unary("GatedActivation gelu", (x) => ops.gatedActivation(x, { kind: "gelu" })),
  unary("GatedActivation gelu_tanh", (x) => ops.gatedActivation(x, { kind: "gelu_tanh" })),
  unary("GatedActivation silu", (x) => ops.gatedActivation(x, { kind: "silu" })),
  {
    name: "Where",
    shapes: (a, b) => [[a, b], [b]],
    build: (x, y) => ops.where(ops.less(x!, 0), { then: ops.mul(x!, 2), else: y! }),
    domain: apart,
  },
  {
    name: "Linear",
    shapes: (a, b, c) => [[a, b], [b, c], [c]],
    build: (x, weight, bias) => ops.gemm(x!, { weight: weight!, bias: bias! }),
  },
  unary("ReduceSum of all", (x) => ops.reduceSum(x)),
  unary("ReduceSum of rows", (x) => ops.reduceSum(x, { axes: [0] })),
  unary("ReduceSumSquare of all", (x) => ops.reduceSumSquare(x)),
  unary("ReduceSumSquare of columns", (x) => ops.reduceSumSquare(x, { axes: [1] })),
  unary("ReduceMean kept", (x) => ops.reduceMean(x, { axes: [-1], keepdims: true })),
  unary("Reshape", (x) => ops.reshape(x, [1, -1])),
  {
    name: "Transpose",
    shapes: (a, b, c) => [[a, b, c]],
    build: (x) => ops.transpose(x!, [2, 0, 1]),
  },
  {
    name: "Concat",
    shapes: (a, b, c) => [[a, b], [a, c]],
    build: (x, y) => ops.concat([x!, y!, x!], { axis: -1 }),
  },
  {
    name: "Split, one part unused",
    shapes: (a, b, c) => [[a, b + c + 1]],
    build: (x) => {
      const width = x!.shape[1]!;
      const [first, , last] = ops.split(x!, { axis: 1, sizes: [1, 1, width - 2] });
      return ops.mul(first!, last!);
    },
  },
  {
    name: "Slice",
    shapes: (a, b) => [[a + 2, b]],
    build: (x) => ops.slice(x!, { axis: 0, start: 1, end: x!.shape[0]! - 1 }),
  },
  {
    name: "Expand",
    shapes: (a) => [[a, 1]],
    build: (x) => ops.expand(x!, [2, x!.shape[0]!, 3]),
  },
  {
    name: "Gather with repeated rows",
    shapes: (a, b) => [[a + 2, b]],
    build: (x) => ops.gather(x!, ids(x!.graph, [1, 0, 1, 2], [2, 2])),
  },
  {
    name: "ScatterAdd with repeated rows",
    shapes: (a, b) => [[a + 2, b], [4, b]],
    build: (x, rows) => ops.scatterAdd(x!, { ids: ids(x!.graph, [1, 0, 1, 2]), rows: rows! }),
  },
  {
    name: "Gather and product of one table",
    shapes: (a, b) => [[a + 2, b], [3, b]],
    build: (x, h) =>
      ops.matmul(ops.add(ops.gather(x!, ids(x!.graph, [1, 2, 1])), h!), x!, { transB: true }),
  },
  unary("Softmax", (x) => ops.softmax(x)),
  {
    name: "LayerNorm",
    shapes: (a, b, c) => [[a, b, c + 1], [c + 1], [c + 1]],
    build: (x, scale, bias) => ops.layerNorm(x!, { scale: scale!, bias: bias!, epsilon: 1e-5 }),
  },
  {
    name: "CrossEntropy with ignored rows",
    shapes: (_a, b) => [[4, b + 1]],
    build: (x) => ops.crossEntropy(x!, { labels: ids(x!.graph, [1, -100, 0, 1]) }),
  },
  {
    name: "CrossEntropy with label smoothing",
    shapes: (_a, b) => [[4, b + 1]],
    build: (x) => ops.crossEntropy(x!, { labels: ids(x!.graph, [1, -100, 0, 1]), smoothing: 0.1 }),
  },
];

for (
  const [number, { name, shapes, build, domain = (value: number) => value }] of cases.entries()
) {
  Deno.test(`gradients() agrees with central differences for ${name}`, async () => {
    const random = randomNumbers(number + 1);
    const size = (): number => 2 + Math.floor(random() * 3);
    const types = shapes(size(), size(), size()).map((shape) => ({
      type: "float32" as const,
      shape,
    }));
    const graph = new Graph(name);
    const inputs = types.map((type, i) => graph.input(`x${i}`, type));
    const y = build(...inputs);
    const weight = normal(random, y);
    graph.output("y", y);
    const loss = ops.reduceSum(ops.mul(y, graph.constant(weight, y)));
    gradients(loss, inputs).forEach((dx, i) => graph.output(`dx${i}`, dx));

    const engine = await openEngine("cpu", { threads: 1 });
    const session = await engine.createSession(graph.toOnnx());
    const values = types.map((type, i) => normal(random, type).map((value) => domain(value, i)));
    const run = async (): Promise<Record<string, Float32Array>> => {
      const feeds = types.map((type, i): [string, HostTensor] => [
        `x${i}`,
        { type: "float32", dims: type.shape, data: values[i]! as Float32Array<ArrayBuffer> },
      ]);
      const results = await session.run(Object.fromEntries(feeds));
      return Object.fromEntries(
        Object.entries(results).map(([key, tensor]) => [
          key,
          Float32Array.from(isHostTensor(tensor) ? tensor.data as Float32Array : []),
        ]),
      );
    };
    const analytic = await run();
    const step = 2 ** -7;
    // The weighted sum is taken in double precision here: only the engine's own rounding is left.
    const value = async (): Promise<number> =>
      (await run()).y!.reduce((sum, element, i) => sum + element * weight[i]!, 0);
    for (const [i, array] of values.entries()) {
      const numeric: number[] = [];
      for (let j = 0; j < array.length; j++) {
        const centre = array[j]!;
        array[j] = centre + step;
        const above = await value();
        array[j] = centre - step;
        const below = await value();
        array[j] = centre;
        numeric.push((above - below) / (2 * step));
      }
      assert.equal(analytic[`dx${i}`]!.length, sizeOf(types[i]!.shape));
      const error = relativeError(analytic[`dx${i}`]!, numeric);
      assert.ok(error < 2e-3, `operand ${i}: relative error ${error}`);
    }
    await session.release();
    await engine.dispose();
  });
}

Deno.test("every operation with a gradient rule is among the cases above", () => {
  const used = new Set(cases.map(({ name }) => name.split(/[ ,]/)[0]));
  const missing = Object.entries(GRADIENTS).flatMap(([op, rule]) =>
    rule !== null && !used.has(op) ? [op] : []
  );
  assert.deepEqual(missing, []);
});

Deno.test("gradients() gives zeros for a tensor that the loss does not depend on", () => {
  const graph = new Graph();
  const x = graph.input("x", { type: "float32", shape: [2] });
  const y = graph.input("y", { type: "float32", shape: [3] });
  const [, dy] = gradients(ops.reduceSum(x), [x, y]);
  assert.deepEqual(dy?.shape, [3]);
});

Deno.test("gradients() names an operation without a rule on the way to the loss", () => {
  const graph = new Graph();
  const x = graph.input("x", { type: "float32", shape: [2, 3] });
  assert.throws(
    () => gradients(ops.reduceSum(ops.reduceMax(x, { axes: [1], name: "top" })), [x]),
    /ReduceMax "top" has no gradient/,
  );
});

Deno.test("gradients() refuses a loss that is no scalar", () => {
  const graph = new Graph();
  const x = graph.input("x", { type: "float32", shape: [2] });
  assert.throws(() => gradients(x, [x]), /only a scalar has gradients: got float32 \[2\] "x"/);
});
