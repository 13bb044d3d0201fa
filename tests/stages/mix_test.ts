/** Several datasets as one, run as a pipeline. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readDataset } from "../../lib/data/rows/dataset.ts";
import { STAGES } from "../../stages/mod.ts";
import { project } from "../pipeline/project.ts";

const lines = (name: string, count: number): string =>
  Array.from({ length: count }, (_, i) => JSON.stringify({ text: `${name}${i}` }) + "\n").join("");

Deno.test("datasets are mixed by weights, in turn and one below the other; cells of a matrix, too", async () => {
  await using p = await project({
    "a.jsonl": lines("a", 60),
    "b.jsonl": lines("b", 20),
    "p.yaml": `name: p
seed: 5
stages:
  a: { uses: download, with: { from: a.jsonl } }
  b: { uses: download, with: { from: b.jsonl } }
  cells:
    uses: download
    matrix: { from: [a.jsonl, b.jsonl] }
  drawn: { uses: mix, inputs: { data: [a, b] }, with: { probabilities: [0.75, 0.25] } }
  again: { uses: mix, inputs: { data: [a, b] }, with: { probabilities: [0.5, 0.5], stopping_strategy: all_exhausted, seed: 9 } }
  turns: { uses: mix, inputs: { data: [a, b] } }
  below: { uses: mix, inputs: { data: "cells@*" }, with: { method: concatenate } }
`,
  });
  const told = await p.temper(["run", "p.yaml"], { context: { stages: STAGES } });
  assert.deepEqual(told.failures, {});
  const rows = async (stage: string): Promise<unknown[]> => {
    const { splits } = await readDataset(join(p.runs, "latest/artifacts", stage));
    return splits.data!.map(({ text }) => text);
  };
  const a = Array.from({ length: 60 }, (_, i) => `a${i}`);
  const b = Array.from({ length: 20 }, (_, i) => `b${i}`);
  assert.deepEqual((await rows("turns")).slice(0, 4), ["a0", "b0", "a1", "b1"]);
  assert.equal((await rows("turns")).length, 40);
  assert.deepEqual(await rows("below"), [...a, ...b]);
  const drawn = await rows("drawn");
  assert.ok(drawn.length < 80 && drawn.length > 40, `${drawn.length}`);
  assert.equal(new Set(drawn).size, drawn.length);
  const again = await rows("again");
  assert.equal(new Set(again).size, 80);
  assert.ok(again.length > 90, "b comes again and again");
});

Deno.test("what cannot be mixed is told before anything runs", async () => {
  const cases: [string, string, RegExp][] = [
    ["[a, b]", "probabilities: [0.5, 0.3, 0.2]", /3 probabilities for 2 datasets/],
    ["[a, b]", "probabilities: [0.5, 0.6]", /numbers that add up to 1/],
    ["[a, b]", "probabilities: [0, 1]", /probabilities/],
    [
      "[a, b]",
      "method: concatenate, probabilities: [0.5, 0.5]",
      /left out with method: concatenate/,
    ],
    ["[a, b]", "method: concatenate, stopping_strategy: all_exhausted", /left out with method/],
    ["[a, b]", "seed: 3", /left out without probabilities/],
    ["[]", "method: concatenate", /empty list/],
  ];
  for (const [data, options, expected] of cases) {
    await using p = await project({
      "a.jsonl": lines("a", 2),
      "p.yaml": `name: p
stages:
  a: { uses: download, with: { from: a.jsonl } }
  b: { uses: download, with: { from: a.jsonl } }
  m: { uses: mix, inputs: { data: ${data} }, with: { ${options} } }
`,
    });
    const told = await p.temper(["plan", "p.yaml"], { context: { stages: STAGES } });
    assert.match(JSON.stringify(told), expected, options);
  }
});
