import assert from "node:assert/strict";
import { warp, warpTemperature, warpTopK, warpTopP } from "../../lib/decoding/rules/warpers.ts";
import { readSafetensors } from "../../lib/data/formats/safetensors.ts";
import { shared } from "../fixtures/shared.ts";

const kept = (scores: Float32Array): number[] =>
  [...scores.keys()].filter((i) => scores[i] !== -Infinity);

Deno.test("warpTemperature() divides in float32", () => {
  const scores = Float32Array.of(1, -2, 0.1);
  warpTemperature(scores, 0.7);
  const divisor = Math.fround(0.7);
  assert.deepEqual(
    [...scores],
    [1 / divisor, -2 / divisor, Math.fround(0.1) / divisor].map(Math.fround),
  );
});

Deno.test("warpTopK() keeps every score equal to the k-th highest", () => {
  const table: [number[], number, number[]][] = [
    [[1, 5, 3, 4, 2], 2, [1, 3]],
    [[1, 3, 3, 4, 3], 2, [1, 2, 3, 4]],
    [[1, 2], 5, [0, 1]],
    [[0, 0, 0], 1, [0, 1, 2]],
    [[-Infinity, 2, 1], 2, [1, 2]],
  ];
  for (const [values, k, expected] of table) {
    const scores = Float32Array.from(values);
    warpTopK(scores, k);
    assert.deepEqual(kept(scores), expected);
  }
});

Deno.test("warpTopK() finds the k highest of many", () => {
  for (const k of [1, 2, 7, 50, 199]) {
    const scores = Float32Array.from({ length: 200 }, (_, i) => ((i * 7919) % 200) - 100);
    const expected = scores.toSorted().at(-k)!;
    warpTopK(scores, k);
    assert.equal(kept(scores).length, k);
    assert(kept(scores).every((i) => scores[i]! >= expected));
  }
});

Deno.test("warpTopP() keeps the fewest tokens that reach p, and always one", () => {
  const log = (probabilities: number[]) => Float32Array.from(probabilities, Math.log);
  const table: [number[], number, number[]][] = [
    [[0.5, 0.3, 0.15, 0.05], 0.75, [0, 1]],
    [[0.5, 0.3, 0.15, 0.05], 0.85, [0, 1, 2]],
    [[0.5, 0.3, 0.15, 0.05], 0.2, [0]],
    [[0.5, 0.3, 0.15, 0.05], 0, [0]],
    [[0.5, 0.3, 0.15, 0.05], 1, [0, 1, 2, 3]],
    // Of equal ones those with lower ids go first, as in a stable sort.
    [[0.25, 0.25, 0.25, 0.25], 0.4, [2, 3]],
    [[0.2, 0.4, 0.2, 0.2], 0.7, [1, 2, 3]],
  ];
  for (const [probabilities, p, expected] of table) {
    const scores = log(probabilities);
    warpTopP(scores, p);
    assert.deepEqual(kept(scores), expected, `${probabilities} ${p}`);
  }
});

Deno.test("warp() applies temperature before top-k before top-p", () => {
  const start = Float32Array.of(2, 1.5, 1, 0);
  const together = start.slice();
  warp(together, { temperature: 0.5, topK: 3, topP: 0.8 });
  const apart = start.slice();
  warpTemperature(apart, 0.5);
  warpTopK(apart, 3);
  warpTopP(apart, 0.8);
  assert.deepEqual(together, apart);
  assert.deepEqual(kept(together), [0, 1]);
  const none = start.slice();
  warp(none, { temperature: 1, topK: 0, topP: 1 });
  assert.deepEqual(none, start);
});

Deno.test("warp() gives the distributions of transformers' warpers", async () => {
  const path = shared("reference/goldens/gpt2-lm/golden.safetensors");
  if (path === undefined) return;
  const { tensors } = await readSafetensors(path);
  const logits = tensors.get("logits")!;
  const vocab = logits.shape[2]!;
  // The reference warps row 0 at position 4.
  const scores = (logits.data as Float32Array).slice(4 * vocab, 5 * vocab);
  const neutral = { temperature: 1, topK: 0, topP: 1 };
  for (
    const [name, settings] of Object.entries({
      "temperature-0.7": { ...neutral, temperature: 0.7 },
      "top-k-10": { ...neutral, topK: 10 },
      "top-p-0.9": { ...neutral, topP: 0.9 },
      "temperature-0.7-top-k-50-top-p-0.95": { temperature: 0.7, topK: 50, topP: 0.95 },
    })
  ) {
    const warped = scores.slice();
    warp(warped, settings);
    const highest = Math.max(...warped);
    const weights = [...warped].map((score) => Math.exp(score - highest));
    const sum = weights.reduce((a, b) => a + b);
    const expected = tensors.get(`probabilities.${name}`)!.data as Float32Array;
    weights.forEach((weight, i) => assert(Math.abs(weight / sum - expected[i]!) < 1e-6, name));
    assert.deepEqual(kept(warped), [...expected.keys()].filter((i) => expected[i] !== 0), name);
  }
});
