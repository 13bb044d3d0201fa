/**
 * Attention cut into blocks of queries, and the shortcuts of its backward pass, against the plain computation.
 */
import assert from "node:assert/strict";
import { gradients } from "../../lib/graph/autodiff/autodiff.ts";
import { Graph } from "../../lib/graph/ir/graph.ts";
import * as ops from "../../lib/graph/ops/mod.ts";
import { attention, causalBias } from "../../lib/models/build/attention.ts";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { runGraph } from "../graph/running.ts";

const [HEADS, WIDTH] = [2, 8];

/** Output and gradients of causal attention over random operands, in blocks or not. */
async function attended(
  length: number,
  options: { readonly causal: boolean; readonly device?: "cpu" | "wasm" },
): Promise<Record<string, Float32Array>> {
  const graph = new Graph();
  const shape = [1, HEADS, length, WIDTH];
  const input = (name: string): ReturnType<typeof ops.add> =>
    graph.input(name, { type: "float32", shape });
  const [queries, keys, values, weight] = ["q", "k", "v", "w"].map(input) as [
    ReturnType<typeof ops.add>,
    ReturnType<typeof ops.add>,
    ReturnType<typeof ops.add>,
    ReturnType<typeof ops.add>,
  ];
  const y = attention(queries, {
    keys,
    values,
    scale: 0.3,
    bias: causalBias(graph, length),
    causal: options.causal,
    dropout: { rate: 0, site: "test", source: undefined },
  });
  graph.output("y", y);
  const wrt = [queries, keys, values];
  gradients(ops.reduceSum(ops.mul(y, weight)), wrt).forEach((gradient, i) =>
    graph.output(`d${i}`, gradient)
  );
  const random = randomNumbers(length);
  const data = (): Float32Array =>
    Float32Array.from({ length: HEADS * length * WIDTH }, () => 2 * random() - 1);
  const feeds = { q: data(), k: data(), v: data(), w: data() };
  return await runGraph(graph, feeds, { device: options.device ?? "cpu" });
}

for (const length of [200, 256, 301, 640]) {
  Deno.test(`attention() over ${length} tokens is the same in blocks`, async () => {
    const [plain, blocks] = [
      await attended(length, { causal: false }),
      await attended(length, { causal: true }),
    ];
    for (const name of ["y", "d0", "d1", "d2"]) {
      const [want, got] = [plain[name]!, blocks[name]!];
      const off = want.reduce((most, value, i) => Math.max(most, Math.abs(value - got[i]!)), 0);
      assert.ok(off < 1e-5, `${name} is ${off} off`);
    }
  });
}

Deno.test("attention()'s backward pass agrees with differences of its output, with dropout", async () => {
  const length = 260;
  const graph = new Graph();
  const shape = [1, 1, length, 4];
  const x = graph.input("x", { type: "float32", shape });
  const source = { seed: graph.constant(Int32Array.of(7), { type: "int32", shape: [] }) };
  const y = attention(x, {
    keys: ops.mul(x, 0.5),
    values: x,
    scale: 0.5,
    bias: causalBias(graph, length),
    causal: true,
    dropout: { rate: 0.2, site: "test", source },
  });
  const loss = ops.reduceSum(ops.mul(y, y));
  graph.output("loss", loss);
  graph.output("dx", gradients(loss, [x])[0]!);
  const random = randomNumbers(3);
  const point = Float32Array.from({ length: length * 4 }, () => 2 * random() - 1);
  const along = Float32Array.from({ length: length * 4 }, () => 2 * random() - 1);
  const step = 1e-2;
  const at = async (t: number): Promise<Record<string, Float32Array>> =>
    await runGraph(graph, { x: point.map((value, i) => value + t * along[i]!) });
  const { dx } = await at(0);
  const slope = dx!.reduce((sum, value, i) => sum + value * along[i]!, 0);
  const [high, low] = [(await at(step)).loss![0]!, (await at(-step)).loss![0]!];
  const want = (high - low) / (2 * step);
  assert.ok(Math.abs(slope - want) < 5e-3 * Math.abs(want) + 1e-2, `${slope}, not ${want}`);
});
