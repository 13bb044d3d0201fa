/**
 * Cases of every operation that has a gradient: what is built of random operands, and where their values may lie.
 *
 * @module
 */
import { toOnnx } from "../../lib/graph/onnx/compile.ts";
import assert from "node:assert/strict";
import { gradients } from "../../lib/graph/autodiff/autodiff.ts";
import { Graph } from "../../lib/graph/ir/graph.ts";
import type { TensorGraph } from "../../lib/graph/ir/tensor.ts";
import * as ops from "../../lib/graph/ops/mod.ts";
import { sizeOf, type Tensor } from "../../lib/graph/ir/tensor.ts";
import type { Engine, HostTensor } from "../../lib/runtime/session/session.ts";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { normal } from "./running.ts";

/** What is differentiated; named after its operation. */
export interface Case {
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
  ["axes of 1 on both sides", (a, b, c) => [[1, b, 1], [a, 1, c]]],
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

function ids(graph: TensorGraph, values: number[], shape = [values.length]): Tensor {
  return graph.constant(Int32Array.from(values), { type: "int32", shape, name: "ids" });
}

/** All cases, at least one for each operation. */
export const CASES: readonly Case[] = [
  ...binaries,
  ...matmuls,
  unary("Pow", (x) => ops.pow(x, 3)),
  {
    name: "Pow of both operands",
    shapes: (a, b) => [[a, b], [b]],
    build: (x, y) => ops.pow(x!, y!),
    domain: (value, operand) => operand === 0 ? positive(value) : value,
  },
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
  unary(
    "Cast to float16 and back",
    (x) => {
      const half = ops.reshape(ops.cast(x, "float16"), [-1]);
      return ops.mul(ops.cast(half, "float32"), ops.reshape(x, [-1]));
    },
    // Values that float16 has, with those a step away from them.
    (value) => Math.round(value * 128) / 128,
  ),
  {
    name: "Where",
    shapes: (a, b) => [[a, b], [b]],
    build: (x, y) => ops.where(ops.less(x!, 0), { then: ops.mul(x!, 2), else: y! }),
    domain: apart,
  },
  {
    name: "Where with broadcast branches",
    shapes: (a, b) => [[b], [a, 1], []],
    build: (x, y, z) => ops.where(ops.less(x!, 0), { then: y!, else: z! }),
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
  {
    name: "ReduceSum of outer axes",
    shapes: (a, b, c) => [[a, b, c]],
    build: (x) => ops.reduceSum(x!, { axes: [0, -1] }),
  },
  {
    name: "ReduceSumSquare of a middle axis",
    shapes: (a, b, c) => [[a, b, c]],
    build: (x) => ops.reduceSumSquare(x!, { axes: [-2], keepdims: true }),
  },
  {
    name: "ReduceMean of two axes",
    shapes: (a, b, c) => [[a, b, c]],
    build: (x) => ops.reduceMean(x!, { axes: [-2, -1] }),
  },
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
    name: "Concat along the first of three axes",
    shapes: (a, b, c) => [[a, b, c], [1, b, c]],
    build: (x, y) => ops.concat([y!, x!], { axis: -3 }),
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
    name: "Slice of the last axis",
    shapes: (a, b, c) => [[a, b, c + 1]],
    build: (x) => ops.slice(x!, { axis: -1, start: 0, end: x!.shape[2]! - 1 }),
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
  ...[false, true].map((masked): Case => ({
    // The sum in Softmax's rule is taken of the attended values here, which are smaller.
    name: `Softmax of attention${masked ? ", some weights dropped" : ""}`,
    shapes: (a, b, c) => [[1, a, b, c], [1, a, b + 1, c], [1, a, b + 1, c + 1]],
    build: (q, k, v) => {
      const weights = ops.softmax(ops.matmul(q!, k!, { transB: true, alpha: 0.5 }));
      const kept = ops.cast(
        ops.less(
          ops.scalar(q!.graph, 0.3),
          q!.graph.constant(
            Float32Array.from({ length: sizeOf(weights.shape) }, (_, i) => (i * 7 % 10) / 10),
            weights,
          ),
        ),
        "float32",
      );
      return ops.matmul(masked ? ops.mul(weights, kept) : weights, v!, { alpha: 1.25 });
    },
  })),
  {
    name: "LayerNorm",
    shapes: (a, b, c) => [[a, b, c + 2], [c + 2], [c + 2]],
    build: (x, scale, bias) => ops.layerNorm(x!, { scale: scale!, bias: bias!, epsilon: 1e-5 }),
  },
  {
    name: "CrossEntropy with ignored rows",
    shapes: (_a, b) => [[4, b + 1]],
    build: (x) => ops.crossEntropy(x!, { labels: ids(x!.graph, [1, -100, 0, 1]) }),
  },
  ...[false, true].map((transB): Case => ({
    // Narrow states and wide logits: the factor of each row goes to the states.
    name: `CrossEntropy of a product${transB ? " with a transposed matrix" : ""}`,
    shapes: (a, b) => [[4, a], transB ? [2 * a + b, a] : [a, 2 * a + b]],
    build: (x, w) =>
      ops.crossEntropy(ops.matmul(x!, w!, { transB }), { labels: ids(x!.graph, [1, -100, 0, 2]) }),
  })),
  {
    name: "CrossEntropy with label smoothing",
    shapes: (_a, b) => [[4, b + 1]],
    build: (x) => ops.crossEntropy(x!, { labels: ids(x!.graph, [1, -100, 0, 1]), smoothing: 0.1 }),
  },
];

/** The operation that a case is named after. */
export function operationOf(name: string): string {
  return /^\w+/.exec(name)?.[0] ?? "";
}

/** A case with its sizes drawn. */
export interface Draw {
  readonly name: string;
  readonly example: Case;
  /** Whether one of the sizes is 1. */
  readonly one: boolean;
  readonly seed: number;
}

/** Each case twice: with sizes from 2 to 4, and with one of them 1. */
export const DRAWS: readonly Draw[] = CASES.flatMap((example, number) =>
  [false, true].map((one) => ({
    name: example.name + (one ? ", axes of 1 among them" : ""),
    example,
    one,
    seed: 2 * number + Number(one) + 1,
  }))
);

/** A graph of a case, to be run. */
export interface Drawn {
  /** Outputs `y`, and `dx0`, `dx1`, … of a sum of its elements with weights. */
  readonly graph: Graph;
  readonly weight: Float32Array;
  /** What it is fed with as `x0`, `x1`, …. */
  readonly values: readonly Float32Array[];
  readonly shapes: readonly (readonly number[])[];
}

/** Draws sizes and values. */
export function draw({ name, example, one, seed }: Draw): Drawn {
  const { build, domain = (value: number) => value } = example;
  const random = randomNumbers(seed);
  const single = one ? Math.floor(random() * 3) : -1;
  let drawn = 0;
  const size = (): number => drawn++ === single ? 1 : 2 + Math.floor(random() * 3);
  const shapes = example.shapes(size(), size(), size());
  const graph = new Graph(name);
  const inputs = shapes.map((shape, i) => graph.input(`x${i}`, { type: "float32", shape }));
  const y = build(...inputs);
  assert.ok(graph.nodes.some(({ op }) => op === operationOf(name)), "what it is named after");
  const weight = normal(random, y);
  graph.output("y", y);
  const loss = ops.reduceSum(ops.mul(y, graph.constant(weight, y)));
  gradients(loss, inputs).forEach((dx, i) => graph.output(`dx${i}`, dx));
  const values = inputs.map((input, i) => normal(random, input).map((value) => domain(value, i)));
  return { graph, weight, values, shapes };
}

/** Compiles a graph; each run takes the values as they are then. */
export async function compiled(
  engine: Engine,
  { graph, values, shapes }: Drawn,
): Promise<{ run(): Promise<Record<string, Float32Array>>; release(): Promise<void> }> {
  const session = await engine.createSession(toOnnx(graph, { target: engine.name }));
  return {
    async run(): Promise<Record<string, Float32Array>> {
      const feeds = shapes.map((dims, i): [string, HostTensor] => [
        `x${i}`,
        { type: "float32", dims, data: values[i]! as Float32Array<ArrayBuffer> },
      ]);
      const results = await session.run(Object.fromEntries(feeds));
      return Object.fromEntries(
        Object.entries(results).map(([key, tensor]) => [
          key,
          Float32Array.from((tensor as HostTensor).data as Float32Array),
        ]),
      );
    },
    release: (): Promise<void> => session.release(),
  };
}
