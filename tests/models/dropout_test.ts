/**
 * Dropout's masks: their share, their independence along rows, columns, neighbours, sites and seeds, and their
 * agreement with the formula in `lib/models/layers/dropout.ts` computed in plain integers.
 */
import assert from "node:assert/strict";
import { gradients } from "../../lib/graph/autodiff/autodiff.ts";
import { Graph } from "../../lib/graph/ir/graph.ts";
import * as ops from "../../lib/graph/ops/mod.ts";
import { dropout, dropoutThreshold, siteKey } from "../../lib/models/build/dropout.ts";
import { runGraph } from "../graph/running.ts";

const [ROWS, COLUMNS] = [192, 160];
const COUNT = ROWS * COLUMNS;

/** 0 or 1 for each element of each site, for one seed. */
async function masks(seed: number, rate: number, sites: string[]): Promise<number[][]> {
  const graph = new Graph();
  const x = graph.input("x", { type: "float32", shape: [4, ROWS / 4, COLUMNS] });
  const source = { seed: graph.input("seed", { type: "int32", shape: [] }) };
  sites.forEach((site, i) => graph.output(`y${i}`, dropout(x, { rate, site, source })));
  const feeds = { x: new Float32Array(COUNT).fill(1), seed: Int32Array.of(seed) };
  const got = await runGraph(graph, feeds);
  return sites.map((_, i) =>
    Array.from(got[`y${i}`]!, (value) => {
      assert.ok(value === 0 || Math.abs(value - 1 / (1 - rate)) < 1e-6);
      return value === 0 ? 0 : 1;
    })
  );
}

/** The same mask from the documented formula. */
function formula(seed: number, rate: number, site: string): number[] {
  const mixed = (word: number): number => {
    let t = word;
    for (let round = 0; round < 4; round++) {
      t = Math.imul(t, (2 * t + 1) | 0);
      t = (Math.imul(t, 65536) + Math.trunc(t / 65536)) | 0;
      t = (t + Math.imul(round + 1, 0x9e3779b1)) | 0;
    }
    return t;
  };
  const words = (count: number, stream: number): number[] => {
    const start = mixed((Math.imul(seed, 0x85ebca6b) + Math.imul(stream + 1, 0xc2b2ae35)) | 0);
    return Array.from({ length: count }, (_, i) => mixed((Math.imul(i, 0x9e3779b1) + start) | 0));
  };
  const { factor, offset } = siteKey(site);
  const sites = words(ROWS, 4).map((word) => 2 * ((Math.imul(word, factor) + offset) | 0) + 1);
  const [a, b] = [0, 2].map((stream) => {
    const [rows, columns] = [words(ROWS, stream), words(COLUMNS, stream + 1)];
    return (i: number): number => (rows[Math.floor(i / COLUMNS)]! + columns[i % COLUMNS]!) | 0;
  });
  return Array.from({ length: COUNT }, (_, i) => {
    const word = Math.imul(Math.imul(a!(i), b!(i)), sites[Math.floor(i / COLUMNS)]!);
    return word < dropoutThreshold(rate) ? 1 : 0;
  });
}

Deno.test("dropout() draws the masks of its formula for any seed", async () => {
  for (const seed of [0, 1, -1, 123456789, -2147483648]) {
    const [mask] = await masks(seed, 0.3, ["h0/attn"]);
    assert.deepEqual(mask, formula(seed, 0.3, "h0/attn"));
  }
});

for (const rate of [0.1, 0.5]) {
  Deno.test(`dropout() at ${rate} drops its share, independent of place, site and seed`, async () => {
    const sites = ["embd", "h0/attn/weights", "h0/attn/resid", "h1/attn/weights"];
    const drawn = [...await masks(1, rate, sites), ...await masks(2, rate, sites)];
    const keep = 1 - rate;
    // Standardized, so that a sum of n products of independent ones has deviation sqrt(n).
    const scores = drawn.map((mask) => mask.map((bit) => (bit - keep) / Math.sqrt(keep * rate)));
    const z: number[] = [];
    const product = (a: number[], b: number[], lag = 0): number => {
      let sum = 0;
      for (let i = 0; i + lag < COUNT; i++) sum += a[i]! * b[i + lag]!;
      return sum / Math.sqrt(COUNT - lag);
    };
    for (const [index, score] of scores.entries()) {
      z.push(score.reduce((a, b) => a + b, 0) / Math.sqrt(COUNT));
      const lags = [1, 2, 3, 4, 8, 16, 32, 64, COLUMNS - 1, COLUMNS, COLUMNS + 1, 2 * COLUMNS];
      for (const lag of lags) z.push(product(score, score, lag));
      for (const other of scores.slice(index + 1)) z.push(product(score, other));
      // Four corners of every unit square: what is left where rows and columns only add up.
      let corners = 0;
      for (let row = 0; row + 1 < ROWS; row++) {
        for (let column = 0; column + 1 < COLUMNS; column++) {
          const at = row * COLUMNS + column;
          corners += score[at]! * score[at + 1]! * score[at + COLUMNS]! *
            score[at + COLUMNS + 1]!;
        }
      }
      z.push(corners / Math.sqrt((ROWS - 1) * (COLUMNS - 1)));
      // Sums of rows and of columns vary as those of independent draws.
      const spread = (
        count: number,
        length: number,
        at: (i: number, j: number) => number,
      ): number => {
        let total = 0;
        for (let i = 0; i < count; i++) {
          let sum = 0;
          for (let j = 0; j < length; j++) sum += score[at(i, j)]!;
          total += sum * sum / length;
        }
        return (total - count) / Math.sqrt(2 * count);
      };
      z.push(spread(ROWS, COLUMNS, (i, j) => i * COLUMNS + j));
      z.push(spread(COLUMNS, ROWS, (i, j) => j * COLUMNS + i));
    }
    const worst = Math.max(...z.map(Math.abs));
    const variance = z.reduce((sum, value) => sum + value * value, 0) / z.length;
    assert.ok(worst < 5, `a statistic lies ${worst} deviations off`);
    assert.ok(variance < 1.6, `statistics vary ${variance} times as much as chance`);
  });
}

Deno.test("dropout() at 0, or without randomness, adds nothing; at 1 it drops all", async () => {
  const graph = new Graph();
  const x = graph.input("x", { type: "float32", shape: [3] });
  const source = { seed: graph.input("seed", { type: "int32", shape: [] }) };
  assert.equal(dropout(x, { rate: 0, site: "a", source }), x);
  assert.equal(dropout(x, { rate: 0.5, site: "a", source: undefined }), x);
  graph.output("y", dropout(x, { rate: 1, site: "a", source }));
  const got = await runGraph(graph, { x: Float32Array.of(1, 2, 3), seed: Int32Array.of(1) });
  assert.deepEqual([...got.y!], [0, 0, 0]);
});

Deno.test("the backward pass of dropout() uses the mask of the forward pass", async () => {
  const graph = new Graph();
  const x = graph.input("x", { type: "float32", shape: [8, 8] });
  const source = { seed: graph.input("seed", { type: "int32", shape: [] }) };
  const y = dropout(x, { rate: 0.4, site: "a", source });
  graph.output("y", y);
  graph.output("dx", gradients(ops.reduceSum(y), [x])[0]!);
  const got = await runGraph(graph, { x: new Float32Array(64).fill(1), seed: Int32Array.of(3) });
  assert.deepEqual(got.y, got.dx);
});
