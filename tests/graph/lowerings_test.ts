/**
 * Operations whose spelling depends on their size.
 */
import assert from "node:assert/strict";
import { Graph } from "../../lib/graph/ir/graph.ts";
import * as ops from "../../lib/graph/ops/mod.ts";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { runGraph } from "./running.ts";

for (const [rows, alpha] of [[8191, 1], [8192, 1], [9000, 0.7]] as const) {
  Deno.test(`a transposed product of ${rows} rows and a factor of ${alpha} is the product`, async () => {
    const [inner, columns] = [3, 5];
    const graph = new Graph();
    const a = graph.input("a", { type: "float32", shape: [inner, rows] });
    const b = graph.input("b", { type: "float32", shape: [inner, columns] });
    graph.output("y", ops.matmul(a, b, { transA: true, alpha }));
    const random = randomNumbers(rows);
    const feeds = {
      a: Float32Array.from({ length: inner * rows }, random),
      b: Float32Array.from({ length: inner * columns }, random),
    };
    const { y } = await runGraph(graph, feeds);
    for (const at of [0, 7, rows * columns - 1]) {
      const [row, column] = [Math.floor(at / columns), at % columns];
      let want = 0;
      for (let k = 0; k < inner; k++) {
        want += alpha * feeds.a[k * rows + row]! * feeds.b[k * columns + column]!;
      }
      assert.ok(Math.abs(y![at]! - want) < 1e-5);
    }
  });
}
